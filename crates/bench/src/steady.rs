//! One pass over a whole organization in the desired state: what the account function's hourly
//! comparison costs.

mod aws;
mod enrolled;
mod lacework;
mod pages;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, ensure};
use serde::Serialize;
use serde_json::Value;
use towerhook_core::model::host;

use crate::Section;
use crate::binaries::{self, Binaries};
use crate::endpoint::{Certificates, Endpoint};
use crate::functions;
use crate::lambda::Function;
use crate::numbers::fixed;
use crate::rows::Rows;
use crate::steady::enrolled::{Enrolled, UNITS};

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// The passes, in the order asked for.
    pub passes: Vec<Pass>,
}

/// One pass, by a process that has just started.
#[derive(Debug, Clone, Serialize)]
pub struct Pass {
    /// Accounts in the organization.
    pub accounts: usize,
    /// Organizational units that they are in.
    pub units: usize,
    /// The peak of resident memory until the first poll, in MiB.
    pub first_poll_memory_mib: f64,
    /// The peak of resident memory until the end of the pass, in MiB.
    pub peak_memory_mib: f64,
    /// The processor time of the process from its start to the end of the pass, in seconds.
    pub cpu_seconds: f64,
    /// From the event to the function's answer, in seconds. Most of it is spent in the endpoints, which
    /// are on the same machine, so it says little about a pass on AWS.
    pub pass_seconds: f64,
    /// The bytes of all replies' bodies, in MiB.
    pub received_mib: f64,
    /// How often each operation was called.
    pub calls: BTreeMap<String, usize>,
    /// How many of the calls wrote anything but the lease.
    pub writes: usize,
}

/// Builds the account function and has it compare organizations of these sizes.
///
/// # Errors
/// When the function cannot be built, does not start or answer, or finds an account that is not in the
/// desired state.
pub async fn measure(accounts: &[usize]) -> anyhow::Result<Figures> {
    let binaries = binaries::build().await?;
    let mut passes = Vec::new();
    for accounts in accounts {
        let pass = look(&binaries, *accounts).await;
        passes.push(pass.with_context(|| format!("the pass over {accounts} accounts"))?);
    }
    Ok(Figures { passes })
}

async fn look(binaries: &Binaries, accounts: usize) -> anyhow::Result<Pass> {
    let launch = move || Enrolled::launch(accounts);
    let mut enrolled = tokio::task::spawn_blocking(launch).await??;
    let registry = Arc::new(enrolled.clone());
    let lacework = Endpoint::http(Arc::new(move |call| lacework::answer(&registry, call)))?;
    enrolled.deployment.policy.host = host(&lacework.url.parse()?);
    let certificates = Certificates::new()?;
    let aws = Endpoint::https(
        &certificates,
        Arc::new(move |call| aws::answer(&enrolled, call)),
    )?;
    let mut settings = functions::account(&lacework.url);
    settings.push(("AWS_ENDPOINT_URL", aws.url.clone()));
    let authority = certificates.authority().display().to_string();
    settings.push(("AWS_CA_BUNDLE", authority));
    let mut function = Function::start(binaries.path("account")?, "account", settings).await?;
    let first_poll_memory_mib = function.peak_memory_mib()?;
    let (answer, time) = function.invoke(functions::schedule()).await?;
    let peak_memory_mib = function.peak_memory_mib()?;
    let cpu_seconds = function.cpu_time()?.as_secs_f64();
    let checked = check(&mut function, &answer, accounts).await;
    let log = function.stop().await?;
    checked.with_context(|| format!("the rest of its log:\n{log}"))?;

    let mut log = aws.take_log();
    let of_lacework = lacework.take_log();
    log.calls.extend(of_lacework.calls);
    let writes = log.writes + of_lacework.writes;
    ensure!(writes == 0, "there were {writes} writes: {:?}", log.calls);
    Ok(Pass {
        accounts,
        units: UNITS,
        first_poll_memory_mib,
        peak_memory_mib,
        cpu_seconds,
        pass_seconds: time.as_secs_f64(),
        received_mib: (log.bytes + of_lacework.bytes) as f64 / f64::from(1 << 20),
        calls: log.calls,
        writes,
    })
}

/// Checks that no record comes back, that the plan covers all accounts and is empty, and that the pass
/// ended.
async fn check(function: &mut Function, answer: &Value, accounts: usize) -> anyhow::Result<()> {
    let failures = answer["batchItemFailures"].as_array();
    ensure!(
        failures.is_some_and(Vec::is_empty),
        "the function answered {answer}"
    );
    let planned = |line: &Value| (line["message"] == "planned").then(|| line.clone());
    let plan = function.logged(planned).await?;
    ensure!(
        plan["accounts"] == accounts && plan["plan"] == "",
        "the plan is {plan:?}"
    );
    let metrics = |line: &Value| line["Function"].is_string().then(|| line.clone());
    let counts = function.logged(metrics).await?;
    let trouble = ["CallsFailed", "AccountsBlocked", "AccountsRevisited"];
    ensure!(
        counts["Passes"] == 1 && trouble.iter().all(|count| counts[*count] == 0),
        "the metrics of the pass are {counts}"
    );
    Ok(())
}

/// The figures as tables.
#[must_use]
pub fn tables(figures: &Figures) -> Vec<Section> {
    let passes = &figures.passes;
    let names: BTreeSet<&String> = passes.iter().flat_map(|pass| pass.calls.keys()).collect();
    let mut calls = Rows::of(names).column("call", |name| (*name).clone());
    for pass in passes {
        let count = |name: &&String| pass.calls.get(*name).copied().unwrap_or_default();
        calls = calls.column(pass.accounts.to_string(), count);
    }
    vec![
        Rows::of(passes)
            .column("accounts", |pass| pass.accounts)
            .column("peak memory, MiB", |pass| fixed(pass.peak_memory_mib, 1))
            .column("of it at the first poll, MiB", |pass| fixed(pass.first_poll_memory_mib, 1))
            .column("processor, seconds", |pass| fixed(pass.cpu_seconds, 2))
            .column("pass, seconds", |pass| fixed(pass.pass_seconds, 2))
            .column("received, MiB", |pass| fixed(pass.received_mib, 1))
            .column("calls", |pass| pass.calls.values().sum::<usize>())
            .column("writes", |pass| pass.writes)
            .titled(format!(
                "A look at the whole organization with nothing to do, in {UNITS} organizational units"
            )),
        calls.titled("Calls of that look, by the number of accounts"),
    ]
}
