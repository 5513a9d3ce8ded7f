use jiff::Timestamp;
use towerhook_core::{
    Error, Read,
    enrollment::{AccountView, Compared, Inventory, Standing, observe},
    landing_zone::OuTree,
    ledger::{Record, Records, Source},
    lifecycle::Scope,
    model::{AccountId, OuId},
    policy::{Deployment, Policy},
    ports::{AccountReads, RegistryReads},
    provider::Provider,
};

use crate::registry::OtherHost;

/// Everything read about an organization, or one of its accounts, at one time.
#[derive(Debug)]
pub struct Organization {
    pub(crate) provider: &'static dyn Provider,
    pub(crate) deployment: Deployment,
    pub(crate) inventory: Inventory,
    pub(crate) units: OuTree,
    pub(crate) read_at: Timestamp,
    /// When the last comparison of all of it began that ran to its end.
    pub(crate) compared: Option<Timestamp>,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The ledger does not answer.
    #[error("the ledger cannot be read")]
    Ledger(#[source] Error),
    /// Setup has not succeeded yet, or the ledger was emptied.
    #[error(
        "the ledger has no deployment: the stack's launch has not succeeded, or the ledger was \
         emptied and the next update of the stack recovers it"
    )]
    NoDeployment,
    /// AWS Organizations does not list the units.
    #[error("the organizational units cannot be read")]
    Units(#[source] Error),
    /// AWS Organizations does not list the accounts, or the ledger no records.
    #[error("the accounts cannot be read")]
    Accounts(#[source] Error),
    /// The account has never been one of the organization's.
    #[error("the organization has no account {0}, and the ledger has no record of it")]
    NoSuchAccount(AccountId),
    /// The ledger's record of the account cannot be read, so it is left as it is.
    #[error("the ledger's item cannot be read: {0}")]
    Record(String),
}

impl Organization {
    /// Reads the whole organization as the next comparison would, at `now`.
    ///
    /// # Errors
    ///
    /// The ledger, the units or the accounts could not be read. Anything else that could not be
    /// read is shown as unknown.
    pub async fn read(
        provider: &'static dyn Provider,
        ports: &impl AccountReads,
        registry: &impl RegistryReads,
        now: Timestamp,
    ) -> Result<Self, Unreadable> {
        Self::look(provider, ports, registry, Scope::all(), now).await
    }

    /// Reads one account of it.
    ///
    /// # Errors
    ///
    /// As [`Self::read`]; or the account is unknown, or its record is unreadable.
    pub async fn read_account(
        provider: &'static dyn Provider,
        ports: &impl AccountReads,
        registry: &impl RegistryReads,
        id: AccountId,
        now: Timestamp,
    ) -> Result<Self, Unreadable> {
        let all = Self::look(provider, ports, registry, Scope::account(id), now).await?;
        let own = |item: &&String| item.starts_with(id.as_str());
        if let Some(item) = all.inventory.unreadable_items.iter().find(own) {
            return Err(Unreadable::Record(item.clone()));
        }
        let is_gone = all
            .inventory
            .accounts
            .values()
            .all(|view| matches!(view.account, Read::Ok(None)));
        if is_gone && all.record(&id).is_none() {
            return Err(Unreadable::NoSuchAccount(id));
        }
        Ok(all)
    }

    /// What a comparison of all read, which began at `read_at`, with the records and the units as they
    /// are after it.
    pub fn after(
        provider: &'static dyn Provider,
        compared: Compared,
        records: Records,
        units: OuTree,
        read_at: Timestamp,
    ) -> Self {
        let Compared {
            deployment,
            mut inventory,
        } = compared;
        inventory.records = records.by_account;
        Self {
            provider,
            deployment,
            inventory,
            units,
            read_at,
            compared: Some(read_at),
        }
    }

    async fn look(
        provider: &'static dyn Provider,
        ports: &impl AccountReads,
        registry: &impl RegistryReads,
        scope: Scope,
        now: Timestamp,
    ) -> Result<Self, Unreadable> {
        let recorded = ports.recorded().await.map_err(Unreadable::Ledger)?;
        let compared = recorded.compared;
        let success = recorded.success.ok_or(Unreadable::NoDeployment)?;
        let deployment = success.deployment;
        let units = ports.organizational_units().await;
        let units = units.map_err(Unreadable::Units)?;
        let (recorded, given) = (deployment.policy.host.clone(), registry.host());
        let inventory = if recorded == given {
            observe(provider, ports, registry, &deployment, scope).await
        } else {
            let other = OtherHost { recorded, given };
            observe(provider, ports, &other, &deployment, scope).await
        };
        Ok(Self {
            inventory: inventory.map_err(Unreadable::Accounts)?,
            provider,
            deployment,
            units,
            read_at: now,
            compared,
        })
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.deployment.policy
    }

    pub(crate) fn record(&self, id: &AccountId) -> Option<&Record> {
        self.inventory.records.get(id)
    }

    pub(crate) fn standing(&self, id: &AccountId, view: &AccountView) -> Standing {
        let arrived = self.inventory.scope.arrived.contains(id);
        Standing::of(self.policy(), id, view, self.record(id), arrived)
    }

    /// The path of an account's unit in words.
    pub(crate) fn unit(&self, path: &[OuId]) -> String {
        let Some(own) = path.last() else {
            return String::new();
        };
        match (self.units.path(own), path) {
            (names, _) if !names.is_empty() => names,
            (_, [_]) => "Root".to_owned(),
            (_, _) => own.to_string(),
        }
    }

    /// Why the vendor's registrations are unknown, if they are.
    pub(crate) fn not_asked(&self) -> Option<&str> {
        let mut views = self.inventory.accounts.values();
        views.find_map(|view| match &view.registrations {
            Read::Unknown(why) => Some(why.as_str()),
            Read::Ok(_) => None,
        })
    }

    /// What could not be read, each in a sentence.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let title = self.provider.words().title;
        notes.extend(
            self.not_asked()
                .map(|why| format!("{title} was not asked: {why}")),
        );
        let failed = self.inventory.sources.iter().filter(|(_, read)| !**read);
        notes.extend(
            failed
                .filter(|(source, _)| **source != Source::Registrations)
                .map(|(source, _)| format!("not read: {source}")),
        );
        let items = self.inventory.unreadable_items.iter();
        notes.extend(items.map(|item| format!("the ledger's item cannot be read: {item}")));
        notes
    }
}
