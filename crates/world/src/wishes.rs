//! The oracle: the administrator's parameters, and the state that they demand for each account.
//!
//! Computed from the true state of the world and the parameters' documentation, never from the
//! planner.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use towerhook_core::{
    landing_zone::{AccountState, Management},
    model::{AccountId, Names, OuId, RegistrationKind, RegistrationSpec, Store},
    provider::{FeedNames, ResourceNames, role_arn},
};

use crate::units::{AUDIT, LOG_ARCHIVE, MANAGEMENT, Member, id, unit_id, unit_name};
use crate::vendor::Vendor;

/// The store that an account belongs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The tenant's own store.
    Tenant,
    /// One store for all.
    Single(&'static str),
    /// The store named like the nearest of these units.
    Units(Vec<usize>),
}

/// Whether an account existed at launch without any event since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtLaunch {
    /// It was created later, or a lifecycle event has named it.
    No,
    /// It existed at launch, and no lifecycle event has named it.
    Yes,
    /// A lifecycle event has named it, but may not have arrived.
    Perhaps,
}

/// The main stack's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// Whose SaaS it is, which every stack of a world has in common.
    pub vendor: Vendor,
    /// The parameters that name stores.
    pub destination: Destination,
    /// Whether `RegistrationMode` is `SnsCustomResource`, which cannot change.
    pub by_stack: bool,
    /// Whether `CapabilityType` has Config.
    pub config: bool,
    /// Whether `CapabilityType` has CloudTrail.
    pub cloud_trail: bool,
    /// `MonitorExistingAccounts`.
    pub monitor_existing: bool,
    /// `EnrollManagementAccount`.
    pub enroll_management: bool,
    /// `OffboardUnenrolled`.
    pub offboard_unenrolled: bool,
    /// `OffboardLimitPercent`.
    pub limit: u8,
    /// `ApproveOffboard`.
    pub approve: Option<String>,
    /// `IncludeOrganizationalUnits`, by number.
    pub include: Vec<usize>,
    /// `ExcludeOrganizationalUnits`, by number.
    pub exclude: Vec<usize>,
    /// `ExcludeAccounts`.
    pub exclude_accounts: BTreeSet<AccountId>,
    /// Whether a parameter names something nonexistent, so that the request is refused.
    pub wrong: bool,
    /// Whether the URL names another host, so that the request is refused.
    pub elsewhere: bool,
    /// The release of the template, which an update may change alone.
    pub release: u32,
    /// `RetainProtection`, where the vendor has it.
    pub retain: bool,
    /// Other parameters, as text.
    pub others: BTreeMap<&'static str, String>,
}

impl Default for Wishes {
    /// The template's defaults.
    fn default() -> Self {
        Self {
            vendor: Vendor::Plain,
            destination: Destination::Tenant,
            by_stack: false,
            config: true,
            cloud_trail: true,
            monitor_existing: true,
            enroll_management: false,
            offboard_unenrolled: false,
            limit: 10,
            approve: None,
            include: Vec::new(),
            exclude: Vec::new(),
            exclude_accounts: BTreeSet::new(),
            wrong: false,
            elsewhere: false,
            release: 0,
            retain: false,
            others: BTreeMap::new(),
        }
    }
}

/// The expected state of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Should {
    /// One enabled registration of ours, in this store.
    BeWatched(Option<Store>),
    /// None enabled; it may become active again.
    BePaused,
    /// None at all, and there is evidence for it.
    BeGone,
    /// None at all, but an existing one must not be removed for that reason.
    StayOut,
    /// Watched or not, as before.
    StayAsItWas,
}

impl Wishes {
    /// The custom resource's properties.
    pub(crate) fn properties(&self) -> Value {
        let yes = |wish| if wish { "Yes" } else { "No" };
        let capability = match (self.cloud_trail, self.config) {
            (true, true) => "CloudTrail+Config",
            (true, false) => "CloudTrail",
            (false, _) => "Config",
        };
        let (single, units) = match &self.destination {
            Destination::Tenant => (String::new(), String::new()),
            Destination::Single(name) => ((*name).to_owned(), String::new()),
            Destination::Units(units) => {
                let names: Vec<_> = units.iter().map(|unit| unit_name(*unit)).collect();
                (String::new(), names.join(","))
            }
        };
        // Blue is below Production, as its path says, and one unit is given by its id.
        let unit = |unit: &usize| match unit {
            2 => "Production/Blue".to_owned(),
            3 => unit_id(3).to_string(),
            other => unit_name(*other),
        };
        let list = |units: &[usize]| units.iter().map(unit).collect::<Vec<_>>().join(",");
        let accounts: Vec<_> = self
            .exclude_accounts
            .iter()
            .map(AccountId::as_str)
            .collect();
        let mut properties = json!({
            "Release": format!("0.1.{}", self.release),
            "IncludeOrganizationalUnits": list(&self.include),
            "ExcludeOrganizationalUnits": if self.wrong {
                "Nowhere".to_owned()
            } else {
                list(&self.exclude)
            },
            "ExcludeAccounts": accounts.join(","),
            "CapabilityType": capability,
            "MonitorExistingAccounts": yes(self.monitor_existing),
            "ExistingCloudTrailName": "trail",
            "CreateTrailTopic": "No",
            "RegistrationMode": if self.by_stack { "SnsCustomResource" } else { "Function" },
            "IntegrationNamePrefix": self.vendor.prefix(),
            "EnrollManagementAccount": yes(self.enroll_management),
            "OffboardUnenrolled": yes(self.offboard_unenrolled),
            "OffboardLimitPercent": self.limit.to_string(),
            "ApproveOffboard": self.approve.as_deref().unwrap_or_default(),
        });
        let provider = self.vendor.provider();
        let words = provider.words();
        let host = if self.elsewhere {
            self.vendor.other_host()
        } else {
            self.vendor.host()
        };
        properties[words.tenant_parameter] = host.into();
        if let Some(principal) = &words.principal {
            properties[principal.parameter] = self.vendor.principal().into();
        }
        if let Some(key) = provider.credential().key()
            && let Some(id) = key.id
        {
            properties[id] = "ACME_KEY".into();
        }
        if provider.retains() {
            properties["RetainProtection"] = yes(self.retain).into();
        }
        if let Some(stores) = &words.stores {
            properties[stores.single_parameter] = single.into();
            properties[stores.units_parameter] = units.into();
        }
        for (name, value) in &self.others {
            properties[*name] = value.as_str().into();
        }
        properties
    }

    /// The names that follow from these parameters.
    pub fn names(&self) -> Names {
        let resource = match &self.destination {
            Destination::Single(name) => *name,
            Destination::Tenant | Destination::Units(_) => self.vendor.tenant(),
        };
        Names {
            resource: resource.to_owned(),
            prefix: self
                .vendor
                .prefix()
                .parse()
                .expect("a constant is a prefix"),
        }
    }

    /// The names of the resources that follow from these parameters.
    pub fn resources(&self) -> ResourceNames {
        self.vendor.provider().resources(&self.names())
    }

    /// Those of the trail's part.
    pub fn feed(&self) -> FeedNames {
        self.resources().feed.expect("the vendor reads a trail")
    }

    /// The registration that follows from an account's stack.
    pub fn registration(&self, account: &AccountId, suffix: &str) -> RegistrationSpec {
        let role = self.resources().member_role;
        RegistrationSpec {
            name: self.vendor.registration_name(account),
            kind: RegistrationKind::Account,
            account: *account,
            role_arn: role_arn("aws", account, &role),
            external_id: self.vendor.external_id(account, suffix).into(),
            queue_url: None,
            account_mapping: None,
        }
    }

    /// Whether the role in Log Archive is also what reads the trail.
    fn reads_trail_by_role(&self) -> bool {
        self.cloud_trail && self.feed().audit_stack_set.is_none()
    }

    /// Whether the parameters select an account: the nearest unit above it that they name decides.
    fn selects(&self, account: &AccountId, member: &Member) -> bool {
        if self.exclude_accounts.contains(account) {
            return false;
        }
        let named = |units: &[usize], ou: &OuId| units.iter().any(|unit| unit_id(*unit) == *ou);
        for ou in member.account.path.iter().rev() {
            if named(&self.exclude, ou) {
                return false;
            }
            if named(&self.include, ou) {
                return true;
            }
        }
        self.include.is_empty()
    }

    /// The store of an account; `None` if it is out of scope.
    pub(crate) fn store(&self, member: &Member) -> Option<Option<Store>> {
        match &self.destination {
            Destination::Tenant => Some(None),
            Destination::Single(name) => Some(Some(Store::from(*name))),
            Destination::Units(units) => {
                let mut path = member.account.path.iter().rev();
                path.find_map(|ou| units.iter().find(|unit| unit_id(**unit) == *ou))
                    .map(|unit| Some(Store::from(unit_name(*unit).as_str())))
            }
        }
    }

    /// The expected state of an account. `member` is `None` if the account is not in the
    /// organization.
    pub(crate) fn should(
        &self,
        account: &AccountId,
        member: Option<&Member>,
        at_launch: AtLaunch,
        control_tower: bool,
    ) -> Should {
        if !self.config {
            return Should::BeGone;
        }
        let Some(member) = member else {
            return Should::BeGone;
        };
        match member.account.state {
            AccountState::Active => {}
            AccountState::PendingActivation => return Should::StayAsItWas,
            AccountState::Suspended if self.vendor.shares_accounts() => {
                return Should::StayAsItWas;
            }
            AccountState::Suspended => return Should::BePaused,
            AccountState::PendingClosure | AccountState::Closed => return Should::BeGone,
        }
        let is_management = *account == id(MANAGEMENT);
        if is_management && !self.enroll_management {
            return Should::BeGone;
        }
        let reads_trail = self.reads_trail_by_role() && *account == id(LOG_ARCHIVE);
        if !reads_trail && !self.selects(account, member) {
            return Should::BeGone;
        }
        let Some(store) = self.store(member) else {
            return Should::BeGone;
        };
        let is_shared = [LOG_ARCHIVE, AUDIT].map(id).contains(account);
        if !self.monitor_existing && !is_management && !reads_trail {
            match at_launch {
                AtLaunch::No => {}
                AtLaunch::Yes => return Should::StayOut,
                AtLaunch::Perhaps => return Should::StayAsItWas,
            }
        }
        if control_tower && !is_management && !is_shared {
            match member.management {
                Management::Managed => {}
                Management::UnderChange | Management::Failed => return Should::StayAsItWas,
                Management::NotManaged if !member.was_managed => return Should::StayOut,
                Management::NotManaged if self.offboard_unenrolled => return Should::BeGone,
                Management::NotManaged => return Should::StayAsItWas,
            }
        }
        Should::BeWatched(store)
    }
}

/// The stores that any parameters can lead to.
pub(crate) fn stores() -> BTreeSet<Option<Store>> {
    let own = crate::units::stores().into_iter().map(Some);
    own.chain([None]).collect()
}

/// A request of an administrator to CloudFormation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StackRequest {
    Update(Box<Wishes>),
    Delete,
}
