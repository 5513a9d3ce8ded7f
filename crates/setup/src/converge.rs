//! Looks, plans and acts until there is nothing left to do, waiting for what takes time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::future::try_join_all;
use tokio::time::sleep;
use towerhook_core::{
    ErrorKind, Result,
    enrollment::Policy,
    foundation::{Foundation, Observed, Step, operation_id, plan, start_operation},
    landing_zone::{AccountState, OperationState},
    model::{AccountId, Names, SubAccount},
    ports::{Created, Integration, IntegrationKind, Saas, SetupPorts},
};

use crate::{error::SetupError, progress::Progress};

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

/// For so many looks a stack may still seem as it was before it was asked to change; after that, it
/// is as it was because the change failed.
const STALE_ROUNDS: usize = 2;

/// What should be when all is done.
pub(crate) struct Goal<'a> {
    /// What should exist; nothing, when the stack is deleted.
    pub(crate) wanted: Option<&'a Foundation>,
    /// The names of what should not.
    pub(crate) retired: &'a [Names],
    /// The stores in which there may be integrations of ours, besides the tenant's own.
    pub(crate) sub_accounts: &'a BTreeSet<SubAccount>,
    /// The deployment's, by which what is ours is known.
    pub(crate) policy: &'a Policy,
    /// CloudFormation's request: an operation or a token of one request is not one of the next.
    pub(crate) request: &'a str,
}

/// A StackSet operation under way.
struct Operation {
    stack_set: String,
    id: String,
    deletes: bool,
}

/// Brings about the goal.
pub(crate) async fn converge(
    aws: &impl SetupPorts,
    saas: &impl Saas,
    goal: &Goal<'_>,
    progress: &Progress,
) -> std::result::Result<(), SetupError> {
    // Accounts whose stack could not be removed: it can only be left behind.
    let mut unreachable = BTreeSet::new();
    // What was asked of the management account's stack, and in which round.
    let mut asked = BTreeMap::new();
    let mut not_usable = 0;
    for round in 0.. {
        let mut observed = observe(aws, saas, goal).await?;
        observed
            .active
            .retain(|account| !unreachable.contains(account));
        let steps = plan(goal.wanted, goal.retired, goal.policy, &observed)?;
        if steps.is_empty() {
            return Ok(());
        }
        progress.begin_making();
        let mut operations = Vec::new();
        let mut wait = false;
        for step in &steps {
            tracing::info!(%step, "step");
            progress.note(step);
            if let Some(name) = step.stack() {
                let first = *asked.entry(step.to_string()).or_insert(round);
                if round > first + STALE_ROUNDS {
                    return Err(stack_failure(name, &observed));
                }
                if round > first {
                    wait = true;
                    continue;
                }
            }
            match act(aws, saas, goal.request, step).await? {
                Act::Done => {}
                Act::Wait => wait = true,
                Act::Operation(operation) => operations.push(operation),
                Act::NotUsable(why) if not_usable < TRIES => {
                    tracing::warn!(why, "the SaaS cannot use the role yet");
                    not_usable += 1;
                    wait = true;
                }
                Act::NotUsable(why) => return Err(SetupError::TrailNotUsable(why)),
                Act::AlreadyUsed => return Err(SetupError::TrailAlreadyUsed),
            }
        }
        for operation in operations {
            if goal.leaves_to_account(&operation) {
                continue;
            }
            unreachable.extend(finish(aws, operation).await?);
        }
        if wait {
            sleep(pause(round)).await;
        }
    }
    Ok(())
}

fn pause(round: usize) -> Duration {
    PAUSES[round.min(PAUSES.len() - 1)]
}

async fn observe(
    aws: &impl SetupPorts,
    saas: &impl Saas,
    goal: &Goal<'_>,
) -> std::result::Result<Observed, SetupError> {
    let mut observed = Observed::default();
    let sets = goal
        .stack_sets()
        .into_iter()
        .map(|(name, with_instances)| async move {
            let Some(set) = aws.stack_set(&name).await? else {
                return Ok(None);
            };
            let instances = if with_instances {
                aws.instances(&name, None).await?
            } else {
                Vec::new()
            };
            Result::Ok(Some((name, (set, instances))))
        });
    observed.stack_sets = try_join_all(sets).await?.into_iter().flatten().collect();
    for name in goal.names().map(Names::member_stack_set) {
        if let Some(stack) = aws.stack(&name).await? {
            observed.stacks.insert(name, stack);
        }
    }
    let accounts = aws.accounts().await?;
    let active = accounts
        .into_iter()
        .filter(|account| account.state == AccountState::Active);
    observed.active = active.map(|account| account.id).collect();
    observed.integrations = integrations(saas, goal).await?;
    Ok(observed)
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

    /// Whether the account function sees an operation through: an update of thousands of members
    /// takes longer than CloudFormation waits.
    fn leaves_to_account(&self, operation: &Operation) -> bool {
        let member = self
            .wanted
            .and_then(|foundation| foundation.member.as_ref());
        !operation.deletes && member.is_some_and(|member| member.name == operation.stack_set)
    }

    /// Every StackSet that matters, and whether its instances do: there may be thousands of
    /// members, and they are the account function's business unless they are to go.
    fn stack_sets(&self) -> Vec<(String, bool)> {
        let sets = |names: &Names| {
            [
                (names.log_stack_set(), true),
                (names.audit_stack_set(), true),
                (names.member_stack_set(), self.removes_members()),
            ]
        };
        self.names().flat_map(sets).collect()
    }
}

async fn integrations(saas: &impl Saas, goal: &Goal<'_>) -> Result<Vec<Integration>> {
    let config = goal.removes_members().then_some(IntegrationKind::Config);
    let mut all = Vec::new();
    for store in std::iter::once(None).chain(goal.sub_accounts.iter().map(Some)) {
        for kind in [Some(IntegrationKind::CloudTrail), config]
            .into_iter()
            .flatten()
        {
            match saas.integrations(store, kind).await {
                Ok(found) => all.extend(found),
                // Who deletes the stack may have revoked the key before, or lost the sub-account;
                // what is there stays there.
                Err(error) if goal.wanted.is_none() && error.kind == ErrorKind::Unauthorized => {
                    let store = store.map_or(goal.policy.tenant.as_str(), SubAccount::as_str);
                    tracing::error!(
                        store,
                        error = error.chain(),
                        "integrations stay in Lacework"
                    );
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(all)
}

/// What came of a step.
enum Act {
    Done,
    Wait,
    Operation(Operation),
    NotUsable(String),
    AlreadyUsed,
}

impl From<Created> for Act {
    fn from(created: Created) -> Self {
        match created {
            Created::Done => Self::Done,
            Created::NotUsable(why) => Self::NotUsable(why),
            Created::AlreadyUsed => Self::AlreadyUsed,
        }
    }
}

async fn act(aws: &impl SetupPorts, saas: &impl Saas, request: &str, step: &Step) -> Result<Act> {
    match step {
        Step::CreateStackSet(spec) => {
            aws.create_stack_set(spec).await?;
            Ok(Act::Done)
        }
        Step::UpdateStackSet(spec) => {
            let content = ("update", spec.description(), request);
            let id = start_operation(aws, &spec.name, &content, async |operation| {
                aws.update_stack_set(spec, operation).await
            })
            .await?;
            Ok(Act::Operation(Operation {
                stack_set: spec.name.clone(),
                id,
                deletes: false,
            }))
        }
        Step::CreateInstance { stack_set, account } => {
            let accounts = [*account];
            let id = start_operation(aws, stack_set, &("create", request, account), async |id| {
                aws.create_instances(stack_set, &accounts, id).await
            })
            .await?;
            Ok(Act::Operation(Operation {
                stack_set: stack_set.clone(),
                id,
                deletes: false,
            }))
        }
        Step::DeleteInstances {
            stack_set,
            accounts,
            retain,
        } => {
            let content = ("delete", request, accounts, retain);
            let id = start_operation(aws, stack_set, &content, async |id| {
                aws.delete_instances(stack_set, accounts, *retain, id).await
            })
            .await?;
            Ok(Act::Operation(Operation {
                stack_set: stack_set.clone(),
                id,
                deletes: true,
            }))
        }
        Step::DeleteStackSet(name) => {
            aws.delete_stack_set(name).await?;
            Ok(Act::Done)
        }
        Step::CreateStack(spec) => {
            aws.create_stack(spec, &token("create", &spec.name, request))
                .await?;
            Ok(Act::Wait)
        }
        Step::UpdateStack(spec) => {
            aws.update_stack(spec, &token("update", &spec.name, request))
                .await?;
            Ok(Act::Wait)
        }
        Step::DeleteStack(name) => {
            aws.delete_stack(name, &token("delete", name, request))
                .await?;
            Ok(Act::Wait)
        }
        Step::CreateIntegration { sub_account, spec } => {
            Ok(saas.create(sub_account.as_ref(), spec).await?.into())
        }
        Step::UpdateIntegration { existing, spec } => {
            Ok(saas.update(existing, spec, true).await?.into())
        }
        Step::DeleteIntegration(existing) => {
            saas.delete(existing).await?;
            Ok(Act::Done)
        }
        Step::Await(_) => Ok(Act::Wait),
    }
}

/// A client request token: repeated within a request, and never used again after it.
fn token(verb: &str, stack: &str, request: &str) -> String {
    operation_id(stack, &(verb, request), 0)
}

fn stack_failure(name: &str, observed: &Observed) -> SetupError {
    let reason = observed
        .stacks
        .get(name)
        .and_then(|stack| stack.reason.clone());
    SetupError::Stack {
        name: name.to_owned(),
        reason: reason.unwrap_or_else(|| "CloudFormation gives no reason".to_owned()),
    }
}

/// Waits for an operation, and answers the accounts that a removal could not reach. An operation
/// that succeeded may still have failed instances.
async fn finish(
    aws: &impl SetupPorts,
    operation: Operation,
) -> std::result::Result<BTreeSet<AccountId>, SetupError> {
    let Operation {
        stack_set,
        id,
        deletes,
    } = operation;
    for round in 0.. {
        if aws.operation(&stack_set, &id).await? != OperationState::InProgress {
            break;
        }
        sleep(pause(round)).await;
    }
    let failures = aws.failures(&stack_set, &id).await?;
    for failure in &failures {
        tracing::warn!(stack_set, account = %failure.account, reason = failure.reason, "failed");
    }
    if deletes {
        return Ok(failures
            .into_iter()
            .map(|failure| failure.account)
            .collect());
    }
    match failures.into_iter().next() {
        Some(failure) => Err(SetupError::Instance { stack_set, failure }),
        None => Ok(BTreeSet::new()),
    }
}
