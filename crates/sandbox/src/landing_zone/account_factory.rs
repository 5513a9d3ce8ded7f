//! Control Tower's operations on accounts and OUs.

use anyhow::Context;
use serde_json::Value;

use super::seed::BASELINE_VERSION;
use super::{Account, EXECUTION_ROLE, LandingZone, Role, create_execution_role, events};
use crate::gateway::control_tower::Target;

const BASELINE: &str = "AWSControlTowerBaseline";

impl LandingZone {
    /// Account Factory creates an account: it is made and moved into its OU, with Organizations'
    /// events at once; it gets Control Tower's role and baseline, and finally the
    /// `CreateManagedAccount` event is sent.
    ///
    /// # Errors
    /// When there is no such OU, or the emulator refuses a step.
    pub async fn create_account(&mut self, name: &str, unit: &str) -> anyhow::Result<Account> {
        let events = self.new_account(name, unit).await?;
        self.emit(events).await?;
        self.enroll_account(name).await
    }

    /// Account Factory's *Enroll account*: Control Tower starts to manage an existing account, and
    /// sends `CreateManagedAccount`.
    ///
    /// # Errors
    /// When there is no such account, or the emulator refuses a step.
    pub async fn enroll_account(&mut self, name: &str) -> anyhow::Result<Account> {
        self.account_mut(name)?.role = Role::Member;
        let account = self.account(name)?.clone();
        self.enroll_in_control_tower(&account.id, &account.unit)
            .await?;
        self.publish_managed_account("CreateManagedAccount", name, "SUCCEEDED")
            .await?;
        Ok(account)
    }

    /// Account Factory's *Update account*, as after a move that Control Tower did not follow: the
    /// account gets the baseline of the OU that it is in now, and `UpdateManagedAccount` is sent.
    ///
    /// # Errors
    /// When there is no such account, its OU is not registered, or the bus rejects the event.
    pub async fn update_account(&mut self, name: &str) -> anyhow::Result<()> {
        let account = self.account(name)?.clone();
        self.enable_baseline(&account.id, &account.unit)
            .with_context(|| format!("the OU {} is not registered", account.unit))?;
        self.publish_managed_account("UpdateManagedAccount", name, "SUCCEEDED")
            .await
    }

    /// Control Tower registers an OU: every account in it that was not managed gets Control Tower's
    /// role, and all get its baseline. For each account there are two events, in one burst:
    /// `CreateManagedAccount` (`UpdateManagedAccount` where it was managed) and `EnableBaseline`;
    /// and one for the OU.
    ///
    /// # Errors
    /// When there is no such OU, or the emulator refuses a step.
    pub async fn register_unit(&mut self, unit: &str) -> anyhow::Result<()> {
        self.enable_unit_baseline(unit)?;
        let mut burst = Vec::new();
        let inside: Vec<Account> = self
            .accounts
            .iter()
            .filter(|account| account.unit == unit)
            .filter(|account| matches!(account.role, Role::Member | Role::Unmanaged))
            .cloned()
            .collect();
        for account in &inside {
            let event_name = if account.role == Role::Unmanaged {
                create_execution_role(
                    &self.aws,
                    self.aws.account_id(),
                    &account.id,
                    EXECUTION_ROLE,
                )
                .await?;
                self.account_mut(&account.name)?.role = Role::Member;
                "CreateManagedAccount"
            } else {
                "UpdateManagedAccount"
            };
            self.enable_baseline(&account.id, unit);
            burst.push(self.managed_account(event_name, &account.name, "SUCCEEDED")?);
            burst.extend(self.baseline_event("EnableBaseline", &account.id));
        }
        let id = self.unit_id(unit)?;
        burst.push(events::registered_unit(self.home(), id, unit));
        self.emit(burst).await
    }

    /// Sends `CreateManagedAccount` or `UpdateManagedAccount` about an account, with the state
    /// `SUCCEEDED` or `FAILED`.
    ///
    /// # Errors
    /// When there is no such account, or the bus rejects the event.
    pub async fn publish_managed_account(
        &self,
        event_name: &str,
        name: &str,
        state: &str,
    ) -> anyhow::Result<()> {
        let event = self.managed_account(event_name, name, state)?;
        self.emit(vec![event]).await
    }

    fn managed_account(&self, event_name: &str, name: &str, state: &str) -> anyhow::Result<Value> {
        let account = self.account(name)?;
        let event = events::ManagedAccount {
            event_name,
            state,
            account_id: &account.id,
            account_name: name,
            unit_id: self.unit_id(&account.unit)?,
            unit_name: &account.unit,
        };
        Ok(events::managed_account(self.home(), &event))
    }

    /// Control Tower stops managing an account: its role and its baseline are gone, and it is moved
    /// to the root. There is no lifecycle event, only that of the move.
    ///
    /// # Errors
    /// When there is no such account, or the emulator refuses a step.
    pub async fn unmanage_account(&mut self, name: &str) -> anyhow::Result<()> {
        let account = self.account(name)?.clone();
        self.let_go(&account).await?;
        let moved = self.put_into(name, "Root").await?;
        self.emit(moved.into_iter().collect()).await
    }

    /// Auto-enrollment of an account that was moved. Without it, Control Tower detects drift; since
    /// landing zone 4.0 it sends an event for that.
    pub(super) async fn follow_move(&mut self, name: &str) -> anyhow::Result<Vec<Value>> {
        let account = self.account(name)?.clone();
        let Some(zone) = self.gateway.control_tower().landing_zone() else {
            return Ok(Vec::new());
        };
        let is_managed = account.role == Role::Member;
        if !zone.auto_enrollment {
            let drift = events::account_drift(
                self.home(),
                &self.organization_id,
                "ACCOUNT_MOVED_BETWEEN_OUS",
                &account.id,
            );
            let is_reported = is_managed && !zone.version.starts_with('3');
            return Ok(is_reported.then_some(drift).into_iter().collect());
        }
        let registered = self.units.get(&account.unit);
        if registered.is_some_and(|unit| unit.baseline.is_some()) {
            if account.role == Role::Unmanaged {
                create_execution_role(
                    &self.aws,
                    self.aws.account_id(),
                    &account.id,
                    EXECUTION_ROLE,
                )
                .await?;
                self.account_mut(name)?.role = Role::Member;
            } else if !is_managed {
                return Ok(Vec::new());
            }
            self.enable_baseline(&account.id, &account.unit);
            return Ok(self
                .baseline_event("EnableBaseline", &account.id)
                .into_iter()
                .collect());
        }
        if !is_managed {
            return Ok(Vec::new());
        }
        let event = self.baseline_event("DisableBaseline", &account.id);
        self.let_go(&account).await?;
        Ok(event.into_iter().collect())
    }

    /// Control Tower starts to manage an account.
    pub(super) async fn enroll_in_control_tower(
        &self,
        account: &str,
        unit: &str,
    ) -> anyhow::Result<()> {
        create_execution_role(&self.aws, self.aws.account_id(), account, EXECUTION_ROLE).await?;
        self.enable_baseline(account, unit);
        Ok(())
    }

    /// Removes Control Tower's role and baseline.
    async fn let_go(&mut self, account: &Account) -> anyhow::Result<()> {
        let target = Target::Account(account.id.clone());
        self.gateway.control_tower().disable_baselines(&target);
        self.remove_execution_role(&account.name).await?;
        self.account_mut(&account.name)?.role = Role::Unmanaged;
        Ok(())
    }

    /// The baseline of an OU, which its accounts inherit from then on.
    pub(super) fn enable_unit_baseline(&mut self, unit: &str) -> anyhow::Result<()> {
        let id = self.unit_id(unit)?.to_owned();
        let arn = self.gateway.control_tower().enable_baseline(
            BASELINE,
            Some(BASELINE_VERSION),
            Target::OrganizationalUnit(id),
            None,
        );
        self.units
            .get_mut(unit)
            .context("the root cannot be registered")?
            .baseline = Some(arn);
        Ok(())
    }

    /// The baseline of the account's OU on the account; `None` if the OU has none.
    fn enable_baseline(&self, account: &str, unit: &str) -> Option<()> {
        let parent = self.units.get(unit)?.baseline.as_deref()?;
        self.gateway.control_tower().enable_baseline(
            BASELINE,
            Some(BASELINE_VERSION),
            Target::Account(account.to_owned()),
            Some(parent),
        );
        Some(())
    }

    /// The event about the baseline that the account has now.
    fn baseline_event(&self, event_name: &str, account: &str) -> Option<Value> {
        let target = Target::Account(account.to_owned());
        let enabled = self.gateway.control_tower().enabled_baselines();
        let enabled = enabled.iter().find(|one| one.target == target)?;
        let event = events::Baseline {
            event_name,
            enabled_baseline: &enabled.arn,
            parent: enabled.parent.as_deref()?,
            organization_id: &self.organization_id,
            account_id: account,
        };
        Some(events::baseline(self.home(), &event))
    }
}
