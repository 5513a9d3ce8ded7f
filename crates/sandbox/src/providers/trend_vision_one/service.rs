//! The state that requests and tests share.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use url::Url;

use super::TrendVisionOneConfig;
use super::identity::Tokens;
use super::keys::Keys;
use super::lock;
use super::record::Store;
use super::settings::Settings;
use crate::aws_client::AwsClient;
use crate::providers::http::clock::Clock;
use crate::providers::http::rate_limit::RateLimiter;

/// Requests of one operation that a minute allows at first. The service does not say how many it takes.
const ASSUMED_LIMIT: usize = 500;

#[derive(Debug)]
pub(super) struct Service {
    pub(super) config: TrendVisionOneConfig,
    /// The address that clients were given: links begin with it.
    pub(super) base: Url,
    /// The AWS to look up roles in, if any.
    pub(super) aws: Option<AwsClient>,
    pub(super) clock: Clock,
    pub(super) settings: Mutex<Settings>,
    pub(super) keys: Mutex<Keys>,
    pub(super) tokens: Mutex<Tokens>,
    pub(super) limiter: Mutex<RateLimiter>,
    pub(super) store: Mutex<Store>,
    pub(super) calls: Mutex<BTreeMap<String, u64>>,
    /// When each role, by ARN and unique id, was first requested.
    pub(super) roles_first_seen: Mutex<BTreeMap<(String, Option<String>), Timestamp>>,
}

impl Service {
    pub(super) fn new(config: TrendVisionOneConfig, base: Url, aws: Option<AwsClient>) -> Self {
        let keys = Keys::new(config.tenant.business_id.clone());
        Self {
            config,
            base,
            aws,
            clock: Clock::default(),
            settings: Mutex::default(),
            keys: Mutex::new(keys),
            tokens: Mutex::default(),
            limiter: Mutex::new(RateLimiter::new(Some(ASSUMED_LIMIT))),
            store: Mutex::default(),
            calls: Mutex::default(),
            roles_first_seen: Mutex::default(),
        }
    }

    pub(super) fn count(&self, label: &str) {
        *lock(&self.calls).entry(label.to_owned()).or_default() += 1;
    }
}
