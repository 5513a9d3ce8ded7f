//! The steps that create what is wanted and correct what differs.

use std::collections::BTreeSet;

use super::{
    buckets::announce,
    instances::{delete_instances, renewal},
    observed::Observed,
};
use crate::{
    feed::{Next, Reconciled, reconcile},
    foundation::{Footprint, Refusal, Step},
    landing_zone::TrailTopic,
    model::AccountId,
    policy::Deployment,
    provider::Provider,
    stack_sets::{
        InstanceState, NO_REASON, NextForInstance, STACK_ID_TAG, Stack, StackInstance, StackSet,
        StackSetSpec, StackState, is_owned_by, may_be_taken_over,
    },
};

pub(super) fn build(
    provider: &dyn Provider,
    footprint: &Footprint,
    topics: &BTreeSet<TrailTopic>,
    observed: &Observed,
) -> Result<Vec<Step>, Refusal> {
    let policy = &footprint.deployment.policy;
    let spared = &footprint.deployment.spared;
    let mut steps = Vec::new();
    if let Some(trail) = &footprint.trail {
        // The queue can be subscribed to a topic of ours only once that exists.
        for (spec, account) in trail.stack_sets() {
            if trail.topic.is_none() || steps.is_empty() {
                stack_set(provider, &mut steps, spec, Some(account), spared, observed)?;
            }
        }
        if let (Some(topic), true) = (&trail.topic, steps.is_empty()) {
            trail_topic(&mut steps, topic, topics, observed)?;
        }
        if let (Some(announcement), true) = (&trail.announcement, steps.is_empty()) {
            announce(&mut steps, announcement, observed)?;
        }
        if steps.is_empty() && !observed.blind {
            trail_registration(provider, &footprint.deployment, &mut steps, observed)?;
        }
    }
    if let Some(member) = &footprint.member {
        let mut change = Vec::new();
        stack_set(provider, &mut change, member, None, spared, observed)?;
        let updates = matches!(change[..], [Step::UpdateStackSet(_)]);
        // A stack whose custom resource fails to update could not roll back either.
        let first = renewal(&member.name, policy, observed).filter(|_| updates);
        steps.extend(first.map_or(change, |renewal| vec![renewal]));
        if policy.enroll_management {
            let boundary = footprint.deployment.site.management_boundary.as_deref();
            management_stack(
                provider,
                &mut steps,
                &member.for_management(boundary),
                !spared.is_empty(),
                observed,
            )?;
        }
    }
    Ok(steps)
}

/// Refuses to remove what an unreadable registration may use.
pub(super) fn blind(provider: &dyn Provider, what: &str) -> Refusal {
    let title = provider.words().title;
    Refusal::new(format!(
        "{title} cannot be read, so it is not known what still uses the {what} no longer wanted. Give \
         the stack an API key that works first."
    ))
}

fn foreign(provider: &dyn Provider, what: &str, name: &str) -> Refusal {
    let otherwise = provider.words().launch_otherwise();
    Refusal::new(format!(
        "The {what} {name} exists and was not made by this stack. Remove it{otherwise}."
    ))
}

/// Refuses a foreign StackSet; the remedy depends on its owner.
fn foreign_stack_set(provider: &dyn Provider, set: &StackSet) -> Refusal {
    let otherwise = provider.words().launch_otherwise();
    let name = &set.name;
    match set.tags.get(STACK_ID_TAG) {
        Some(owner) if provider.retains() => Refusal::new(format!(
            "The StackSet {name} belongs to the stack {owner}. Delete that stack first, with \
             RetainProtection=No; if it is gone, launch under its name to take over what it left."
        )),
        Some(owner) => Refusal::new(format!(
            "The StackSet {name} belongs to the stack {owner}. Delete that stack first{otherwise}."
        )),
        None if provider.own_integration().is_none() => foreign(provider, "StackSet", name),
        None => Refusal::new(format!(
            "The StackSet {name} exists and was not made by this stack. Launch with \
             AdoptExistingDeployment=Yes to take it over, remove it{otherwise}."
        )),
    }
}

pub(super) fn stack_set(
    provider: &dyn Provider,
    steps: &mut Vec<Step>,
    spec: &StackSetSpec,
    account: Option<&AccountId>,
    spared: &BTreeSet<String>,
    observed: &Observed,
) -> Result<(), Refusal> {
    let name = &spec.name;
    let existing = observed.stack_sets.get(name);
    let misplaced = existing
        .filter(|(set, _)| account.is_some() && is_owned_by(&set.tags, &spec.stack_id))
        .into_iter()
        .flat_map(|(_, instances)| instances)
        .filter(|instance| Some(&instance.account) != account);
    let misplaced: Vec<_> = misplaced.collect();
    if !misplaced.is_empty() {
        // The trail's topic has moved to another account. This queue cannot subscribe to it and
        // receives nothing any more.
        if observed.blind {
            return Err(blind(provider, "queue that is"));
        }
        let is_whole = |instance: &StackInstance| instance.state != InstanceState::Inoperable;
        delete_instances(steps, name, &misplaced, is_whole);
        return Ok(());
    }
    match existing {
        None => steps.push(Step::CreateStackSet(spec.clone())),
        Some((set, _)) if !is_owned_by(&set.tags, &spec.stack_id) => {
            if spared.contains(name) && may_be_taken_over(&set.tags, &spec.stack_id) {
                // No other operation is possible before the takeover.
                steps.push(Step::AdoptStackSet(spec.clone()));
                return Ok(());
            }
            return Err(foreign_stack_set(provider, set));
        }
        // A difference after an update is only in how CloudFormation shows it.
        Some((set, _)) if observed.updated.contains(name) && spec.is_marked_on(set) => {}
        Some((set, _)) if !spec.is_met_by(set) => steps.push(Step::UpdateStackSet(spec.clone())),
        Some(_) => {}
    }
    let Some(account) = account else {
        return Ok(());
    };
    let instances = existing
        .map(|(_, instances)| instances.as_slice())
        .unwrap_or_default();
    let instance = instances
        .iter()
        .find(|instance| instance.account == *account);
    let create = || Step::CreateInstance {
        stack_set: name.clone(),
        account: *account,
    };
    match StackInstance::next(instance) {
        NextForInstance::Nothing => {}
        NextForInstance::Create | NextForInstance::Retry(_) => steps.push(create()),
        NextForInstance::Await => {
            steps.push(Step::Await(format!("the instance of {name} in {account}")));
        }
        NextForInstance::Replace(_) => steps.push(Step::DeleteInstances {
            stack_set: name.clone(),
            accounts: vec![*account],
            retain: true,
        }),
    }
    Ok(())
}

pub(super) fn management_stack(
    provider: &dyn Provider,
    steps: &mut Vec<Step>,
    spec: &StackSetSpec,
    adopting: bool,
    observed: &Observed,
) -> Result<(), Refusal> {
    let of_ours = |stack: &Stack| is_owned_by(&stack.tags, &spec.stack_id);
    // No vendor's own integration creates such a stack, so it can only be that of a former stack of
    // ours.
    let can_be = |stack: &Stack| {
        adopting
            && stack.tags.contains_key(STACK_ID_TAG)
            && may_be_taken_over(&stack.tags, &spec.stack_id)
    };
    match observed.stacks.get(&spec.name) {
        None => steps.push(Step::CreateStack(spec.clone())),
        Some(stack) if !of_ours(stack) && !can_be(stack) => {
            return Err(foreign(provider, "stack", &spec.name));
        }
        Some(stack) if stack.state == StackState::InProgress => {
            steps.push(Step::Await(format!("the stack {}", spec.name)));
        }
        // The cause may have been permissions that were seconds old. A failed stack accepts no
        // other change.
        Some(stack) if stack.state == StackState::Failed && !observed.stack_recreated => {
            steps.push(Step::DeleteStack(spec.name.clone()));
        }
        Some(stack) if stack.state == StackState::Failed => {
            let reason = stack.reason.as_deref().unwrap_or(NO_REASON);
            return Err(Refusal::new(format!(
                "The management account's stack {} failed: {reason}",
                spec.name
            )));
        }
        Some(stack) if stack.description != spec.description() || !of_ours(stack) => {
            steps.push(Step::UpdateStack(spec.clone()));
        }
        Some(stack) if stack.tags != spec.all_tags() && !observed.updated.contains(&spec.name) => {
            steps.push(Step::UpdateStack(spec.clone()));
        }
        Some(_) => {}
    }
    Ok(())
}

fn trail_topic(
    steps: &mut Vec<Step>,
    wanted: &TrailTopic,
    topics: &BTreeSet<TrailTopic>,
    observed: &Observed,
) -> Result<(), Refusal> {
    let trail = &wanted.trail;
    match observed.topics.get(trail) {
        None => Err(Refusal::new(format!("The trail {trail:?} is gone."))),
        Some(Some(found)) if *found == wanted.topic => Ok(()),
        Some(Some(found)) if !topics.iter().any(|ours| ours.topic == *found) => Err(Refusal::new(
            format!("The trail {trail:?} was given the topic {found} meanwhile; try again."),
        )),
        Some(_) => {
            steps.push(Step::SetTrailTopic {
                of: wanted.clone(),
                set: true,
            });
            Ok(())
        }
    }
}

fn trail_registration(
    provider: &dyn Provider,
    deployment: &Deployment,
    steps: &mut Vec<Step>,
    observed: &Observed,
) -> Result<(), Refusal> {
    let Some(trail) = &deployment.trail else {
        return Ok(());
    };
    let Some(wanted) = &trail.registration else {
        return Ok(());
    };
    // Comparisons of the whole organization maintain the mapping, not setup.
    let listed = &observed.registrations;
    let Reconciled { surplus, next } =
        reconcile(provider, deployment, (trail, wanted), None, listed);
    if !surplus.is_empty() {
        steps.extend(surplus.into_iter().cloned().map(Step::DeleteRegistration));
        return Ok(());
    }
    match next {
        Next::Stands(_) => {}
        Next::Update(existing, spec) => steps.push(Step::UpdateRegistration {
            existing: existing.clone(),
            spec,
        }),
        Next::Create(spec) => steps.push(Step::CreateRegistration {
            store: deployment.policy.destination.shared().cloned(),
            spec,
        }),
        Next::Blocked(other) => return Err(foreign(provider, "registration", &other.name)),
    }
    Ok(())
}
