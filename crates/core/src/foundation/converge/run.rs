//! What one run does and comes to know beyond what can be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    ConvergeError, Goal, LOOKS, WORTHWHILE_STACKS, WORTHWHILE_WAIT,
    act::{Act, Deletions, Operation, Purpose, act, delete_registrations, finish},
};
use crate::{
    Error, ErrorKind,
    foundation::{Observed, Progress, Step, waiting::passes},
    model::{AccountId, Registration, Store},
    planted::{Fault, planted},
    ports::{Clock, FoundationPorts, Ledger, Registry},
    retry::{Retry, WAIT},
    stack_sets::InstanceFailure,
};

/// How often the SaaS is asked to use a role that it could not use yet. IAM takes seconds, seldom
/// minutes, until a new role works everywhere.
const TRIES: usize = 20;

/// So often one account's stack must fail to go before it is left behind.
const REMOVAL_TRIES: usize = 2;
/// So many registrations are removed at a time, until the SaaS says that this is too fast.
const DELETIONS_AT_ONCE: usize = 8;
/// For so many looks a stack may still seem as it was before it was asked to change; after that, it
/// is as it was because the change failed.
const STALE_ROUNDS: usize = 2;
/// For so many looks, a good minute, a registration that was made may be missing in Lacework's list.
const UNLISTED_ROUNDS: usize = 10;
/// So often, and so far apart, the list is looked at until it shows what was made: five minutes.
const LISTED_WITHIN: usize = 20;
const LISTED_AFTER: Duration = Duration::from_secs(15);
/// So often an instance is made again whose failure passes by itself, as that of a queue whose name was
/// in use a moment ago.
const INSTANCE_TRIES: usize = 4;

/// What is known beyond what can be read.
#[derive(Default)]
pub(super) struct Run {
    /// The registrations as they were listed, less those that were removed since.
    pub(super) registrations: Option<Vec<Registration>>,
    /// Whether they were listed once.
    pub(super) has_listed: bool,
    /// Whether registrations were removed since they were listed.
    pub(super) removed_since: bool,
    /// The registrations that were removed.
    pub(super) removed: BTreeSet<String>,
    /// Stores that refuse us.
    pub(super) refusing: BTreeSet<Option<Store>>,
    /// How long the SaaS wants us to wait, and whether it ever did.
    pub(super) hold: Option<Duration>,
    was_throttled: bool,
    /// Accounts whose stacks were given a token that works.
    pub(super) renewed: BTreeSet<AccountId>,
    /// StackSets and stacks that were updated: what still differs then is how CloudFormation shows them.
    pub(super) updated: BTreeSet<String>,
    /// How often each account's stack could not be removed.
    not_removed: BTreeMap<AccountId, usize>,
    /// What was asked of the management account's stack, and in which round.
    asked: BTreeMap<String, usize>,
    /// Whether the management account's stack was made again after it had failed.
    pub(super) stack_remade: bool,
    /// Steps that a lenient goal goes without.
    given_up: BTreeSet<String>,
    not_usable: usize,
    not_publishable: usize,
    already_used: usize,
    not_found: usize,
    not_made: usize,
    /// What was made or changed of the trail's registration, and how often it was looked at since.
    integrated: BTreeMap<String, usize>,
    /// The id of the trail's registration, where it was made or changed.
    pub(super) trail_guid: Option<String>,
    /// Failed deletions of registrations, one after the other.
    failures: u32,
}

impl Run {
    pub(super) fn can_reach(&self, account: &AccountId) -> bool {
        self.not_removed
            .get(account)
            .is_none_or(|tries| *tries < REMOVAL_TRIES)
    }

    pub(super) fn goes_without(&self, step: &Step) -> bool {
        !self.given_up.is_empty() && self.given_up.contains(&step.to_string())
    }

    /// Removes registrations until none is left, or something else is more worth while: `ready` of
    /// `stacks` wait to be removed.
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

    /// Takes over what came of removing registrations, and answers the ones that need no further
    /// try.
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
        for registration in asked.iter().filter(|known| refused.contains(&known.guid)) {
            let error = format!(
                "the integration {} ({}), since Lacework refuses to remove it",
                registration.name, registration.guid
            );
            if goal.wanted.is_some() && !goal.lenient {
                let refused = Error::new("registry:Delete", ErrorKind::Unauthorized, error);
                return Err(refused.of_registry().into());
            }
            tracing::error!(
                registration = registration.name,
                guid = registration.guid,
                "integration left in Lacework"
            );
            progress.leave_behind(error);
        }
        gone.extend(refused);
        if let Some(error) = trouble {
            let Retry::After { delay, .. } = WAIT.after(&error, self.failures) else {
                return Err(error.into());
            };
            tracing::warn!(error = error.chain(), ?delay, "backing off");
            progress.trouble(Some(&error));
            self.failures += 1;
            self.hold = Some(delay);
            self.was_throttled |= matches!(error.kind, ErrorKind::Throttled { .. });
        }
        Ok(gone)
    }

    /// Carries out steps, and answers for how long to wait before the next look.
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

    /// Goes without a step where the goal is lenient.
    fn give_up(
        &mut self,
        goal: &Goal<'_>,
        step: &Step,
        error: ConvergeError,
        progress: &Progress,
    ) -> std::result::Result<(), ConvergeError> {
        let is_superseded = matches!(&error, ConvergeError::Call(error)
            if error.kind == ErrorKind::Superseded);
        if !goal.lenient || is_superseded {
            return Err(error);
        }
        let why = crate::chain(&error);
        tracing::error!(%step, why, "step skipped");
        progress.leave_undone(format!("{step}: {why}"));
        self.given_up.insert(step.to_string());
        Ok(())
    }

    /// What comes after a step.
    async fn take(
        &mut self,
        act: impl Future<Output = crate::Result<Act>>,
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
            self.stack_remade |= matches!(step, Step::DeleteStack(_));
        }
        // A list that is behind is no reason to make it once more.
        if let Some(looks) = self.integrated.get_mut(&step.to_string()) {
            *looks += 1;
            if *looks > LISTED_WITHIN {
                return Err(ConvergeError::TrailNotListed);
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
                let error = ConvergeError::TrailNotUsable(why);
                if self.not_usable <= TRIES {
                    Ok(Next::Wait(pause))
                } else {
                    Err(error)
                }
            }
            Ok(Act::NotPublishable(why)) => {
                tracing::warn!(why, "CloudTrail cannot use the topic yet; retrying");
                self.not_publishable += 1;
                let error = ConvergeError::TopicNotPublishable(why);
                if self.not_publishable <= TRIES {
                    Ok(Next::Wait(pause))
                } else {
                    Err(error)
                }
            }
            // It may be ours: made by a call whose answer was lost, and not listed yet.
            Ok(Act::AlreadyUsed) => {
                self.already_used += 1;
                if self.already_used <= UNLISTED_ROUNDS {
                    Ok(Next::Wait(pause))
                } else {
                    Err(ConvergeError::TrailAlreadyUsed)
                }
            }
            Err(error) => {
                // The call may have taken effect, so the next look decides.
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

    /// Waits for an operation, and answers how long to wait before what failed is tried again.
    async fn see_through(
        &mut self,
        aws: &impl FoundationPorts,
        clock: &impl Clock,
        operation: Operation,
        progress: &Progress,
    ) -> std::result::Result<Option<Duration>, ConvergeError> {
        let failures = finish(aws, clock, &operation).await?;
        let stack_set = operation.stack_set;
        match operation.purpose {
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
            // Whether the stack goes all the same shows when it is asked to.
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

/// What comes after a step.
enum Next {
    Done,
    /// Another look after this time, once the other steps are carried out.
    Wait(Duration),
    /// Another look before any other step.
    LookAgain(Duration),
    Operation(Operation),
}

fn stack_failure(name: &str, observed: &Observed) -> ConvergeError {
    let reason = observed
        .stacks
        .get(name)
        .and_then(|stack| stack.reason.clone());
    ConvergeError::Stack {
        name: name.to_owned(),
        reason: reason.unwrap_or_else(|| "CloudFormation gives no reason".to_owned()),
    }
}
