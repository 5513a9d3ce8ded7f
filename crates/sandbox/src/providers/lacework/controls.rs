//! The controls of the simulator, for tests.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::SecretString;
use serde_json::Value;

use super::rate_limit::{DOCUMENTED_LIMIT, RateLimiter};
use super::service::Service;
use super::store::{Checked, DuplicateScope, Record, Scope, new_guid};
use super::tokens::RefusalStatus;
use super::{lock, schema};
use crate::providers::{Fault, Verification};

/// The age of a seeded integration.
const SEEDED_BEFORE: Duration = Duration::from_secs(24 * 3600);

/// The controls of a running simulator.
#[derive(Debug, Clone)]
pub struct Controls {
    pub(super) service: Arc<Service>,
}

impl Controls {
    /// Requests that every functionality allows in an hour, with full buckets; `None` for no
    /// limit. It starts with the documented 480.
    pub fn set_rate_limit(&self, per_hour: Option<u32>) {
        *lock(&self.service.limiter) = RateLimiter::new(per_hour);
    }

    /// The documented rate limit, with full buckets again.
    pub fn reset_rate_limit(&self) {
        self.set_rate_limit(Some(DOCUMENTED_LIMIT));
    }

    /// Revokes every token issued so far. New ones are issued as before.
    pub fn revoke_tokens(&self) {
        lock(&self.service.tokens).revoke_all();
    }

    /// Every token issued so far, revoked and expired ones included.
    #[must_use]
    pub fn issued_tokens(&self) -> Vec<SecretString> {
        lock(&self.service.tokens).issued.clone()
    }

    /// Replaces the API key. Tokens made with the old one stay valid until they expire.
    pub fn replace_key(&self, key_id: impl Into<String>, secret: SecretString) {
        lock(&self.service.tokens).replace_key(key_id.into(), secret);
    }

    /// Adds another API key.
    pub fn add_key(&self, key_id: impl Into<String>, secret: SecretString) {
        lock(&self.service.tokens).add_key(key_id.into(), secret);
    }

    /// Revokes an API key and every token made with it.
    pub fn revoke_key(&self, key_id: &str) {
        lock(&self.service.tokens).revoke_key(key_id);
    }

    /// Whether a refused key or token is answered with 401, as at first, or with 403.
    pub fn set_refusal_status(&self, status: RefusalStatus) {
        lock(&self.service.tokens).refusal = status;
    }

    /// Advances the simulator's clock: tokens expire, buckets refill, roles propagate, states
    /// appear.
    pub fn advance_clock(&self, by: Duration) {
        self.service.clock.advance(by);
    }

    /// How long a new role is refused, from the first request that names it. Zero at first.
    pub fn set_propagation_delay(&self, delay: Duration) {
        lock(&self.service.settings).propagation_delay = delay;
    }

    /// How long after its creation an integration has a verified state. Two seconds at first.
    pub fn set_state_delay(&self, delay: Duration) {
        lock(&self.service.settings).state_delay = delay;
    }

    /// Whether answers carry external ids masked.
    pub fn set_mask_external_ids(&self, mask: bool) {
        lock(&self.service.settings).mask_external_ids = mask;
    }

    /// Whether a search that finds nothing answers 204 instead of an empty list.
    pub fn set_empty_search_is_no_content(&self, no_content: bool) {
        lock(&self.service.settings).empty_search_is_no_content = no_content;
    }

    /// Rows in a page, at least 1. The documented 5,000 at first.
    pub fn set_page_size(&self, rows: usize) {
        lock(&self.service.settings).page_size = rows.max(1);
    }

    /// The scope in which a second integration of the same AWS account or queue is refused.
    pub fn set_duplicate_scope(&self, scope: DuplicateScope) {
        lock(&self.service.settings).duplicates = scope;
    }

    /// Refuses new integrations in this sub-account, or in the tenant's own account by its name, as
    /// if no role could be used from there; `None` ends that.
    pub fn refuse_new_in(&self, account: Option<&str>) {
        lock(&self.service.settings).refusing = account.map(str::to_lowercase);
    }

    /// Adds a fault after the pending ones.
    pub fn inject(&self, fault: Fault) {
        lock(&self.service.settings).faults.add(fault);
    }

    /// Answers the next requests of any operation with this HTTP status.
    pub fn fail_next(&self, times: u32, status: u16) {
        self.inject(Fault {
            operation: None,
            times,
            status,
            after_effect: false,
        });
    }

    /// Lets the next creates take effect, but delays their answers by `hang`.
    pub fn hang_next_creates(&self, times: u32, hang: Duration) {
        let mut settings = lock(&self.service.settings);
        settings.hanging_creates = times;
        settings.hang = hang;
    }

    /// Cancels all pending faults and hangs.
    pub fn clear_faults(&self) {
        let mut settings = lock(&self.service.settings);
        settings.faults.clear();
        settings.hanging_creates = 0;
    }

    /// Adds an integration as if it had existed before, without verification. `body` is that of
    /// a create; no `sub_account` means the tenant's own account. Its guid is returned.
    ///
    /// # Errors
    /// When the body breaks the schema, or there is no such sub-account.
    pub fn seed(&self, sub_account: Option<&str>, body: &Value) -> anyhow::Result<String> {
        let service = &self.service;
        let body = body
            .as_object()
            .context("the integration is not an object")?;
        schema::validate(body).map_err(anyhow::Error::msg)?;
        let scope = service
            .scope(sub_account, false)
            .with_context(|| format!("there is no sub-account {sub_account:?}"))?;
        let account = match &scope {
            Scope::Organization => &service.config.tenant,
            Scope::Account(name) => name,
        };
        let guid = new_guid(account);
        let before = service.clock.now() - SEEDED_BEFORE;
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        lock(&service.store).records.push(Record {
            guid: guid.clone(),
            scope,
            name: text("name"),
            kind: text("type"),
            enabled: body["enabled"] == 1,
            data: body["data"].as_object().cloned().unwrap_or_default(),
            props: body.get("props").cloned(),
            changed_by: service.user(),
            changed_at: before,
            created_at: before,
            server_token: None,
            checked: Checked::new(Verification::Passed, before),
        });
        Ok(guid)
    }

    /// Changes the fields of an integration that `body` names, `data` as a whole, as a person would
    /// in the console, without verification. Returns whether the integration exists.
    #[must_use]
    pub fn change(&self, guid: &str, body: &Value) -> bool {
        let mut store = lock(&self.service.store);
        let Some(record) = store.find_mut(guid) else {
            return false;
        };
        if let Some(name) = body["name"].as_str() {
            name.clone_into(&mut record.name);
        }
        if let Some(enabled) = body["enabled"].as_u64() {
            record.enabled = enabled == 1;
        }
        if let Some(data) = body["data"].as_object() {
            record.data.clone_from(data);
        }
        true
    }

    /// Removes an integration as a person would in the console. Returns whether it existed.
    #[must_use]
    pub fn remove(&self, guid: &str) -> bool {
        lock(&self.service.store).remove(guid)
    }
}
