//! Executes a plan: stacks, then registrations, then removals.

mod new_roles;
mod register;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use self::{new_roles::NewRoles, register::register};
use super::{Action, Exchange, Inventory, Plan, Report, outcome::Outcome, settle::Tally};
use crate::{
    Error, ErrorKind, Result,
    model::{AccountId, Token},
    planted::{Fault, planted},
    policy::{Deployment, RegistrationMode},
    ports::{AccountPorts, Clock, Registry, Running, hour, start_operation},
    provider::Provider,
    token,
};

/// How many accounts' registrations are processed concurrently.
const AT_ONCE: usize = 8;

/// Executes a plan and makes no choices. Unfinished work becomes a revisit.
///
/// `time_left` is the time until the invocation's deadline.
///
/// # Errors
///
/// The ledger could not be written before a removal, which counts against the limit before it
/// happens.
pub async fn execute(
    ports: &impl AccountPorts,
    registry: &impl Registry,
    (provider, deployment): (&dyn Provider, &Deployment),
    inventory: &Inventory,
    mut plan: Plan,
    now: Timestamp,
    (clock, time_left): (&impl Clock, impl Fn() -> Duration),
) -> Result<Report> {
    let takes_away = plan.actions.iter().any(Action::takes_away);
    if takes_away && !plan.records.is_empty() {
        let planned: Vec<_> = plan.records.clone().into_iter().collect();
        ports.store_records(&planned).await?;
    }
    let mut tally = Tally::new(provider, &deployment.policy, inventory, &mut plan, now);
    let mut by_account: BTreeMap<AccountId, Vec<Action>> = BTreeMap::new();
    let mut removals = Vec::new();
    let instances = Instances {
        ports,
        stack_set: provider
            .resources(&deployment.policy.names)
            .member_stack_set,
        token_lifetime: provider.limits().token_lifetime,
        deployment,
        now,
    };
    for action in plan.actions {
        match action {
            Action::CreateInstances { accounts } => {
                let outcome = instances.create(&accounts).await;
                tally.operation(&accounts, outcome);
            }
            Action::RenewTokens { accounts } => {
                let outcome = instances.renew_token(&accounts).await;
                tally.operation(&accounts, outcome);
            }
            Action::DeleteInstances { accounts, retain } if planted(Fault::RoleGoesFirst) => {
                let outcome = instances.delete(&accounts, retain).await;
                tally.operation(&accounts, outcome.map(|running| (running, None)));
            }
            Action::DeleteInstances { .. } | Action::RecreateInstances { .. } => {
                removals.push(action);
            }
            Action::CreateRegistration { ref spec, .. }
            | Action::MoveRegistration {
                exchange: Exchange { ref spec, .. },
            }
            | Action::UpdateRegistration { ref spec, .. } => {
                by_account.entry(spec.account).or_default().push(action);
            }
            Action::DeleteRegistration { account, .. } => {
                by_account.entry(account).or_default().push(action);
            }
        }
    }
    // Once the SaaS has rate-limited a call, this pass makes no further ones.
    let rate_limited = Cell::new(None);
    let new_roles = NewRoles::new(clock, &time_left);
    let outcomes: Vec<(AccountId, Outcome)> = stream::iter(by_account)
        .map(|(account, actions)| {
            let (rate_limited, new_roles, time_left) = (&rate_limited, &new_roles, &time_left);
            let is_first_try = is_first_try(inventory, &account, &actions);
            async move {
                let register =
                    async || register(registry, actions.clone(), rate_limited, time_left).await;
                let outcome = if is_first_try {
                    new_roles.first_try(register).await
                } else {
                    register().await
                };
                (account, outcome)
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut unfinished = BTreeSet::new();
    for (account, outcome) in outcomes {
        if !outcome.is_finished() {
            unfinished.insert(account);
        }
        tally.registration(account, outcome);
    }
    for removal in removals {
        match removal {
            Action::RecreateInstances { accounts, retain } => {
                let outcome = instances.delete(&accounts, retain).await;
                if outcome.is_ok() {
                    tally.recreated(&accounts);
                }
                tally.deletion(&accounts, retain, outcome);
            }
            Action::DeleteInstances {
                mut accounts,
                retain,
            } => {
                // A role is deleted after the registration that uses it.
                accounts.retain(|account| !unfinished.contains(account));
                if !accounts.is_empty() {
                    let outcome = instances.delete(&accounts, retain).await;
                    tally.deletion(&accounts, retain, outcome);
                }
            }
            _ => {}
        }
    }
    let mut report = tally.into_report(takes_away);
    if takes_away && !report.records.is_empty() {
        // Stored now, so that the times are kept whatever happens in the rest of the pass.
        ports.store_records(&report.records).await?;
        report.records.clear();
    }
    Ok(report)
}

/// Whether the account never had a registration and gets its first one now.
fn is_first_try(inventory: &Inventory, account: &AccountId, actions: &[Action]) -> bool {
    let record = inventory.records.get(account);
    let creates = |action: &Action| matches!(action, Action::CreateRegistration { .. });
    inventory.scope.attempts(account) == 0
        && record.is_none_or(|record| record.since.is_none())
        && actions.iter().any(creates)
}

/// The instances of the member StackSet.
struct Instances<'a, P> {
    ports: &'a P,
    stack_set: String,
    token_lifetime: SignedDuration,
    deployment: &'a Deployment,
    now: Timestamp,
}

impl<P: AccountPorts> Instances<'_, P> {
    /// Also returns the expiry of the token that the accounts register with, if they do.
    async fn create(&self, accounts: &[AccountId]) -> Result<(Running, Option<Timestamp>)> {
        let policy = &self.deployment.policy;
        let name = &self.stack_set;
        let content = ("create", &policy.stack_id, accounts, hour(self.now));
        let token = match policy.registration_mode {
            RegistrationMode::Function => None,
            RegistrationMode::SnsCustomResource => Some(self.token().await?),
        };
        let token_ends = token.as_ref().map(|token| token.expires_at);
        let token = token.as_ref().map(|token| &token.token);
        let started = start_operation(self.ports, name, &content, async |operation| {
            self.ports
                .create_instances(name, accounts, token, operation)
                .await
        });
        Ok((started.await?, token_ends))
    }

    /// Also returns the expiry of the accounts' new token.
    async fn renew_token(&self, accounts: &[AccountId]) -> Result<(Running, Option<Timestamp>)> {
        let policy = &self.deployment.policy;
        let name = &self.stack_set;
        let content = ("token", &policy.stack_id, accounts, hour(self.now));
        let token = self.token().await?;
        let started = start_operation(self.ports, name, &content, async |operation| {
            self.ports
                .renew_token(name, accounts, &token.token, operation)
                .await
        });
        Ok((started.await?, Some(token.expires_at)))
    }

    /// A token that outlives the operation that uses it.
    async fn token(&self) -> Result<Token> {
        let (lifetime, now) = (self.token_lifetime, self.now);
        let outlasts =
            |token: &Token| token::outlasts_an_operation(token.expires_at, lifetime, now);
        if let Some(token) = self.ports.token().await?.filter(outlasts) {
            return Ok(token);
        }
        self.ports.refresh_token().await?;
        let fresh = self.ports.token().await?;
        fresh.filter(outlasts).ok_or_else(|| {
            let reason = "the auth function stored no token that lasts";
            Error::new(
                "secretsmanager:GetSecretValue",
                ErrorKind::Unavailable,
                reason,
            )
        })
    }

    async fn delete(&self, accounts: &[AccountId], retain: bool) -> Result<Running> {
        let policy = &self.deployment.policy;
        let name = &self.stack_set;
        let content = ("delete", &policy.stack_id, accounts, retain, hour(self.now));
        start_operation(self.ports, name, &content, async |operation| {
            self.ports
                .delete_instances(name, accounts, retain, operation)
                .await
        })
        .await
    }
}
