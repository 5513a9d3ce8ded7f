//! The steps that delete what is no longer wanted, each after what uses it.

use std::collections::BTreeSet;

use super::{
    buckets::{await_unreadable, unwanted_announcements},
    instances::{can_be_deleted, delete_instances, renewal, self_registered},
    observed::Observed,
};
use crate::{
    foundation::{Footprint, Step},
    landing_zone::TrailTopic,
    model::{AccountId, Names, Registration, RegistrationKind, account_of_role},
    policy::{Deployment, Policy},
    provider::{Provider, ResourceNames},
    stack_sets::{InstanceState, StackInstance, StackState, is_owned_by},
};

/// The names of resources to delete.
pub(super) struct Remove<'a> {
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
    pub(super) fn spare(&mut self, spared: &BTreeSet<String>) {
        self.stack_sets.retain(|name| !spared.contains(name));
        self.members.retain(|name| !spared.contains(name));
        self.stacks.retain(|name| !spared.contains(name));
        self.roles
            .retain(|(_, stack_set, _)| !spared.contains(stack_set));
    }
}

pub(super) fn to_remove<'a>(
    provider: &dyn Provider,
    wanted: Option<&'a Footprint>,
    deployment: &'a Deployment,
) -> Remove<'a> {
    let Deployment {
        retired,
        trail_topics,
        ..
    } = deployment;
    let trail = wanted.and_then(|footprint| footprint.trail.as_ref());
    let topic = trail.and_then(|trail| trail.topic.as_ref());
    let mut remove = Remove {
        topics: trail_topics
            .iter()
            .filter(|ours| Some(*ours) != topic)
            .collect(),
        stack_sets: BTreeSet::new(),
        members: BTreeSet::new(),
        stacks: BTreeSet::new(),
        roles: Vec::new(),
    };
    let trail = |names: &'a Names, remove: &mut Remove<'a>| {
        let Some(feed) = provider.resources(names).feed else {
            return;
        };
        remove.stack_sets.extend(feed.stack_sets().cloned());
        let role = (feed.log_role, feed.log_stack_set, names);
        remove.roles.push(role);
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

pub(super) fn tear_down(
    provider: &dyn Provider,
    remove: &Remove<'_>,
    wanted: Option<&Footprint>,
    deployment: &Deployment,
    observed: &Observed,
) -> Vec<Step> {
    let policy = &deployment.policy;
    let kept = wanted.and_then(|footprint| footprint.trail.as_ref());
    let is_kept = |registration: &Registration| {
        let kept = kept.and_then(|trail| trail.registration.as_ref());
        kept.is_some_and(|kept| kept.role_arn == registration.role_arn)
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
    // Nor may a bucket notify a deleted topic: S3 would refuse every other change of its
    // notifications.
    let unreadable = await_unreadable(unwanted_announcements(wanted, deployment), observed);
    read.trail |= !unreadable.is_empty();
    steps.extend(unreadable);
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
