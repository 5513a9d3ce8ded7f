//! The state that requests and tests share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use super::rate_limit::{DOCUMENTED_LIMIT, RateLimiter};
use super::sdk_only::AgentTokens;
use super::settings::Settings;
use super::store::{Scope, Store, View};
use super::tokens::Tokens;
use super::{LaceworkConfig, lock};
use crate::aws_client::AwsClient;
use crate::providers::http::clock::Clock;

#[derive(Debug)]
pub(super) struct Service {
    pub(super) config: LaceworkConfig,
    /// The address that clients were given: links to further pages begin with it.
    pub(super) base: Url,
    /// The AWS to look up roles and queues in, if any.
    pub(super) aws: Option<AwsClient>,
    /// For what is not AWS's API: answers to CloudFormation, confirmations to SNS.
    pub(super) http: reqwest::Client,
    pub(super) clock: Clock,
    pub(super) settings: Mutex<Settings>,
    pub(super) tokens: Mutex<Tokens>,
    pub(super) limiter: Mutex<RateLimiter>,
    pub(super) store: Mutex<Store>,
    pub(super) agent_tokens: Mutex<AgentTokens>,
    pub(super) calls: Mutex<BTreeMap<String, u64>>,
    /// Pages still to be fetched, by the name in their link, with the account they are for.
    pub(super) pages: Mutex<BTreeMap<String, (Scope, Page)>>,
    /// When each role, by ARN and unique id, was first requested.
    pub(super) roles_first_seen: Mutex<BTreeMap<(String, Option<String>), Timestamp>>,
    pub(super) registrations: Mutex<Registrations>,
}

/// What became of each request of a stack, by its id: a notification can come twice.
pub(super) type Registrations = BTreeMap<String, Arc<OnceCell<Outcome>>>;

/// The outcome of a request.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) physical_id: String,
    /// Why it failed, if it did.
    pub(super) failure: Option<String>,
}

/// The remaining rows of a listing.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) rows: Vec<Value>,
    pub(super) total: usize,
}

impl Service {
    pub(super) fn new(
        config: LaceworkConfig,
        base: Url,
        aws: Option<AwsClient>,
        http: reqwest::Client,
    ) -> Self {
        let tokens = Tokens::new(config.key_id.clone(), config.secret.clone());
        Self {
            config,
            base,
            aws,
            http,
            clock: Clock::default(),
            settings: Mutex::default(),
            tokens: Mutex::new(tokens),
            limiter: Mutex::new(RateLimiter::new(Some(DOCUMENTED_LIMIT))),
            store: Mutex::default(),
            agent_tokens: Mutex::default(),
            calls: Mutex::default(),
            pages: Mutex::default(),
            roles_first_seen: Mutex::default(),
            registrations: Mutex::default(),
        }
    }

    pub(super) fn view(&self) -> View {
        let settings = lock(&self.settings);
        View {
            now: self.clock.now(),
            state_delay: settings.state_delay,
            mask_external_ids: settings.mask_external_ids,
        }
    }

    /// The account that `Account-Name` and `Org-Access` choose: with the latter the former is
    /// ignored. `None` if the tenant has no such account.
    pub(super) fn scope(&self, account_name: Option<&str>, org_access: bool) -> Option<Scope> {
        if org_access {
            return (!self.config.sub_accounts.is_empty()).then_some(Scope::Organization);
        }
        let name = account_name.map_or_else(|| self.config.tenant.clone(), str::to_lowercase);
        let known = name == self.config.tenant || self.config.sub_accounts.contains(&name);
        known.then_some(Scope::Account(name))
    }

    /// The user of the API key.
    pub(super) fn user(&self) -> String {
        format!("administrator@{}.example", self.config.tenant)
    }

    pub(super) fn count(&self, label: &str) {
        *lock(&self.calls).entry(label.to_owned()).or_default() += 1;
    }
}
