//! One look at a whole organization in which there is nothing to do: what the account function's
//! hourly comparison costs.

mod aws;
mod lacework;
mod landing_zone;
mod pages;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use comfy_table::Table;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::Section;
use crate::binaries::{self, Binaries};
use crate::endpoint::{Certificates, Endpoint};
use crate::functions;
use crate::lambda::Function;
use crate::steady::landing_zone::{LandingZone, UNITS};

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
    /// The most memory that was resident until the first poll, in MiB.
    pub first_poll_memory_mib: f64,
    /// The most memory that was resident until the end of the pass, in MiB.
    pub peak_memory_mib: f64,
    /// The processor time of the process from its start to the end of the pass, in seconds.
    pub cpu_seconds: f64,
    /// From the event to the function's answer, in seconds. Most of it is the time of the endpoints,
    /// which are on the same machine, so it says little of a pass on AWS.
    pub pass_seconds: f64,
    /// The bytes of all replies' bodies, in MiB.
    pub received_mib: f64,
    /// How often each operation was called.
    pub calls: BTreeMap<String, usize>,
    /// How many of the calls changed anything but the lease.
    pub writes: usize,
}

/// Builds the account function and has it look at organizations of these sizes.
///
/// # Errors
/// When the function cannot be built, does not start or answer, or does not find every account as it
/// should be.
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
    let since = Timestamp::now() - Duration::from_secs(24 * 60 * 60);
    let zone = LandingZone::new(accounts, since)?;
    let of_lacework = Arc::new(zone.clone());
    let lacework = Endpoint::http(Arc::new(move |call| lacework::answer(&of_lacework, call)))?;
    let of_aws = Arc::new(zone.watched_at(&lacework.url.parse()?));
    let certificates = Certificates::new()?;
    let aws = Endpoint::https(
        &certificates,
        Arc::new(move |call| aws::answer(&of_aws, call)),
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

/// No record may come back, the plan must be over all accounts and empty, and the pass must have come
/// to its end.
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
        "the plan was {plan}"
    );
    let metrics = |line: &Value| line["Function"].is_string().then(|| line.clone());
    let counts = function.logged(metrics).await?;
    let trouble = ["CallsFailed", "AccountsBlocked", "AccountsRevisited"];
    ensure!(
        counts["Passes"] == 1 && trouble.iter().all(|count| counts[*count] == 0),
        "the pass came to {counts}"
    );
    Ok(())
}

/// The figures as tables.
#[must_use]
pub fn tables(figures: &Figures) -> Vec<Section> {
    let mut costs = Table::new();
    costs.set_header([
        "accounts",
        "peak memory, MiB",
        "of it at the first poll, MiB",
        "processor, seconds",
        "pass, seconds",
        "received, MiB",
        "calls",
        "writes",
    ]);
    for pass in &figures.passes {
        costs.add_row([
            pass.accounts.to_string(),
            format!("{:.1}", pass.peak_memory_mib),
            format!("{:.1}", pass.first_poll_memory_mib),
            format!("{:.2}", pass.cpu_seconds),
            format!("{:.2}", pass.pass_seconds),
            format!("{:.1}", pass.received_mib),
            pass.calls.values().sum::<usize>().to_string(),
            pass.writes.to_string(),
        ]);
    }
    vec![
        Section {
            title: format!(
                "A look at the whole organization with nothing to do, in {UNITS} organizational units"
            ),
            table: costs,
        },
        Section {
            title: "Calls of that look, by the number of accounts".to_owned(),
            table: calls(&figures.passes),
        },
    ]
}

fn calls(passes: &[Pass]) -> Table {
    let names: BTreeSet<&String> = passes.iter().flat_map(|pass| pass.calls.keys()).collect();
    let mut table = Table::new();
    let header = std::iter::once("call".to_owned());
    table.set_header(header.chain(passes.iter().map(|pass| pass.accounts.to_string())));
    for name in names {
        let counts = passes.iter().map(|pass| {
            pass.calls
                .get(name)
                .copied()
                .unwrap_or_default()
                .to_string()
        });
        table.add_row(std::iter::once(name.clone()).chain(counts));
    }
    table
}
