//! The state that requests and tests share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::connector::Store;
use super::keys::Keys;
use super::{TrendWorkloadSecurityConfig, VendorAws, lock};
use crate::chaos::Chaos;
use crate::providers::http::clock::Clock;
use crate::providers::http::fault::Faults;
use crate::providers::http::rate_limit::RateLimiter;

#[derive(Debug)]
pub(super) struct Service {
    pub(super) external_id: String,
    pub(super) aws: Option<VendorAws>,
    pub(super) chaos: Arc<Chaos>,
    /// The port that it listens on.
    pub(super) port: Option<u16>,
    pub(super) clock: Clock,
    pub(super) settings: Mutex<Settings>,
    pub(super) keys: Mutex<Keys>,
    pub(super) limiter: Mutex<RateLimiter>,
    pub(super) connectors: Mutex<Store>,
    pub(super) calls: Mutex<BTreeMap<String, u64>>,
}

/// The behaviours that a test can choose. All take effect with the next request.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) hides_external_id: bool,
    pub(super) faults: Faults,
}

impl Service {
    pub(super) fn new(config: TrendWorkloadSecurityConfig, port: Option<u16>) -> Self {
        let TrendWorkloadSecurityConfig {
            keys,
            external_id,
            aws,
            chaos,
        } = config;
        Self {
            external_id,
            aws,
            chaos,
            port,
            clock: Clock::default(),
            settings: Mutex::default(),
            keys: Mutex::new(Keys::new(keys)),
            limiter: Mutex::default(),
            connectors: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    pub(super) fn count(&self, label: &str) {
        *lock(&self.calls).entry(label.to_owned()).or_default() += 1;
    }
}
