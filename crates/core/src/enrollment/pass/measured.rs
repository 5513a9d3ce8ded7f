//! What is measured of a pass.

use jiff::Timestamp;

use super::Reply;
use crate::{
    enrollment::Inventory,
    metrics::{Measurement, Metric},
    model::AccountId,
};

/// How long each account waited that this pass enrolled for the first time, in whole seconds: from
/// its news, or from the beginning of the pass that found it without any.
pub(super) fn enrollment_seconds(
    enrolled: &[AccountId],
    inventory: &Inventory,
    (began, ended): (Timestamp, Timestamp),
) -> Vec<u64> {
    let is_new = |id: &&AccountId| {
        let before = inventory.records.get(*id);
        before.is_none_or(|record| record.since.is_none())
    };
    let waited = |id: &AccountId| {
        let since = inventory.scope.since.get(id).copied().unwrap_or(began);
        u64::try_from(ended.duration_since(since).as_secs()).unwrap_or_default()
    };
    enrolled.iter().filter(is_new).map(waited).collect()
}

impl Reply {
    /// The pass's metrics.
    pub fn measurements(&self) -> Vec<Measurement> {
        match self {
            Self::Nothing => vec![],
            Self::Busy => vec![Metric::PassesBusy.count(1)],
            Self::NoDeployment => vec![Metric::PassesWithoutDeployment.count(1)],
            Self::Requeued { unreadable } => vec![
                Metric::PassesRequeued.count(1),
                Metric::SourcesUnreadable.count(*unreadable),
            ],
            Self::Done { report, held, .. } => {
                let held = held.as_ref().map_or(0, |held| held.accounts.len());
                let mut measurements = report.measurements();
                measurements.push(Metric::OffboardingsHeld.count(held));
                measurements
            }
        }
    }
}
