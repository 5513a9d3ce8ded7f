//! Changes to accounts in the organization. Control Tower notices few of them.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::events::{organizations_call, organizations_service};
use super::seed::text;
use super::{Account, LandingZone, Role, events};

/// How an account leaves the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// The management account removes it.
    Removed,
    /// The account itself leaves. Its call is in its own trail, not in the management account's.
    Left,
    /// It was closed 90 days ago.
    Cleaned,
}

impl LandingZone {
    /// Makes an OU that Control Tower has not registered.
    ///
    /// # Errors
    /// When there is no such parent, or the emulator refuses it.
    pub async fn create_unit(&mut self, name: &str, parent: &str) -> anyhow::Result<()> {
        let request = json!({"ParentId": self.unit_id(parent)?, "Name": name});
        let answer = self
            .organizations("CreateOrganizationalUnit", request)
            .await?;
        let unit = super::Unit {
            id: text(&answer["OrganizationalUnit"]["Id"])?,
            baseline: None,
        };
        self.units.insert(name.to_owned(), unit);
        Ok(())
    }

    /// Renames an OU. Its id stays, and there is no event about its accounts.
    ///
    /// # Errors
    /// When there is no such OU.
    pub fn rename_unit(&mut self, name: &str, new_name: &str) -> anyhow::Result<()> {
        let unit = self
            .units
            .remove(name)
            .with_context(|| format!("the landing zone has no OU named {name}"))?;
        self.gateway.organizations().set_name(&unit.id, new_name);
        self.units.insert(new_name.to_owned(), unit);
        for account in &mut self.accounts {
            if account.unit == name {
                new_name.clone_into(&mut account.unit);
            }
        }
        Ok(())
    }

    /// An administrator creates an account with Organizations and moves it into an OU:
    /// `CreateAccountResult`, `AccountJoinedOrganization`, `MoveAccount`. Control Tower enrolls it
    /// only with auto-enrollment, and only if the OU is registered.
    ///
    /// # Errors
    /// When there is no such OU, or the emulator refuses a step.
    pub async fn add_account(&mut self, name: &str, unit: &str) -> anyhow::Result<()> {
        let mut events = self.new_account(name, unit).await?;
        events.extend(self.follow_move(name).await?);
        self.emit(events).await
    }

    /// An account joins by invitation, at the root: `AccountJoinedOrganization`. It may be one that
    /// left before.
    ///
    /// # Errors
    /// When the account is in the organization already, or the emulator refuses a step.
    pub async fn join_account(&mut self, name: &str) -> anyhow::Result<()> {
        let former = self
            .accounts
            .iter_mut()
            .find(|account| account.name == name);
        let id = match former {
            Some(account) => {
                ensure!(
                    account.role == Role::Departed,
                    "{name} is in the organization already"
                );
                account.role = Role::Unmanaged;
                account.id.clone()
            }
            None => self.make_account(name, "Root", Role::Unmanaged).await?,
        };
        self.gateway.organizations().admit(&id);
        self.emit(vec![self.joined(&id, "INVITED")]).await
    }

    /// Moves an account into another OU: `MoveAccount`. With auto-enrollment Control Tower's
    /// baseline follows (`EnableBaseline`, or `DisableBaseline` and no role any more where the OU
    /// is not registered); without it the account keeps the baseline of the OU that it left, until
    /// [`LandingZone::update_account`].
    ///
    /// # Errors
    /// When there is no such account or OU, or the emulator refuses the move.
    pub async fn move_account(&mut self, name: &str, unit: &str) -> anyhow::Result<()> {
        let mut events: Vec<Value> = self.put_into(name, unit).await?.into_iter().collect();
        events.extend(self.follow_move(name).await?);
        self.emit(events).await
    }

    /// Renames an account. There is no event on this bus.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn rename_account(&mut self, name: &str, new_name: &str) -> anyhow::Result<()> {
        let account = self.account_mut(name)?;
        new_name.clone_into(&mut account.name);
        let id = account.id.clone();
        self.gateway.organizations().set_name(&id, new_name);
        Ok(())
    }

    /// AWS suspends an account, as for an unpaid bill. There is no event, and Control Tower's role
    /// and baseline stay.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn suspend_account(&mut self, name: &str) -> anyhow::Result<()> {
        let id = &self.account(name)?.id;
        self.gateway
            .organizations()
            .set_account_state(id, "SUSPENDED");
        Ok(())
    }

    /// AWS reinstates a suspended account. There is no event.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn reinstate_account(&mut self, name: &str) -> anyhow::Result<()> {
        let id = &self.account(name)?.id;
        self.gateway.organizations().set_account_state(id, "ACTIVE");
        Ok(())
    }

    /// Closes an account: [`LandingZone::begin_closing`] and [`LandingZone::finish_closing`].
    ///
    /// # Errors
    /// As these.
    pub async fn close_account(&mut self, name: &str) -> anyhow::Result<()> {
        self.begin_closing(name).await?;
        self.finish_closing(name).await
    }

    /// An administrator closes an account: `CloseAccount`, and its state is `PENDING_CLOSURE`. Its
    /// role and its baseline stay: Control Tower does not notice.
    ///
    /// # Errors
    /// When there is no such account, or it is closed already.
    pub async fn begin_closing(&mut self, name: &str) -> anyhow::Result<()> {
        let id = self.account(name)?.id.clone();
        let request = json!({"AccountId": id});
        self.organizations("CloseAccount", request).await?;
        self.account_mut(name)?.role = Role::Closed;
        self.gateway
            .organizations()
            .set_account_state(&id, "PENDING_CLOSURE");
        let request = json!({"accountId": id});
        let place = self.organizations_place();
        let event = organizations_call(place, "CloseAccount", request);
        self.emit(vec![event]).await
    }

    /// The closure of an account completes: `CloseAccountResult`, and its state is `CLOSED`.
    ///
    /// # Errors
    /// When there is no such account, or the bus rejects the event.
    pub async fn finish_closing(&mut self, name: &str) -> anyhow::Result<()> {
        let id = self.account(name)?.id.clone();
        self.gateway
            .organizations()
            .set_account_state(&id, "CLOSED");
        let status = json!({"accountId": id, "state": "SUCCEEDED"});
        let place = self.organizations_place();
        let status = ("closeAccountStatus", status);
        let event = organizations_service(place, "CloseAccountResult", status);
        self.emit(vec![event]).await
    }

    /// An account leaves the organization: from then on Organizations does not know it. The call
    /// (where the management account makes it) and `AccountDepartedOrganization` are sent; since
    /// landing zone 4.0 Control Tower says so as well. Its role stays in it.
    ///
    /// # Errors
    /// When there is no such account, or the emulator refuses a step.
    pub async fn remove_account(&mut self, name: &str, how: Departure) -> anyhow::Result<()> {
        let account = self.account(name)?.clone();
        // An account that rejoins is at the root.
        self.put_into(name, "Root").await?;
        self.gateway.organizations().dismiss(&account.id);
        self.account_mut(name)?.role = Role::Departed;
        let place = self.organizations_place();
        let mut events = Vec::new();
        if how == Departure::Removed {
            let request = json!({"accountId": account.id});
            let call = "RemoveAccountFromOrganization";
            events.push(organizations_call(place, call, request));
        }
        let method = match how {
            Departure::Removed => "REMOVED",
            Departure::Left => "LEFT",
            Departure::Cleaned => "CLEANED",
        };
        let departed = json!({"accountId": account.id, "departureMethod": method});
        let departed = ("accountDepartedOrganization", departed);
        events.push(organizations_service(
            place,
            "AccountDepartedOrganization",
            departed,
        ));
        let zone = self.gateway.control_tower().landing_zone();
        if zone.is_some_and(|zone| !zone.version.starts_with('3')) {
            events.push(events::account_drift(
                self.home(),
                &self.organization_id,
                "ACCOUNT_REMOVED_FROM_ORGANIZATION",
                &account.id,
            ));
        }
        self.emit(events).await
    }

    fn joined(&self, account: &str, method: &str) -> Value {
        let status = json!({"accountId": account, "joinedMethod": method});
        let status = ("accountJoinedOrganization", status);
        organizations_service(
            self.organizations_place(),
            "AccountJoinedOrganization",
            status,
        )
    }

    /// A new account in its OU, and Organizations' events about it.
    pub(super) async fn new_account(
        &mut self,
        name: &str,
        unit: &str,
    ) -> anyhow::Result<Vec<Value>> {
        let id = self.make_account(name, "Root", Role::Unmanaged).await?;
        let moved = self.put_into(name, unit).await?;
        let created = json!({"id": "car-0123456789abcdef", "state": "SUCCEEDED",
                             "accountName": "****", "accountId": id});
        let created = organizations_service(
            self.organizations_place(),
            "CreateAccountResult",
            ("createAccountStatus", created),
        );
        let joined = self.joined(&id, "CREATED");
        Ok([created, joined].into_iter().chain(moved).collect())
    }

    /// An account in its OU that Control Tower does not know yet.
    pub(super) async fn make_account(
        &mut self,
        name: &str,
        unit: &str,
        role: Role,
    ) -> anyhow::Result<String> {
        let email = format!("{}@example.com", name.to_lowercase().replace(' ', "-"));
        let request = json!({"AccountName": name, "Email": email});
        let answer = self.organizations("CreateAccount", request).await?;
        let id = text(&answer["CreateAccountStatus"]["AccountId"])
            .with_context(|| format!("cannot make the account {name}"))?;
        self.accounts.push(Account {
            id: id.clone(),
            name: name.to_owned(),
            unit: "Root".to_owned(),
            role,
        });
        self.put_into(name, unit).await?;
        Ok(id)
    }

    /// Moves an account. Returns the event, unless it was there already.
    pub(super) async fn put_into(
        &mut self,
        name: &str,
        unit: &str,
    ) -> anyhow::Result<Option<Value>> {
        let account = self.account(name)?;
        if account.unit == unit {
            return Ok(None);
        }
        let id = account.id.clone();
        let source = self.unit_id(&account.unit)?.to_owned();
        let destination = self.unit_id(unit)?.to_owned();
        let request = json!({
            "AccountId": id,
            "SourceParentId": source,
            "DestinationParentId": destination,
        });
        self.organizations("MoveAccount", request).await?;
        unit.clone_into(&mut self.account_mut(name)?.unit);
        let request = json!({
            "accountId": id,
            "sourceParentId": source,
            "destinationParentId": destination,
        });
        let place = self.organizations_place();
        Ok(Some(organizations_call(place, "MoveAccount", request)))
    }
}
