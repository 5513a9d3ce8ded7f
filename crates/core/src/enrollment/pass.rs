mod awaiting;
mod measured;
mod parking;
mod revisits;

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use self::{
    awaiting::after_operations,
    measured::enrollment_seconds,
    parking::{leave_to_next_pass, pick_up, send_wake_up},
    revisits::{due, send_revisits},
};
use super::{Held, Inventory, Report, execute, observe, plan};
use crate::{
    Error, ErrorKind, Result,
    deadline::{Ended, within},
    feed::execute_feed,
    happening::Happening,
    ledger::{Holder, Lease, LeaseState, Record, Source, Taken, Unreadable},
    lifecycle::Scope,
    model::AccountId,
    planted::{Fault, planted},
    policy::Deployment,
    ports::{AccountPorts, Clock, Registry},
    provider::Provider,
    retry::{REQUEUE, Retry},
};

/// How long the lease outlives its holder's deadline, to allow for clock skew.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(5);
/// The cooldown after a pass. It is short, so that a single account is reconciled at once.
const COOLDOWN: SignedDuration = SignedDuration::from_secs(3);
/// The cooldown after a pass over many single accounts. More are coming, and each pass starts stack
/// operations that those of the next pass have to queue behind.
const COOLDOWN_IN_A_BURST: SignedDuration = SignedDuration::from_secs(15);
/// More single accounts than this are a burst.
const FEW: usize = 10;

/// Observe, plan, execute, report. Only one pass runs at a time, over the whole deployment.
#[derive(Debug)]
pub struct Pass<'a, T, C> {
    /// The name of the lease holder: this invocation.
    pub owner: &'a str,
    /// The time until the invocation's deadline.
    pub time_left: T,
    /// Limits the time of an observation.
    pub clock: &'a C,
    /// The vendor's rules.
    pub provider: &'a dyn Provider,
    /// Whether the reply has what a comparison of the whole organization read.
    pub keeps_evidence: bool,
}

/// What a comparison of the whole organization read.
#[derive(Debug)]
pub struct Compared {
    /// The deployment in force.
    pub deployment: Deployment,
    /// What was read, with the records from before the comparison.
    pub inventory: Inventory,
}

/// Why the observation failed.
#[derive(Debug, thiserror::Error)]
enum Unobserved {
    #[error("reading would have taken too long")]
    OutOfTime,
    #[error("it panicked")]
    Panicked,
    #[error("the deployment uses {recorded}, but this function was given {given}")]
    OtherHost { recorded: String, given: String },
}

/// What a pass knows from the lease that it took.
#[derive(Debug, Clone, Copy)]
struct Known<'a> {
    /// The deployment in force.
    deployment: &'a Deployment,
    /// The sources that could not be read in the last comparisons.
    unreadable: &'a Unreadable,
    /// When the last comparison of everything began that ran to its end.
    compared: Option<Timestamp>,
}

/// When a pass began, and how much time it had.
#[derive(Debug, Clone, Copy)]
struct Began {
    at: Timestamp,
    left: Duration,
}

impl Began {
    /// The time at which this much time is left.
    fn later(&self, left: Duration) -> Timestamp {
        let took = self.left.saturating_sub(left);
        self.at + SignedDuration::try_from(took).unwrap_or_default()
    }
}

/// How a pass ended.
#[derive(Debug)]
pub enum Reply {
    /// The scope was empty, or waits for operations that are still running.
    Nothing,
    /// The lease was held or cooling down, so the scope was parked or requeued.
    Busy,
    /// Setup has recorded no deployment, or no longer has one.
    NoDeployment,
    /// The reads failed; the whole scope is requeued.
    Requeued {
        /// How many sources could not be read in three comparisons in a row.
        unreadable: usize,
    },
    /// The pass is complete.
    Done {
        /// Its report.
        report: Box<Report>,
        /// Offboardings that await an administrator's approval.
        held: Option<Held>,
        /// What others are told of.
        happenings: Vec<Happening>,
        /// What was read, if it was to be kept.
        compared: Option<Box<Compared>>,
    },
}

impl<T: Fn() -> Duration, C: Clock> Pass<'_, T, C> {
    /// Runs the pass, and sends its revisits as new messages.
    ///
    /// # Errors
    ///
    /// The revisits could not be sent, or the ledger does not answer: the batch itself has to
    /// return to the queue.
    pub async fn run<P: AccountPorts>(
        &self,
        ports: &P,
        registry: &impl Registry,
        scope: Scope,
        now: Timestamp,
    ) -> Result<Reply> {
        // The read of an operation may be slow, and the lease has to last until the deadline.
        let began = Began {
            at: now,
            left: (self.time_left)(),
        };
        let scope = after_operations(ports, scope).await?;
        if scope.is_empty() {
            return Ok(Reply::Nothing);
        }
        let until = if planted(Fault::LeaseWithoutEnd) {
            now + SignedDuration::from_hours(24 * 365)
        } else {
            began.later(Duration::ZERO) + LEASE_MARGIN
        };
        let lease = match ports.take_lease(&self.holder(), None, now, until).await? {
            Lease::Taken(mut taken) => {
                let (all, failure) = pick_up(ports, &mut taken, scope).await;
                let mut reply = self.with_lease(ports, registry, *taken, all, began).await;
                if let Ok(Reply::Done { report, .. }) = &mut reply {
                    report.failures.extend(failure);
                }
                return reply;
            }
            Lease::Refused(_) if planted(Fault::LeaseIsNotAsked) => {
                let success = ports.recorded().await?.success;
                let taken = Taken {
                    deployment: success.map(|success| success.deployment),
                    ..Taken::default()
                };
                return self.with_lease(ports, registry, taken, scope, began).await;
            }
            Lease::Refused(lease) => lease,
            Lease::Shared | Lease::Overtaken => LeaseState::Held,
        };
        leave_to_next_pass(ports, self.owner, &scope, lease, now).await?;
        Ok(Reply::Busy)
    }

    fn holder(&self) -> Holder {
        Holder::Pass(self.owner.to_owned())
    }

    async fn with_lease<P: AccountPorts>(
        &self,
        ports: &P,
        registry: &impl Registry,
        taken: Taken,
        scope: Scope,
        began: Began,
    ) -> Result<Reply> {
        let holder = self.holder();
        if scope.is_only_a_wake_up() {
            // Another pass has picked up the work that the wake-up was for.
            ports.release_lease(&holder).await?;
            return Ok(Reply::Nothing);
        }
        let cooldown = match scope.accounts.len() {
            0..=FEW => COOLDOWN,
            _ => COOLDOWN_IN_A_BURST,
        };
        let is_of_all = scope.all;
        let mut records = Vec::new();
        let reply = match &taken.deployment {
            None => Ok(Reply::NoDeployment),
            Some(deployment) => {
                let known = Known {
                    deployment,
                    unreadable: &taken.unreadable,
                    compared: taken.compared,
                };
                self.look_or_requeue(ports, registry, known, scope, began, &mut records)
                    .await
            }
        };
        let ended = began.later((self.time_left)());
        let cooldown_until = ended + cooldown;
        // After a failed pass the batch returns to the queue, but the parked work has to stay
        // parked.
        let done = if reply.is_ok() {
            &taken.parked[..]
        } else {
            &[]
        };
        let is_compared = is_of_all && matches!(reply, Ok(Reply::Done { .. }));
        let compared = is_compared.then_some(began.at);
        let closed = ports
            .close_pass(&holder, &records, done, cooldown_until, compared)
            .await;
        match (closed, reply) {
            (Ok(false), reply) => reply,
            (Ok(true), reply) => {
                send_wake_up(ports, cooldown_until, ended).await?;
                reply
            }
            (Err(error), reply) => {
                let released = ports.release_lease(&holder).await;
                if let Err(error) = released {
                    tracing::warn!(error = error.chain(), "lease left to expire");
                }
                if records.is_empty() {
                    // The pass may be closed after all, and it is unknown whether work was parked.
                    send_wake_up(ports, cooldown_until, ended).await?;
                    reply
                } else {
                    Err(error)
                }
            }
        }
    }

    async fn look_or_requeue<P: AccountPorts>(
        &self,
        ports: &P,
        registry: &impl Registry,
        known: Known<'_>,
        scope: Scope,
        began: Began,
        records: &mut Vec<(AccountId, Option<Record>)>,
    ) -> Result<Reply> {
        let looked = self
            .look(ports, registry, known, scope.clone(), began, records)
            .await;
        let error = match looked {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        tracing::error!(error = error.chain(), "pass requeued");
        let is_round = scope.is_round();
        let (scope, delay) = scope.again();
        let delay = match REQUEUE.after(&error, 0) {
            Retry::After { delay: asked, .. } => delay.max(asked),
            Retry::GiveUp => delay,
        };
        let delay = due(began.later((self.time_left)()), delay);
        ports.send(&scope.messages(), delay).await?;
        let lasting = if is_round {
            let source = match error.operation.split(':').next() {
                Some("dynamodb") => Source::Ledger,
                _ => Source::Accounts,
            };
            let failed = [(source, false)].into();
            note_sources(ports, &self.holder(), known.unreadable, &failed, began.at).await
        } else {
            0
        };
        Ok(Reply::Requeued {
            unreadable: lasting,
        })
    }

    /// Reads everything that the plan needs, in two thirds of the time that is left.
    async fn observe(
        &self,
        ports: &impl AccountPorts,
        registry: &impl Registry,
        deployment: &Deployment,
        scope: Scope,
    ) -> Result<Inventory> {
        let failed = |kind, why| Err(Error::new("towerhook:Observe", kind, why));
        let (recorded, given) = (deployment.policy.host.clone(), registry.host());
        if recorded != given && !planted(Fault::AnyHostIsAsked) {
            let why = Unobserved::OtherHost { recorded, given };
            return failed(ErrorKind::Invalid, why);
        }
        let left = (self.time_left)();
        let limit = left - left / AFTER_OBSERVING;
        match within(
            self.clock,
            limit,
            observe(self.provider, ports, registry, deployment, scope),
        )
        .await
        {
            Ended::Done(inventory) => inventory,
            Ended::Panicked => failed(ErrorKind::Invalid, Unobserved::Panicked),
            Ended::OutOfTime => failed(ErrorKind::Unavailable, Unobserved::OutOfTime),
        }
    }

    async fn look<P: AccountPorts>(
        &self,
        ports: &P,
        registry: &impl Registry,
        known: Known<'_>,
        scope: Scope,
        began: Began,
        records: &mut Vec<(AccountId, Option<Record>)>,
    ) -> Result<Reply> {
        let now = began.at;
        let is_round = scope.is_round();
        let deployment = known.deployment;
        let mut inventory = self.observe(ports, registry, deployment, scope).await?;
        inventory.compared = known.compared;
        let mut plan = plan(self.provider, deployment, &inventory, now);
        tracing::info!(accounts = inventory.accounts.len(), plan = %plan.in_words(self.provider.words()), "planned");
        let held = plan.held.clone();
        let feed = std::mem::take(&mut plan.feed);
        if let Some(held) = &held {
            tracing::error!(digest = held.digest, %held, "offboarding held");
        }
        let mut report = execute(
            ports,
            registry,
            (self.provider, deployment),
            &inventory,
            plan,
            now,
            (self.clock, &self.time_left),
        )
        .await?;
        records.append(&mut report.records);
        let words = self.provider.words();
        let happenings = report.happenings(&inventory, words);
        let feed = execute_feed(
            ports,
            registry,
            (self.provider, deployment),
            &self.holder(),
            feed,
            (inventory.scope.attempt, now),
            &self.time_left,
        )
        .await?;
        report.add_feed(inventory.feed.as_ref(), &feed, deployment);
        if let Some((message, delay)) = feed.revisit {
            ports.send(&[message], delay).await?;
        }
        if is_round {
            let mut sources = inventory.sources.clone();
            sources.insert(Source::Ledger, true);
            report.unreadable_sources =
                note_sources(ports, &self.holder(), known.unreadable, &sources, now).await;
        }
        report.log(words);
        let ended = began.later((self.time_left)());
        report.enrollment_seconds = enrollment_seconds(&report.enrolled, &inventory, (now, ended));
        if !inventory.requeued.is_empty() {
            tracing::warn!(
                accounts = inventory.requeued.accounts.len(),
                "unknown accounts requeued"
            );
            ports
                .send(&inventory.requeued.messages(), REQUEUE.first)
                .await?;
        }
        send_revisits(ports, &report.revisits, &inventory.scope, (now, ended)).await?;
        let keeps = self.keeps_evidence && report.coverage.is_some();
        let compared = keeps.then(|| Compared {
            deployment: deployment.clone(),
            inventory,
        });
        Ok(Reply::Done {
            report: Box::new(report),
            held,
            happenings,
            compared: compared.map(Box::new),
        })
    }
}

/// The share of the remaining time, a third, that is reserved for the steps after the observation.
const AFTER_OBSERVING: u32 = 3;

/// Records which sources could not be read, and returns how many of them an administrator has to
/// fix.
async fn note_sources(
    ports: &impl AccountPorts,
    holder: &Holder,
    known: &Unreadable,
    readings: &BTreeMap<Source, bool>,
    now: Timestamp,
) -> usize {
    let next = known.after(readings, now);
    for (source, since) in next.lasting() {
        tracing::error!(%source, %since, "source unreadable in three comparisons in a row");
    }
    if next != *known
        && let Err(error) = ports.store_unreadable(holder, &next).await
    {
        tracing::warn!(error = error.chain(), "unreadable sources not recorded");
    }
    next.lasting().count()
}
