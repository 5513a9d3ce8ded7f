//! A simulator of Trend Micro's API for AWS connectors, as Cloud One Workload Security and Deep
//! Security Manager serve it.
//!
//! Served as the vendor's own client expects it: keys of both kinds, each under its own header;
//! connectors with create, search, pages, change and removal; the tenant's external id; the rate
//! limit. With an emulator of AWS at hand the simulator assumes the role of a connector before it
//! accepts one, as the service seems to do.
//!
//! Not known of the real service, and therefore the simulator's own choice: the JSON key of an
//! error's text, and every text but that of a refused key and of the rate limit; what is refused
//! first where a request is wrong in several ways; that a key that may not do something is a 403;
//! that a connector needs a display name, that it stays in its account when its role changes, and
//! that the new role is verified; that a synchronization changes nothing but its time; that the
//! rate limit counts requests of all keys and kinds together; that a search is case-sensitive. Left
//! out: a connector with an access key or the manager's own role is made with [`Controls`] alone,
//! and of the fields that can be searched only four are.

mod connector;
mod connectors;
mod controls;
mod keys;
mod operation;
mod search;
mod server;
mod service;
mod simulator;
mod verification;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

pub use connector::{Access, Connector};
pub use controls::Controls;

use super::http::lock;
use super::http::server::{Server, listen};
use crate::aws_client::{AwsClient, install_crypto_provider};
use crate::chaos::Chaos;
use service::Service;

/// The account whose root user the customers' roles trust.
pub const PRINCIPAL_ACCOUNT: &str = "147995105371";

/// The principal that the customers' roles trust: anyone in the vendor's account.
pub const PRINCIPAL_ARN: &str = "arn:aws:iam::147995105371:root";

/// The tenant's external id, the same for all its accounts.
pub const EXTERNAL_ID: &str = "7c1d9e52-0b64-4f3a-8e27-5a96d3c0f418";

/// The key that a sandbox has of the older kind, which Deep Security Manager knows alone.
pub const LEGACY_KEY: &str = "1:Uk9vVHBhc3N3b3JkRm9yVGVzdA==";

/// The key that a sandbox has of Cloud One's kind.
pub const CLOUD_ONE_KEY: &str = "tmc12A3b4C5d6E7f8G9h0JkLmNpQrStUv:not-a-real-key";

/// The configuration of a simulator.
#[derive(Debug, Clone)]
pub struct TrendWorkloadSecurityConfig {
    /// The keys that may do everything. One that begins with `tmc` is Cloud One's.
    pub keys: Vec<SecretString>,
    /// The tenant's external id.
    pub external_id: String,
    /// AWS, where it looks at roles; `None` to accept them all.
    pub aws: Option<VendorAws>,
    /// Which requests go wrong; shared with the gateway in a sandbox.
    pub chaos: Arc<Chaos>,
}

/// AWS, as the vendor uses it.
#[derive(Debug, Clone)]
pub struct VendorAws {
    /// As root, to look at a role.
    pub root: AwsClient,
    /// As someone in the vendor's account.
    pub service: AwsClient,
}

/// A running simulator. It listens on a free port of `127.0.0.1` and keeps all state in memory.
#[derive(Debug)]
pub struct TrendWorkloadSecurity {
    url: Url,
    controls: Controls,
    server: Server,
}

impl TrendWorkloadSecurity {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(config: TrendWorkloadSecurityConfig) -> anyhow::Result<Self> {
        install_crypto_provider();
        let listener = listen()?;
        let url: Url = format!("http://{}", listener.local_addr()?).parse()?;
        let service = Arc::new(Service::new(config, url.port()));
        let app = server::router(Arc::clone(&service));
        Ok(Self {
            url,
            server: Server::start(listener, app, None).await?,
            controls: Controls { service },
        })
    }

    /// All connectors, oldest first.
    #[must_use]
    pub fn connectors(&self) -> Vec<Connector> {
        lock(&self.controls.service.connectors).all().to_vec()
    }

    /// The tenant's external id.
    #[must_use]
    pub fn external_id(&self) -> &str {
        &self.controls.service.external_id
    }

    /// The controls for tests.
    #[must_use]
    pub fn controls(&self) -> &Controls {
        &self.controls
    }
}
