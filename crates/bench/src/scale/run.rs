//! One launch, measured in its own process.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use towerhook_world::scale::{self, Launch};

use super::{SEED, Size};
use crate::machine::peak_memory_mib;

/// Small organizations are launched repeatedly, up to the work of one of this size: the kernel counts
/// processor time in steps of some milliseconds.
const WORTH_MEASURING: usize = 2_000;

/// What a launch cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The organization.
    pub size: Size,
    /// Its organizational units.
    pub units: usize,
    /// The custom resource's part.
    pub setup: Part,
    /// From then until every account was enrolled.
    pub enrolling: Part,
    /// The processor time of both, with the world's own, in seconds.
    pub cpu_seconds: f64,
    /// The peak of the process's resident memory, in MiB.
    pub peak_memory_mib: f64,
}

/// Calls, passes and writes within some virtual time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// How often each operation was called, throttled attempts included.
    pub calls: BTreeMap<String, usize>,
    /// How many of the calls were throttled.
    pub throttles: BTreeMap<String, usize>,
    /// Calls of AWS operations.
    pub aws_calls: usize,
    /// Requests to the SaaS.
    pub registry_requests: usize,
    /// Invocations of the account function.
    pub invocations: usize,
    /// The invocations that held the lease and ended by themselves.
    pub passes: usize,
    /// The pass with the most AWS calls.
    pub dearest_for_aws: Pass,
    /// The pass with the most requests to the SaaS.
    pub dearest_for_saas: Pass,
    /// The invocations that ran into the function's timeout.
    pub timeouts: usize,
    /// Writes to AWS, the SaaS and the ledger, leases apart.
    pub writes: usize,
    /// The virtual time, in seconds.
    pub virtual_seconds: f64,
}

/// What a pass cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// Calls of AWS operations.
    pub aws_calls: usize,
    /// Requests to the SaaS.
    pub registry_requests: usize,
    /// The registrations that it tried to create.
    pub creations: usize,
}

impl From<scale::PassCost> for Pass {
    fn from(cost: scale::PassCost) -> Self {
        Self {
            aws_calls: cost.aws_calls,
            registry_requests: cost.registry_requests,
            creations: cost.creations,
        }
    }
}

impl From<scale::Figures> for Part {
    fn from(figures: scale::Figures) -> Self {
        let named = |counts: &BTreeMap<&'static str, usize>| {
            let named = counts.iter();
            named
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect()
        };
        let dearest = |cost: fn(&scale::PassCost) -> usize| {
            let pass = figures.passes.iter().max_by_key(|pass| cost(pass));
            pass.copied().map(Pass::from).unwrap_or_default()
        };
        Self {
            dearest_for_aws: dearest(|pass| pass.aws_calls),
            dearest_for_saas: dearest(|pass| pass.registry_requests),
            calls: named(&figures.calls),
            throttles: named(&figures.throttles),
            aws_calls: figures.aws_calls(),
            registry_requests: figures.registry_requests(),
            invocations: figures.invocations,
            passes: figures.passes.len(),
            timeouts: figures.timeouts,
            writes: figures.writes,
            virtual_seconds: figures.took.as_secs_f64(),
        }
    }
}

impl Run {
    /// The accounts of the organization.
    #[must_use]
    pub fn organization(&self) -> usize {
        self.size.setting().organization()
    }

    /// The enrolled accounts.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.size.setting().watched()
    }

    /// Calls to AWS and the SaaS, the custom resource's included.
    #[must_use]
    pub fn calls(&self) -> usize {
        let parts = [&self.setup, &self.enrolling];
        parts
            .map(|part| part.aws_calls + part.registry_requests)
            .iter()
            .sum()
    }

    /// Requests to the SaaS, the custom resource's included.
    #[must_use]
    pub fn registry_requests(&self) -> usize {
        self.setup.registry_requests + self.enrolling.registry_requests
    }

    /// The virtual time of the whole launch, in hours.
    #[must_use]
    pub fn virtual_hours(&self) -> f64 {
        (self.setup.virtual_seconds + self.enrolling.virtual_seconds) / 3600.0
    }
}

/// Launches in an organization of this size and measures the process. Call it once per process, and
/// nothing else in it, since peak memory is the whole process's.
///
/// # Errors
/// When the kernel does not report the process's usage.
///
/// # Panics
/// When not every account is enrolled in the end.
pub fn one(size: Size) -> anyhow::Result<Run> {
    let setting = size.setting();
    let repetitions = (WORTH_MEASURING / size.accounts.max(1)).clamp(1, 100);
    let before = cpu_seconds()?;
    let mut launched = None;
    for _ in 0..repetitions {
        launched = Some(scale::launch(setting, SEED));
    }
    let cpu_seconds = (cpu_seconds()? - before) / repetitions as f64;
    let Launch { setup, enrolling } = launched.context("nothing was launched")?;
    Ok(Run {
        size,
        units: setting.units,
        setup: setup.into(),
        enrolling: enrolling.into(),
        cpu_seconds: to_the_millionth(cpu_seconds),
        peak_memory_mib: to_the_millionth(peak_memory_mib("self")?),
    })
}

/// Rounds a figure so that it survives a round trip through JSON.
fn to_the_millionth(figure: f64) -> f64 {
    (figure * 1e6).round() / 1e6
}

/// The processor time of this thread.
fn cpu_seconds() -> anyhow::Result<f64> {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = statistics.split_whitespace().next().unwrap_or_default();
    let nanoseconds: u64 = nanoseconds.parse().context("no time in schedstat")?;
    Ok(nanoseconds as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_as_it_was_written() {
        let size = Size {
            accounts: 3,
            limited: false,
        };
        let run = one(size).unwrap();
        let text = serde_json::to_string(&run).unwrap();
        assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run);
        assert_eq!((run.organization(), run.watched()), (6, 5));
        assert!(run.cpu_seconds > 0.0 && run.peak_memory_mib > 1.0);
        assert!(run.enrolling.passes <= run.enrolling.invocations);
    }
}
