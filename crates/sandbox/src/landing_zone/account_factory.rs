use serde_json::json;

use anyhow::Context;

use super::seed::{BASELINE_VERSION, text};
use super::{
    Account, EXECUTION_ROLE, IAM_VERSION, LandingZone, Role, create_execution_role, events,
};
use crate::gateway::control_tower::Target;

impl LandingZone {
    /// Account Factory creates an account: it is made, moved into its OU, given Control Tower's role
    /// and baseline, and at last the `CreateManagedAccount` event goes to the bus.
    ///
    /// # Errors
    /// When there is no such OU, or the emulator refuses a step.
    pub async fn create_account(&mut self, name: &str, unit: &str) -> anyhow::Result<Account> {
        let id = self.make_account(name, unit, Role::Member).await?;
        self.enroll_in_control_tower(&id, unit).await?;
        self.publish_managed_account("CreateManagedAccount", name, "SUCCEEDED")
            .await?;
        self.account(name).cloned()
    }

    /// Sends `CreateManagedAccount` or `UpdateManagedAccount` about an account, with the state
    /// `SUCCEEDED` or `FAILED`.
    ///
    /// # Errors
    /// When there is no such account, or the bus does not take the event.
    pub async fn publish_managed_account(
        &self,
        event_name: &str,
        name: &str,
        state: &str,
    ) -> anyhow::Result<()> {
        let account = self.account(name)?;
        let event = events::managed_account(&events::ManagedAccount {
            event_name,
            state,
            management_account: self.aws.account_id(),
            region: &self.region,
            account_id: &account.id,
            account_name: name,
            unit_id: self.unit_id(&account.unit)?,
            unit_name: &account.unit,
        });
        self.publish(&event).await
    }

    /// Moves an account into another OU. Control Tower's baseline follows only where the OU is
    /// registered; no event tells of it.
    ///
    /// # Errors
    /// When there is no such account or OU, or the emulator refuses the move.
    pub async fn move_account(&mut self, name: &str, unit: &str) -> anyhow::Result<()> {
        let account = self.account(name)?.clone();
        let request = json!({
            "AccountId": account.id,
            "SourceParentId": self.unit_id(&account.unit)?,
            "DestinationParentId": self.unit_id(unit)?,
        });
        self.organizations("MoveAccount", request).await?;
        unit.clone_into(&mut self.account_mut(name)?.unit);
        let target = Target::Account(account.id.clone());
        if account.role == Role::Member {
            self.gateway.control_tower().disable_baselines(&target);
            self.enable_baseline(&account.id, unit);
        }
        Ok(())
    }

    /// Closes an account. Its role and its baseline stay: Control Tower does not notice.
    ///
    /// # Errors
    /// When there is no such account, or it is closed already.
    pub async fn close_account(&mut self, name: &str) -> anyhow::Result<()> {
        let id = self.account(name)?.id.clone();
        self.organizations("CloseAccount", json!({"AccountId": id}))
            .await?;
        self.account_mut(name)?.role = Role::Closed;
        Ok(())
    }

    /// Control Tower stops managing an account: its role and its baseline are gone, and it is moved
    /// to the root. No event tells of it.
    ///
    /// # Errors
    /// When there is no such account, or the emulator refuses a step.
    pub async fn unmanage_account(&mut self, name: &str) -> anyhow::Result<()> {
        let id = self.account(name)?.id.clone();
        let target = Target::Account(id.clone());
        self.gateway.control_tower().disable_baselines(&target);
        let aws = self.aws.account(&id);
        let policy = "arn:aws:iam::aws:policy/AdministratorAccess";
        let role = ("RoleName", EXECUTION_ROLE);
        let detach = [role, ("PolicyArn", policy)];
        aws.query("iam", "DetachRolePolicy", IAM_VERSION, &detach)
            .await?;
        aws.query("iam", "DeleteRole", IAM_VERSION, &[role]).await?;
        self.account_mut(name)?.role = Role::Unmanaged;
        self.move_account(name, "Root").await
    }

    /// An account in its OU, of which Control Tower knows nothing yet.
    pub(super) async fn make_account(
        &mut self,
        name: &str,
        unit: &str,
        role: Role,
    ) -> anyhow::Result<String> {
        let parent = self.unit_id(unit)?.to_owned();
        let email = format!("{}@example.com", name.to_lowercase().replace(' ', "-"));
        let request = json!({"AccountName": name, "Email": email});
        let answer = self.organizations("CreateAccount", request).await?;
        let id = text(&answer["CreateAccountStatus"]["AccountId"])
            .with_context(|| format!("cannot make the account {name}"))?;
        let request = json!({
            "AccountId": id,
            "SourceParentId": self.root_id,
            "DestinationParentId": parent,
        });
        self.organizations("MoveAccount", request).await?;
        self.accounts.push(Account {
            id: id.clone(),
            name: name.to_owned(),
            unit: unit.to_owned(),
            role,
        });
        Ok(id)
    }

    /// What Control Tower does with an account that it takes under its management.
    pub(super) async fn enroll_in_control_tower(
        &self,
        account: &str,
        unit: &str,
    ) -> anyhow::Result<()> {
        create_execution_role(&self.aws, self.aws.account_id(), account).await?;
        self.enable_baseline(account, unit);
        Ok(())
    }

    fn enable_baseline(&self, account: &str, unit: &str) {
        let parent = self
            .units
            .get(unit)
            .and_then(|unit| unit.baseline.as_deref());
        if parent.is_some() {
            self.gateway.control_tower().enable_baseline(
                "AWSControlTowerBaseline",
                Some(BASELINE_VERSION),
                Target::Account(account.to_owned()),
                parent,
            );
        }
    }
}
