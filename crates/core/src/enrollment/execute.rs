use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{Action, Deployment, Inventory, Plan, Record, Revisit};
use crate::{
    Disposition, Error, Result,
    error::FIRST_DELAY,
    foundation::start_operation,
    lifecycle::{MAX_ATTEMPTS, delay_of},
    model::AccountId,
    ports::{AccountPorts, Created, Saas},
};

/// How many accounts' integrations are worked on at once.
const AT_ONCE: usize = 8;
/// With less time than this left nothing new is begun: verifying a role can take the SaaS a minute.
const RESERVE: Duration = Duration::from_secs(75);

/// What came of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Accounts that are enrolled as of this pass.
    pub enrolled: Vec<AccountId>,
    /// Accounts whose integrations were removed in this pass.
    pub left: Vec<AccountId>,
    /// Accounts to look at again.
    pub revisits: Vec<Revisit>,
    /// Accounts that only an administrator can help, and why.
    pub blocked: Vec<(AccountId, String)>,
    /// Calls that failed, as whole chains.
    pub failures: Vec<String>,
}

/// Carries out a plan and makes no choices. What cannot be finished becomes a revisit.
///
/// `time_left` is the time until the invocation's deadline.
///
/// # Errors
///
/// The ledger could not be written. Records come first: a removal counts before it happens.
pub async fn execute(
    ports: &impl AccountPorts,
    saas: &impl Saas,
    deployment: &Deployment,
    inventory: &Inventory,
    plan: Plan,
    now: Timestamp,
    time_left: impl Fn() -> Duration,
) -> Result<Report> {
    if !plan.records.is_empty() {
        let records: Vec<_> = plan.records.into_iter().collect();
        ports.store_records(&records).await?;
    }
    let mut report = Report {
        revisits: plan.revisits,
        blocked: plan.blocked,
        ..Report::default()
    };
    let mut by_account: BTreeMap<AccountId, Vec<Action>> = BTreeMap::new();
    let mut removals = Vec::new();
    for action in plan.actions {
        match action {
            Action::CreateInstances(accounts) => {
                let outcome = create_instances(ports, deployment, &accounts, now).await;
                report.operation_outcome(inventory, &accounts, outcome);
            }
            Action::DeleteInstances { accounts, retain } => removals.push((accounts, retain)),
            Action::CreateIntegration { ref spec, .. }
            | Action::UpdateIntegration { ref spec, .. } => {
                by_account.entry(spec.account).or_default().push(action);
            }
            Action::DeleteIntegration { account, .. } => {
                by_account.entry(account).or_default().push(action);
            }
        }
    }
    let outcomes: Vec<(AccountId, Outcome)> = stream::iter(by_account)
        .map(|(account, actions)| {
            let time_left = &time_left;
            async move { (account, integrate(saas, actions, time_left).await) }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut records = Vec::new();
    let mut unfinished = BTreeSet::new();
    for (account, outcome) in outcomes {
        if !outcome.is_finished() {
            unfinished.insert(account);
        }
        report.integration_outcome(inventory, account, outcome, now, &mut records);
    }
    for (mut accounts, retain) in removals {
        // A role goes after the integration that uses it.
        accounts.retain(|account| !unfinished.contains(account));
        if !accounts.is_empty() {
            let outcome = delete_instances(ports, deployment, &accounts, retain, now).await;
            report.operation_outcome(inventory, &accounts, outcome);
        }
    }
    if !records.is_empty() {
        ports.store_records(&records).await?;
    }
    Ok(report)
}

/// What tells one request for an operation from the same one much later: the hour.
fn hour(now: Timestamp) -> i64 {
    now.as_second().div_euclid(3600)
}

async fn create_instances(
    ports: &impl AccountPorts,
    deployment: &Deployment,
    accounts: &[AccountId],
    now: Timestamp,
) -> Result<String> {
    let name = deployment.policy.names.member_stack_set();
    let content = ("create", &deployment.policy.stack_id, accounts, hour(now));
    start_operation(ports, &name, &content, async |operation| {
        ports.create_instances(&name, accounts, operation).await
    })
    .await
}

async fn delete_instances(
    ports: &impl AccountPorts,
    deployment: &Deployment,
    accounts: &[AccountId],
    retain: bool,
    now: Timestamp,
) -> Result<String> {
    let name = deployment.policy.names.member_stack_set();
    let content = (
        "delete",
        &deployment.policy.stack_id,
        accounts,
        retain,
        hour(now),
    );
    start_operation(ports, &name, &content, async |operation| {
        ports
            .delete_instances(&name, accounts, retain, operation)
            .await
    })
    .await
}

/// What came of one account's integration actions, which run in order up to the first that fails.
enum Outcome {
    Enrolled(super::Record),
    Changed { removed: bool },
    OutOfTime,
    NotUsable(String),
    AlreadyUsed,
    Failed(Error),
}

impl Outcome {
    /// Whether all of the account's actions were carried out.
    fn is_finished(&self) -> bool {
        matches!(self, Self::Enrolled(_) | Self::Changed { .. })
    }
}

async fn integrate(
    saas: &impl Saas,
    actions: Vec<Action>,
    time_left: impl Fn() -> Duration,
) -> Outcome {
    let mut outcome = Outcome::Changed { removed: false };
    for action in actions {
        if time_left() < RESERVE {
            return Outcome::OutOfTime;
        }
        let result = match action {
            Action::CreateIntegration { sub_account, spec } => {
                let created = saas.create(sub_account.as_ref(), &spec).await;
                created.map(|created| (created, Some(sub_account)))
            }
            Action::UpdateIntegration {
                existing,
                spec,
                enabled,
            } => {
                let updated = saas.update(&existing, &spec, enabled).await;
                updated.map(|updated| (updated, enabled.then_some(existing.sub_account)))
            }
            Action::DeleteIntegration { existing, .. } => {
                outcome = Outcome::Changed { removed: true };
                saas.delete(&existing).await.map(|()| (Created::Done, None))
            }
            Action::CreateInstances(_) | Action::DeleteInstances { .. } => continue,
        };
        match result {
            Ok((Created::Done, None)) => {}
            Ok((Created::Done, Some(sub_account))) => {
                outcome = Outcome::Enrolled(Record {
                    sub_account,
                    ..Record::default()
                });
            }
            Ok((Created::NotUsable(why), _)) => return Outcome::NotUsable(why),
            Ok((Created::AlreadyUsed, _)) => return Outcome::AlreadyUsed,
            Err(error) => return Outcome::Failed(error),
        }
    }
    outcome
}

impl Report {
    fn operation_outcome(
        &mut self,
        inventory: &Inventory,
        accounts: &[AccountId],
        outcome: Result<String>,
    ) {
        if let Err(error) = outcome {
            self.failures.push(error.chain());
            for account in accounts {
                self.revisits.retain(|revisit| revisit.account != *account);
                self.fall_back(inventory, *account, &error);
            }
        }
    }

    fn integration_outcome(
        &mut self,
        inventory: &Inventory,
        account: AccountId,
        outcome: Outcome,
        now: Timestamp,
        records: &mut Vec<(AccountId, Option<Record>)>,
    ) {
        match outcome {
            Outcome::Enrolled(record) => {
                let since = inventory
                    .records
                    .get(&account)
                    .and_then(|known| known.since);
                records.push((
                    account,
                    Some(Record {
                        since: since.or(Some(now)),
                        ..record
                    }),
                ));
                self.revisits.retain(|revisit| revisit.account != account);
                self.enrolled.push(account);
            }
            Outcome::Changed { removed: true } => self.left.push(account),
            Outcome::Changed { removed: false } => {}
            Outcome::OutOfTime => {
                self.revisit(account, Duration::ZERO, attempts(inventory, account))
            }
            Outcome::NotUsable(why) => self.failed_attempt(inventory, account, why, records),
            Outcome::AlreadyUsed => {
                let why = "another integration of this Lacework application watches it already";
                self.failed_attempt(inventory, account, why.into(), records);
            }
            Outcome::Failed(error) => {
                self.failures.push(error.chain());
                self.fall_back(inventory, account, &error);
            }
        }
    }

    /// Tries again while attempts are left, then tells an administrator.
    fn failed_attempt(
        &mut self,
        inventory: &Inventory,
        account: AccountId,
        why: String,
        records: &mut Vec<(AccountId, Option<Record>)>,
    ) {
        let attempt = attempts(inventory, account);
        if attempt < MAX_ATTEMPTS {
            self.revisit(account, delay_of(attempt), attempt + 1);
        } else {
            let known = inventory.records.get(&account).cloned().unwrap_or_default();
            records.push((
                account,
                Some(Record {
                    reason: Some(why.clone()),
                    ..known
                }),
            ));
            self.blocked.push((account, why));
        }
    }

    fn fall_back(&mut self, inventory: &Inventory, account: AccountId, error: &Error) {
        let attempt = attempts(inventory, account);
        match error.disposition() {
            Disposition::RetryAfter(delay) if attempt < MAX_ATTEMPTS => {
                self.revisit(account, delay.max(delay_of(attempt)), attempt + 1);
            }
            Disposition::RetryAfter(_) | Disposition::Permanent => {
                self.blocked.push((account, error.chain()));
            }
            Disposition::Ignore => self.revisit(account, FIRST_DELAY, attempt + 1),
        }
    }

    fn revisit(&mut self, account: AccountId, delay: Duration, attempt: u32) {
        self.revisits.retain(|revisit| revisit.account != account);
        self.revisits.push(Revisit {
            account,
            delay,
            attempt,
        });
    }
}

fn attempts(inventory: &Inventory, account: AccountId) -> u32 {
    inventory.scope.attempts(&account)
}
