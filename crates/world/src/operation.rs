//! StackSet operations: what begins with one, and what it comes to.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use towerhook_core::{
    landing_zone::{InstanceState, OperationState, StackInstance},
    model::{AccountId, Names},
    ports::StackSet,
};

use crate::{World, ports::in_progress, state::State, units::Deployed};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Create,
    Update,
    Delete { retain: bool },
}

/// The role or queue that an instance makes.
pub(crate) fn made_by(set: &StackSet, account: &AccountId) -> Option<String> {
    let resource = set.parameters.get("ResourceNamePrefix")?.clone();
    let names = Names {
        resource,
        prefix: "Lacework-Control-Tower-".parse().ok()?,
    };
    let role = if set.name == names.log_stack_set() {
        names.log_role()
    } else if set.name == names.member_stack_set() {
        names.member_role()
    } else {
        return Some(names.queue());
    };
    Some(Names::role_arn("aws", account, &role))
}

/// Marks the instances, and answers those that the operation is really about.
pub(crate) fn begin(
    state: &mut State,
    now: Timestamp,
    name: &str,
    accounts: &[AccountId],
    change: Change,
) -> Vec<AccountId> {
    let mut concerned = Vec::new();
    let instances = state.instances.change(now);
    for account in accounts {
        let key = (name.to_owned(), *account);
        let is_concerned = match (instances.get(&key).map(|instance| instance.state), change) {
            // An unchanged template makes nothing.
            (Some(InstanceState::Current | InstanceState::Inoperable), Change::Create)
            | (None | Some(InstanceState::Inoperable), Change::Update)
            | (None, Change::Delete { .. }) => false,
            (_, Change::Create | Change::Update | Change::Delete { .. }) => true,
        };
        if is_concerned {
            instances.insert(key, in_progress(*account));
            concerned.push(*account);
        }
    }
    concerned
}

/// An operation on its way to its end.
pub(crate) struct Ending {
    pub(crate) set: String,
    pub(crate) generation: usize,
    pub(crate) operation: String,
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) change: Change,
}

impl Ending {
    pub(crate) fn end(self, world: &World) {
        let now = world.now();
        let mut events = Vec::new();
        {
            let mut state = world.state();
            let set = state.stack_sets.get(&self.set);
            let Some(set) = set.filter(|set| set.generation == self.generation) else {
                return;
            };
            let set = set.set.clone();
            let mut failures = Vec::new();
            for account in &self.accounts {
                let unlucky = world.simulation().chance(state.faults.failing_instances);
                match self.settle(&mut state, now, &set, account, unlucky) {
                    Ok(()) => events.push(*account),
                    Err(reason) => failures.push((*account, reason)),
                }
            }
            state.say(now, || {
                format!("{:?} {} ended, failed: {failures:?}", self.change, self.set)
            });
            if let Some(kept) = state
                .stack_sets
                .get_mut(&self.set)
                .and_then(|set| set.operations.get_mut(&self.operation))
            {
                kept.state = OperationState::Succeeded;
                kept.failures = failures;
            }
        }
        for account in events {
            world.announce(instance_event(&self.set, &account));
        }
    }

    /// What becomes of one instance.
    fn settle(
        &self,
        state: &mut State,
        now: Timestamp,
        set: &StackSet,
        account: &AccountId,
        unlucky: bool,
    ) -> Result<(), String> {
        let key = (self.set.clone(), *account);
        let reachable = state
            .member(account)
            .is_some_and(|member| member.takes_stacks());
        let left_behind = state
            .deployed(account, &self.set)
            .is_some_and(|stack| stack.left_behind);
        let forgets = self.change == Change::Delete { retain: true };
        let failure = match self.change {
            Change::Delete { retain: true } => None,
            _ if !reachable => Some("cannot assume AWSControlTowerExecution".to_owned()),
            _ if unlucky => Some("Internal failure".to_owned()),
            Change::Create if left_behind => {
                Some("the role exists already, in a stack that was left behind".to_owned())
            }
            _ => None,
        };
        if let Some(reason) = failure {
            let inoperable = matches!(self.change, Change::Delete { .. });
            let instance = StackInstance {
                account: *account,
                state: if inoperable {
                    InstanceState::Inoperable
                } else {
                    InstanceState::Outdated
                },
                reason: Some(reason.clone()),
            };
            state.instances.change(now).insert(key, instance);
            return Err(reason);
        }
        match self.change {
            Change::Create | Change::Update => {
                let instance = StackInstance {
                    account: *account,
                    state: InstanceState::Current,
                    reason: None,
                };
                state.instances.change(now).insert(key, instance);
                let role = made_by(set, account).map(|role| (role, now));
                let deployed = Deployed {
                    role,
                    left_behind: false,
                };
                let stacks = state.deployed.entry(*account).or_default();
                // A stack that is there already is not made anew.
                stacks.entry(self.set.clone()).or_insert(deployed);
            }
            Change::Delete { .. } => {
                state.instances.change(now).remove(&key);
                let stacks = state.deployed.entry(*account).or_default();
                if !forgets {
                    stacks.remove(&self.set);
                } else if let Some(stack) = stacks.get_mut(&self.set) {
                    stack.left_behind = true;
                }
            }
        }
        Ok(())
    }
}

fn instance_event(set: &str, account: &AccountId) -> String {
    json!({
        "source": "aws.cloudformation",
        "detail-type": "CloudFormation StackSet StackInstance Status Change",
        "detail": {
            "stack-set-arn": format!("arn:aws:cloudformation:us-east-1:000000000001:stackset/{set}:1"),
            "stack-id": format!("arn:aws:cloudformation:us-east-1:{account}:stack/StackSet-{set}/1"),
            "status-details": {"status": "CURRENT", "detailed-status": "SUCCEEDED"},
        },
    })
    .to_string()
}

/// How long it takes until a role can be assumed everywhere, at most.
pub(crate) const PROPAGATION: Duration = Duration::from_secs(20);
