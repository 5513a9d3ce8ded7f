//! Reads, plans and acts until the plan is empty, and waits for operations.

mod act;
mod goal;
mod observe;
mod operation;
mod run;

use std::{collections::BTreeSet, time::Duration};

use super::{Observed, Progress, Refusal, Step, plan};
use crate::{
    Error,
    landing_zone::Announcement,
    model::Registration,
    ports::{Clock, FoundationPorts, Ledger, Registry},
    retry::{Backoff, WAIT},
    stack_sets::InstanceFailure,
};
pub(super) use goal::Goal;
use run::Run;

/// The polling intervals of an operation: short at first, then longer.
const LOOKS: Backoff = WAIT.up_to(Duration::from_secs(8));
/// While the SaaS's rate limit demands a shorter wait than this, or fewer stacks than this are
/// ready to be deleted, deleting registrations comes first: an operation takes a minute, however
/// few stacks it deletes.
const WORTHWHILE_WAIT: Duration = Duration::from_secs(60);
const WORTHWHILE_STACKS: usize = 100;

/// Why the goal could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConvergeError {
    /// A resource with one of our names is foreign, or cannot be repaired.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// CloudFormation could not create an instance.
    #[error("The StackSet {stack_set} failed in account {}: {}", .failure.account, .failure.reason)]
    Instance {
        /// The StackSet.
        stack_set: String,
        /// The account, and CloudFormation's reason.
        failure: InstanceFailure,
    },
    /// The management account's stack did not reach its desired state.
    #[error("The management account's stack {name} could not be changed: {reason}")]
    Stack {
        /// The stack.
        name: String,
        /// CloudFormation's reason.
        reason: String,
    },
    /// The vendor could not use the trail's role or queue, through all retries.
    #[error("{title} cannot use the role and queue of the trail: {why}")]
    TrailNotUsable {
        /// The vendor's product.
        title: &'static str,
        /// Its reason.
        why: String,
    },
    /// CloudTrail or S3 could not use the topic, or another target of the bucket, through all
    /// retries.
    #[error("The notification of the trail's log files is not accepted: {0}")]
    TopicNotPublishable(String),
    /// The role in Log Archive could not read the trail's bucket, through all retries.
    #[error(
        "The notifications of the trail's bucket {bucket} cannot be read with the role {role}. The bucket \
         must be in the Log Archive account and in this Region, or ExistingCloudTrailName must name \
         another trail: {why}",
        bucket = of.bucket,
        role = of.role
    )]
    BucketNotReadable {
        /// Our notification of the bucket.
        of: Box<Announcement>,
        /// Why not.
        why: String,
    },
    /// The vendor accepts the trail's registration, but keeps showing a different one.
    #[error(
        "{title} accepts the trail's registration, but its list does not show it as it was created, \
         however often it is looked at"
    )]
    TrailNotListed {
        /// The vendor's product.
        title: &'static str,
    },
    /// A foreign registration already uses the trail's queue.
    #[error(
        "The trail's queue is used by another registration of this {title} account; remove that one"
    )]
    TrailAlreadyUsed {
        /// The vendor's product.
        title: &'static str,
    },
    /// A call failed.
    #[error(transparent)]
    Call(#[from] Error),
}

/// Reaches the goal. Returns the id of the trail's registration if that was created or changed.
///
/// `aws` and `registry` wait for transient failures; the caller sets the time limit.
///
/// # Errors
///
/// A failure that does not pass. Completed steps stay, and the next call continues from there.
pub(super) async fn converge(
    aws: &(impl FoundationPorts + Ledger),
    registry: &impl Registry,
    clock: &impl Clock,
    goal: &Goal<'_>,
    progress: &Progress,
) -> std::result::Result<Option<String>, ConvergeError> {
    let mut run = Run::default();
    for round in 0.. {
        let mut observed = observe::observe(aws, goal).await?;
        observed.active.retain(|account| run.can_reach(account));
        if !progress.look() {
            goal.note_lost_roles(&observed, progress);
        }
        run.drop_settled(goal, &mut observed);
        observed.renewed = goal.access.token().map(|_| run.renewed.clone());
        observed.updated.clone_from(&run.updated);
        observed.stack_recreated = run.stack_recreated;
        let registrations = match run.registrations.take() {
            Some(known) => known,
            None => {
                run.removed_since = false;
                let mut listed =
                    observe::registrations(registry, goal, &mut run.refusing, progress).await?;
                let shows_all = match &run.shown {
                    Some(shown) => shown.is_subset(&ids(&listed, &run.removed)),
                    None => {
                        goal.known.are_all_in(&listed) && goal.shows_members(&observed, &listed)
                    }
                };
                if !shows_all {
                    // One list may be incomplete. A registration that both lists lack is gone.
                    let again = observe::registrations(registry, goal, &mut run.refusing, progress);
                    add_new(&mut listed, again.await?);
                }
                run.shown = Some(ids(&listed, &BTreeSet::new()));
                with_unwanted(listed, goal, &run)
            }
        };
        observed.registrations = registrations;
        observed.blind = goal.is_blind() || goal.wanted.is_some() && !run.refusing.is_empty();
        let planned = plan(goal.provider, goal.wanted, goal.deployment, &observed);
        let mut steps = match planned {
            Ok(steps) => steps,
            Err(refusal) if goal.lenient => {
                progress.leave_undone(refusal.to_string());
                return Ok(run.trail_guid);
            }
            Err(refusal) => return Err(refusal.into()),
        };
        steps.retain(|step| !run.goes_without(step));
        if steps.is_empty() {
            let now = clock.now();
            match goal.unsettled_until.filter(|until| *until > now) {
                Some(until) => {
                    progress.begin(&"waiting for the calls of an older request to end");
                    let left = until.duration_since(now);
                    clock
                        .sleep(Duration::try_from(left).unwrap_or_default())
                        .await;
                }
                None if !run.removed_since => return Ok(run.trail_guid),
                // Another registration may have been created in the meantime.
                None => {}
            }
            continue;
        }
        progress.begin_making();
        let stacks = stacks_to_remove(&steps, goal, &observed);
        let to_delete: Vec<&Registration> = steps.iter().filter_map(Step::deletes).collect();
        let others: Vec<&Step> = steps
            .iter()
            .filter(|step| step.deletes().is_none())
            .collect();
        let ready = others.iter().map(|step| step.stacks()).sum();
        let gone = run
            .remove(registry, clock, goal, &to_delete, (ready, stacks), progress)
            .await?;
        let again = if !gone.is_empty() && ready < WORTHWHILE_STACKS {
            // More stacks can be deleted than before.
            None
        } else if others.is_empty() {
            run.hold.take_if(|hold| *hold >= WORTHWHILE_WAIT)
        } else {
            run.carry_out(
                aws, registry, clock, goal, &others, &observed, round, progress,
            )
            .await?
        };
        if !steps.iter().any(|step| goal.changes_registrations(step)) {
            observed
                .registrations
                .retain(|known| !gone.contains(&known.guid));
            run.removed_since |= !gone.is_empty();
            run.registrations = Some(observed.registrations);
        }
        if let Some(pause) = again {
            clock.sleep(pause).await;
        }
    }
    Ok(run.trail_guid)
}

/// The ids of the listed registrations, and those of the deleted ones.
fn ids(listed: &[Registration], deleted: &BTreeSet<String>) -> BTreeSet<String> {
    let listed = listed.iter().map(|one| &one.guid);
    listed.chain(deleted).cloned().collect()
}

/// Adds the registrations that the list lacks.
fn add_new(listed: &mut Vec<Registration>, others: Vec<Registration>) {
    let shown: BTreeSet<String> = listed.iter().map(|one| one.guid.clone()).collect();
    let new = |one: &Registration| !shown.contains(&one.guid);
    listed.extend(others.into_iter().filter(new));
}

/// The list without registrations that it still shows after their deletion, and with unwanted ones
/// that it lacks. Those in stores that refuse access stay as they are.
fn with_unwanted(mut listed: Vec<Registration>, goal: &Goal<'_>, run: &Run) -> Vec<Registration> {
    listed.retain(|one| !run.removed.contains(&one.guid));
    let unwanted = goal
        .known
        .unwanted
        .iter()
        .filter(|one| !run.removed.contains(&one.guid) && !run.refusing.contains(&one.store));
    add_new(&mut listed, unwanted.cloned().collect());
    listed
}

/// How many of StackSets' stacks have to be deleted.
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
