use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    landing_zone::TrailTopic,
    model::{AccountId, AccountMapping, Arn, ExternalId, Names, OuId, Store},
    ports::{Health, Registration, RegistrationKind, RegistrationSpec},
};

/// What setup recorded: the administrator's wishes, resolved and checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The wishes.
    pub policy: Policy,
    /// What the templates need to know besides.
    pub site: Site,
    /// The id of each unit that a parameter names, by the name as it is written there: it counts for as
    /// long as the parameter says the same, whatever becomes of the name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, OuId>,
    /// Every store that this deployment has ever used, so that nothing is forgotten there.
    pub stores: BTreeSet<Store>,
    /// Names that this deployment no longer uses and whose resources may still be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<Names>,
    /// Every topic of ours that a trail may be set to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub trail_topics: BTreeSet<TrailTopic>,
    /// What the trail's registration stands on, where `CapabilityType` has CloudTrail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<DeployedTrail>,
    /// Whether the trail's registration is, or once was, the organization's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub organization: bool,
    /// StackSets under our names that somebody else made, and that no request has taken over to its end
    /// yet: a removal leaves them, and what reads their roles, as they are.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub spared: BTreeSet<String>,
    /// When it was told from the StackSets that carry the stack's tag, after the ledger had lost it: what
    /// the SaaS holds of it is known by no id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_at: Option<Timestamp>,
    /// When a request succeeded with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded_at: Option<Timestamp>,
}

impl Deployment {
    /// The same, with the id of the trail's registration, made or changed as of `now`.
    pub fn with_trail_guid(&self, guid: &str, now: Timestamp) -> Self {
        let mut known = self.clone();
        if let Some(trail) = &mut known.trail {
            trail.registration_id = Some(guid.to_owned());
            trail.asked_at = None;
            trail.made_at = Some(now);
        }
        known
    }

    /// The same, about to have a registration of the trail as of `now`.
    pub fn with_trail_asked(&self, now: Timestamp) -> Self {
        let mut known = self.clone();
        if let Some(trail) = &mut known.trail {
            trail.registration_id = None;
            trail.asked_at = Some(now);
        }
        known
    }
}

/// What the templates need to know besides the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Who may assume the roles.
    pub principal: Arn,
    /// The DNS suffix of the partition, such as `amazonaws.com`.
    pub url_suffix: String,
    /// The topic on which accounts register themselves, where their stacks do that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_topic: Option<String>,
    /// The name of the permissions boundary that roles in accounts get, where one is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// The policy that bounds the role of the management account's own stack, where it has one.
    pub management_boundary: Option<String>,
    /// The main stack's own tags, which StackSets and stacks get, too.
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
    /// The key that encrypts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Arn>,
}

/// What an existing deployment had that has to stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// The Lacework account in the letter case that the external ids have it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The part of the names that says whose they are, in the letter case that they have it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The end of the members' external ids, where there were members.
    pub member_suffix: Option<String>,
    /// The end of the trail's external id, where there was a trail.
    pub trail_suffix: Option<String>,
    /// How the members' managed policies are named.
    #[serde(default)]
    pub policy_names: PolicyNames,
}

/// Who names the managed policies of the members' roles: the member template's parameter
/// `ManagedPolicyNames`. Another name means another policy, and while old and new are attached a role would
/// hold more than the 10 managed policies that IAM allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyNames {
    /// CloudFormation.
    #[default]
    Generated,
    /// Lacework's own registration, with the account's id in each name.
    Vendor,
    /// The same as of June and July 2025, without the account's id.
    VendorWithoutAccount,
}

impl PolicyNames {
    const ALL: [Self; 3] = [Self::Generated, Self::Vendor, Self::VendorWithoutAccount];

    /// As the parameter has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "Generated",
            Self::Vendor => "Vendor",
            Self::VendorWithoutAccount => "VendorWithoutAccount",
        }
    }

    /// What the parameter's value means; `None` where it has no such value.
    pub fn from_parameter(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|names| names.as_str() == value)
    }
}

/// What setup made for the trail, and what has happened to it since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedTrail {
    /// The trail.
    pub source: TrailSource,
    /// The registration as setup made it. Its account is Log Archive, which holds the role.
    pub registration: RegistrationSpec,
    /// The account that holds the queue: Audit, or Log Archive where the trail's topic is there.
    #[serde(rename = "audit")]
    pub queue_account: AccountId,
    /// The registration's `intgGuid`, by which it is known whatever becomes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_id: Option<String>,
    /// When the SaaS was asked to make a registration that no answer has named yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// When the registration of that id was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
    /// When what was last mended, so that nothing is made anew over and over.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mended: BTreeMap<TrailFault, Timestamp>,
}

impl DeployedTrail {
    /// Whether the registrations of both are one.
    pub fn is_integrated_as(&self, other: &Self) -> bool {
        let identity = |trail: &Self| {
            let RegistrationSpec { name, account, .. } = &trail.registration;
            let is_organizations = trail.registration.account_mapping.is_some();
            (name.clone(), *account, is_organizations)
        };
        identity(self) == identity(other)
    }
}

/// What can be wrong with the trail and is mended by making an instance anew.
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

/// The administrator's wishes with every name resolved to an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The main stack's id, which marks what is ours.
    pub stack_id: String,
    /// `aws`, `aws-us-gov` ...
    pub partition: String,
    /// Control Tower's home Region, where all of this runs.
    pub region: String,
    /// The account that holds the stack.
    pub management_account: AccountId,
    /// Where the SaaS is asked: the host of the tenant's URL, with its port where it has one.
    pub host: String,
    /// The account part of the tenant's URL.
    pub tenant: String,
    /// Every fixed name.
    pub names: Names,
    /// What is monitored.
    pub capability: Capability,
    /// Which store an account goes to.
    pub destination: Destination,
    /// Which accounts are enrolled at all.
    #[serde(default, skip_serializing_if = "Selection::is_everything")]
    pub selection: Selection,
    /// Who makes the members' registrations.
    #[serde(default, skip_serializing_if = "RegistrationMode::is_default")]
    pub registration_mode: RegistrationMode,
    /// The random end of this deployment's external ids.
    pub external_id_suffix: String,
    /// What an existing deployment had, where one was taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
    /// `MonitorExistingAccounts`.
    pub monitor_existing: bool,
    /// `EnrollManagementAccount`.
    pub enroll_management: bool,
    /// Whether a landing zone answers; without one, every account of the organization is managed.
    pub control_tower: bool,
    /// The landing zone's Log Archive account.
    pub log_archive: Option<AccountId>,
    /// The landing zone's Audit account.
    pub audit: Option<AccountId>,
    /// `OffboardLimitPercent`.
    pub offboard_limit_percent: u8,
    /// `ApproveOffboard`, where it is set.
    pub approved_offboard: Option<String>,
    /// `OffboardUnenrolled`: whether an account leaves when Control Tower no longer manages it.
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

/// `RegistrationMode`: who makes the registration of a member. The management account's stack is not
/// the StackSet's, and its registration is always the function's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistrationMode {
    /// The account function, through the SaaS's API.
    #[default]
    Function,
    /// The member's own stack, through the SaaS's SNS topic: its custom resource makes the registration
    /// with the stack and removes it with the stack, for which it needs a token that still works.
    SnsCustomResource,
}

impl RegistrationMode {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Which store an account's registration lives in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// The tenant's own store.
    Tenant,
    /// One store for all.
    Single(Store),
    /// By organizational unit, the nearest ancestor first; accounts elsewhere are left out.
    ///
    /// By id, so that renaming a unit offboards nobody.
    Mapped(BTreeMap<OuId, Store>),
}

impl Destination {
    /// Where an account with this path belongs, or `None` where it is outside the mapped units.
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

    /// The store of what is not about one account, such as the trail.
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
    /// Units whose accounts are enrolled; all of them where none is named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub include: BTreeSet<OuId>,
    /// Units whose accounts are not.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exclude: BTreeSet<OuId>,
    /// Accounts that are not.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exclude_accounts: BTreeSet<AccountId>,
}

/// Why an account is not selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unselected {
    /// `ExcludeAccounts` names it.
    Account,
    /// The nearest unit that is named above it is one of `ExcludeOrganizationalUnits`.
    Excluded,
    /// None of `IncludeOrganizationalUnits` is above it.
    NotIncluded,
}

impl Selection {
    fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Why the account is not selected; `None` where it is. Of several units that are named above it
    /// the nearest decides, so that a unit can be excluded and one below it included again.
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

    /// The trail's external id. One that was taken over may end otherwise than the members'.
    pub fn trail_external_id(&self, log_archive: &AccountId) -> ExternalId {
        let adopted = self.adoption.as_ref();
        let suffix = adopted.and_then(|adopted| adopted.trail_suffix.as_ref());
        let suffix = suffix.unwrap_or(&self.external_id_suffix);
        ExternalId::new(&self.tenant, log_archive, suffix)
    }

    /// Whether a registration that reads a role of ours counts as ours, whatever its external id: what was
    /// taken over had some that never worked, and nobody else's can work with that role.
    pub fn owns_broken(&self, registration: &Registration) -> bool {
        self.adoption.is_some() && matches!(registration.health, Health::Failing(_))
    }

    /// What the trail's registration begins with where stores are mapped: it is then the
    /// organization's, and a look at the whole organization fills the mapping.
    pub fn empty_mapping(&self) -> Option<AccountMapping> {
        match self.destination {
            Destination::Mapped(_) => Some(AccountMapping::to_default(self.tenant.as_str().into())),
            Destination::Tenant | Destination::Single(_) => None,
        }
    }

    /// Whether members' stacks make and remove their registrations.
    pub fn registers_by_stack(&self) -> bool {
        self.registration_mode == RegistrationMode::SnsCustomResource
    }

    /// Whether the account's own stack makes and removes its registration.
    pub fn is_registered_by_stack(&self, account: &AccountId) -> bool {
        self.registers_by_stack() && *account != self.management_account
    }

    /// The account that a queue goes into which is to hear of a trail's topic: the topic's own, since a
    /// topic as a rule lets nobody else subscribe. One of ours is in Log Archive and lets Audit. `None`
    /// where the topic is in an account that nothing is made in.
    ///
    /// Source: the default policy of a topic, in the SNS developer guide; Control Tower's own topic of a
    /// trail is in Audit up to landing zone 3.3 and may be in Log Archive from 4.0 on.
    pub fn queue_account(&self, topic: &Arn, is_ours: bool) -> Option<AccountId> {
        let shared = [self.audit, self.log_archive].into_iter().flatten();
        let owner = if is_ours { self.audit } else { topic.account() };
        shared.into_iter().find(|account| Some(*account) == owner)
    }

    /// Whether the account belongs to the landing zone itself.
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
