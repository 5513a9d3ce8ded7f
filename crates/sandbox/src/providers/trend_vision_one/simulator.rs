//! Vision One as the SaaS of a sandbox.

use std::any::Any;
use std::collections::BTreeMap;

use futures::future::{BoxFuture, FutureExt as _};
use secrecy::ExposeSecret as _;
use url::Url;
use uuid::Uuid;

use super::{Permission, Tenant, TrendVisionOne, TrendVisionOneConfig, accounts, lock};
use crate::Sandbox;
use crate::providers::http::{endpoint, member_stack};
use crate::providers::{Registration, Simulator, Surroundings, Verification};

/// The template's default of `IntegrationNamePrefix`.
const PREFIX: &str = "Trend-Vision-One-";

/// The word for the Region of a sandbox's tenant.
const REGION: &str = "us";

impl TrendVisionOne {
    /// Starts one for a sandbox.
    pub(crate) async fn start_in(surroundings: Surroundings) -> anyhow::Result<Self> {
        let Surroundings {
            emulator,
            region,
            chaos,
            ..
        } = surroundings;
        Self::start(TrendVisionOneConfig {
            tenant: Tenant {
                business_id: Uuid::new_v4().to_string(),
                region: REGION.to_owned(),
            },
            emulator: Some(emulator),
            aws_region: region,
            chaos,
        })
        .await
    }
}

impl Sandbox {
    /// The simulator with all that only Vision One has, where the SaaS is Vision One.
    #[must_use]
    pub fn trend_vision_one(&self) -> Option<&TrendVisionOne> {
        let simulator: &dyn Any = &*self.simulator;
        simulator.downcast_ref()
    }
}

impl Simulator for TrendVisionOne {
    fn title(&self) -> &'static str {
        "Vision One"
    }

    fn url(&self) -> &Url {
        &self.url
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        vec![
            ("VisionOneRegion", endpoint(&self.url).to_owned()),
            ("ApiKey", self.api_key().expose_secret().to_owned()),
        ]
    }

    fn member_stack(&self) -> String {
        member_stack(PREFIX, &self.url)
    }

    /// By method and path below the version, such as `POST awsAccounts` or
    /// `DELETE awsAccounts/{id}`.
    fn calls(&self) -> BTreeMap<String, u64> {
        lock(&self.controls.service.calls).clone()
    }

    fn registrations(&self) -> Vec<Registration> {
        let store = lock(&self.controls.service.store);
        store.records.iter().map(Registration::from).collect()
    }

    /// The accounts whose role it can assume now.
    fn readings<'a>(
        &'a self,
        accounts: &'a [String],
    ) -> BoxFuture<'a, anyhow::Result<BTreeMap<String, Registration>>> {
        async move {
            let mut found = BTreeMap::new();
            for registration in self.registrations() {
                let id = registration.id.clone();
                let (true, Some(role_arn)) = (accounts.contains(&id), &registration.role_arn)
                else {
                    continue;
                };
                let look = accounts::look(&self.controls.service, role_arn);
                if look.await?.passed() {
                    found.insert(id, registration);
                }
            }
            Ok(found)
        }
        .boxed()
    }

    /// Keeps what it finds as the account's state.
    fn verify<'a>(&'a self, id: &'a str) -> BoxFuture<'a, anyhow::Result<Verification>> {
        accounts::refresh(&self.controls.service, id).boxed()
    }

    fn replace_key(&self) -> Option<(&'static str, String)> {
        let key = self.controls.issue_key(Permission::Full);
        let former = std::mem::replace(&mut *lock(&self.api_key), key.clone());
        self.controls.revoke_key(&former);
        Some(("ApiKey", key.expose_secret().to_owned()))
    }

    fn shutdown(self: Box<Self>) -> BoxFuture<'static, anyhow::Result<()>> {
        self.server.shutdown().boxed()
    }
}
