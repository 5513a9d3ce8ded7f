use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{Foundation, Refusal, STACK_ID_TAG, StackSetSpec};
use crate::{
    enrollment::Policy,
    landing_zone::{InstanceState, StackInstance},
    model::{AccountId, ExternalId, Names, SubAccount, account_of_role},
    ports::{Integration, IntegrationKind, IntegrationSpec, Stack, StackSet, StackState},
};

/// One thing for setup to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make a StackSet without instances.
    CreateStackSet(StackSetSpec),
    /// Give a StackSet and its instances another template or other parameters.
    UpdateStackSet(StackSetSpec),
    /// Make the one instance of a StackSet.
    CreateInstance {
        /// The StackSet.
        stack_set: String,
        /// Where.
        account: AccountId,
    },
    /// Remove instances.
    DeleteInstances {
        /// The StackSet.
        stack_set: String,
        /// Where.
        accounts: Vec<AccountId>,
        /// Leave the stacks, since nobody can reach them any more.
        retain: bool,
    },
    /// Remove an empty StackSet.
    DeleteStackSet(String),
    /// Make the management account's stack.
    CreateStack(StackSetSpec),
    /// Change the management account's stack.
    UpdateStack(StackSetSpec),
    /// Remove the management account's stack.
    DeleteStack(String),
    /// Make the trail's integration.
    CreateIntegration {
        /// The store.
        sub_account: Option<SubAccount>,
        /// All of it.
        spec: IntegrationSpec,
    },
    /// Bring the trail's integration to what it should be.
    UpdateIntegration {
        /// As it is.
        existing: Integration,
        /// As it should be.
        spec: IntegrationSpec,
    },
    /// Remove an integration of ours.
    DeleteIntegration(Integration),
    /// Look again: something is under way.
    Await(String),
}

impl Step {
    /// The management account's stack that the step changes, if it changes one.
    pub fn stack(&self) -> Option<&str> {
        match self {
            Self::CreateStack(spec) | Self::UpdateStack(spec) => Some(&spec.name),
            Self::DeleteStack(name) => Some(name),
            Self::CreateStackSet(_)
            | Self::UpdateStackSet(_)
            | Self::CreateInstance { .. }
            | Self::DeleteInstances { .. }
            | Self::DeleteStackSet(_)
            | Self::CreateIntegration { .. }
            | Self::UpdateIntegration { .. }
            | Self::DeleteIntegration(_)
            | Self::Await(_) => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateStackSet(spec) => write!(f, "create StackSet {}", spec.name),
            Self::UpdateStackSet(spec) => write!(f, "update StackSet {}", spec.name),
            Self::CreateInstance { stack_set, account } => {
                write!(f, "create the instance of {stack_set} in {account}")
            }
            Self::DeleteInstances {
                stack_set,
                accounts,
                retain,
            } => {
                let verb = if *retain { "forget" } else { "delete" };
                write!(f, "{verb} {} instances of {stack_set}", accounts.len())
            }
            Self::DeleteStackSet(name) => write!(f, "delete StackSet {name}"),
            Self::CreateStack(spec) => write!(f, "create stack {}", spec.name),
            Self::UpdateStack(spec) => write!(f, "update stack {}", spec.name),
            Self::DeleteStack(name) => write!(f, "delete stack {name}"),
            Self::CreateIntegration { spec, .. } => write!(f, "create integration {}", spec.name),
            Self::UpdateIntegration { spec, .. } => write!(f, "update integration {}", spec.name),
            Self::DeleteIntegration(existing) => write!(f, "delete integration {}", existing.name),
            Self::Await(what) => write!(f, "wait for {what}"),
        }
    }
}

/// What setup read of what it makes.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The StackSets that exist under our names, with their instances.
    pub stack_sets: BTreeMap<String, (StackSet, Vec<StackInstance>)>,
    /// The management account's stacks that exist under our names.
    pub stacks: BTreeMap<String, Stack>,
    /// Every integration of both kinds in every store that we may have used.
    pub integrations: Vec<Integration>,
    /// Accounts that can be reached: a stack elsewhere can only be forgotten.
    pub active: BTreeSet<AccountId>,
}

/// What to do next so that what exists becomes `wanted`, and nothing of `retired` remains.
///
/// `wanted` is `None` when the main stack is deleted. An empty plan means that all is done; what
/// depends on an unfinished step comes in a later plan. `policy` is the deployment's, by which what
/// is ours is known.
///
/// # Errors
///
/// A StackSet or stack with one of our names belongs to somebody else.
pub fn plan(
    wanted: Option<&Foundation>,
    retired: &[Names],
    policy: &Policy,
    observed: &Observed,
) -> Result<Vec<Step>, Refusal> {
    let mut steps = match wanted {
        Some(foundation) => build(foundation, observed)?,
        None => Vec::new(),
    };
    // The new comes first: what is retired goes when nothing is left to make.
    if steps.is_empty() {
        steps = tear_down(&to_remove(wanted, retired), wanted, policy, observed);
    }
    Ok(steps)
}

fn build(foundation: &Foundation, observed: &Observed) -> Result<Vec<Step>, Refusal> {
    let policy = &foundation.deployment.policy;
    let mut steps = Vec::new();
    if let Some(trail) = &foundation.trail {
        for (spec, account) in [&trail.audit, &trail.log] {
            stack_set(&mut steps, spec, Some(account), observed)?;
        }
        if steps.is_empty() {
            let store = policy.destination.shared();
            trail_integration(&mut steps, &trail.integration, store, observed)?;
        }
    }
    if let Some(member) = &foundation.member {
        stack_set(&mut steps, member, None, observed)?;
        if policy.enroll_management {
            management_stack(&mut steps, member, observed)?;
        }
    }
    Ok(steps)
}

fn foreign(what: &str, name: &str) -> Refusal {
    Refusal::new(format!(
        "The {what} {name} exists and was not made by this stack. Remove it, or choose another \
         IntegrationNamePrefix or LaceworkSubAccountName."
    ))
}

fn stack_set(
    steps: &mut Vec<Step>,
    spec: &StackSetSpec,
    account: Option<&AccountId>,
    observed: &Observed,
) -> Result<(), Refusal> {
    let name = &spec.name;
    let existing = observed.stack_sets.get(name);
    match existing {
        None => steps.push(Step::CreateStackSet(spec.clone())),
        Some((set, _)) if !is_ours(&set.tags, &spec.stack_id) => {
            return Err(foreign("StackSet", name));
        }
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
    match instance.map(|instance| instance.state) {
        None | Some(InstanceState::Outdated) => steps.push(create()),
        Some(InstanceState::InProgress) => {
            steps.push(Step::Await(format!("the instance of {name} in {account}")));
        }
        Some(InstanceState::Inoperable) => steps.push(Step::DeleteInstances {
            stack_set: name.clone(),
            accounts: vec![*account],
            retain: true,
        }),
        Some(InstanceState::Current) => {}
    }
    Ok(())
}

fn management_stack(
    steps: &mut Vec<Step>,
    spec: &StackSetSpec,
    observed: &Observed,
) -> Result<(), Refusal> {
    match observed.stacks.get(&spec.name) {
        None => steps.push(Step::CreateStack(spec.clone())),
        Some(stack) if !is_ours(&stack.tags, &spec.stack_id) => {
            return Err(foreign("stack", &spec.name));
        }
        Some(stack) if stack.state == StackState::InProgress => {
            steps.push(Step::Await(format!("the stack {}", spec.name)));
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
        Some(stack) if stack.description != spec.description() => {
            steps.push(Step::UpdateStack(spec.clone()));
        }
        Some(_) => {}
    }
    Ok(())
}

fn trail_integration(
    steps: &mut Vec<Step>,
    spec: &IntegrationSpec,
    store: Option<&SubAccount>,
    observed: &Observed,
) -> Result<(), Refusal> {
    let existing = observed.integrations.iter().find(|integration| {
        integration.kind == IntegrationKind::CloudTrail
            && integration.name == spec.name
            && integration.sub_account.as_ref() == store
    });
    match existing {
        None => steps.push(Step::CreateIntegration {
            sub_account: store.cloned(),
            spec: spec.clone(),
        }),
        Some(existing) if !spec.external_id.is_shown_as(&existing.external_id) => {
            return Err(foreign("integration", &spec.name));
        }
        Some(existing)
            if !existing.enabled
                || existing.role_arn != spec.role_arn
                || existing.queue_url != spec.queue_url =>
        {
            steps.push(Step::UpdateIntegration {
                existing: existing.clone(),
                spec: spec.clone(),
            });
        }
        Some(_) => {}
    }
    Ok(())
}

/// The names of what should not be there.
struct Remove<'a> {
    stack_sets: BTreeSet<String>,
    stacks: BTreeSet<String>,
    /// Each with the names that go with it.
    roles: Vec<(String, &'a Names)>,
}

fn to_remove<'a>(wanted: Option<&'a Foundation>, retired: &'a [Names]) -> Remove<'a> {
    let mut remove = Remove {
        stack_sets: BTreeSet::new(),
        stacks: BTreeSet::new(),
        roles: Vec::new(),
    };
    let trail = |names: &'a Names, remove: &mut Remove<'a>| {
        remove
            .stack_sets
            .extend([names.log_stack_set(), names.audit_stack_set()]);
        remove.roles.push((names.log_role(), names));
    };
    let member = |names: &'a Names, remove: &mut Remove<'a>| {
        remove.stack_sets.insert(names.member_stack_set());
        remove.roles.push((names.member_role(), names));
    };
    for names in retired {
        trail(names, &mut remove);
        member(names, &mut remove);
        remove.stacks.insert(names.member_stack_set());
    }
    if let Some(foundation) = wanted {
        let policy = &foundation.deployment.policy;
        if foundation.trail.is_none() {
            trail(&policy.names, &mut remove);
        }
        if foundation.member.is_none() {
            member(&policy.names, &mut remove);
        }
        if foundation.member.is_none() || !policy.enroll_management {
            remove.stacks.insert(policy.names.member_stack_set());
        }
    }
    remove
}

/// Whether the integration reads a role of ours. Another deployment's roles have the same names,
/// so the external id decides; where it is shown masked, the integration's name does.
fn reads(integration: &Integration, role: &str, names: &Names, policy: &Policy) -> bool {
    let Some(account) = account_of_role(&integration.role_arn) else {
        return false;
    };
    let id = ExternalId::new(&policy.tenant, &account, &policy.external_id_suffix);
    let named = [names.log_stack_set(), names.member_integration(&account)];
    let shown = &integration.external_id;
    integration.role_arn.rsplit('/').next() == Some(role)
        && (shown == id.as_str() || id.is_shown_as(shown) && named.contains(&integration.name))
}

fn tear_down(
    remove: &Remove<'_>,
    wanted: Option<&Foundation>,
    policy: &Policy,
    observed: &Observed,
) -> Vec<Step> {
    let kept = wanted.and_then(|foundation| foundation.trail.as_ref());
    let is_kept = |integration: &Integration| {
        kept.is_some_and(|trail| trail.integration.role_arn == integration.role_arn)
    };
    // First what reads the roles, then the roles.
    let ours = observed.integrations.iter().filter(|integration| {
        let mut roles = remove.roles.iter();
        roles.any(|(role, names)| reads(integration, role, names, policy)) && !is_kept(integration)
    });
    let mut steps: Vec<Step> = ours.cloned().map(Step::DeleteIntegration).collect();
    for name in &remove.stack_sets {
        if let Some((set, instances)) = observed.stack_sets.get(name)
            && is_ours(&set.tags, &policy.stack_id)
        {
            empty_stack_set(&mut steps, name, instances, observed);
        }
    }
    for name in &remove.stacks {
        match observed.stacks.get(name) {
            Some(stack) if !is_ours(&stack.tags, &policy.stack_id) => {}
            Some(stack) if stack.state == StackState::InProgress => {
                steps.push(Step::Await(format!("the stack {name}")));
            }
            Some(_) => steps.push(Step::DeleteStack(name.clone())),
            None => {}
        }
    }
    steps
}

fn empty_stack_set(
    steps: &mut Vec<Step>,
    name: &str,
    instances: &[StackInstance],
    observed: &Observed,
) {
    if instances.is_empty() {
        return steps.push(Step::DeleteStackSet(name.to_owned()));
    }
    if instances
        .iter()
        .any(|instance| instance.state == InstanceState::InProgress)
    {
        return steps.push(Step::Await(format!("the instances of {name}")));
    }
    let (delete, forget): (Vec<_>, Vec<_>) = instances.iter().partition(|instance| {
        observed.active.contains(&instance.account) && instance.state != InstanceState::Inoperable
    });
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

fn is_ours(tags: &BTreeMap<String, String>, stack_id: &str) -> bool {
    tags.get(STACK_ID_TAG)
        .is_some_and(|owner| owner == stack_id)
}

#[cfg(test)]
mod tests;
