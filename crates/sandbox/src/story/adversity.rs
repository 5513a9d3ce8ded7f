//! The story under faults: an administrator who retries, and an outage that fills the dead-letter
//! queue.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::future::BoxFuture;

use super::chapters::{ENROLLMENT_DEADLINE, INTERVAL, STACK_DEADLINE};
use super::{Listener, Story, Telling};
use crate::Running;
use crate::gateway::Fault;
use crate::launch::{Parameters, Stack, StackFailed, hurried};

/// How often an administrator tries one step.
const TRIES: u32 = 6;

/// How long it may take until a message has failed five times.
const OUTAGE_DEADLINE: Duration = Duration::from_secs(600);

/// Everything takes longer when a third of the calls fail.
const SLOWDOWN: u32 = 4;

/// `cargo towerhook redrive --return` against a running sandbox; answers a line for each message.
pub type Redrive =
    Box<dyn Fn(Running) -> BoxFuture<'static, anyhow::Result<Vec<String>>> + Send + Sync>;

/// Faults on a third of all calls, up to the last chapter.
pub struct Adversity {
    /// The seed of the faults.
    pub seed: u64,
    /// Empties the dead-letter queue.
    pub redrive: Redrive,
}

impl fmt::Debug for Adversity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Adversity")
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Story {
    /// The template to launch: under faults, a failed message is retried soon.
    pub(super) fn template(&self) -> String {
        match &self.adversity {
            Some(_) => hurried(self.sandbox.template()),
            None => self.sandbox.template().to_owned(),
        }
    }

    /// The deadline for a step, longer under faults.
    pub(super) fn within(&self, deadline: Duration) -> Duration {
        match &self.adversity {
            Some(_) => deadline * SLOWDOWN,
            None => deadline,
        }
    }

    pub(super) fn begin_faults(&self, listen: Listener<'_>) {
        if let Some(Adversity { seed, .. }) = &self.adversity {
            self.sandbox.gateway.chaos().begin(*seed);
            listen(Telling::Fact(&format!(
                "from here to the last chapter a third of the functions' calls of AWS and {} \
                 fail, and a third of the events is lost or delivered twice (--seed {seed})",
                self.sandbox.simulator.title()
            )));
        }
    }

    pub(super) fn end_faults(&self, listen: Listener<'_>) {
        if self.adversity.is_none() {
            return;
        }
        let chaos = self.sandbox.gateway.chaos();
        chaos.end();
        let tally: Vec<_> = chaos
            .tally()
            .into_iter()
            .map(|(what, times)| format!("{times} {what}"))
            .collect();
        listen(Telling::Fact(&format!(
            "no more faults; injected so far: {}",
            tally.join(", ")
        )));
    }

    /// Launches the stack. Under faults, a failed launch is reported, deleted and tried again.
    pub(super) async fn launch_stack(
        &mut self,
        parameters: &[(&str, &str)],
        listen: Listener<'_>,
    ) -> anyhow::Result<()> {
        let mut all = self.sandbox.parameters();
        all.extend(
            parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        if self.adversity.is_some() {
            // Changes whose event was lost are reconciled soon.
            all.insert("ReconcileRate".to_owned(), "rate(1 minute)".to_owned());
        }
        let (user, inside) = (self.sandbox.user()?, self.sandbox.inside()?);
        let template = self.template();
        for attempt in 1.. {
            let stack = Stack::create(&user, &inside, crate::STACK_NAME, &template, &all).await?;
            self.stack = Some(stack.clone());
            let error = match stack.wait_for("CREATE_COMPLETE", STACK_DEADLINE).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            self.tolerate(attempt, "the launch", error, listen)?;
            self.delete_stack(listen).await?;
        }
        Ok(())
    }

    /// Updates the stack, under faults as often as an administrator would.
    pub(super) async fn update_stack(
        &self,
        changes: &Parameters,
        listen: Listener<'_>,
    ) -> anyhow::Result<()> {
        let stack = self.stack()?;
        let template = self.template();
        for attempt in 1.. {
            stack.update(&template, changes).await?;
            let error = match stack.wait_for("UPDATE_COMPLETE", STACK_DEADLINE).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            self.tolerate(attempt, "the update", error, listen)?;
            // The rollback may still be in progress.
            stack
                .wait_for("UPDATE_ROLLBACK_COMPLETE", STACK_DEADLINE)
                .await?;
        }
        Ok(())
    }

    /// Deletes the stack, under faults as often as an administrator would.
    pub(super) async fn delete_stack(&self, listen: Listener<'_>) -> anyhow::Result<()> {
        let stack = self.stack()?;
        for attempt in 1.. {
            stack.delete().await?;
            match stack.wait_for("DELETE_COMPLETE", STACK_DEADLINE).await {
                Ok(()) => break,
                Err(error) => self.tolerate(attempt, "the deletion", error, listen)?,
            }
        }
        Ok(())
    }

    /// Tolerates a failure that faults explain, and no other.
    fn tolerate(
        &self,
        attempt: u32,
        what: &str,
        error: anyhow::Error,
        listen: Listener<'_>,
    ) -> anyhow::Result<()> {
        if self.adversity.is_none() || attempt >= TRIES || !error.is::<StackFailed>() {
            return Err(error);
        }
        listen(Telling::Fact(&format!(
            "{what} failed and is tried again, since {error:#}"
        )));
        Ok(())
    }

    /// Under faults, fails every write to the ledger until a message is in the dead-letter queue,
    /// and then redrives all of them.
    pub(super) async fn outage(&self, listen: Listener<'_>) -> anyhow::Result<()> {
        if self.adversity.is_none() {
            return Ok(());
        }
        let faults = self.sandbox.gateway.faults();
        faults.inject("dynamodb", "UpdateItem", Fault::ServerError, u32::MAX);
        listen(Telling::Fact("an outage: every write to the ledger fails"));
        let end = Instant::now() + OUTAGE_DEADLINE;
        loop {
            let dead = self.dead_letters().await?;
            listen(Telling::Step("waiting for the dead-letter queue"));
            if dead > 0 {
                break;
            }
            ensure!(
                Instant::now() < end,
                "no message is in the dead-letter queue after {} s",
                OUTAGE_DEADLINE.as_secs()
            );
            tokio::time::sleep(INTERVAL).await;
        }
        faults.clear();
        listen(Telling::Fact("the outage is over"));
        self.redrive(listen).await
    }

    /// Redrives the dead-letter queue until it is empty.
    pub(super) async fn redrive(&self, listen: Listener<'_>) -> anyhow::Result<()> {
        let Some(adversity) = &self.adversity else {
            return Ok(());
        };
        let end = Instant::now() + self.within(ENROLLMENT_DEADLINE);
        while self.dead_letters().await? > 0 {
            listen(Telling::Step("cargo towerhook redrive --return"));
            match (adversity.redrive)(self.sandbox.running()).await {
                Ok(lines) => {
                    for line in lines {
                        listen(Telling::Fact(&format!("redrive: {line}")));
                    }
                }
                // Its own calls can fail, too; it is safe to repeat.
                Err(error) => listen(Telling::Fact(&format!("redrive: {error:#}"))),
            }
            ensure!(
                Instant::now() < end,
                "the dead-letter queue is not empty in time"
            );
            tokio::time::sleep(INTERVAL).await;
        }
        Ok(())
    }
}
