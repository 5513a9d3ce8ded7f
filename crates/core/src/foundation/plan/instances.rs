//! The deletion of instances, and the tokens that some need for it.

use super::observed::Observed;
use crate::{
    foundation::Step,
    model::AccountId,
    policy::Policy,
    stack_sets::{InstanceState, StackInstance},
};

/// Accounts that registered themselves and whose stacks can still be deleted.
pub(super) fn self_registered(
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
pub(super) fn renewal(name: &str, policy: &Policy, observed: &Observed) -> Option<Step> {
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

pub(super) fn can_be_deleted(instance: &StackInstance, observed: &Observed) -> bool {
    observed.active.contains(&instance.account) && instance.state != InstanceState::Inoperable
}

/// Deletes these instances; those that cannot be deleted are removed with their stacks left behind.
pub(super) fn delete_instances(
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
