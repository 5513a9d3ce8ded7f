//! The state of one run, beyond what can be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    ConvergeError, Goal, LOOKS, WORTHWHILE_STACKS, WORTHWHILE_WAIT,
    act::{Act, Deletions, act, delete_registrations, finish},
    operation::{Awaited, Purpose},
};
use crate::{
    Error, ErrorKind,
    foundation::{Observed, Progress, Step, waiting::passes},
    landing_zone::Announcement,
    model::{AccountId, Registration, Store},
    planted::{Fault, planted},
    ports::{Clock, FoundationPorts, Ledger, Registry},
    retry::{Retry, WAIT},
    stack_sets::{InstanceFailure, NO_REASON},
};

/// How often the SaaS is asked to use a role that it could not use yet. IAM takes seconds, rarely
/// minutes, to propagate a new role.
const TRIES: usize = 20;

/// How often a bucket's notifications are read with a role that may be seconds old: about a minute.
const READS: usize = 10;

/// After this many failed deletions, an account's stack is left behind.
const REMOVAL_TRIES: usize = 2;
/// How many registrations are deleted concurrently, until the SaaS throttles.
const DELETIONS_AT_ONCE: usize = 8;
/// For this many rounds a stack may still show its state from before a change; after that, the
/// change has failed.
const STALE_ROUNDS: usize = 2;
/// For this many rounds, a good minute, the vendor's list may lack a new registration.
const UNLISTED_ROUNDS: usize = 10;
/// How often, and how far apart, the list is read until it shows the new registration: five
/// minutes.
const LISTED_WITHIN: usize = 20;
const LISTED_AFTER: Duration = Duration::from_secs(15);
/// How often an instance is retried whose failure is transient, such as a queue name that was in
/// use moments ago.
const INSTANCE_TRIES: usize = 4;

/// State that cannot be read.
#[derive(Default)]
pub(super) struct Run {
    /// The listed registrations, without those deleted since.
    pub(super) registrations: Option<Vec<Registration>>,
    /// The ids of those that the last list showed, once there was one.
    pub(super) shown: Option<BTreeSet<String>>,
    /// Whether registrations were deleted since the listing.
    pub(super) removed_since: bool,
    /// The deleted registrations.
    pub(super) removed: BTreeSet<String>,
    /// Stores that refuse access.
    pub(super) refusing: BTreeSet<Option<Store>>,
    /// The wait that the SaaS's rate limit demands, and whether it ever did.
    pub(super) hold: Option<Duration>,
    was_throttled: bool,
    /// Accounts whose stacks were given a valid token.
    pub(super) renewed: BTreeSet<AccountId>,
    /// StackSets and stacks that were updated. Any remaining difference is only in how
    /// CloudFormation shows them.
    pub(super) updated: BTreeSet<String>,
    /// The failed deletions of each account's stack.
    not_removed: BTreeMap<AccountId, usize>,
    /// The changes requested of the management account's stack, and in which round.
    asked: BTreeMap<String, usize>,
    /// Whether the management account's stack was recreated after a failure.
    pub(super) stack_recreated: bool,
    /// Steps that a lenient goal has given up.
    given_up: BTreeSet<String>,
    not_usable: usize,
    not_publishable: usize,
    not_readable: usize,
    /// Unwanted notifications that are off their buckets, or left behind there.
    settled: BTreeSet<Announcement>,
    already_used: usize,
    not_found: usize,
    not_made: usize,
    /// The steps that created or changed the trail's registration, and how often the list was read
    /// since.
    integrated: BTreeMap<String, usize>,
    /// The id of the trail's registration, if it was created or changed.
    pub(super) trail_guid: Option<String>,
    /// Consecutive failed deletions of registrations.
    failures: u32,
}

impl Run {
    pub(super) fn can_reach(&self, account: &AccountId) -> bool {
        self.not_removed
            .get(account)
            .is_none_or(|tries| *tries < REMOVAL_TRIES)
    }

    /// Drops the buckets that are settled. One without our notification is, if that is unwanted: its
    /// role may serve another bucket next, and cannot read this one any more.
    pub(super) fn drop_settled(&mut self, goal: &Goal<'_>, observed: &mut Observed) {
        let free = goal.unwanted_announcements().filter(|ours| {
            let found = observed.buckets.get(*ours);
            found
                .is_some_and(|found| matches!(found, Ok(found) if ours.taken_from(found).is_none()))
        });
        self.settled.extend(free.cloned());
        observed
            .buckets
            .retain(|ours, _| !self.settled.contains(ours));
    }

    pub(super) fn goes_without(&self, step: &Step) -> bool {
        !self.given_up.is_empty() && self.given_up.contains(&step.to_string())
    }

    /// Deletes registrations until none is left, or until it is better to delete some of the
    /// `stacks`, of which `ready` can be deleted now.
    pub(super) async fn remove(
        &mut self,
        registry: &impl Registry,
        clock: &impl Clock,
        goal: &Goal<'_>,
        registrations: &[&Registration],
        (ready, stacks): (usize, usize),
        progress: &Progress,
    ) -> std::result::Result<BTreeSet<String>, ConvergeError> {
        let mut gone = BTreeSet::new();
        loop {
            let left: Vec<&Registration> = registrations
                .iter()
                .copied()
                .filter(|registration| !gone.contains(&registration.guid))
                .collect();
            progress.left(left.len(), stacks);
            if left.is_empty() {
                return Ok(gone);
            }
            if let Some(hold) = self.hold {
                if hold >= WORTHWHILE_WAIT || ready + gone.len() >= WORTHWHILE_STACKS {
                    return Ok(gone);
                }
                clock.sleep(hold).await;
                self.hold = None;
            }
            let at_once = if self.was_throttled {
                1
            } else {
                DELETIONS_AT_ONCE
            };
            let deletions = delete_registrations(registry, &left, at_once, progress).await;
            gone.extend(self.take_deletions(deletions, goal, &left, progress)?);
            self.removed.extend(gone.iter().cloned());
        }
    }

    /// Records the result of deletions, and returns the registrations that need no further attempt.
    fn take_deletions(
        &mut self,
        deletions: Deletions,
        goal: &Goal<'_>,
        asked: &[&Registration],
        progress: &Progress,
    ) -> std::result::Result<BTreeSet<String>, ConvergeError> {
        let Deletions {
            mut gone,
            refused,
            trouble,
        } = deletions;
        if !gone.is_empty() {
            self.failures = 0;
        }
        for registration in asked {
            let Some(operation) = refused.get(&registration.guid) else {
                continue;
            };
            let error = format!(
                "the registration {} ({}), since {} refuses to remove it",
                registration.name,
                registration.guid,
                goal.title()
            );
            if goal.wanted.is_some() && !goal.lenient {
                let refused = Error::new(operation, ErrorKind::Unauthorized, error);
                return Err(refused.of_registry().into());
            }
            tracing::error!(
                registration = registration.name,
                guid = registration.guid,
                "registration left behind"
            );
            progress.leave_behind(error);
        }
        gone.extend(refused.into_keys());
        if let Some(error) = trouble {
            let Retry::After { delay, .. } = WAIT.after(&error, self.failures) else {
                return Err(error.into());
            };
            tracing::warn!(error = error.chain(), ?delay, "backing off");
            progress.trouble(Some(&error));
            self.failures += 1;
            self.hold = Some(delay);
            self.was_throttled |= error.is_throttled();
        }
        Ok(gone)
    }

    /// Executes steps, and returns how long to wait before the next round.
    #[expect(
        clippy::too_many_arguments,
        reason = "one step of `converge`, which has them all"
    )]
    pub(super) async fn carry_out(
        &mut self,
        aws: &(impl FoundationPorts + Ledger),
        registry: &impl Registry,
        clock: &impl Clock,
        goal: &Goal<'_>,
        steps: &[&Step],
        observed: &Observed,
        round: usize,
        progress: &Progress,
    ) -> std::result::Result<Option<Duration>, ConvergeError> {
        let mut operations = Vec::new();
        let mut again = None;
        for step in steps {
            tracing::info!(%step, "step");
            progress.begin(step);
            match self
                .take(
                    act(aws, registry, goal, step, clock.now()),
                    goal.title(),
                    step,
                    observed,
                    round,
                )
                .await
            {
                Ok(Next::Done) => {}
                Ok(Next::Wait(pause)) => again = Some(pause),
                Ok(Next::LookAgain(pause)) => {
                    again = Some(pause);
                    break;
                }
                Ok(Next::Operation(operation)) => {
                    self.renewed.extend(step.renews());
                    operations.push((operation, *step));
                }
                Err(error) => self.give_up(goal, step, error, progress)?,
            }
            if self.hold.is_none() {
                progress.trouble(None);
            }
        }
        for (operation, step) in operations {
            if goal.leaves_to_account(&operation) {
                continue;
            }
            match self.see_through(aws, clock, operation, progress).await {
                Ok(None) => {}
                Ok(pause) => again = pause.max(again),
                Err(error) => self.give_up(goal, step, error, progress)?,
            }
        }
        Ok(again)
    }

    /// Gives up a step if the goal is lenient.
    fn give_up(
        &mut self,
        goal: &Goal<'_>,
        step: &Step,
        error: ConvergeError,
        progress: &Progress,
    ) -> std::result::Result<(), ConvergeError> {
        let is_superseded = matches!(&error, ConvergeError::Call(error)
            if error.kind == ErrorKind::Superseded);
        if is_superseded {
            return Err(error);
        }
        let why = crate::chain(&error);
        // What no bucket is to have any more must not be in the way of what is wanted.
        if let Step::AwaitBucket { of, .. } | Step::SetNotifications { of, .. } = step
            && goal.unwanted_announcements().any(|ours| ours == of)
        {
            let Announcement { bucket, id, .. } = of;
            tracing::error!(bucket, why, "notification left in a bucket");
            progress.leave_behind(format!(
                "the notification {id} of the bucket {bucket}, if it has one still: {why}"
            ));
            self.settled.insert(of.clone());
            return Ok(());
        }
        if !goal.lenient {
            return Err(error);
        }
        tracing::error!(%step, why, "step skipped");
        progress.leave_undone(format!("{step}: {why}"));
        self.given_up.insert(step.to_string());
        Ok(())
    }

    /// Executes one step and decides how to continue.
    async fn take(
        &mut self,
        act: impl Future<Output = crate::Result<Act>>,
        title: &'static str,
        step: &Step,
        observed: &Observed,
        round: usize,
    ) -> std::result::Result<Next, ConvergeError> {
        let pause = LOOKS.delay(u32::try_from(round).unwrap_or(u32::MAX));
        if let Some(name) = step.stack() {
            let first = *self.asked.entry(step.to_string()).or_insert(round);
            if round > first + STALE_ROUNDS {
                return Err(stack_failure(name, observed));
            }
            if round > first {
                return Ok(Next::Wait(pause));
            }
            self.stack_recreated |= matches!(step, Step::DeleteStack(_));
        }
        // A stale list is no reason to create it again.
        if let Some(looks) = self.integrated.get_mut(&step.to_string()) {
            *looks += 1;
            if *looks > LISTED_WITHIN {
                return Err(ConvergeError::TrailNotListed { title });
            }
            return Ok(Next::Wait(LISTED_AFTER));
        }
        match act.await {
            Ok(Act::Integrated(guid)) => {
                self.trail_guid = guid.or(self.trail_guid.take());
                self.integrated.insert(step.to_string(), 0);
                Ok(Next::Wait(pause))
            }
            Ok(Act::Done) => Ok(Next::Done),
            Ok(Act::Wait) => Ok(Next::Wait(pause)),
            Ok(Act::Operation(operation)) => {
                if let Step::UpdateStackSet(spec)
                | Step::AdoptStackSet(spec)
                | Step::UpdateStack(spec) = step
                {
                    self.updated.insert(spec.name.clone());
                }
                Ok(Next::Operation(operation))
            }
            Ok(Act::NotUsable(why)) => {
                tracing::warn!(why, "the SaaS cannot use the role yet; retrying");
                self.not_usable += 1;
                let error = ConvergeError::TrailNotUsable { title, why };
                if self.not_usable <= TRIES {
                    Ok(Next::Wait(pause))
                } else {
                    Err(error)
                }
            }
            Ok(Act::NotReadable { of, why }) => {
                tracing::warn!(why, "the role cannot be used yet; retrying");
                self.not_readable += 1;
                if self.not_readable <= READS {
                    Ok(Next::Wait(pause))
                } else {
                    Err(ConvergeError::BucketNotReadable { of, why })
                }
            }
            Ok(Act::NotPublishable(why)) => {
                tracing::warn!(why, "the topic cannot be published to yet; retrying");
                self.not_publishable += 1;
                let error = ConvergeError::TopicNotPublishable(why);
                if self.not_publishable <= TRIES {
                    Ok(Next::Wait(pause))
                } else {
                    Err(error)
                }
            }
            // It may be ours: created by a call whose response was lost, and not listed yet.
            Ok(Act::AlreadyUsed) => {
                self.already_used += 1;
                if self.already_used <= UNLISTED_ROUNDS {
                    Ok(Next::Wait(pause))
                } else {
                    Err(ConvergeError::TrailAlreadyUsed { title })
                }
            }
            Err(error) => {
                // The call may have taken effect, so the next round decides.
                self.asked.remove(&step.to_string());
                if passes(&error) {
                    return Ok(Next::LookAgain(pause));
                }
                if error.kind == ErrorKind::NotFound && self.not_found < STALE_ROUNDS {
                    self.not_found += 1;
                    return Ok(Next::LookAgain(pause));
                }
                Err(error.into())
            }
        }
    }

    /// Waits for an operation, and returns how long to wait before a retry of what failed.
    async fn see_through(
        &mut self,
        aws: &impl FoundationPorts,
        clock: &impl Clock,
        awaited: Awaited,
        progress: &Progress,
    ) -> std::result::Result<Option<Duration>, ConvergeError> {
        let Awaited { operation, purpose } = awaited;
        let failures = finish(aws, clock, &operation).await?;
        let stack_set = operation.stack_set;
        match purpose {
            Purpose::Make => {
                let Some(failure) = failures.into_iter().next() else {
                    return Ok(None);
                };
                let passes_after = failure.passes_after();
                if let Some(wait) = passes_after
                    .filter(|_| self.not_made < INSTANCE_TRIES)
                    .filter(|_| !planted(Fault::QueueFailureIsFinal))
                {
                    self.not_made += 1;
                    progress.begin(&format!("waiting, since {}", failure.reason));
                    return Ok(Some(wait));
                }
                return Err(ConvergeError::Instance { stack_set, failure });
            }
            // The deletion will show whether the stack can be deleted anyway.
            Purpose::RenewToken => return Ok(None),
            Purpose::Remove => {}
        }
        for InstanceFailure { account, reason } in failures {
            *self.not_removed.entry(account).or_default() += 1;
            if !self.can_reach(&account) {
                tracing::error!(stack_set, %account, reason, "stack left in its account");
                progress.leave_behind(format!(
                    "the stack of {stack_set} in account {account}: {reason}"
                ));
            }
        }
        Ok(None)
    }
}

/// How to continue after a step.
enum Next {
    Done,
    /// Read again after this time, once the other steps are done.
    Wait(Duration),
    /// Read again before any other step.
    LookAgain(Duration),
    Operation(Awaited),
}

fn stack_failure(name: &str, observed: &Observed) -> ConvergeError {
    let reason = observed
        .stacks
        .get(name)
        .and_then(|stack| stack.reason.clone());
    ConvergeError::Stack {
        name: name.to_owned(),
        reason: reason.unwrap_or_else(|| NO_REASON.to_owned()),
    }
}
