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
            let error = match self.await_status(&stack, "CREATE_COMPLETE", listen).await {
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
            let error = match self.await_status(stack, "UPDATE_COMPLETE", listen).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            self.tolerate(attempt, "the update", error, listen)?;
            // The rollback may still be in progress.
            self.await_status(stack, "UPDATE_ROLLBACK_COMPLETE", listen)
                .await?;
        }
        Ok(())
    }

    /// Deletes the stack, under faults as often as an administrator would.
    pub(super) async fn delete_stack(&self, listen: Listener<'_>) -> anyhow::Result<()> {
        let stack = self.stack()?;
        for attempt in 1.. {
            stack.delete().await?;
            match self.await_status(stack, "DELETE_COMPLETE", listen).await {
                Ok(()) => break,
                Err(error) => self.tolerate(attempt, "the deletion", error, listen)?,
            }
        }
        Ok(())
    }

    async fn await_status(
        &self,
        stack: &Stack,
        wanted: &str,
        listen: Listener<'_>,
    ) -> anyhow::Result<()> {
        let tell = |awaited: &str| listen(Telling::Step(awaited));
        stack
            .wait_and_tell(wanted, STACK_DEADLINE, Some(&tell))
            .await
    }

    /// Tolerates a failure that faults explain, and no other.
    fn tolerate(
        &self,
        attempt: u32,
        what: &str,
        error: anyhow::Error,
        listen: Listener<'_>,
    ) -> anyhow::Result<()> {
        let failed = match error.downcast_ref::<StackFailed>() {
            Some(failed) if self.adversity.is_some() && attempt < TRIES => failed,
            _ => return Err(error),
        };
        listen(Telling::Fact(&tolerated(what, failed)));
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
        let mut last = None;
        while self.dead_letters().await? > 0 {
            listen(Telling::Step("cargo towerhook redrive --return"));
            match (adversity.redrive)(self.sandbox.running()).await {
                Ok(lines) => {
                    for line in lines {
                        listen(Telling::Fact(&format!("redrive: {line}")));
                    }
                }
                // It is safe to repeat.
                Err(error) => {
                    listen(Telling::Fact(
                        "redrive: one of its own calls failed, as a third of them do; it is repeated",
                    ));
                    last = Some(error);
                }
            }
            ensure!(
                Instant::now() < end,
                "the dead-letter queue is not empty in time{}",
                last.map_or_else(String::new, |error| format!(", and at last: {error:#}"))
            );
            tokio::time::sleep(INTERVAL).await;
        }
        Ok(())
    }
}

/// Of a failure that is tried again, what failed and not why: the cause is a fault, and injected.
fn tolerated(what: &str, failed: &StackFailed) -> String {
    let failures = failed.failures.iter();
    let resources: Vec<_> = failures.map(|failure| failure.resource.as_str()).collect();
    let resources = match &resources[..] {
        [] => failed.status.clone(),
        some => some.join(", "),
    };
    format!("{what} failed ({resources}), as it may when calls fail, and is tried again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::Failure;

    #[test]
    fn what_is_tried_again_is_told_without_the_injected_cause() {
        let failure = Failure {
            resource: "Setup".into(),
            status: "CREATE_FAILED".into(),
            reason: "DispatchFailure(ConnectorError { kind: Io })".into(),
        };
        let mut failed = StackFailed {
            name: "towerhook".into(),
            status: "ROLLBACK_COMPLETE".into(),
            failures: vec![failure],
        };
        assert_eq!(
            tolerated("the launch", &failed),
            "the launch failed (Setup), as it may when calls fail, and is tried again"
        );
        failed.failures.clear();
        let told = tolerated("the deletion", &failed);
        assert!(
            told.starts_with("the deletion failed (ROLLBACK_COMPLETE)"),
            "{told}"
        );
    }
}
