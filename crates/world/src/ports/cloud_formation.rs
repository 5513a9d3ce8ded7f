use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    ErrorKind, Result,
    model::{AccountId, SecretText},
    ports::{StackReads, StackSetReads, StackSetWrites, StackWrites},
    stack_sets::{
        InstanceFailure, OperationState, Stack, StackInstance, StackSet, StackSetSpec, StackState,
        Start,
    },
};

use super::Ports;
use crate::{
    faults::error,
    operation::{self, Change},
    rates::{INSTANCES_A_PAGE, INSTANCES_ONE_BY_ONE, pages},
    safety,
    state::{KeptOperation, KeptStackSet, State},
    units::{Deployed, MANAGEMENT, STACK_ID, id},
};

fn as_set(spec: &StackSetSpec) -> StackSet {
    StackSet {
        name: spec.name.clone(),
        description: spec.description(),
        template: spec.body(),
        parameters: spec.parameters.clone(),
        tags: spec.all_tags(),
    }
}

impl Ports {
    /// Starts an operation of a StackSet, which ends some time later.
    #[expect(clippy::too_many_arguments, reason = "an operation has them all")]
    async fn start(
        &self,
        call: &'static str,
        name: &str,
        accounts: &[AccountId],
        operation: &str,
        change: Change,
        token: Option<&SecretText>,
        also: impl FnOnce(&mut KeptStackSet),
    ) -> Result<Start> {
        self.call(call, |state, now| {
            let Some(set) = state.stack_sets.get_mut(name) else {
                return Err(error(call, ErrorKind::NotFound));
            };
            if set.operations.contains_key(operation) {
                return Ok(Start::Exists);
            }
            let ours = set.ours;
            let kept = KeptOperation {
                state: OperationState::InProgress,
                failures: Vec::new(),
                accounts: accounts.len(),
            };
            set.operations.insert(operation.to_owned(), kept);
            also(set);
            let generation = set.generation;
            let begins = now.max(set.busy_until);
            let took = if state.options.true_to_scale {
                operation::takes(accounts.len())
            } else {
                let took = self.world.simulation().between(10_000, 90_000);
                let slow = state.faults.slow_operations.as_millis() as u64;
                took + self.world.simulation().between(0, slow)
            };
            let ends = begins + SignedDuration::try_from(took).unwrap_or_default();
            set.busy_until = ends;
            self.write(state, now, || {
                format!("{change:?} {name} in {accounts:?} until {ends:.0}")
            });
            if !ours {
                state.violate(now, format!("a foreign StackSet was changed: {name}"));
            }
            if token.is_some() {
                let renewed = accounts.iter().map(|account| (*account, now));
                state.last_renewed.extend(renewed);
            }
            if let Change::Delete { retain } = change
                && !self.is_overtaken(state)
            {
                safety::instances_go(state, now, self.caller.began, name, accounts, retain);
            }
            let fresh = operation::begin(state, now, name, accounts, change);
            let task = operation::Ending {
                set: name.to_owned(),
                generation,
                operation: operation.to_owned(),
                began: now,
                accounts: fresh,
                change,
                token: token.map(|token| token.expose().to_owned()),
            };
            let world = self.world.clone();
            let one_by_one = state.options.true_to_scale;
            self.world.simulation().spawn(async move {
                if one_by_one {
                    return task.end_one_by_one(&world, begins, ends).await;
                }
                world.simulation().sleep_until(ends).await;
                task.end(&world);
            });
            Ok(Start::Started)
        })
        .await
    }
}

impl StackSetReads for Ports {
    async fn stack_set(&self, name: &str) -> Result<Option<StackSet>> {
        self.call("cloudformation:DescribeStackSet", |state, _| {
            Ok(state.stack_sets.get(name).map(|kept| kept.set.clone()))
        })
        .await
    }

    async fn stack_sets_named(&self, prefix: &str) -> Result<Vec<String>> {
        self.call("cloudformation:ListStackSets", |state, _| {
            let names = state.stack_sets.keys();
            Ok(names
                .filter(|name| name.starts_with(prefix))
                .cloned()
                .collect())
        })
        .await
    }

    async fn instances(
        &self,
        name: &str,
        accounts: Option<&[AccountId]>,
    ) -> Result<Vec<StackInstance>> {
        let then = self.listed_at();
        let call = "cloudformation:ListStackInstances";
        let (found, all) = self
            .call(call, |state, _| {
                let instances = state.instances.at(then);
                let here = instances.iter().filter(|((set, _), _)| set == name);
                let mut all = 0;
                let found: Vec<StackInstance> = here
                    .inspect(|_| all += 1)
                    .filter(|((_, account), _)| {
                        accounts.is_none_or(|asked| asked.contains(account))
                    })
                    .map(|(_, instance)| instance.clone())
                    .collect();
                Ok((found, all))
            })
            .await?;
        match accounts {
            Some(asked) if asked.len() <= INSTANCES_ONE_BY_ONE => {
                self.more(call, asked.len().max(1) - 1).await?;
            }
            _ => {
                let pages = pages(all, INSTANCES_A_PAGE);
                self.more_in_turn(call, pages - 1).await?;
            }
        }
        Ok(found)
    }

    async fn operation(&self, name: &str, operation: &str) -> Result<OperationState> {
        let call = "cloudformation:DescribeStackSetOperation";
        self.call(call, |state, _| {
            kept(state, name, operation)
                .map(|kept| kept.state)
                .ok_or_else(|| error(call, ErrorKind::NotFound))
        })
        .await
    }

    async fn failures(&self, name: &str, operation: &str) -> Result<Vec<InstanceFailure>> {
        let call = "cloudformation:ListStackSetOperationResults";
        let (failures, results) = self
            .call(call, |state, _| {
                let kept =
                    kept(state, name, operation).ok_or_else(|| error(call, ErrorKind::NotFound))?;
                let failures = kept.failures.iter().cloned();
                let failures = failures
                    .map(|(account, reason)| InstanceFailure { account, reason })
                    .collect();
                Ok((failures, kept.accounts))
            })
            .await?;
        self.more(call, pages(results, INSTANCES_A_PAGE) - 1)
            .await?;
        Ok(failures)
    }
}

impl StackSetWrites for Ports {
    async fn create_stack_set(&self, spec: &StackSetSpec) -> Result<()> {
        self.call("cloudformation:CreateStackSet", |state, now| {
            self.write(state, now, || format!("creates StackSet {}", spec.name));
            state.made += 1;
            let generation = state.made;
            state
                .stack_sets
                .entry(spec.name.clone())
                .or_insert_with(|| KeptStackSet {
                    set: as_set(spec),
                    ours: true,
                    operations: BTreeMap::new(),
                    busy_until: now,
                    generation,
                    edited_at: None,
                });
            Ok(())
        })
        .await
    }

    async fn update_stack_set(&self, spec: &StackSetSpec, operation: &str) -> Result<Start> {
        let then = self.world.state().instances.get().clone();
        let accounts: Vec<AccountId> = then
            .keys()
            .filter(|(set, _)| *set == spec.name)
            .map(|(_, account)| *account)
            .collect();
        let call = "cloudformation:UpdateStackSet";
        let renew = |kept: &mut KeptStackSet| {
            kept.set = as_set(spec);
            kept.edited_at = None;
        };
        self.start(
            call,
            &spec.name,
            &accounts,
            operation,
            Change::Update,
            None,
            renew,
        )
        .await
    }

    async fn delete_stack_set(&self, name: &str) -> Result<()> {
        let call = "cloudformation:DeleteStackSet";
        self.call(call, |state, now| {
            if state.instances.get().keys().any(|(set, _)| set == name) {
                return Err(error(call, ErrorKind::Conflict));
            }
            self.write(state, now, || format!("deletes StackSet {name}"));
            if state.stack_sets.remove(name).is_some_and(|set| !set.ours) {
                state.violate(now, format!("a foreign StackSet was deleted: {name}"));
            }
            Ok(())
        })
        .await
    }

    async fn create_instances(
        &self,
        name: &str,
        accounts: &[AccountId],
        token: Option<&SecretText>,
        operation: &str,
    ) -> Result<Start> {
        let call = "cloudformation:CreateStackInstances";
        let change = Change::Create;
        self.start(call, name, accounts, operation, change, token, |_| {})
            .await
    }

    async fn renew_token(
        &self,
        name: &str,
        accounts: &[AccountId],
        token: &SecretText,
        operation: &str,
    ) -> Result<Start> {
        let call = "cloudformation:UpdateStackInstances";
        let (change, token) = (Change::Update, Some(token));
        self.start(call, name, accounts, operation, change, token, |_| {})
            .await
    }

    async fn delete_instances(
        &self,
        name: &str,
        accounts: &[AccountId],
        retain: bool,
        operation: &str,
    ) -> Result<Start> {
        let call = "cloudformation:DeleteStackInstances";
        self.start(
            call,
            name,
            accounts,
            operation,
            Change::Delete { retain },
            None,
            |_| {},
        )
        .await
    }
}

fn kept<'a>(state: &'a State, name: &str, operation: &str) -> Option<&'a KeptOperation> {
    state.stack_sets.get(name)?.operations.get(operation)
}

impl StackReads for Ports {
    async fn stack(&self, name: &str) -> Result<Option<Stack>> {
        self.call("cloudformation:DescribeStacks", |state, now| {
            if name == STACK_ID {
                return Ok(Some(Stack {
                    state: StackState::InProgress,
                    rolls_back: state.rolls_back,
                    reason: None,
                    description: String::new(),
                    tags: BTreeMap::new(),
                }));
            }
            Ok(state.stacks.get(name).map(|(stack, ready)| Stack {
                state: if *ready <= now {
                    stack.state
                } else {
                    StackState::InProgress
                },
                ..stack.clone()
            }))
        })
        .await
    }
}

impl StackWrites for Ports {
    async fn create_stack(&self, spec: &StackSetSpec, _: &str) -> Result<()> {
        self.call("cloudformation:CreateStack", |state, now| {
            self.write(state, now, || format!("creates stack {}", spec.name));
            if !state.stacks.contains_key(&spec.name) {
                change_stack(
                    state,
                    now,
                    spec,
                    self.world.simulation().between(1000, 20_000),
                );
            }
            Ok(())
        })
        .await
    }

    async fn update_stack(&self, spec: &StackSetSpec, _: &str) -> Result<()> {
        let call = "cloudformation:UpdateStack";
        self.call(call, |state, now| {
            if !state.stacks.contains_key(&spec.name) {
                return Err(error(call, ErrorKind::Invalid));
            }
            self.write(state, now, || format!("updates stack {}", spec.name));
            change_stack(
                state,
                now,
                spec,
                self.world.simulation().between(1000, 20_000),
            );
            Ok(())
        })
        .await
    }

    async fn delete_stack(&self, name: &str, _: &str) -> Result<()> {
        self.call("cloudformation:DeleteStack", |state, now| {
            self.write(state, now, || format!("deletes stack {name}"));
            state.stacks.remove(name);
            state
                .deployed
                .entry(id(MANAGEMENT))
                .or_default()
                .remove(name);
            Ok(())
        })
        .await
    }
}

fn change_stack(state: &mut State, now: Timestamp, spec: &StackSetSpec, took: Duration) {
    let ready = now + SignedDuration::try_from(took).unwrap_or_default();
    let set = as_set(spec);
    let stack = Stack {
        state: StackState::Complete,
        rolls_back: false,
        reason: None,
        description: set.description.clone(),
        tags: set.tags.clone(),
    };
    state.stacks.insert(spec.name.clone(), (stack, ready));
    let role =
        operation::made_by(state.options.vendor, &set, &id(MANAGEMENT)).map(|role| (role, ready));
    let deployed = Deployed {
        role,
        left_behind: false,
        registered: None,
    };
    let stacks = state.deployed.entry(id(MANAGEMENT)).or_default();
    stacks.entry(spec.name.clone()).or_insert(deployed);
}
