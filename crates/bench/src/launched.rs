//! A sandbox with the shipped functions, in which every account is enrolled.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use towerhook_package::local::FunctionZips;
use towerhook_package::{Packing, zip_bootstrap};
use towerhook_sandbox::providers::Subject;
use towerhook_sandbox::{Options, Sandbox};

use crate::binaries::Binaries;

/// How often an awaited condition is checked.
pub(crate) const INTERVAL: Duration = Duration::from_millis(20);
/// How long a condition is awaited.
pub(crate) const DEADLINE: Duration = Duration::from_secs(300);

/// The accounts of a landing zone that are not enrolled: the management account.
const UNWATCHED: usize = 1;

/// A running sandbox.
pub(crate) struct Launched {
    pub(crate) sandbox: Sandbox,
    work_queue: String,
}

impl Launched {
    /// Launches the main stack in a landing zone with this many accounts, where a StackSet operation
    /// takes at least `operation`, and waits until every account is enrolled and the work queue is
    /// empty.
    pub(crate) async fn start(
        binaries: &Binaries,
        target: &Path,
        accounts: usize,
        operation: Duration,
    ) -> anyhow::Result<Self> {
        let mut options = Options::below(target);
        options.accounts = accounts;
        options.operation_delay = operation;
        let zips = zips(binaries, &target.join("towerhook/bench/zips"))?;
        let sandbox = Sandbox::start(options, &|_| {}).await?;
        sandbox.upload(&zips).await?;
        let stack = sandbox.launch(&[]).await?;
        stack.wait_for("CREATE_COMPLETE", DEADLINE).await?;
        let work_queue = stack.output("WorkQueueUrl").await?;
        let launched = Self {
            sandbox,
            work_queue,
        };
        until("the existing accounts are enrolled", async || {
            Ok(launched.watched() >= accounts - UNWATCHED)
        })
        .await?;
        launched.settle().await?;
        Ok(launched)
    }

    /// How many accounts have a registration.
    fn watched(&self) -> usize {
        let found = self.sandbox.simulator.registrations();
        found
            .iter()
            .filter(|one| matches!(one.subject, Subject::Account(_)))
            .count()
    }

    /// Calls of AWS so far, by `service:Operation`.
    pub(crate) fn aws_calls(&self) -> BTreeMap<String, u64> {
        self.sandbox.gateway.calls()
    }

    /// Requests to the SaaS so far.
    pub(crate) fn registry_requests(&self) -> u64 {
        self.sandbox.simulator.calls().values().sum()
    }

    /// Sends a message to the work queue, past the gateway, which counts only calls of the functions.
    pub(crate) async fn send(&self, message: &Value) -> anyhow::Result<()> {
        let request = json!({"QueueUrl": self.work_queue, "MessageBody": message.to_string()});
        let inside = self.sandbox.inside()?;
        inside
            .json("sqs", "AmazonSQS", "SendMessage", request)
            .await?;
        Ok(())
    }

    /// Waits until nothing is in the work queue, in flight or on its way.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        until("the work queue is empty", async || {
            Ok(self.messages().await? == 0)
        })
        .await
    }

    async fn messages(&self) -> anyhow::Result<u64> {
        let request = json!({"QueueUrl": self.work_queue, "AttributeNames": ["All"]});
        let inside = self.sandbox.inside()?;
        let answer = inside
            .json("sqs", "AmazonSQS", "GetQueueAttributes", request)
            .await?;
        ["", "NotVisible", "Delayed"]
            .iter()
            .try_fold(0, |sum, which| {
                let name = format!("ApproximateNumberOfMessages{which}");
                let number = answer["Attributes"][&name].as_str();
                let number: u64 = number.with_context(|| format!("no {name}"))?.parse()?;
                Ok(sum + number)
            })
    }
}

fn zips(binaries: &Binaries, folder: &Path) -> anyhow::Result<FunctionZips> {
    std::fs::create_dir_all(folder)?;
    let zip = |name: &str| -> anyhow::Result<PathBuf> {
        let path = folder.join(format!("{name}.zip"));
        zip_bootstrap(binaries.path(name)?, &path, Packing::Stored)?;
        Ok(path)
    };
    Ok(FunctionZips {
        setup: zip("setup")?,
        account: zip("account")?,
        auth: zip("auth")?,
    })
}

/// The counts that grew from `before` to `after`, and by how much.
pub(crate) fn difference(
    after: &BTreeMap<String, u64>,
    before: &BTreeMap<String, u64>,
) -> BTreeMap<String, u64> {
    let grown = after.iter().map(|(name, count)| {
        let earlier = before.get(name).copied().unwrap_or_default();
        (name.clone(), count - earlier)
    });
    grown.filter(|(_, count)| *count > 0).collect()
}

/// Waits for a condition.
///
/// # Errors
/// When it is not met in time, or cannot be checked.
pub(crate) async fn until(
    what: &str,
    mut condition: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let end = Instant::now() + DEADLINE;
    while !condition().await? {
        ensure!(
            Instant::now() < end,
            "timed out after {} s waiting until {what}",
            DEADLINE.as_secs()
        );
        tokio::time::sleep(INTERVAL).await;
    }
    Ok(())
}
