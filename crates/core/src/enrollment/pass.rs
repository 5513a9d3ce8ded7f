mod parking;
mod revisits;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use self::{
    parking::{call, leave},
    revisits::{due, send_revisits},
};
use super::{Deployment, Held, Record, Report, execute, keep_trail, observe, plan};
use crate::{
    Disposition, Result,
    lifecycle::{Parked, Scope},
    model::AccountId,
    planted::{Fault, planted},
    ports::{AccountPorts, Lease, Saas},
};

/// How long the lease outlives its holder's deadline, for clocks that differ.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(5);
/// How long there is no other pass after one: who comes alone is seen to at once.
const REST: SignedDuration = SignedDuration::from_secs(3);
/// The same after a pass over many single accounts. More of them are coming, and each pass begins
/// stacks that those of the next one are queued behind.
const REST_IN_A_BURST: SignedDuration = SignedDuration::from_secs(15);
/// More single accounts than that are a burst.
const FEW: usize = 10;

/// One way through: observe, plan, execute, report. One pass at a time, over the whole deployment.
#[derive(Debug)]
pub struct Pass<'a, T> {
    /// Who holds the lease: this invocation.
    pub owner: &'a str,
    /// The time until the invocation's deadline.
    pub time_left: T,
}

/// When a pass began, and how much time it had.
#[derive(Debug, Clone, Copy)]
struct Began {
    at: Timestamp,
    left: Duration,
}

impl Began {
    /// The time at which so much is left.
    fn later(&self, left: Duration) -> Timestamp {
        let took = self.left.saturating_sub(left);
        self.at + SignedDuration::try_from(took).unwrap_or_default()
    }
}

/// How a pass ended.
#[derive(Debug)]
pub enum Reply {
    /// There was nothing to look at.
    Nothing,
    /// Another pass was under way, so this one was put off.
    Busy,
    /// Setup has recorded no deployment, or no longer has one.
    NoDeployment,
    /// Too little could be read; the whole scope is looked at again.
    PutOff,
    /// Done, as reported.
    Done {
        /// What came of it.
        report: Box<Report>,
        /// Offboardings that await an administrator's word.
        held: Option<Held>,
    },
}

impl<T: Fn() -> Duration> Pass<'_, T> {
    /// Makes the pass, and sends what is to be looked at again as new messages.
    ///
    /// # Errors
    ///
    /// Not even those messages could be sent, or the ledger does not answer: the records
    /// themselves have to come back.
    pub async fn run<P: AccountPorts>(
        &self,
        ports: &P,
        saas: &impl Saas,
        scope: Scope,
        now: Timestamp,
    ) -> Result<Reply> {
        if scope.is_empty() {
            return Ok(Reply::Nothing);
        }
        let lifetime = SignedDuration::try_from((self.time_left)()).unwrap_or_default();
        let until = if planted(Fault::LeaseWithoutEnd) {
            now + SignedDuration::from_hours(24 * 365)
        } else {
            now + lifetime + LEASE_MARGIN
        };
        let standing = match ports.take_lease(self.owner, now, until).await? {
            Lease::Taken { deployment, parked } => {
                let all = parked.iter().map(Parked::scope).fold(scope, Scope::merge);
                return self
                    .with_lease(ports, saas, deployment, all, &parked, now)
                    .await;
            }
            Lease::Refused(_) if planted(Fault::LeaseIsNotAsked) => {
                let deployment = ports.deployment().await?.map(Box::new);
                return self
                    .with_lease(ports, saas, deployment, scope, &[], now)
                    .await;
            }
            Lease::Refused(standing) => standing,
        };
        leave(ports, self.owner, &scope, standing, now).await?;
        Ok(Reply::Busy)
    }

    async fn with_lease<P: AccountPorts>(
        &self,
        ports: &P,
        saas: &impl Saas,
        deployment: Option<Box<Deployment>>,
        scope: Scope,
        parked: &[Parked],
        now: Timestamp,
    ) -> Result<Reply> {
        if scope.is_only_a_call() {
            // Somebody has taken up already what it called for.
            ports.release_lease(self.owner).await?;
            return Ok(Reply::Nothing);
        }
        let began = Began {
            at: now,
            left: (self.time_left)(),
        };
        let rest = match scope.accounts.len() {
            0..=FEW => REST,
            _ => REST_IN_A_BURST,
        };
        let mut records = Vec::new();
        let reply = match deployment {
            None => Ok(Reply::NoDeployment),
            Some(deployment) => {
                self.look_or_put_off(ports, saas, &deployment, scope, began, &mut records)
                    .await
            }
        };
        let ended = began.later((self.time_left)());
        let rests_until = ended + rest;
        // The batch of a pass that failed comes back without what it found parked.
        let done = if reply.is_ok() { parked } else { &[] };
        let closed = ports
            .close_pass(self.owner, &records, done, rests_until)
            .await;
        match (closed, reply) {
            (Ok(false), reply) => reply,
            (Ok(true), reply) => {
                call(ports, rests_until, ended).await?;
                reply
            }
            (Err(error), reply) => {
                let released = ports.release_lease(self.owner).await;
                if let Err(error) = released {
                    tracing::warn!(error = error.chain(), "the lease ends by itself");
                }
                if records.is_empty() {
                    // It may be closed after all, and nobody has said whether anything was parked.
                    call(ports, rests_until, ended).await?;
                    reply
                } else {
                    Err(error)
                }
            }
        }
    }

    async fn look_or_put_off<P: AccountPorts>(
        &self,
        ports: &P,
        saas: &impl Saas,
        deployment: &Deployment,
        scope: Scope,
        began: Began,
        records: &mut Vec<(AccountId, Option<Record>)>,
    ) -> Result<Reply> {
        let looked = self
            .look(ports, saas, deployment, scope.clone(), began, records)
            .await;
        match looked {
            Ok(reply) => Ok(reply),
            Err(error) => {
                tracing::error!(error = error.chain(), "put off");
                let (scope, delay) = scope.again();
                let delay = match error.disposition() {
                    Disposition::RetryAfter(asked) => delay.max(asked),
                    Disposition::Permanent | Disposition::Ignore => delay,
                };
                let delay = due(began.later((self.time_left)()), delay);
                ports.send(&scope.messages(), delay).await?;
                Ok(Reply::PutOff)
            }
        }
    }

    async fn look<P: AccountPorts>(
        &self,
        ports: &P,
        saas: &impl Saas,
        deployment: &Deployment,
        scope: Scope,
        began: Began,
        records: &mut Vec<(AccountId, Option<Record>)>,
    ) -> Result<Reply> {
        let now = began.at;
        let inventory = observe(ports, saas, deployment, scope).await?;
        let plan = plan(deployment, &inventory, now);
        tracing::info!(accounts = inventory.accounts.len(), plan = %plan, "planned");
        let held = plan.held.clone();
        if let Some(held) = &held {
            tracing::error!(digest = held.digest, %held, "offboarding held");
        }
        let mut report = execute(
            ports,
            saas,
            deployment,
            &inventory,
            plan,
            now,
            &self.time_left,
        )
        .await?;
        records.append(&mut report.records);
        let trail = keep_trail(ports, saas, deployment, &inventory, now, &self.time_left).await?;
        trail.add_to(&mut report, deployment);
        if let Some((message, delay)) = trail.revisit {
            ports.send(&[message], delay).await?;
        }
        for (account, reason) in &report.blocked {
            tracing::error!(%account, reason, "an account needs help");
        }
        for account in &report.gaps {
            tracing::warn!(%account, "unwatched for a moment on its way to another sub-account");
        }
        for failure in &report.failures {
            tracing::warn!(failure, "a call failed");
        }
        let ended = began.later((self.time_left)());
        send_revisits(ports, &report.revisits, &inventory.scope.arrived, ended).await?;
        Ok(Reply::Done {
            report: Box::new(report),
            held,
        })
    }
}

impl Reply {
    /// What the pass did.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        match self {
            Self::Nothing => vec![],
            Self::Busy => vec![("PassesBusy", 1)],
            Self::NoDeployment => vec![("PassesWithoutDeployment", 1)],
            Self::PutOff => vec![("PassesPutOff", 1)],
            Self::Done { report, held } => vec![
                ("Passes", 1),
                ("AccountsEnrolled", report.enrolled.len()),
                ("AccountsOffboarded", report.left.len()),
                ("MonitoringGaps", report.gaps.len()),
                ("AccountsRevisited", report.revisits.len()),
                ("AccountsBlocked", report.blocked.len()),
                ("CallsFailed", report.failures.len()),
                (
                    "OffboardingsHeld",
                    held.as_ref().map_or(0, |held| held.accounts.len()),
                ),
            ],
        }
    }
}
