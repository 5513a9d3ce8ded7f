use std::collections::{BTreeMap, BTreeSet};

use super::{Footprint, Refusal, Step};
use crate::{
    feed::{Next, Reconciled, reconcile},
    landing_zone::TrailTopic,
    model::{AccountId, Arn, Names, Registration, RegistrationKind, account_of_role},
    policy::{Deployment, Policy},
    provider::{Provider, ResourceNames},
    stack_sets::{
        InstanceState, NextForInstance, STACK_ID_TAG, Stack, StackInstance, StackSet, StackSetSpec,
        StackState, is_owned_by, may_be_taken_over,
    },
};

/// The existing resources, as setup read them.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The existing StackSets with our names, and their instances.
    pub stack_sets: BTreeMap<String, (StackSet, Vec<StackInstance>)>,
    /// The management account's existing stacks with our names.
    pub stacks: BTreeMap<String, Stack>,
    /// All registrations of both kinds, in every store that we may have used.
    pub registrations: Vec<Registration>,
    /// Whether some of them could not be read. Then none is created or changed, and no resource is
    /// deleted that one of them may use.
    pub blind: bool,
    /// The topic of each existing trail that we may have given one.
    pub topics: BTreeMap<String, Option<Arn>>,
    /// The ids of the members' registrations in the ledger, which identify registrations that were
    /// changed by hand.
    pub made: BTreeSet<String>,
    /// The ids of those that passes maintain.
    pub kept: BTreeSet<String>,
    /// Reachable accounts, if stacks have to be deleted: in any other account a stack can only be
    /// left behind.
    pub active: BTreeSet<AccountId>,
    /// Accounts whose stacks were given a valid token, with which they delete their registrations;
    /// `None` if there is no such token.
    pub renewed: Option<BTreeSet<AccountId>>,
    /// StackSets and stacks that this request has already updated.
    pub updated: BTreeSet<String>,
    /// Whether this request has deleted the management account's failed stack, to recreate it.
    pub stack_recreated: bool,
}

/// Plans the next steps towards `wanted`, without any remains of `retired`.
///
/// `wanted` is `None` when the main stack is deleted. An empty plan means that the goal is reached;
/// steps that depend on an unfinished one come in a later plan. `deployment` identifies our
/// resources: its policy, its retired and spared names, and all topics of ours that a trail may
/// have.
///
/// # Errors
///
/// A StackSet or stack with one of our names is foreign.
pub fn plan(
    provider: &dyn Provider,
    wanted: Option<&Footprint>,
    deployment: &Deployment,
    observed: &Observed,
) -> Result<Vec<Step>, Refusal> {
    let Deployment {
        retired,
        trail_topics: topics,
        policy,
        spared,
        ..
    } = deployment;
    let mut steps = match wanted {
        Some(footprint) => build(provider, footprint, topics, observed)?,
        None => Vec::new(),
    };
    // New resources come first: retired ones are deleted once nothing is left to create.
    if steps.is_empty() {
        let mut remove = to_remove(provider, wanted, retired, topics);
        remove.spare(spared);
        steps = tear_down(provider, &remove, wanted, policy, observed);
        if observed.blind && !steps.is_empty() {
            return Err(blind(provider, "roles that are"));
        }
    }
    Ok(steps)
}

fn build(
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
        for (spec, account) in [&trail.log, &trail.audit] {
            if trail.topic.is_none() || steps.is_empty() {
                stack_set(provider, &mut steps, spec, Some(account), spared, observed)?;
            }
        }
        if let (Some(topic), true) = (&trail.topic, steps.is_empty()) {
            trail_topic(&mut steps, topic, topics, observed)?;
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

fn blind(provider: &dyn Provider, what: &str) -> Refusal {
    let title = provider.words().title;
    Refusal::new(format!(
        "{title} cannot be read, so it is not known what still uses the {what} no longer wanted. Give \
         the stack an API key that works first."
    ))
}

fn foreign(provider: &dyn Provider, what: &str, name: &str) -> Refusal {
    let store = provider.words().parameters.store;
    Refusal::new(format!(
        "The {what} {name} exists and was not made by this stack. Remove it, or launch with another \
         {store}, which all names carry."
    ))
}

/// Refuses a foreign StackSet; the remedy depends on its owner.
fn foreign_stack_set(provider: &dyn Provider, set: &StackSet) -> Refusal {
    let store = provider.words().parameters.store;
    let name = &set.name;
    match set.tags.get(STACK_ID_TAG) {
        Some(owner) => Refusal::new(format!(
            "The StackSet {name} belongs to the stack {owner}. Delete that stack first, or launch with \
             another {store}, which all names carry."
        )),
        None => Refusal::new(format!(
            "The StackSet {name} exists and was not made by this stack. Launch with \
             AdoptExistingDeployment=Yes to take it over, remove it, or launch with another \
             {store}, which all names carry."
        )),
    }
}

fn stack_set(
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

fn management_stack(
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
            let reason = stack
                .reason
                .as_deref()
                .unwrap_or("CloudFormation gives no reason");
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
    // Comparisons of the whole organization maintain the mapping, not setup.
    let listed = &observed.registrations;
    let Reconciled { surplus, next } = reconcile(provider, deployment, trail, None, listed);
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
        Next::Blocked(other) => return Err(foreign(provider, "integration", &other.name)),
    }
    Ok(())
}

/// The names of resources to delete.
struct Remove<'a> {
    stack_sets: BTreeSet<String>,
    /// Those of `stack_sets` that hold the members' roles.
    members: BTreeSet<String>,
    stacks: BTreeSet<String>,
    /// The roles, each with its StackSet and the deployment's names.
    roles: Vec<(String, String, &'a Names)>,
    topics: Vec<&'a TrailTopic>,
}

impl Remove<'_> {
    /// Spares these StackSets, and the registrations that use their roles.
    fn spare(&mut self, spared: &BTreeSet<String>) {
        self.stack_sets.retain(|name| !spared.contains(name));
        self.members.retain(|name| !spared.contains(name));
        self.stacks.retain(|name| !spared.contains(name));
        self.roles
            .retain(|(_, stack_set, _)| !spared.contains(stack_set));
    }
}

fn to_remove<'a>(
    provider: &dyn Provider,
    wanted: Option<&'a Footprint>,
    retired: &'a [Names],
    topics: &'a BTreeSet<TrailTopic>,
) -> Remove<'a> {
    let trail = wanted.and_then(|footprint| footprint.trail.as_ref());
    let kept = trail.and_then(|trail| trail.topic.as_ref());
    let mut remove = Remove {
        topics: topics.iter().filter(|ours| Some(*ours) != kept).collect(),
        stack_sets: BTreeSet::new(),
        members: BTreeSet::new(),
        stacks: BTreeSet::new(),
        roles: Vec::new(),
    };
    let trail = |names: &'a Names, remove: &mut Remove<'a>| {
        let ResourceNames {
            log_stack_set,
            audit_stack_set,
            log_role,
            ..
        } = provider.resources(names);
        remove.roles.push((log_role, log_stack_set.clone(), names));
        remove.stack_sets.extend([log_stack_set, audit_stack_set]);
    };
    let member = |names: &'a Names, remove: &mut Remove<'a>| {
        let ResourceNames {
            member_stack_set,
            member_role,
            ..
        } = provider.resources(names);
        remove
            .roles
            .push((member_role, member_stack_set.clone(), names));
        remove.stack_sets.insert(member_stack_set.clone());
        remove.members.insert(member_stack_set);
    };
    for names in retired {
        trail(names, &mut remove);
        member(names, &mut remove);
        remove
            .stacks
            .insert(provider.resources(names).member_stack_set);
    }
    if let Some(footprint) = wanted {
        let policy = &footprint.deployment.policy;
        if footprint.trail.is_none() {
            trail(&policy.names, &mut remove);
        }
        if footprint.member.is_none() {
            member(&policy.names, &mut remove);
        }
        if footprint.member.is_none() || !policy.enroll_management {
            let names = provider.resources(&policy.names);
            remove.stacks.insert(names.member_stack_set);
        }
    }
    remove
}

/// Whether the registration is ours and uses this role, of a deployment with these names.
fn reads(
    provider: &dyn Provider,
    registration: &Registration,
    role: &str,
    names: &Names,
    policy: &Policy,
) -> bool {
    role_name(registration) == Some(role)
        && provider
            .subject(policy, names, registration)
            .ours()
            .is_some()
}

fn role_name(registration: &Registration) -> Option<&str> {
    registration.role_arn.rsplit('/').next()
}

/// The roles that remaining registrations use.
#[derive(Default)]
struct Readers {
    members: BTreeSet<AccountId>,
    trail: bool,
}

impl Readers {
    fn of(steps: &[Step]) -> Self {
        let mut readers = Self::default();
        for registration in steps.iter().filter_map(Step::deletes) {
            match registration.kind {
                RegistrationKind::Feed => readers.trail = true,
                RegistrationKind::Account => {
                    readers
                        .members
                        .extend(account_of_role(&registration.role_arn));
                }
            }
        }
        readers
    }
}

fn tear_down(
    provider: &dyn Provider,
    remove: &Remove<'_>,
    wanted: Option<&Footprint>,
    policy: &Policy,
    observed: &Observed,
) -> Vec<Step> {
    let kept = wanted.and_then(|footprint| footprint.trail.as_ref());
    let is_kept = |registration: &Registration| {
        kept.is_some_and(|trail| trail.registration.role_arn == registration.role_arn)
    };
    // Registrations that were changed by hand are identified by id. Those that use a role that
    // stays are left alone.
    let stays = wanted.and_then(|footprint| {
        footprint.member.as_ref()?;
        let names = &footprint.deployment.policy.names;
        Some(provider.resources(names).member_role)
    });
    let has_our_id = |registration: &Registration| {
        let subject = provider.subject(policy, &policy.names, registration);
        subject.ours().is_some()
    };
    let is_bent_member = |registration: &Registration| {
        !remove.members.is_empty()
            && registration.kind == RegistrationKind::Account
            && !observed.kept.contains(&registration.guid)
            && (observed.made.contains(&registration.guid) || has_our_id(registration))
            && role_name(registration) != stays.as_deref()
    };
    let deregistering = deregistering(remove, policy, observed);
    let goes_with_its_stack = |registration: &Registration| {
        registration.kind == RegistrationKind::Account
            && account_of_role(&registration.role_arn).is_some_and(|id| deregistering.contains(&id))
    };
    // The registrations that use a role are deleted before the role.
    let ours = observed.registrations.iter().filter(|registration| {
        let mut roles = remove.roles.iter();
        let reads_ours =
            roles.any(|(role, _, names)| reads(provider, registration, role, names, policy));
        (reads_ours || is_bent_member(registration))
            && !is_kept(registration)
            && !goes_with_its_stack(registration)
    });
    let mut steps: Vec<Step> = ours.cloned().map(Step::DeleteRegistration).collect();
    let mut read = Readers::of(&steps);
    // A trail must not keep a deleted topic.
    for ours in &remove.topics {
        let found = observed.topics.get(&ours.trail).and_then(Option::as_ref);
        if found == Some(&ours.topic) {
            read.trail = true;
            steps.push(Step::SetTrailTopic {
                of: (*ours).clone(),
                set: false,
            });
        }
    }
    for name in &remove.stack_sets {
        if let Some((set, instances)) = observed.stack_sets.get(name)
            && is_owned_by(&set.tags, &policy.stack_id)
        {
            let member = remove.members.contains(name);
            let free = instances.iter().filter(|instance| {
                if member {
                    !read.members.contains(&instance.account)
                } else {
                    !read.trail
                }
            });
            let free: Vec<_> = free.collect();
            if instances.is_empty() || !free.is_empty() {
                let renewal = renewal(name, policy, observed).filter(|_| member);
                empty_stack_set(&mut steps, name, &free, renewal, observed);
            }
        }
    }
    for name in &remove.stacks {
        if read.members.contains(&policy.management_account) {
            continue;
        }
        match observed.stacks.get(name) {
            Some(stack) if !is_owned_by(&stack.tags, &policy.stack_id) => {}
            Some(stack) if stack.state == StackState::InProgress => {
                steps.push(Step::Await(format!("the stack {name}")));
            }
            Some(_) => steps.push(Step::DeleteStack(name.clone())),
            None => {}
        }
    }
    steps
}

/// Accounts whose stacks delete their own registrations.
fn deregistering(remove: &Remove<'_>, policy: &Policy, observed: &Observed) -> BTreeSet<AccountId> {
    let sets = remove
        .members
        .iter()
        .filter_map(|name| observed.stack_sets.get(name));
    sets.flat_map(|(_, instances)| self_registered(instances, policy, observed))
        .collect()
}

/// Accounts that registered themselves and whose stacks can still be deleted.
fn self_registered(
    instances: &[StackInstance],
    policy: &Policy,
    observed: &Observed,
) -> impl Iterator<Item = AccountId> {
    instances
        .iter()
        .filter(|instance| policy.is_registered_by_stack(&instance.account))
        .filter(|instance| can_be_deleted(instance, observed))
        .map(|instance| instance.account)
}

/// The step that gives the stacks of a StackSet a valid token, if they need one.
fn renewal(name: &str, policy: &Policy, observed: &Observed) -> Option<Step> {
    let (renewed, (_, instances)) = (observed.renewed.as_ref()?, observed.stack_sets.get(name)?);
    let stale: Vec<_> = self_registered(instances, policy, observed)
        .filter(|id| !renewed.contains(id))
        .collect();
    let stack_set = name.to_owned();
    (!stale.is_empty()).then_some(Step::RenewToken {
        stack_set,
        accounts: stale,
    })
}

fn can_be_deleted(instance: &StackInstance, observed: &Observed) -> bool {
    observed.active.contains(&instance.account) && instance.state != InstanceState::Inoperable
}

fn empty_stack_set(
    steps: &mut Vec<Step>,
    name: &str,
    instances: &[&StackInstance],
    renewal: Option<Step>,
    observed: &Observed,
) {
    if instances.is_empty() {
        return steps.push(Step::DeleteStackSet(name.to_owned()));
    }
    let is_under_way = |one: &&StackInstance| one.state == InstanceState::InProgress;
    match renewal {
        Some(renewal) if !instances.iter().any(is_under_way) => steps.push(renewal),
        _ => delete_instances(steps, name, instances, |one| can_be_deleted(one, observed)),
    }
}

/// Deletes these instances; those that cannot be deleted are removed with their stacks left behind.
fn delete_instances(
    steps: &mut Vec<Step>,
    name: &str,
    instances: &[&StackInstance],
    can_be_deleted: impl Fn(&StackInstance) -> bool,
) {
    if instances
        .iter()
        .any(|instance| instance.state == InstanceState::InProgress)
    {
        return steps.push(Step::Await(format!("the instances of {name}")));
    }
    let (delete, forget): (Vec<_>, Vec<_>) = instances
        .iter()
        .copied()
        .partition(|instance| can_be_deleted(instance));
    for (instances, retain) in [(delete, false), (forget, true)] {
        if !instances.is_empty() {
            let accounts = instances.iter().map(|instance| instance.account).collect();
            steps.push(Step::DeleteInstances {
                stack_set: name.to_owned(),
                accounts,
                retain,
            });
        }
    }
}

#[cfg(test)]
mod tests;
