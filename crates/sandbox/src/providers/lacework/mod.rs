//! A simulator of Lacework's (FortiCNAPP's) API v2, as far as onboarding AWS accounts needs it.
//!
//! Served as the vendor's own clients expect them: access tokens; cloud account integrations in
//! the tenant, its sub-accounts and its organization, with schema, duplicates, search, pages and
//! states; `UserProfile`, `OrganizationInfo`, `AgentAccessTokens` and `schemas`; rate limits.
//! Beside the API, an account's own stack can register it, through the vendor's topic
//! ([`REGISTRATION_TOPIC`]). With an emulator of AWS at hand the simulator asks that emulator
//! whether the role that it is given exists, trusts the vendor and demands the external id, and
//! whether the queue exists.
//!
//! Not known of the real service, and therefore the simulator's own choice: the wording of the 400
//! for a role that cannot be assumed, of the 401 or 403 for a key or a token (and which of the
//! two), and of the 429; whether `RateLimit-Reset` counts seconds; whether a duplicate is refused
//! across the tenant; whether external ids come back masked; whether a search without results is a
//! 200 or a 204; what an unknown `Account-Name` is answered with; what a further page's link looks
//! like. Where clients could be built on either answer, [`Controls`] chooses. What is not known of
//! the registration stands with it.

mod account_mapping;
mod cloud_accounts;
mod controls;
mod integration;
mod integration_types;
mod operation;
mod pages;
mod rate_limit;
mod refusal;
mod registration;
mod schema;
mod sdk_only;
mod server;
mod service;
mod settings;
mod simulator;
mod store;
mod time;
mod tokens;
mod topic;
mod user_profile;
mod verification;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::Context as _;
use rcgen::generate_simple_self_signed;
use secrecy::SecretString;
use url::Url;

pub use controls::Controls;
pub use integration::Integration;
pub use registration::REGISTRATION_TOPIC;
pub use simulator::TENANT;
pub use store::DuplicateScope;
pub use tokens::RefusalStatus;

use super::http::lock;
use super::http::server::{Server, listen};
use crate::aws_client::{AwsClient, http_client, install_crypto_provider};
use crate::chaos::Chaos;
use service::Service;

/// The role that the vendor's platform assumes the customer's roles with.
pub const PRINCIPAL_ARN: &str = "arn:aws:iam::434813966438:role/lacework-platform";

/// The configuration of a simulator.
#[derive(Debug, Clone)]
pub struct LaceworkConfig {
    /// The Lacework account: what stands before `.lacework.net`, such as `acme`.
    pub tenant: String,
    /// Id of the one API key.
    pub key_id: String,
    /// Secret of the one API key.
    pub secret: SecretString,
    /// Sub-accounts. With at least one the tenant is an organization.
    pub sub_accounts: Vec<String>,
    /// Endpoint of the AWS emulator to look up roles and queues in; `None` to accept them all.
    pub emulator: Option<Url>,
    /// Region of the calls to the emulator.
    pub region: String,
    /// The principal that assumes the roles: [`PRINCIPAL_ARN`] unless a test needs another.
    pub principal_arn: String,
    /// Whether to serve HTTPS, with a certificate for `127.0.0.1` made at the start.
    pub tls: bool,
    /// Which requests go wrong; shared with the gateway in a sandbox.
    pub chaos: Arc<Chaos>,
}

/// A running simulator. It listens on a free port of `127.0.0.1` and keeps all state in memory.
#[derive(Debug)]
pub struct Lacework {
    url: Url,
    certificate_pem: Option<String>,
    controls: Controls,
    server: Server,
}

impl Lacework {
    /// Starts one. Names of the tenant and of sub-accounts are not case-sensitive.
    ///
    /// # Errors
    /// When there is no free port, or the certificate or the HTTP client cannot be made.
    pub async fn start(mut config: LaceworkConfig) -> anyhow::Result<Self> {
        install_crypto_provider();
        config.tenant = config.tenant.to_lowercase();
        for name in &mut config.sub_accounts {
            *name = name.to_lowercase();
        }
        let certificate = if config.tls {
            let names = ["127.0.0.1".to_owned()];
            Some(generate_simple_self_signed(names).context("cannot make a certificate")?)
        } else {
            None
        };
        let listener = listen()?;
        let scheme = if config.tls { "https" } else { "http" };
        let url: Url = format!("{scheme}://{}", listener.local_addr()?).parse()?;
        let aws = match &config.emulator {
            Some(endpoint) => Some(AwsClient::new(endpoint.clone(), config.region.clone())?),
            None => None,
        };
        let service = Arc::new(Service::new(config, url.clone(), aws, http_client()?));
        let app = server::router(Arc::clone(&service));
        let server = Server::start(listener, app, certificate.as_ref()).await?;
        Ok(Self {
            url,
            certificate_pem: certificate.map(|certificate| certificate.cert.pem()),
            controls: Controls { service },
            server,
        })
    }

    /// The endpoint that [`REGISTRATION_TOPIC`] delivers to.
    #[must_use]
    pub fn registration_url(&self) -> Url {
        let mut url = self.url.clone();
        url.set_path(registration::PATH);
        url
    }

    /// The certificate to trust, where it serves HTTPS.
    #[must_use]
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate_pem.as_deref()
    }

    /// All integrations of the tenant, its sub-accounts and its organization, oldest first.
    #[must_use]
    pub fn integrations(&self) -> Vec<Integration> {
        let service = &self.controls.service;
        let view = service.view();
        let store = lock(&service.store);
        let summary = |record: &store::Record| record.summary(&service.config.tenant, &view);
        store.records.iter().map(summary).collect()
    }

    /// The controls for tests.
    #[must_use]
    pub fn controls(&self) -> &Controls {
        &self.controls
    }
}
