//! Lacework as the SaaS of a sandbox.

use std::any::Any;
use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::{BoxFuture, FutureExt as _, ready};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use uuid::Uuid;

use super::{Lacework, LaceworkConfig, PRINCIPAL_ARN, cloud_accounts, lock, topic};
use crate::Sandbox;
use crate::aws_client::AwsClient;
use crate::identities;
use crate::launch::Stack;
use crate::providers::http::endpoint;
use crate::providers::{Registration, Simulator, Subject, Surroundings, Verification};

/// The Lacework account that a sandbox has.
pub const TENANT: &str = "acme";

const KEY_ID: &str = "ACME_0123456789ABCDEF";

/// The template's default of `IntegrationNamePrefix`.
const PREFIX: &str = "Lacework-Control-Tower-";

impl Lacework {
    /// Starts one for a sandbox, with the role and the topic that the vendor has in AWS.
    pub(crate) async fn start_in(surroundings: Surroundings) -> anyhow::Result<Self> {
        let Surroundings {
            emulator,
            region,
            stores,
            chaos,
        } = surroundings;
        let aws = AwsClient::new(emulator.clone(), region.clone())?;
        let lacework = Self::start(LaceworkConfig {
            tenant: TENANT.to_owned(),
            key_id: KEY_ID.to_owned(),
            secret: SecretString::from(format!("_{}", Uuid::new_v4().simple())),
            sub_accounts: stores,
            emulator: Some(emulator),
            region,
            principal_arn: PRINCIPAL_ARN.to_owned(),
            tls: false,
            chaos,
        })
        .await?;
        identities::make_vendor(&aws, PRINCIPAL_ARN).await?;
        topic::make(&aws, PRINCIPAL_ARN, &lacework.registration_url()).await?;
        Ok(lacework)
    }
}

impl Sandbox {
    /// The simulator with all that only Lacework has, where the SaaS is Lacework.
    #[must_use]
    pub fn lacework(&self) -> Option<&Lacework> {
        let simulator: &dyn Any = &*self.simulator;
        simulator.downcast_ref()
    }
}

impl Simulator for Lacework {
    fn title(&self) -> &'static str {
        "Lacework"
    }

    fn url(&self) -> &Url {
        &self.url
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        let config = &self.controls.service.config;
        vec![
            ("LaceworkUrl", endpoint(&self.url).to_owned()),
            ("LaceworkAccessKeyId", config.key_id.clone()),
            (
                "LaceworkSecretKey",
                config.secret.expose_secret().to_owned(),
            ),
        ]
    }

    fn member_stack(&self) -> String {
        format!("{PREFIX}Config-Member-{TENANT}")
    }

    /// By method and path below `/api/v2/`, such as `POST CloudAccounts` or
    /// `DELETE CloudAccounts/{intgGuid}`.
    fn calls(&self) -> BTreeMap<String, u64> {
        lock(&self.controls.service.calls).clone()
    }

    fn registrations(&self) -> Vec<Registration> {
        let integrations = self.integrations().into_iter();
        integrations.map(Registration::from).collect()
    }

    /// What its registrations watch.
    fn readings<'a>(
        &'a self,
        accounts: &'a [String],
    ) -> BoxFuture<'a, anyhow::Result<BTreeMap<String, Registration>>> {
        let all = self.registrations().into_iter();
        let found = all.filter_map(|one| match &one.subject {
            Subject::Account(account) if accounts.contains(account) => Some((account.clone(), one)),
            _ => None,
        });
        ready(Ok(found.collect())).boxed()
    }

    /// Keeps what it finds as the integration's state.
    fn verify<'a>(&'a self, id: &'a str) -> BoxFuture<'a, anyhow::Result<Verification>> {
        cloud_accounts::refresh(&self.controls.service, id).boxed()
    }

    /// Whose registration it is says what it reads.
    fn read_trail<'a>(
        &'a self,
        _stack: &'a Stack,
    ) -> BoxFuture<'a, anyhow::Result<Option<String>>> {
        let mut all = self.registrations().into_iter();
        let feed = all.find_map(|registration| match registration.subject {
            Subject::Feed { queue_url } => Some((registration.name, queue_url)),
            _ => None,
        });
        let read = feed.map(|(name, queue)| format!("registration {name} reads {queue}"));
        let read = read.context("Lacework has no registration of the trail");
        ready(read.map(Some)).boxed()
    }

    fn set_longest_token_lifetime(&self, longest: Option<Duration>) {
        lock(&self.controls.service.tokens).longest = longest;
    }

    fn shutdown(self: Box<Self>) -> BoxFuture<'static, anyhow::Result<()>> {
        self.server.shutdown().boxed()
    }
}
