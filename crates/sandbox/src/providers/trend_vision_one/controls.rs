//! The controls of the simulator, for tests.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::body::{self, Shape};
use super::keys::Permission;
use super::lock;
use super::record::Record;
use super::service::Service;
use super::settings::DuplicateStatus;
use crate::identities::account_in;
use crate::providers::{Fault, Verification};

/// The age of a seeded account.
const SEEDED_BEFORE: Duration = Duration::from_secs(24 * 3600);

/// The controls of a running simulator.
#[derive(Debug, Clone)]
pub struct Controls {
    pub(super) service: Arc<Service>,
}

impl Controls {
    /// Requests that every operation allows within a minute; `None` for no limit.
    pub fn set_rate_limit(&self, a_minute: Option<usize>) {
        lock(&self.service.limiter).set_limit(a_minute);
    }

    /// Another API key.
    #[must_use]
    pub fn issue_key(&self, permission: Permission) -> SecretString {
        let now = self.service.clock.now();
        lock(&self.service.keys).issue(permission, now)
    }

    /// Revokes an API key.
    pub fn revoke_key(&self, key: &SecretString) {
        lock(&self.service.keys).revoke(key);
    }

    /// How many tokens the service has made for AWS.
    #[must_use]
    pub fn issued_tokens(&self) -> usize {
        lock(&self.service.tokens).issued()
    }

    /// Advances the simulator's clock: keys and tokens expire, requests are forgotten, roles
    /// propagate.
    pub fn advance_clock(&self, by: Duration) {
        self.service.clock.advance(by);
    }

    /// How long a new role is refused, from the first request that names it. Zero at first.
    pub fn set_propagation_delay(&self, delay: Duration) {
        lock(&self.service.settings).propagation_delay = delay;
    }

    /// The instances of Server & Workload Protection that the tenant has. None at first. With at
    /// least one, a new account must name it.
    pub fn set_workload_instances(&self, ids: &[&str]) {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        lock(&self.service.settings).workload_instances = ids;
    }

    /// The alias of an AWS account, which wins over the name that a client gives.
    pub fn set_alias(&self, account: &str, alias: &str) {
        let mut settings = lock(&self.service.settings);
        settings
            .aliases
            .insert(account.to_owned(), alias.to_owned());
    }

    /// How an account that is connected already is refused: with 400 at first.
    pub fn set_duplicate_status(&self, status: DuplicateStatus) {
        lock(&self.service.settings).duplicates = status;
    }

    /// Whether the API keys may not read the tenant's profile.
    pub fn deny_business_profile(&self, deny: bool) {
        lock(&self.service.settings).profile_denied = deny;
    }

    /// Whether the vendor's template is newer than an account's role. Returns whether the account
    /// exists.
    #[must_use]
    pub fn set_outdated(&self, id: &str, outdated: bool) -> bool {
        self.with(id, |record| record.outdated = outdated)
    }

    /// What an account's role does not allow. Returns whether the account exists.
    #[must_use]
    pub fn set_missing_permissions(&self, id: &str, actions: &[&str]) -> bool {
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        self.with(id, |record| record.missing_permissions = actions)
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

    /// Cancels all pending faults.
    pub fn clear_faults(&self) {
        lock(&self.service.settings).faults.clear();
    }

    /// Adds an account as if it had existed before, without verification. `body` is that of a
    /// create. Its id is returned.
    ///
    /// # Errors
    /// When a field is wrong.
    pub fn seed(&self, body: &Value) -> anyhow::Result<String> {
        let fields = body::check(body, Shape::Account).map_err(anyhow::Error::msg)?;
        let role_arn = body["roleArn"].as_str().context("there is no role")?;
        let mut record = self.record(account_in(role_arn));
        role_arn.clone_into(&mut record.role_arn);
        apply(&mut record, fields);
        let id = record.id.clone();
        lock(&self.service.store).put(record);
        Ok(id)
    }

    /// Adds an account that another product of the vendor knows, without a role.
    ///
    /// # Errors
    /// When the id is not one of an account.
    pub fn bridge(&self, account: &str, source: &str) -> anyhow::Result<()> {
        ensure!(account.len() == 12, "{account} is no account");
        let mut record = self.record(account);
        account.clone_into(&mut record.name);
        record.sources = vec![source.to_owned()];
        lock(&self.service.store).put(record);
        Ok(())
    }

    /// Changes the fields of an account that `body` names, as a person would in the console,
    /// without verification. Returns whether the account exists.
    ///
    /// # Errors
    /// When a field is wrong.
    pub fn change(&self, id: &str, body: &Value) -> anyhow::Result<bool> {
        let fields = body::check(body, Shape::Change).map_err(anyhow::Error::msg)?;
        Ok(self.with(id, |record| apply(record, fields)))
    }

    /// Removes an account as a person would in the console. Returns whether it existed.
    #[must_use]
    pub fn remove(&self, id: &str) -> bool {
        lock(&self.service.store).remove(id)
    }

    /// All accounts as the API answers them, oldest first.
    #[must_use]
    pub fn accounts(&self) -> Vec<Value> {
        let store = lock(&self.service.store);
        store.records.iter().map(Record::to_json).collect()
    }

    fn with(&self, id: &str, change: impl FnOnce(&mut Record)) -> bool {
        let mut store = lock(&self.service.store);
        store.find_mut(id).map(change).is_some()
    }

    fn record(&self, id: &str) -> Record {
        let before = self.service.clock.now() - SEEDED_BEFORE;
        Record {
            number: 0,
            id: id.to_owned(),
            role_arn: String::new(),
            name: String::new(),
            description: String::new(),
            given: Map::new(),
            sources: Vec::new(),
            organization_id: None,
            created_at: before,
            updated_at: before,
            verification: Verification::Passed,
            synced_at: before,
            outdated: false,
            missing_permissions: Vec::new(),
        }
    }
}

/// Sets every field that is given.
fn apply(record: &mut Record, fields: &Map<String, Value>) {
    for (name, value) in fields {
        let text = value.as_str().unwrap_or_default();
        match name.as_str() {
            "roleArn" => text.clone_into(&mut record.role_arn),
            "name" => text.clone_into(&mut record.name),
            "description" => text.clone_into(&mut record.description),
            _ => {
                record.given.insert(name.clone(), value.clone());
            }
        }
    }
}
