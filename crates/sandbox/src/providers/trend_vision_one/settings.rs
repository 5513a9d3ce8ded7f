use std::collections::BTreeMap;
use std::time::Duration;

use crate::providers::http::fault::Faults;

/// The behaviours that a test can choose. All take effect with the next request.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// The instances of Server & Workload Protection that the tenant has.
    pub(super) workload_instances: Vec<String>,
    /// The aliases of AWS accounts, which win over the names that clients give.
    pub(super) aliases: BTreeMap<String, String>,
    pub(super) duplicates: DuplicateStatus,
    pub(super) propagation_delay: Duration,
    pub(super) profile_denied: bool,
    pub(super) faults: Faults,
}

/// How an account that is connected already is refused. Which of the two the service does is not
/// published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DuplicateStatus {
    /// With 400.
    #[default]
    BadRequest,
    /// With 409.
    Conflict,
}
