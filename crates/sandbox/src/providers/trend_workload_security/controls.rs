//! The controls of the simulator, for tests.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::connector::{Access, Connector};
use super::lock;
use super::service::Service;
use crate::providers::Fault;

/// The age of an added connector.
const ADDED_BEFORE: Duration = Duration::from_secs(24 * 3600);

/// The controls of a running simulator.
#[derive(Debug, Clone)]
pub struct Controls {
    pub(super) service: Arc<Service>,
}

impl Controls {
    /// Requests within a minute; `None`, as at first, for no limit.
    pub fn set_rate_limit(&self, per_minute: Option<usize>) {
        lock(&self.service.limiter).set_limit(per_minute);
    }

    /// Advances the simulator's clock, by which the rate limit and the connectors' times go.
    pub fn advance_clock(&self, by: Duration) {
        self.service.clock.advance(by);
    }

    /// Adds a key that may do everything. One that begins with `tmc` is Cloud One's.
    pub fn add_key(&self, key: SecretString) {
        lock(&self.service.keys).add(key);
    }

    /// Revokes a key.
    pub fn revoke_key(&self, key: &str) {
        lock(&self.service.keys).revoke(key);
    }

    /// Whether a key may create, modify and delete.
    pub fn set_may_write(&self, key: &str, may_write: bool) {
        lock(&self.service.keys).set_may_write(key, may_write);
    }

    /// Whether nobody may read the external id, as on a self-hosted manager whose administrator
    /// switched that off.
    pub fn set_hides_external_id(&self, hides: bool) {
        lock(&self.service.settings).hides_external_id = hides;
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

    /// Adds a connector as if it had existed before, without verification. Its id is returned.
    #[must_use]
    pub fn add_connector(&self, display_name: &str, account_id: &str, access: Access) -> u32 {
        let connector = Connector {
            id: 0,
            display_name: display_name.to_owned(),
            account_id: account_id.to_owned(),
            access,
            workspaces_enabled: false,
            last_sync: self.service.clock.now() - ADDED_BEFORE,
        };
        lock(&self.service.connectors).add(connector).id
    }

    /// Changes a connector as a person would in the console, without verification. Returns whether
    /// there is one with this id.
    #[must_use]
    pub fn change(&self, id: u32, change: impl FnOnce(&mut Connector)) -> bool {
        lock(&self.service.connectors)
            .find_mut(id)
            .map(change)
            .is_some()
    }

    /// Removes a connector as a person would in the console. Returns whether it existed.
    #[must_use]
    pub fn remove(&self, id: u32) -> bool {
        lock(&self.service.connectors).remove(id)
    }
}
