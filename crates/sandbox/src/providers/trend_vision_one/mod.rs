//! A simulator of Trend Vision One's Cloud Account Management, as far as onboarding AWS accounts
//! needs it.
//!
//! Served as the vendor's own clients expect them: the cloud accounts under the three paths that
//! those clients use, with duplicates, filters, pages, versions and states; the features; the links
//! to the vendor's template, which name its OpenID Connect provider; the tenant's profile; rate
//! limits. With an emulator of AWS at hand the simulator uses each role that it is given: it looks
//! for its identity provider in the account, judges the role's trust policy, and exchanges a token
//! of its own for credentials.
//!
//! Not known of the real service, and therefore the simulator's own choice: all messages; whether
//! an account that is connected already is a 400 or a 409; how a role that cannot be assumed is
//! refused; how a change without `If-Match` is; how many requests a minute allows; what a listing
//! of features looks like; what the tenant's business id is called in its profile; where missing
//! permissions of the core are shown; whether unknown fields of a body are refused. Where clients
//! could be built on either answer, [`Controls`] chooses.

mod accounts;
mod answer;
mod body;
mod controls;
mod features;
mod filter;
mod identity;
mod jwt;
mod keys;
mod links;
mod listing;
mod operation;
mod record;
mod server;
mod service;
mod settings;
mod simulator;
mod trust;
mod verification;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use url::Url;

pub use controls::Controls;
pub use identity::Tenant;
pub use keys::Permission;
pub use settings::DuplicateStatus;

use super::http::lock;
use super::http::server::{Server, listen};
use crate::aws_client::{AwsClient, install_crypto_provider};
use crate::chaos::Chaos;
use service::Service;

/// The configuration of a simulator.
#[derive(Debug, Clone)]
pub struct TrendVisionOneConfig {
    /// The tenant.
    pub tenant: Tenant,
    /// Endpoint of the AWS emulator to use roles in; `None` to accept them all.
    pub emulator: Option<Url>,
    /// Region of the calls to the emulator.
    pub aws_region: String,
    /// Which requests go wrong; shared with the gateway in a sandbox.
    pub chaos: Arc<Chaos>,
}

/// A running simulator. It listens on a free port of `127.0.0.1` and keeps all state in memory.
#[derive(Debug)]
pub struct TrendVisionOne {
    url: Url,
    api_key: Mutex<SecretString>,
    controls: Controls,
    server: Server,
}

impl TrendVisionOne {
    /// Starts one, with an API key of all permissions.
    ///
    /// # Errors
    /// When there is no free port, or the HTTP client cannot be made.
    pub async fn start(config: TrendVisionOneConfig) -> anyhow::Result<Self> {
        install_crypto_provider();
        let listener = listen()?;
        let url: Url = format!("http://{}", listener.local_addr()?).parse()?;
        let aws = match &config.emulator {
            Some(endpoint) => Some(AwsClient::new(endpoint.clone(), config.aws_region.clone())?),
            None => None,
        };
        let service = Arc::new(Service::new(config, url.clone(), aws));
        let app = server::router(Arc::clone(&service));
        let server = Server::start(listener, app, None).await?;
        let controls = Controls { service };
        Ok(Self {
            url,
            api_key: Mutex::new(controls.issue_key(Permission::Full)),
            controls,
            server,
        })
    }

    /// The API key that it started with, or the one in its place.
    #[must_use]
    pub fn api_key(&self) -> SecretString {
        lock(&self.api_key).clone()
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.controls.service.config.tenant
    }

    /// The controls for tests.
    #[must_use]
    pub fn controls(&self) -> &Controls {
        &self.controls
    }
}
