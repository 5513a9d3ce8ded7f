use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    landing_zone::TrailTopic,
    model::{AccountId, AccountMapping, Arn, ExternalId, Names, OuId, Store},
    ports::{Health, Registration, RegistrationKind, RegistrationSpec},
};

/// What setup recorded: the administrator's parameters, resolved and checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The parameters.
    pub policy: Policy,
    /// The templates' other inputs.
    pub site: Site,
    /// The id of each OU that a parameter names, by its name in the parameter. It stays valid as
    /// long as the parameter is unchanged, even if the OU is renamed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, OuId>,
    /// Every store that this deployment has ever used, so that registrations there are found.
    pub stores: BTreeSet<Store>,
    /// Former names of this deployment whose resources may still exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<Names>,
    /// Every topic of ours that a trail may be set to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub trail_topics: BTreeSet<TrailTopic>,
    /// What the trail's registration depends on, where `CapabilityType` has CloudTrail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<DeployedTrail>,
    /// Whether the trail's registration is, or once was, the organization's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub organization: bool,
    /// Foreign StackSets under our names that no request has completely taken over yet. A removal
    /// leaves them, and the registrations that use their roles, as they are.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub spared: BTreeSet<String>,
    /// When it was recovered from the StackSets that carry the stack's tag, after the ledger had
    /// lost it. The ids of its registrations are unknown then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_at: Option<Timestamp>,
    /// When a request succeeded with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded_at: Option<Timestamp>,
}

impl Deployment {
    /// A copy with the id of the trail's registration, created or changed as of `now`.
    pub fn with_trail_guid(&self, guid: &str, now: Timestamp) -> Self {
        let mut known = self.clone();
        if let Some(trail) = &mut known.trail {
            trail.registration_id = Some(guid.to_owned());
            trail.asked_at = None;
            trail.made_at = Some(now);
        }
        known
    }

    /// A copy that is about to have a registration of the trail as of `now`.
    pub fn with_trail_asked(&self, now: Timestamp) -> Self {
        let mut known = self.clone();
        if let Some(trail) = &mut known.trail {
            trail.registration_id = None;
            trail.asked_at = Some(now);
        }
        known
    }
}

/// The templates' inputs other than the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The principal that may assume the roles.
    pub principal: Arn,
    /// The DNS suffix of the partition, such as `amazonaws.com`.
    pub url_suffix: String,
    /// The topic on which accounts register themselves, if their stacks do that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_topic: Option<String>,
    /// The name of the permissions boundary of the roles in accounts, if one is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// The permissions boundary of the role in the management account's own stack, if it has one.
    pub management_boundary: Option<String>,
    /// The main stack's own tags, which are copied to StackSets and stacks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// The organization's trail, as setup found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailSource {
    /// Its name.
    pub name: String,
    /// The bucket that it delivers to.
    pub bucket: String,
    /// The topic that the queue is subscribed to.
    pub topic: Arn,
    /// Whether that topic is one of ours.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub makes_topic: bool,
    /// The KMS key that encrypts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Arn>,
}

/// Properties of an adopted deployment that must stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// The Lacework account, in the letter case of the external ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The Lacework account or sub-account in the names, in their letter case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The suffix of the members' external ids, if there were members.
    pub member_suffix: Option<String>,
    /// The suffix of the trail's external id, if there was a trail.
    pub trail_suffix: Option<String>,
    /// The naming of the members' managed policies.
    #[serde(default)]
    pub policy_names: PolicyNames,
}

/// The naming of the managed policies of the members' roles: the member template's parameter
/// `ManagedPolicyNames`. A different name means a different policy, and while both are attached a
/// role would exceed IAM's limit of 10 managed policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyNames {
    /// CloudFormation.
    #[default]
    Generated,
    /// Lacework's own integration, with the account's id in each name.
    Vendor,
    /// The same as of June and July 2025, without the account's id.
    VendorWithoutAccount,
}

impl PolicyNames {
    const ALL: [Self; 3] = [Self::Generated, Self::Vendor, Self::VendorWithoutAccount];

    /// The parameter's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "Generated",
            Self::Vendor => "Vendor",
            Self::VendorWithoutAccount => "VendorWithoutAccount",
        }
    }

    /// Parses the parameter's value; `None` if it is unknown.
    pub fn from_parameter(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|names| names.as_str() == value)
    }
}

/// What setup created for the trail, and its later changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedTrail {
    /// The trail.
    pub source: TrailSource,
    /// The registration as setup created it. Its account is Log Archive, which holds the role.
    pub registration: RegistrationSpec,
    /// The account that holds the queue: Audit, or Log Archive if the trail's topic is there.
    #[serde(rename = "audit")]
    pub queue_account: AccountId,
    /// The registration's `intgGuid`, which identifies it whatever else changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_id: Option<String>,
    /// When the SaaS was asked to create a registration whose id is not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// When the registration with that id was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
    /// When each fault was last repaired, so that nothing is recreated over and over.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mended: BTreeMap<TrailFault, Timestamp>,
}

impl DeployedTrail {
    /// Whether both have the same registration.
    pub fn is_integrated_as(&self, other: &Self) -> bool {
        let identity = |trail: &Self| {
            let RegistrationSpec { name, account, .. } = &trail.registration;
            let is_organizations = trail.registration.account_mapping.is_some();
            (name.clone(), *account, is_organizations)
        };
        identity(self) == identity(other)
    }
}

/// A fault of the trail that recreating an instance repairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrailFault {
    /// The instance in Log Archive failed, is outdated or inoperable.
    LogInstance,
    /// The instance in Audit failed, is outdated or inoperable.
    AuditInstance,
    /// The SaaS cannot use the role.
    Role,
    /// The SaaS cannot use the queue.
    Queue,
}

/// The administrator's parameters, with every name resolved to an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The main stack's id, which tags our resources.
    pub stack_id: String,
    /// `aws`, `aws-us-gov` ...
    pub partition: String,
    /// Control Tower's home Region, which is also the stack's.
    pub region: String,
    /// The account that holds the stack.
    pub management_account: AccountId,
    /// The SaaS's address: the host of the tenant's URL, with its port if it has one.
    pub host: String,
    /// The account part of the tenant's URL.
    pub tenant: String,
    /// Every fixed name.
    pub names: Names,
    /// Whether the accounts, the trail, or both are monitored.
    pub capability: Capability,
    /// The store of each account.
    pub destination: Destination,
    /// Which accounts are enrolled at all.
    #[serde(default, skip_serializing_if = "Selection::is_everything")]
    pub selection: Selection,
    /// What creates the members' registrations.
    #[serde(default, skip_serializing_if = "RegistrationMode::is_default")]
    pub registration_mode: RegistrationMode,
    /// The random suffix of this deployment's external ids.
    pub external_id_suffix: String,
    /// Properties of an adopted deployment, if one was taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
    /// `MonitorExistingAccounts`.
    pub monitor_existing: bool,
    /// `EnrollManagementAccount`.
    pub enroll_management: bool,
    /// Whether there is a landing zone; without one, every account of the organization counts as
    /// managed.
    pub control_tower: bool,
    /// The landing zone's Log Archive account.
    pub log_archive: Option<AccountId>,
    /// The landing zone's Audit account.
    pub audit: Option<AccountId>,
    /// `OffboardLimitPercent`.
    pub offboard_limit_percent: u8,
    /// `ApproveOffboard`, where it is set.
    pub approved_offboard: Option<String>,
    /// `OffboardUnenrolled`: whether an account is offboarded when Control Tower no longer manages
    /// it.
    #[serde(default)]
    pub offboard_unenrolled: bool,
}

/// `CapabilityType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Capability {
    /// The trail and the configuration of every account.
    #[serde(rename = "CloudTrail+Config")]
    CloudTrailAndConfig,
    /// The configuration of every account.
    Config,
    /// The trail.
    CloudTrail,
}

impl Capability {
    /// Whether accounts are enrolled.
    pub fn config(self) -> bool {
        matches!(self, Self::CloudTrailAndConfig | Self::Config)
    }

    /// Whether the trail is integrated.
    pub fn cloud_trail(self) -> bool {
        matches!(self, Self::CloudTrailAndConfig | Self::CloudTrail)
    }
}

/// `RegistrationMode`: what creates a member's registration. The management account has a stack of
/// its own, and the account function always creates its registration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistrationMode {
    /// The account function, through the SaaS's API.
    #[default]
    Function,
    /// The member's own stack, through the SaaS's SNS topic: its custom resource creates and
    /// deletes the registration with the stack, for which it needs a valid token.
    SnsCustomResource,
}

impl RegistrationMode {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The store of an account's registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// The tenant's own store.
    Tenant,
    /// One store for all.
    Single(Store),
    /// By OU, the nearest ancestor first; accounts elsewhere are not enrolled.
    ///
    /// The OU's id counts, so that renaming an OU offboards no account.
    Mapped(BTreeMap<OuId, Store>),
}

impl Destination {
    /// The store of an account with this path, or `None` if it is outside the mapped OUs.
    pub fn of(&self, path: &[OuId]) -> Option<Option<Store>> {
        match self {
            Self::Tenant => Some(None),
            Self::Single(store) => Some(Some(store.clone())),
            Self::Mapped(units) => path
                .iter()
                .rev()
                .find_map(|ou| units.get(ou))
                .map(|sub| Some(sub.clone())),
        }
    }

    /// The store of registrations that are not about one account, such as the trail's.
    pub fn shared(&self) -> Option<&Store> {
        match self {
            Self::Single(store) => Some(store),
            Self::Tenant | Self::Mapped(_) => None,
        }
    }

    /// Whether an account can be in this store.
    pub fn uses(&self, store: Option<&Store>) -> bool {
        match store {
            None => *self == Self::Tenant,
            Some(store) => self.stores().contains(store),
        }
    }

    /// Every store in use.
    pub fn stores(&self) -> BTreeSet<Store> {
        match self {
            Self::Tenant => BTreeSet::new(),
            Self::Single(store) => BTreeSet::from([store.clone()]),
            Self::Mapped(units) => units.values().cloned().collect(),
        }
    }
}

/// `IncludeOrganizationalUnits`, `ExcludeOrganizationalUnits` and `ExcludeAccounts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// OUs whose accounts are enrolled; an empty set means all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub include: BTreeSet<OuId>,
    /// OUs whose accounts are not enrolled.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exclude: BTreeSet<OuId>,
    /// Accounts that are not enrolled.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exclude_accounts: BTreeSet<AccountId>,
}

/// Why an account is not selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unselected {
    /// `ExcludeAccounts` names it.
    Account,
    /// The nearest named OU above it is in `ExcludeOrganizationalUnits`.
    Excluded,
    /// None of `IncludeOrganizationalUnits` is above it.
    NotIncluded,
}

impl Selection {
    fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Why the account is not selected; `None` if it is. The nearest named OU above it decides, so
    /// that an OU can be excluded and one below it included again.
    pub fn leaves_out(&self, account: &AccountId, path: &[OuId]) -> Option<Unselected> {
        if self.exclude_accounts.contains(account) {
            return Some(Unselected::Account);
        }
        for ou in path.iter().rev() {
            if self.exclude.contains(ou) {
                return Some(Unselected::Excluded);
            }
            if self.include.contains(ou) {
                return None;
            }
        }
        (!self.include.is_empty()).then_some(Unselected::NotIncluded)
    }
}

impl Policy {
    /// The registration that an enrolled account should have.
    pub fn member_registration(&self, account: &AccountId) -> RegistrationSpec {
        RegistrationSpec {
            name: self.names.member_registration(account),
            kind: RegistrationKind::Account,
            account: *account,
            role_arn: Names::role_arn(&self.partition, account, &self.names.member_role()),
            external_id: ExternalId::new(&self.tenant, account, &self.external_id_suffix),
            queue_url: None,
            account_mapping: None,
        }
    }

    /// The trail's external id. In an adopted deployment its suffix may differ from the members'.
    pub fn trail_external_id(&self, log_archive: &AccountId) -> ExternalId {
        let adopted = self.adoption.as_ref();
        let suffix = adopted.and_then(|adopted| adopted.trail_suffix.as_ref());
        let suffix = suffix.unwrap_or(&self.external_id_suffix);
        ExternalId::new(&self.tenant, log_archive, suffix)
    }

    /// Whether a registration that uses a role of ours counts as ours, whatever its external id.
    /// Only in an adopted deployment and only if it does not work: some of those never did, and a
    /// foreign one cannot work with our role.
    pub fn owns_broken(&self, registration: &Registration) -> bool {
        self.adoption.is_some() && matches!(registration.health, Health::Failing(_))
    }

    /// The initial mapping of the trail's registration, if OUs are mapped to stores. The
    /// registration is then the organization's, and a comparison of the whole organization fills
    /// the mapping.
    pub fn empty_mapping(&self) -> Option<AccountMapping> {
        match self.destination {
            Destination::Mapped(_) => Some(AccountMapping::to_default(self.tenant.as_str().into())),
            Destination::Tenant | Destination::Single(_) => None,
        }
    }

    /// Whether members' stacks create and delete their registrations.
    pub fn registers_by_stack(&self) -> bool {
        self.registration_mode == RegistrationMode::SnsCustomResource
    }

    /// Whether the account's own stack creates and deletes its registration.
    pub fn is_registered_by_stack(&self, account: &AccountId) -> bool {
        self.registers_by_stack() && *account != self.management_account
    }

    /// The account whose queue can subscribe to a trail's topic: the topic's own account, since
    /// topics usually let no other subscribe. A topic of ours is in Log Archive and allows Audit.
    /// `None` if the topic is in an account in which we create nothing.
    ///
    /// Source: the default policy of a topic, in the SNS developer guide; Control Tower's own topic
    /// of a trail is in Audit up to landing zone 3.3 and may be in Log Archive from 4.0 on.
    pub fn queue_account(&self, topic: &Arn, is_ours: bool) -> Option<AccountId> {
        let shared = [self.audit, self.log_archive].into_iter().flatten();
        let owner = if is_ours { self.audit } else { topic.account() };
        shared.into_iter().find(|account| Some(*account) == owner)
    }

    /// Whether it is the Log Archive or the Audit account.
    pub fn is_shared_account(&self, account: &AccountId) -> bool {
        self.log_archive.as_ref() == Some(account) || self.audit.as_ref() == Some(account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_where_its_topic_is_or_in_audit_where_the_topic_is_ours() {
        let id = |text: &str| text.parse::<AccountId>().unwrap();
        let (log, audit) = (id("000000000001"), id("000000000002"));
        let policy = Policy {
            log_archive: Some(log),
            audit: Some(audit),
            ..crate::enrollment::testing::policy()
        };
        let queue = |owner: &str, is_ours| {
            let topic = format!("arn:aws:sns:us-east-1:{owner}:topic");
            policy.queue_account(&topic.parse().unwrap(), is_ours)
        };
        assert_eq!(queue("000000000002", false), Some(audit));
        assert_eq!(queue("000000000001", false), Some(log));
        assert_eq!(queue("000000000001", true), Some(audit));
        // The management account, and one of another organization.
        assert_eq!(queue("000000000099", false), None);
        assert_eq!(queue("000000000003", false), None);
    }

    #[test]
    fn the_nearest_mapped_ancestor_decides() {
        let ou = |text: &str| text.parse::<OuId>().unwrap();
        let mapped = Destination::Mapped(
            [
                (ou("ou-ab12-11111111"), "outer".into()),
                (ou("ou-ab12-22222222"), "inner".into()),
            ]
            .into(),
        );
        let path = [ou("r-ab12"), ou("ou-ab12-11111111"), ou("ou-ab12-22222222")];
        assert_eq!(mapped.of(&path), Some(Some("inner".into())));
        assert_eq!(mapped.of(&path[..2]), Some(Some("outer".into())));
        assert_eq!(mapped.of(&path[..1]), None);
        assert_eq!(Destination::Tenant.of(&path), Some(None));
    }

    #[test]
    fn of_nested_units_the_nearest_decides_who_is_enrolled() {
        let ou = |text: &str| text.parse::<OuId>().unwrap();
        let account: AccountId = "111122223333".parse().unwrap();
        let path = [
            ou("r-ab12"),
            ou("ou-ab12-11111111"),
            ou("ou-ab12-22222222"),
            ou("ou-ab12-33333333"),
        ];
        let mut selection = Selection {
            include: [path[1].clone(), path[3].clone()].into(),
            exclude: [path[2].clone()].into(),
            exclude_accounts: BTreeSet::new(),
        };
        let left_out =
            |selection: &Selection, depth| selection.leaves_out(&account, &path[..depth]);
        let by_depth = [1, 2, 3, 4].map(|depth| left_out(&selection, depth));
        let (excluded, not_included) = (Some(Unselected::Excluded), Some(Unselected::NotIncluded));
        assert_eq!(by_depth, [not_included, None, excluded, None]);
        selection.include.clear();
        assert_eq!(
            [1, 4].map(|depth| left_out(&selection, depth)),
            [None, excluded]
        );
        selection.exclude_accounts.insert(account);
        assert_eq!(left_out(&selection, 1), Some(Unselected::Account));
        assert_eq!(Selection::default().leaves_out(&account, &path), None);
    }
}
