//! Looks, plans and acts until there is nothing left to do, waiting for what takes time.

mod act;
mod observe;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Foundation, Observed, Progress, Refusal, Step, patience::pause_after, plan};
use crate::{
    Error, ErrorKind,
    enrollment::Policy,
    landing_zone::{InstanceFailure, TrailTopic},
    model::{AccountId, Names, SecretText, SubAccount},
    ports::{FoundationPorts, Integration, Saas},
};
use act::{Act, Deletions, Operation, Purpose, act, delete_integrations, finish};

/// How often to look whether an operation has ended: soon at first, later less often.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
/// How often the SaaS is asked to use a role that it could not use yet. IAM takes seconds, seldom
/// minutes, until a new role works everywhere.
const TRIES: usize = 20;

/// So often one account's stack must fail to go before it is left behind.
const REMOVAL_TRIES: usize = 2;
/// So many integrations are removed at a time, until the SaaS says that this is too fast.
const DELETIONS_AT_ONCE: usize = 8;
/// While the SaaS wants us to wait for less than this, or fewer stacks than this wait to be removed,
/// its turn comes first: an operation takes a minute, however few stacks it removes.
const WORTHWHILE_WAIT: Duration = Duration::from_secs(60);
const WORTHWHILE_STACKS: usize = 100;

/// For so many looks a stack may still seem as it was before it was asked to change; after that, it
/// is as it was because the change failed.
const STALE_ROUNDS: usize = 2;
/// For so many looks, a good minute, an integration that was made may be missing in Lacework's list.
const UNLISTED_ROUNDS: usize = 10;

/// Why the goal could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConvergeError {
    /// Something of ours belongs to somebody else, or cannot be mended.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// CloudFormation could not make an instance.
    #[error("The StackSet {stack_set} failed in account {}: {}", .failure.account, .failure.reason)]
    Instance {
        /// The StackSet.
        stack_set: String,
        /// Where, and CloudFormation's reason.
        failure: InstanceFailure,
    },
    /// The management account's stack did not become what it should.
    #[error("The management account's stack {name} could not be changed: {reason}")]
    Stack {
        /// The stack.
        name: String,
        /// CloudFormation's reason.
        reason: String,
    },
    /// The SaaS could not use the trail's role or queue, however often it was asked.
    #[error("Lacework cannot use the role and queue of the trail: {0}")]
    TrailNotUsable(String),
    /// CloudTrail could not use the topic, however often it was asked.
    #[error("CloudTrail cannot publish to the trail's new topic: {0}")]
    TopicNotPublishable(String),
    /// The trail is integrated already, by somebody else.
    #[error(
        "The trail's queue is used by another integration of this Lacework account; remove that one"
    )]
    TrailAlreadyUsed,
    /// A call failed.
    #[error(transparent)]
    Call(#[from] Error),
}

/// What should be when all is done.
#[derive(Debug)]
pub struct Goal<'a> {
    /// What should exist; nothing, when the stack is deleted.
    pub wanted: Option<&'a Foundation>,
    /// The names of what should not.
    pub retired: &'a [Names],
    /// The stores in which there may be integrations of ours, besides the tenant's own.
    pub sub_accounts: &'a BTreeSet<SubAccount>,
    /// Whether there may be one that is the organization's.
    pub organization: bool,
    /// Every topic that a trail may have from us.
    pub trail_topics: &'a BTreeSet<TrailTopic>,
    /// The ids of the members' integrations that the ledger knows.
    pub made: &'a BTreeSet<String>,
    /// The deployment's, by which what is ours is known.
    pub policy: &'a Policy,
    /// A token that works, for stacks that remove their integrations as they go.
    pub token: Option<&'a SecretText>,
    /// CloudFormation's request: an operation or a token of one request is not one of the next.
    pub request: &'a str,
}

/// What is known beyond what can be read.
#[derive(Default)]
struct Run {
    /// The integrations as they were listed, less those that were removed since.
    integrations: Option<Vec<Integration>>,
    /// Whether integrations were removed since they were listed.
    removed_since: bool,
    /// Stores that refuse us.
    refusing: BTreeSet<Option<SubAccount>>,
    /// How long the SaaS wants us to wait, and whether it ever did.
    hold: Option<Duration>,
    was_throttled: bool,
    /// Accounts whose stacks were given a token that works.
    renewed: BTreeSet<AccountId>,
    /// How often each account's stack could not be removed.
    not_removed: BTreeMap<AccountId, usize>,
    /// What was asked of the management account's stack, and in which round.
    asked: BTreeMap<String, usize>,
    not_usable: usize,
    not_publishable: usize,
    already_used: usize,
    not_found: usize,
    /// Failures that are waited out, one after the other.
    failures: usize,
}

/// Brings about the goal. `sleep` waits for as long as it is told.
///
/// A failure that may pass is waited out for as long as it takes: whoever calls sets the limit.
///
/// # Errors
///
/// What stands in the way; what was done until then stays, and the next call goes on from there.
pub async fn converge(
    aws: &impl FoundationPorts,
    saas: &impl Saas,
    goal: &Goal<'_>,
    progress: &Progress,
    sleep: &impl AsyncFn(Duration),
) -> std::result::Result<(), ConvergeError> {
    let mut run = Run::default();
    for round in 0.. {
        let mut observed = observe::observe(aws, goal, progress, sleep).await?;
        observed.active.retain(|account| run.can_reach(account));
        observed.renewed = goal.token.map(|_| run.renewed.clone());
        let integrations = match run.integrations.take() {
            Some(known) => known,
            None => {
                run.removed_since = false;
                observe::integrations(saas, goal, &mut run.refusing, progress, sleep).await?
            }
        };
        observed.integrations = integrations;
        let steps = plan(
            goal.wanted,
            goal.retired,
            goal.trail_topics,
            goal.policy,
            &observed,
        )?;
        if steps.is_empty() {
            if !run.removed_since {
                return Ok(());
            }
            // Somebody may have made another meanwhile.
            continue;
        }
        progress.begin_making();
        let stacks = stacks_to_remove(&steps, goal, &observed);
        let to_delete: Vec<&Integration> = steps.iter().filter_map(Step::deletes).collect();
        let others: Vec<&Step> = steps
            .iter()
            .filter(|step| step.deletes().is_none())
            .collect();
        let ready = others.iter().map(|step| step.stacks()).sum();
        let gone = run
            .remove(saas, goal, &to_delete, (ready, stacks), progress, sleep)
            .await?;
        let again = if !gone.is_empty() && ready < WORTHWHILE_STACKS {
            // More stacks can go than before.
            None
        } else if others.is_empty() {
            run.hold.take_if(|hold| *hold >= WORTHWHILE_WAIT)
        } else {
            run.carry_out(aws, saas, goal, &others, &observed, round, progress, sleep)
                .await?
        };
        if !steps.iter().any(|step| goal.changes_integrations(step)) {
            observed
                .integrations
                .retain(|known| !gone.contains(&known.guid));
            run.removed_since |= !gone.is_empty();
            run.integrations = Some(observed.integrations);
        }
        if let Some(pause) = again {
            sleep(pause).await;
        }
    }
    Ok(())
}

/// How many stacks of StackSets are there that should not be.
fn stacks_to_remove(steps: &[Step], goal: &Goal<'_>, observed: &Observed) -> usize {
    if goal.wanted.is_some() {
        return steps.iter().map(Step::stacks).sum();
    }
    let instances = observed
        .stack_sets
        .values()
        .map(|(_, instances)| instances.len());
    instances.sum()
}

impl Run {
    fn can_reach(&self, account: &AccountId) -> bool {
        self.not_removed
            .get(account)
            .is_none_or(|tries| *tries < REMOVAL_TRIES)
    }

    /// Removes integrations until none is left, or something else is more worth while: `ready` of
    /// `stacks` wait to be removed.
    async fn remove(
        &mut self,
        saas: &impl Saas,
        goal: &Goal<'_>,
        integrations: &[&Integration],
        (ready, stacks): (usize, usize),
        progress: &Progress,
        sleep: &impl AsyncFn(Duration),
    ) -> std::result::Result<BTreeSet<String>, ConvergeError> {
        let mut gone = BTreeSet::new();
        loop {
            let left: Vec<&Integration> = integrations
                .iter()
                .copied()
                .filter(|integration| !gone.contains(&integration.guid))
                .collect();
            progress.left(left.len(), stacks);
            if left.is_empty() {
                return Ok(gone);
            }
            if let Some(hold) = self.hold {
                if hold >= WORTHWHILE_WAIT || ready + gone.len() >= WORTHWHILE_STACKS {
                    return Ok(gone);
                }
                sleep(hold).await;
                self.hold = None;
            }
            let at_once = if self.was_throttled {
                1
            } else {
                DELETIONS_AT_ONCE
            };
            let deletions = delete_integrations(saas, &left, at_once, progress).await;
            gone.extend(self.take_deletions(deletions, goal, &left, progress)?);
        }
    }

    /// Takes over what came of removing integrations, and answers the ones that need no further
    /// try.
    fn take_deletions(
        &mut self,
        deletions: Deletions,
        goal: &Goal<'_>,
        asked: &[&Integration],
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
        for integration in asked.iter().filter(|known| refused.contains(&known.guid)) {
            let error = format!(
                "the integration {} ({}), since Lacework refuses to remove it",
                integration.name, integration.guid
            );
            if goal.wanted.is_some() {
                return Err(Error::new(
                    "lacework:DeleteCloudAccount",
                    ErrorKind::Unauthorized,
                    error,
                )
                .into());
            }
            tracing::error!(
                integration = integration.name,
                guid = integration.guid,
                "stays in Lacework"
            );
            progress.leave_behind(error);
        }
        gone.extend(refused);
        if let Some(error) = trouble {
            let Some(pause) = self.wait_after(&error, progress) else {
                return Err(error.into());
            };
            self.hold = Some(pause);
            self.was_throttled |= matches!(error.kind, ErrorKind::Throttled { .. });
        }
        Ok(gone)
    }

    /// How long to wait after a failure that may pass.
    fn wait_after(&mut self, error: &Error, progress: &Progress) -> Option<Duration> {
        let pause = pause_after(error, self.failures)?;
        tracing::warn!(error = error.chain(), ?pause, "looking again");
        progress.trouble(Some(error));
        self.failures += 1;
        Some(pause)
    }

    /// Carries out steps, and answers for how long to wait before the next look.
    #[expect(
        clippy::too_many_arguments,
        reason = "one step of `converge`, which has them all"
    )]
    async fn carry_out(
        &mut self,
        aws: &impl FoundationPorts,
        saas: &impl Saas,
        goal: &Goal<'_>,
        steps: &[&Step],
        observed: &Observed,
        round: usize,
        progress: &Progress,
        sleep: &impl AsyncFn(Duration),
    ) -> std::result::Result<Option<Duration>, ConvergeError> {
        let mut operations = Vec::new();
        let mut again = None;
        for step in steps {
            tracing::info!(%step, "step");
            progress.begin(step);
            if let Some(name) = step.stack() {
                let first = *self.asked.entry(step.to_string()).or_insert(round);
                if round > first + STALE_ROUNDS {
                    return Err(stack_failure(name, observed));
                }
                if round > first {
                    again = Some(pause(round));
                    continue;
                }
            }
            match act(aws, saas, goal, step).await {
                Ok(Act::Done) => {}
                Ok(Act::Wait) => again = Some(pause(round)),
                Ok(Act::Operation(operation)) => {
                    self.renewed.extend(step.renews());
                    operations.push(operation);
                }
                Ok(Act::NotUsable(why)) if self.not_usable < TRIES => {
                    tracing::warn!(why, "the SaaS cannot use the role yet");
                    self.not_usable += 1;
                    again = Some(pause(round));
                }
                Ok(Act::NotUsable(why)) => return Err(ConvergeError::TrailNotUsable(why)),
                Ok(Act::NotPublishable(why)) if self.not_publishable < TRIES => {
                    tracing::warn!(why, "CloudTrail cannot use the topic yet");
                    self.not_publishable += 1;
                    again = Some(pause(round));
                }
                Ok(Act::NotPublishable(why)) => {
                    return Err(ConvergeError::TopicNotPublishable(why));
                }
                // It may be ours: made by a call whose answer was lost, and not listed yet.
                Ok(Act::AlreadyUsed) if self.already_used < UNLISTED_ROUNDS => {
                    self.already_used += 1;
                    again = Some(pause(round));
                }
                Ok(Act::AlreadyUsed) => return Err(ConvergeError::TrailAlreadyUsed),
                Err(error) => {
                    // The call may have taken effect, so the next look decides.
                    self.asked.remove(&step.to_string());
                    let gone = error.kind == ErrorKind::NotFound && self.not_found < STALE_ROUNDS;
                    if gone {
                        self.not_found += 1;
                        again = Some(pause(round));
                    } else {
                        again = Some(self.wait_after(&error, progress).ok_or(error)?);
                    }
                    break;
                }
            }
            self.failures = 0;
            if self.hold.is_none() {
                progress.trouble(None);
            }
        }
        for operation in operations {
            if !goal.leaves_to_account(&operation) {
                self.see_through(aws, operation, progress, sleep).await?;
            }
        }
        Ok(again)
    }

    async fn see_through(
        &mut self,
        aws: &impl FoundationPorts,
        operation: Operation,
        progress: &Progress,
        sleep: &impl AsyncFn(Duration),
    ) -> std::result::Result<(), ConvergeError> {
        let failures = finish(aws, &operation, progress, sleep).await?;
        let stack_set = operation.stack_set;
        match operation.purpose {
            Purpose::Make => {
                return match failures.into_iter().next() {
                    Some(failure) => Err(ConvergeError::Instance { stack_set, failure }),
                    None => Ok(()),
                };
            }
            // Whether the stack goes all the same shows when it is asked to.
            Purpose::RenewToken => return Ok(()),
            Purpose::Remove => {}
        }
        for InstanceFailure { account, reason } in failures {
            *self.not_removed.entry(account).or_default() += 1;
            if !self.can_reach(&account) {
                tracing::error!(stack_set, %account, reason, "the stack stays in the account");
                progress.leave_behind(format!(
                    "the stack of {stack_set} in account {account}: {reason}"
                ));
            }
        }
        Ok(())
    }
}

fn pause(round: usize) -> Duration {
    PAUSES[round.min(PAUSES.len() - 1)]
}

impl Goal<'_> {
    fn names(&self) -> impl Iterator<Item = &Names> {
        let wanted = self
            .wanted
            .map(|foundation| &foundation.deployment.policy.names);
        wanted.into_iter().chain(self.retired)
    }

    /// Whether the members' roles, stacks and integrations are to go.
    fn removes_members(&self) -> bool {
        !self.retired.is_empty()
            || self
                .wanted
                .is_none_or(|foundation| foundation.member.is_none())
    }

    /// Whether stacks of StackSets are to go.
    fn removes_stacks(&self) -> bool {
        let trail = self.wanted.map(|foundation| foundation.trail.is_some());
        self.removes_members() || trail != Some(true)
    }

    /// Whether the integrations have to be listed again after a step.
    fn changes_integrations(&self, step: &Step) -> bool {
        step.changes_integrations() || self.policy.registers_by_stack() && step.stacks() > 0
    }

    /// Whether the account function sees an operation through: an update of thousands of members
    /// takes longer than CloudFormation waits.
    fn leaves_to_account(&self, operation: &Operation) -> bool {
        let member = self
            .wanted
            .and_then(|foundation| foundation.member.as_ref());
        operation.purpose == Purpose::Make
            && member.is_some_and(|member| member.name == operation.stack_set)
    }

    /// Every StackSet that matters, and whether its instances do: there may be thousands of
    /// members, and they are the account function's business unless they are to go, or need a token
    /// before they change.
    fn stack_sets(&self) -> Vec<(String, bool)> {
        let members = self.removes_members() || self.policy.registers_by_stack();
        let sets = |names: &Names| {
            [
                (names.log_stack_set(), true),
                (names.audit_stack_set(), true),
                (names.member_stack_set(), members),
            ]
        };
        self.names().flat_map(sets).collect()
    }
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
