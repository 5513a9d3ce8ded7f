//! What Towerhook may cost: the targets of its figures.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Deserialize;

/// The targets, as they are written down.
const TEXT: &str = include_str!("../budgets.yml");

/// Every target.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// Of a function's start.
    pub cold: Cold,
    /// Of a function that has worked for a while.
    pub steady: Steady,
    /// Of the enrollment of a new account.
    pub enroll: Enroll,
    /// Of large organizations.
    pub scale: Scale,
    /// Of what is uploaded.
    pub size: Size,
}

/// Of a function's start.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cold {
    /// The first poll of each function as a multiple of the bare runtime's.
    pub first_poll_ratio: BTreeMap<String, f64>,
    /// The first reply from AWS as a multiple of that of a program with one signed call.
    pub first_reply_ratio: f64,
    /// The peak of resident memory at the first poll, in MiB.
    pub first_poll_memory_mib: f64,
}

/// Of a function that has worked for a while.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steady {
    /// The peak of resident memory after a comparison of 1,000 accounts, in MiB.
    pub memory_mib: f64,
}

/// Of the enrollment of a new account.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enroll {
    /// Latency on top of AWS's own time, in seconds, while StackSets send events.
    pub latency_with_events_seconds: f64,
    /// The same when those events are lost.
    pub latency_without_events_seconds: f64,
    /// Calls, where the operation takes six seconds and the role works at once.
    pub calls: Calls,
    /// Calls, where both take as long as on AWS.
    pub calls_as_on_aws: Calls,
}

/// Of the enrollment of one account.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// Calls of AWS.
    pub aws: u64,
    /// Calls of the SaaS.
    pub saas: u64,
}

/// Of large organizations.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// A comparison of 10,000 accounts that changes nothing.
    pub reconcile_10000: Reconcile,
    /// Passes that 1,000 events at once become.
    pub burst_passes: u64,
    /// The exponent of calls, processor time and memory over accounts: 1 is proportional.
    pub exponent: f64,
    /// How many percent longer enrolling may take than the SaaS's limit of calls makes it.
    pub over_limit_percent: f64,
}

/// Of one comparison.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconcile {
    /// Invocations of the account function.
    pub invocations: u64,
    /// Time with the latency of real services, in seconds.
    pub seconds: f64,
    /// Time on a processor, in seconds.
    pub cpu_seconds: f64,
    /// The peak of resident memory, in MiB.
    pub memory_mib: f64,
    /// Calls that change something.
    pub writes: u64,
}

/// Of what is uploaded.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// By how many percent a function may be beyond its budget before a check fails.
    pub tolerance_percent: f64,
    /// By architecture and function.
    pub functions: BTreeMap<String, BTreeMap<String, FunctionSize>>,
}

/// Of one function, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionSize {
    /// The program.
    pub bootstrap: u64,
    /// Its zip.
    pub zip: u64,
}

impl Size {
    /// The budget of a function for an architecture.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(&self, architecture: &str, function: &str) -> anyhow::Result<FunctionSize> {
        self.functions
            .get(architecture)
            .and_then(|functions| functions.get(function))
            .copied()
            .with_context(|| format!("{function} has no budget for {architecture}"))
    }
}

/// The targets that this was compiled with.
///
/// # Errors
/// When they cannot be understood.
pub fn budgets() -> anyhow::Result<Budgets> {
    serde_yaml_ng::from_str(TEXT).context("the budgets cannot be understood")
}

#[cfg(test)]
mod tests {
    use towerhook_package::FUNCTIONS;
    use towerhook_package::lambda::{ARM64, X86_64};

    use super::*;

    #[test]
    fn every_function_has_its_budgets() {
        let budgets = budgets().unwrap();
        for (function, _) in FUNCTIONS {
            for architecture in [ARM64.name, X86_64.name] {
                let size = budgets.size.of(architecture, function).unwrap();
                assert!(size.zip < size.bootstrap, "{architecture} {function}");
            }
            assert!(budgets.cold.first_poll_ratio[function] > 1.0, "{function}");
        }
    }

    #[test]
    fn a_function_without_a_budget_and_an_unknown_key_are_refused() {
        let budgets = budgets().unwrap();
        assert!(budgets.size.of("arm64", "unknown").is_err());
        let more = format!("{TEXT}\nmore: 1\n");
        assert!(serde_yaml_ng::from_str::<Budgets>(&more).is_err());
    }
}
