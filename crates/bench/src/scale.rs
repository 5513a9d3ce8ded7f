//! How the cost grows with the organization: the shipped core in the simulated world, from 1 account
//! to 10,000, with the rates that AWS allows.
//!
//! The world is part of what is measured: its processor time and memory are in the figures.

mod checks;
mod run;
mod sandbox;
mod tables;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use towerhook_world::scale::{self, Setting};

use crate::binaries::Binaries;

pub(crate) use checks::targets;
pub use checks::{Exponents, Limit, growth};
pub use run::{Part, Pass, Run, one};
pub use sandbox::Agreement;
pub use tables::{curves, tables};

/// The sizes, in accounts besides the landing zone's own three.
pub const SIZES: [usize; 5] = [1, 10, 100, 1_000, 10_000];

/// The seed of every run.
const SEED: u64 = 1;
/// The most organizational units that an organization has here.
const UNITS: usize = 100;
/// Accounts of the largest organization, and of the one that others arrive in.
const COMPARED: usize = 10_000;
const SETTLED: usize = 100;
/// Accounts that arrive within a minute.
const BURST: usize = 1_000;
const MINUTE: Duration = Duration::from_secs(60);

/// An organization to be launched in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// The accounts, besides Management, Log Archive and Audit.
    pub accounts: usize,
    /// Whether the SaaS allows 480 requests an hour, or any number.
    pub limited: bool,
}

impl Size {
    fn setting(self) -> Setting {
        Setting {
            accounts: self.accounts,
            // The world has five at least.
            units: self.accounts.clamp(5, UNITS),
            limited: self.limited,
        }
    }
}

/// A pass over an organization in the desired state.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The accounts, besides Management, Log Archive and Audit.
    pub accounts: usize,
    /// What it cost.
    pub part: Part,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// The launches, in the order of [`SIZES`], first without the SaaS's limit and then with it.
    pub runs: Vec<Run>,
    /// How the launches without the limit grow between 100 and 10,000 accounts.
    pub exponents: Exponents,
    /// How long the launches with the limit take, where they wait for it.
    pub limits: Vec<Limit>,
    /// The schedule's comparisons of accounts that are enrolled already, in the order of [`SIZES`].
    pub comparisons: Vec<Comparison>,
    /// 1,000 new accounts and their events within a minute, in an organization of 100, until all of
    /// them are enrolled.
    pub burst: Part,
    /// 1,000 events within a minute for accounts that are enrolled already, until all is quiet.
    pub repeated: Part,
    /// One new account in an organization of 100, from its event until it is enrolled.
    pub newcomer: Part,
    /// How far the world and the sandbox agree.
    pub agreement: Agreement,
}

/// Measures. `child` returns the command for a process that prints the result of [`one`] as JSON: each
/// size needs its own process for its own peak memory. `binaries` and cargo's `target` folder are for the
/// sandbox that the world is compared with.
///
/// # Errors
/// When a child cannot be run, fails or prints no figures, or the sandbox fails.
pub async fn measure(
    child: &dyn Fn(Size) -> Command,
    binaries: &Binaries,
    target: &Path,
) -> anyhow::Result<Figures> {
    let mut runs = Vec::new();
    for limited in [false, true] {
        for accounts in SIZES {
            let size = Size { accounts, limited };
            let run = read(child(size)).await;
            runs.push(run.with_context(|| format!("the launch with {accounts} accounts"))?);
        }
    }
    let of = |accounts| {
        let limited = false;
        Size { accounts, limited }.setting()
    };
    let mut comparisons = Vec::new();
    for accounts in SIZES {
        let part = apart(move || scale::reconcile(of(accounts), SEED)).await?;
        comparisons.push(Comparison {
            accounts,
            part: part.into(),
        });
    }
    let burst = apart(move || scale::arrivals(of(SETTLED), SEED, BURST, MINUTE)).await?;
    let repeated = apart(move || scale::repeated_events(of(BURST), SEED, BURST, MINUTE)).await?;
    let newcomer = apart(move || scale::arrivals(of(SETTLED), SEED, 1, Duration::ZERO)).await?;
    let exponents = Exponents::of(&runs).context("there are too few sizes for an exponent")?;
    let limits = runs.iter().filter_map(Limit::of).collect::<Vec<_>>();
    let [burst, repeated, newcomer] = [burst, repeated, newcomer].map(Part::from);
    let agreement = sandbox::measure(binaries, target).await?;
    Ok(Figures {
        runs,
        exponents,
        limits,
        comparisons,
        burst,
        repeated,
        newcomer,
        agreement,
    })
}

/// Runs work that takes seconds of processor time off the runtime's own threads.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context("a scenario did not end")
}

async fn read(mut child: Command) -> anyhow::Result<Run> {
    let output = child
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .context("cannot run the child")?
        .wait_with_output()
        .await?;
    ensure!(output.status.success(), "the child failed");
    serde_json::from_slice(&output.stdout).context("the child printed no figures")
}
