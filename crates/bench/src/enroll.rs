//! What one new account costs, from Control Tower's event to its registration: in a sandbox, with the
//! functions as they ship.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::Serialize;
use towerhook_sandbox::emulator::logs::function_log;
use towerhook_sandbox::{STACK_NAME, Sandbox};

use crate::Section;
use crate::binaries::Binaries;
use crate::budgets::Enroll;
use crate::launched::{DEADLINE, INTERVAL, Launched, difference, until};
use crate::numbers::fixed;
use crate::rows::Rows;
use crate::statistics::Quartiles;

/// How many accounts are created while StackSet events arrive.
const WITH_EVENTS: usize = 5;
/// How many are created while all StackSet events are lost.
const WITHOUT_EVENTS: usize = 3;
/// How long a StackSet operation takes at least. In AWS it is some tens of seconds.
const OPERATION: Duration = Duration::from_secs(6);
/// The accounts that exist at launch.
const ACCOUNTS: usize = 4;
/// The lease's cooldown after a pass. Accounts seldom arrive within it of each other.
const ALONE: Duration = Duration::from_secs(4);
/// `MemorySize` of the account function, in GB.
const MEMORY_GB: f64 = 0.25;
const UNIT: &str = "Sandbox";

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Accounts created while StackSet events arrive.
    pub with_events: Enrollments,
    /// Accounts created while all StackSet events are lost.
    pub without_events: Enrollments,
}

/// Some accounts, created one after the other.
#[derive(Debug, Clone, Serialize)]
pub struct Enrollments {
    /// How many.
    pub accounts: usize,
    /// From the event on the bus to the registration, without the time of the StackSet operation.
    pub latency_seconds: Quartiles,
    /// The StackSet operation itself.
    pub operation_seconds: Quartiles,
    /// Handling the events of Organizations, minutes before Control Tower's event.
    pub announced: Cost,
    /// From Control Tower's event up to the registration.
    pub enrolled: Cost,
    /// From the same event until the work queue is empty.
    pub settled: Cost,
}

/// What an account costs: means over the accounts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Cost {
    /// Invocations of the account function.
    pub invocations: f64,
    /// Their billed duration, in milliseconds.
    pub billed_ms: f64,
    /// The billed duration times the function's memory.
    pub gb_seconds: f64,
    /// Calls of AWS.
    pub aws_calls: f64,
    /// Calls of the SaaS.
    pub saas_calls: f64,
    /// Calls of AWS by `service:Operation`.
    pub by_operation: BTreeMap<String, f64>,
}

/// Enrolls accounts in a sandbox of its own.
///
/// # Errors
/// When the sandbox cannot be started, the stack fails, or an account is not enrolled in time.
pub async fn measure(binaries: &Binaries, target: &Path) -> anyhow::Result<Figures> {
    let mut launched = Launched::start(binaries, target, ACCOUNTS, OPERATION).await?;
    let with_events = enroll(&mut launched, "with-events", WITH_EVENTS).await?;
    launched.sandbox.gateway.stack_sets().lose_events(true);
    let without_events = enroll(&mut launched, "without-events", WITHOUT_EVENTS).await?;
    launched.sandbox.shutdown().await?;
    Ok(Figures {
        with_events,
        without_events,
    })
}

async fn enroll(
    launched: &mut Launched,
    name: &str,
    accounts: usize,
) -> anyhow::Result<Enrollments> {
    let (mut latencies, mut operations) = (Vec::new(), Vec::new());
    let (mut announced, mut enrolled, mut settled) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..accounts {
        let name = format!("{name}-{number}");
        // Control Tower enrolls an account minutes after Organizations announces it.
        tokio::time::sleep(ALONE).await;
        let before = Count::take(launched).await?;
        launched
            .sandbox
            .landing_zone
            .add_account(&name, UNIT)
            .await?;
        Count::when_idle(launched, &before, 1).await?;
        launched.settle().await?;
        announced.push(Count::take(launched).await?.since(&before));
        tokio::time::sleep(ALONE).await;
        let before = Count::take(launched).await?;
        let account = launched.sandbox.landing_zone.enroll_account(&name).await?;
        let event_at = Instant::now();
        until(&format!("{} is enrolled", account.name), async || {
            let found = launched.sandbox.simulator.registrations();
            Ok(found.iter().any(|one| one.watches(&account.id)))
        })
        .await?;
        let took = event_at.elapsed();
        let operation = operation_of(&launched.sandbox, &account.id)?;
        latencies.push(took.saturating_sub(operation).as_secs_f64());
        operations.push(operation.as_secs_f64());
        // The pass that created the registration still makes its last calls, which count as its own.
        let done = Count::when_idle(launched, &before, 2).await?;
        enrolled.push(done.since(&before));
        launched.settle().await?;
        settled.push(Count::take(launched).await?.since(&before));
    }
    let quartiles = |of: &[f64]| Quartiles::of(of).context("no account was created");
    Ok(Enrollments {
        accounts,
        latency_seconds: quartiles(&latencies)?,
        operation_seconds: quartiles(&operations)?,
        announced: mean(&announced),
        enrolled: mean(&enrolled),
        settled: mean(&settled),
    })
}

/// How long the operation that created the account's stack took.
fn operation_of(sandbox: &Sandbox, account: &str) -> anyhow::Result<Duration> {
    let sets = sandbox.gateway.stack_sets().all();
    let operations = sets.iter().flat_map(|set| &set.operations);
    operations
        .filter(|operation| operation.results.iter().any(|(id, ..)| id == account))
        .find_map(|operation| operation.took)
        .with_context(|| format!("no StackSet operation created a stack in {account}"))
}

/// Calls and billed durations up to a moment.
struct Count {
    aws: BTreeMap<String, u64>,
    saas: u64,
    billed_ms: Vec<f64>,
}

impl Count {
    async fn take(launched: &Launched) -> anyhow::Result<Self> {
        let group = format!("/aws/lambda/{STACK_NAME}-account");
        let log = function_log(&launched.sandbox.inside()?, &group).await?;
        Ok(Self {
            aws: launched.aws_calls(),
            saas: launched.registry_requests(),
            billed_ms: log
                .iter()
                .filter_map(|line| billed(&line.message))
                .collect(),
        })
    }

    /// Waits until all invocations since `before` have ended, and at least `least` of them.
    async fn when_idle(launched: &Launched, before: &Self, least: usize) -> anyhow::Result<Self> {
        let end = Instant::now() + DEADLINE;
        let mut last = Self::take(launched).await?;
        loop {
            tokio::time::sleep(INTERVAL * 10).await;
            let now = Self::take(launched).await?;
            let invocations = now.billed_ms.len() - before.billed_ms.len();
            if now.aws == last.aws && invocations >= least {
                return Ok(now);
            }
            ensure!(
                Instant::now() < end,
                "the account function does not become idle"
            );
            last = now;
        }
    }

    fn since(self, before: &Self) -> Cost {
        let billed_ms: f64 = self.billed_ms.iter().skip(before.billed_ms.len()).sum();
        let by_operation: BTreeMap<String, f64> = difference(&self.aws, &before.aws)
            .into_iter()
            .map(|(name, count)| (name, count as f64))
            .collect();
        Cost {
            invocations: (self.billed_ms.len() - before.billed_ms.len()) as f64,
            billed_ms,
            gb_seconds: billed_ms / 1000.0 * MEMORY_GB,
            aws_calls: by_operation.values().sum(),
            saas_calls: (self.saas - before.saas) as f64,
            by_operation,
        }
    }
}

fn mean(costs: &[Cost]) -> Cost {
    let number = costs.len().max(1) as f64;
    let of = |field: fn(&Cost) -> f64| costs.iter().map(field).sum::<f64>() / number;
    let mut by_operation: BTreeMap<String, f64> = BTreeMap::new();
    for (name, count) in costs.iter().flat_map(|cost| &cost.by_operation) {
        *by_operation.entry(name.clone()).or_default() += count / number;
    }
    Cost {
        invocations: of(|cost| cost.invocations),
        billed_ms: of(|cost| cost.billed_ms),
        gb_seconds: of(|cost| cost.gb_seconds),
        aws_calls: of(|cost| cost.aws_calls),
        saas_calls: of(|cost| cost.saas_calls),
        by_operation,
    }
}

/// The billed duration in Lambda's `REPORT` line, in milliseconds.
fn billed(line: &str) -> Option<f64> {
    let (_, rest) = line
        .strip_prefix("REPORT ")?
        .split_once("Billed Duration: ")?;
    rest.split_once(" ms")?.0.parse().ok()
}

/// The figures as tables, beside their targets.
#[must_use]
pub fn tables(figures: &Figures, budget: &Enroll) -> Vec<Section> {
    let Figures {
        with_events,
        without_events,
    } = figures;
    let latencies = [
        ("arrive", with_events, budget.latency_with_events_seconds),
        (
            "are lost",
            without_events,
            budget.latency_without_events_seconds,
        ),
    ];
    let costs = [
        ("Organizations announces it", &with_events.announced),
        (ENROLLED, &with_events.enrolled),
        ("until nothing is left to look at", &with_events.settled),
        (
            "without events, until it is enrolled",
            &without_events.enrolled,
        ),
        (
            "without events, until nothing is left",
            &without_events.settled,
        ),
    ];
    let of_target = |what: &str, shown: String| {
        if what == ENROLLED {
            shown
        } else {
            String::new()
        }
    };
    let is_met = |cost: &Cost| {
        cost.aws_calls <= budget.calls.aws as f64 && cost.saas_calls <= budget.calls.saas as f64
    };
    let enrolled = &with_events.enrolled.by_operation;
    vec![
        Rows::of(latencies)
            .column("events of StackSets", |(what, ..)| *what)
            .column("accounts", |(_, of, _)| of.accounts)
            .column("StackSet operation (s)", |(_, of, _)| {
                fixed(of.operation_seconds.median, 2)
            })
            .column("beyond it, quartile (s)", |(_, of, _)| {
                fixed(of.latency_seconds.lower, 2)
            })
            .column("median (s)", |(_, of, _)| {
                fixed(of.latency_seconds.median, 2)
            })
            .column("quartile (s)", |(_, of, _)| {
                fixed(of.latency_seconds.upper, 2)
            })
            .column("target (s)", |(.., target)| *target)
            .column("", |(_, of, target)| {
                met(of.latency_seconds.median < *target)
            })
            .titled("From CreateManagedAccount to the integration"),
        Rows::of(costs)
            .column("one new account", |(what, _)| *what)
            .column("invocations", |(_, cost)| fixed(cost.invocations, 1))
            .column("billed (ms)", |(_, cost)| fixed(cost.billed_ms, 0))
            .column("GB-seconds", |(_, cost)| fixed(cost.gb_seconds, 4))
            .column("calls of AWS", |(_, cost)| fixed(cost.aws_calls, 1))
            .column("calls of Lacework", |(_, cost)| fixed(cost.saas_calls, 1))
            .column("target", |(what, _)| {
                of_target(
                    what,
                    format!("{} and {}", budget.calls.aws, budget.calls.saas),
                )
            })
            .column("", |(what, cost)| {
                of_target(what, met(is_met(cost)).to_owned())
            })
            .titled("What one new account costs"),
        Rows::of(&with_events.settled.by_operation)
            .column("call", |(name, _)| (*name).clone())
            .column(ENROLLED, |(name, _)| {
                fixed(enrolled.get(*name).copied().unwrap_or_default(), 1)
            })
            .column("until nothing is left", |(_, count)| fixed(**count, 1))
            .titled("Calls of AWS for one new account"),
    ]
}

/// The part of an account's cost that has a target.
const ENROLLED: &str = "until it is enrolled";

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "not met" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_billed_duration_is_read_from_the_report() {
        let report = "REPORT RequestId: 1\tDuration: 11.2 ms\tBilled Duration: 12 ms\tMemory Size: \
                      256 MB\tMax Memory Used: 20 MB";
        assert_eq!(billed(report), Some(12.0));
        assert_eq!(billed("END RequestId: 1"), None);
    }

    #[test]
    fn an_account_costs_the_calls_after_its_event() {
        let count = |calls: u64, billed_ms: &[f64]| Count {
            aws: [
                ("sqs:SendMessageBatch".to_owned(), calls),
                ("idle:Call".to_owned(), 7),
            ]
            .into(),
            saas: calls,
            billed_ms: billed_ms.to_vec(),
        };
        let cost = count(5, &[100.0, 40.0, 60.0]).since(&count(2, &[100.0]));
        assert_eq!(cost.invocations, 2.0);
        assert_eq!(cost.billed_ms, 100.0);
        assert_eq!(cost.gb_seconds, 0.025);
        assert_eq!((cost.aws_calls, cost.saas_calls), (3.0, 3.0));
        assert_eq!(
            cost.by_operation,
            [("sqs:SendMessageBatch".to_owned(), 3.0)].into()
        );
        let both = mean(&[cost.clone(), Cost::default()]);
        assert_eq!(both.by_operation["sqs:SendMessageBatch"], 1.5);
        assert_eq!(both.billed_ms, 50.0);
    }
}
