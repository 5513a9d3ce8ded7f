//! The simulated world held against the sandbox: both compare the same landing zone, in the one with
//! the core alone and in the other with the shipped function, and make the same calls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use towerhook_world::scale::{self, Setting};

use super::SEED;
use crate::binaries::Binaries;
use crate::launched::{Launched, difference};

const SETTING: Setting = Setting {
    accounts: 100,
    units: 5,
    limited: false,
};
/// The name for all requests to the SaaS together.
const SAAS: &str = "Lacework";
/// Only a cold function reads the token, and in the model every invocation is cold.
const OF_A_COLD_ONE: &str = "secretsmanager:GetSecretValue";
/// The lease's cooldown after a pass over many accounts.
const COOLDOWN: Duration = Duration::from_secs(16);
/// Short, since the launch is not part of the comparison.
const OPERATION: Duration = Duration::from_millis(200);

/// The calls of one comparison of 100 accounts in which there is nothing to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Agreement {
    /// In the simulated world, by operation; requests to the SaaS are one.
    pub model: BTreeMap<String, u64>,
    /// In the sandbox.
    pub sandbox: BTreeMap<String, u64>,
}

impl Agreement {
    /// By how many calls the two differ.
    #[must_use]
    pub fn differences(&self) -> u64 {
        self.operations()
            .map(|(_, model, sandbox)| model.abs_diff(sandbox))
            .sum()
    }

    /// Each operation with its calls in the model and in the sandbox.
    pub fn operations(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        let names: BTreeSet<&String> = self.model.keys().chain(self.sandbox.keys()).collect();
        let count = |of: &BTreeMap<String, u64>, name| of.get(name).copied().unwrap_or_default();
        names.into_iter().map(move |name| {
            let (model, sandbox) = (count(&self.model, name), count(&self.sandbox, name));
            (name.as_str(), model, sandbox)
        })
    }
}

/// Launches in both and compares.
pub(super) async fn measure(binaries: &Binaries, target: &Path) -> anyhow::Result<Agreement> {
    let launched = Launched::start(binaries, target, SETTING.organization(), OPERATION).await?;
    tokio::time::sleep(COOLDOWN).await;
    let (aws, saas) = (launched.aws_calls(), launched.registry_requests());
    let message = json!({"towerhook": {"scope": "all", "reason": "schedule"}});
    launched.send(&message).await?;
    launched.settle().await?;
    let mut sandbox = difference(&launched.aws_calls(), &aws);
    sandbox.remove(OF_A_COLD_ONE);
    sandbox.insert(SAAS.to_owned(), launched.registry_requests() - saas);
    launched.sandbox.shutdown().await?;

    let figures = super::apart(|| scale::reconcile(SETTING, SEED)).await?;
    let of_aws = figures
        .calls
        .iter()
        .filter(|(name, _)| !scale::is_registry(name) && **name != OF_A_COLD_ONE);
    let mut model: BTreeMap<String, u64> = of_aws
        .map(|(name, count)| ((*name).to_owned(), *count as u64))
        .collect();
    model.insert(SAAS.to_owned(), figures.registry_requests() as u64);
    Ok(Agreement { model, sandbox })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_made_by_one_of_them_is_a_difference() {
        let counts = |counts: &[(&str, u64)]| {
            let counts = counts.iter();
            counts
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect()
        };
        let agreement = Agreement {
            model: counts(&[("a", 1), ("b", 5)]),
            sandbox: counts(&[("b", 3), ("c", 4)]),
        };
        assert_eq!(agreement.differences(), 1 + 2 + 4);
        let operations: Vec<_> = agreement.operations().collect();
        assert_eq!(operations, [("a", 1, 0), ("b", 5, 3), ("c", 0, 4)]);
        assert_eq!(Agreement::default().differences(), 0);
    }
}
