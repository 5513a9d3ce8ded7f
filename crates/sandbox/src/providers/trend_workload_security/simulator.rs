//! Workload Security as the SaaS of a sandbox.

use std::any::Any;
use std::collections::BTreeMap;

use anyhow::Context as _;
use futures::future::{BoxFuture, FutureExt as _};
use secrecy::SecretString;
use url::Url;

use super::{
    CLOUD_ONE_KEY, EXTERNAL_ID, LEGACY_KEY, PRINCIPAL_ACCOUNT, TrendWorkloadSecurity,
    TrendWorkloadSecurityConfig, VendorAws, lock, verification,
};
use crate::Sandbox;
use crate::aws_client::AwsClient;
use crate::identities;
use crate::providers::http::{endpoint, member_stack};
use crate::providers::{Registration, Simulator, Surroundings, Verification};

/// The user with which the service assumes the customers' roles. They trust its whole account.
const USER_ARN: &str = "arn:aws:iam::147995105371:user/workload-security";

/// The template's default of `IntegrationNamePrefix`.
const PREFIX: &str = "Trend-Control-Tower-";

impl TrendWorkloadSecurity {
    /// Starts one for a sandbox, with the user that the vendor has in AWS.
    pub(crate) async fn start_in(surroundings: Surroundings) -> anyhow::Result<Self> {
        let Surroundings {
            emulator,
            region,
            chaos,
            ..
        } = surroundings;
        let root = AwsClient::new(emulator, region)?;
        let vendor = root.account(PRINCIPAL_ACCOUNT);
        let key = identities::make_vendor_user(&vendor, USER_ARN).await?;
        let service = vendor.with_key(PRINCIPAL_ACCOUNT, key);
        Self::start(TrendWorkloadSecurityConfig {
            keys: [LEGACY_KEY, CLOUD_ONE_KEY].map(SecretString::from).into(),
            external_id: EXTERNAL_ID.to_owned(),
            aws: Some(VendorAws { root, service }),
            chaos,
        })
        .await
    }

    /// The older kind of key, until that is revoked.
    fn valid_key(&self) -> &'static str {
        if lock(&self.controls.service.keys).knows(LEGACY_KEY) {
            LEGACY_KEY
        } else {
            CLOUD_ONE_KEY
        }
    }
}

impl Sandbox {
    /// The simulator with all that only Workload Security has, where the SaaS is that.
    #[must_use]
    pub fn trend_workload_security(&self) -> Option<&TrendWorkloadSecurity> {
        let simulator: &dyn Any = &*self.simulator;
        simulator.downcast_ref()
    }
}

impl Simulator for TrendWorkloadSecurity {
    fn title(&self) -> &'static str {
        "Workload Security"
    }

    fn url(&self) -> &Url {
        &self.url
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        vec![
            ("ApiEndpoint", endpoint(&self.url).to_owned()),
            ("ApiKey", self.valid_key().to_owned()),
        ]
    }

    fn member_stack(&self) -> String {
        member_stack(PREFIX, &self.url)
    }

    /// By method and path below `/api/`, such as `POST awsconnectors` or
    /// `DELETE awsconnectors/{ID}`.
    fn calls(&self) -> BTreeMap<String, u64> {
        lock(&self.controls.service.calls).clone()
    }

    fn registrations(&self) -> Vec<Registration> {
        let all = self.connectors().into_iter();
        all.map(|connector| connector.registration(self.external_id()))
            .collect()
    }

    /// The accounts whose connector has a role that it can assume.
    fn readings<'a>(
        &'a self,
        accounts: &'a [String],
    ) -> BoxFuture<'a, anyhow::Result<BTreeMap<String, Registration>>> {
        async move {
            let mut found = BTreeMap::new();
            for connector in self.connectors() {
                let Some(role_arn) = connector.role_arn() else {
                    continue;
                };
                if accounts.contains(&connector.account_id)
                    && verification::verify(&self.controls.service, role_arn)
                        .await?
                        .passed()
                {
                    let reading = connector.registration(self.external_id());
                    found.insert(connector.account_id.clone(), reading);
                }
            }
            Ok(found)
        }
        .boxed()
    }

    /// A connector without a role passes.
    fn verify<'a>(&'a self, id: &'a str) -> BoxFuture<'a, anyhow::Result<Verification>> {
        async move {
            let mut all = self.connectors().into_iter();
            let connector = all.find(|connector| connector.id.to_string() == id);
            let connector = connector.with_context(|| format!("there is no connector {id}"))?;
            match connector.role_arn() {
                Some(arn) => verification::verify(&self.controls.service, arn).await,
                None => Ok(Verification::Passed),
            }
        }
        .boxed()
    }

    fn replace_key(&self) -> Option<(&'static str, String)> {
        self.controls.revoke_key(LEGACY_KEY);
        Some(("ApiKey", self.valid_key().to_owned()))
    }

    fn shutdown(self: Box<Self>) -> BoxFuture<'static, anyhow::Result<()>> {
        self.server.shutdown().boxed()
    }
}
