use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    landing_zone::TrailTopic,
    model::{AccountId, AccountMapping, ExternalId, Names, OuId, SubAccount},
    ports::{IntegrationKind, IntegrationSpec},
};

/// What setup recorded: the administrator's wishes, resolved and checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The wishes.
    pub policy: Policy,
    /// Every sub-account that this deployment has ever used, so that nothing is forgotten there.
    pub sub_accounts: BTreeSet<SubAccount>,
    /// Names that this deployment no longer uses and whose resources may still be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<Names>,
    /// Every topic of ours that a trail may be set to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub trail_topics: BTreeSet<TrailTopic>,
    /// What the trail's integration stands on, where `CapabilityType` has CloudTrail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<DeployedTrail>,
    /// Whether the trail's integration is, or once was, the organization's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub organization: bool,
    /// Whether an existing deployment is being taken over: until that is done, a Delete leaves
    /// everything as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopting: bool,
}

/// What an existing deployment had that has to stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// The end of the members' external ids, where there were members.
    pub member_suffix: Option<String>,
    /// The end of the trail's external id, where there was a trail.
    pub trail_suffix: Option<String>,
    /// Whether the managed policies have the names that Lacework's own integration gave them.
    pub vendor_policy_names: bool,
}

/// What setup made for the trail, and what has happened to it since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedTrail {
    /// The integration as setup made it. Its account is Log Archive, which holds the role.
    pub integration: IntegrationSpec,
    /// The account that holds the queue.
    pub audit: AccountId,
    /// The integration's `intgGuid`, by which it is known whatever becomes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
    /// When what was last mended, so that nothing is made anew over and over.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mended: BTreeMap<TrailFault, Timestamp>,
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
    /// The account part of the tenant's URL.
    pub tenant: String,
    /// Every fixed name.
    pub names: Names,
    /// What is monitored.
    pub capability: Capability,
    /// Which sub-account an account goes to.
    pub destination: Destination,
    /// Who makes the members' integrations.
    #[serde(default, skip_serializing_if = "Registration::is_default")]
    pub registration: Registration,
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

/// `RegistrationMode`: who makes the integration of a member. The management account's stack is not
/// the StackSet's, and its integration is always the function's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Registration {
    /// The account function, through the SaaS's API.
    #[default]
    Function,
    /// The member's own stack, through the SaaS's SNS topic: its custom resource makes the integration
    /// with the stack and removes it with the stack, for which it needs a token that still works.
    SnsCustomResource,
}

impl Registration {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Which sub-account an account's integration lives in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// The tenant's own store.
    Tenant,
    /// One sub-account for all.
    Single(SubAccount),
    /// By organizational unit, the nearest ancestor first; accounts elsewhere are left out.
    ///
    /// By id, so that renaming a unit offboards nobody.
    Mapped(BTreeMap<OuId, SubAccount>),
}

impl Destination {
    /// Where an account with this path belongs, or `None` where it is outside the mapped units.
    pub fn of(&self, path: &[OuId]) -> Option<Option<SubAccount>> {
        match self {
            Self::Tenant => Some(None),
            Self::Single(sub_account) => Some(Some(sub_account.clone())),
            Self::Mapped(units) => path
                .iter()
                .rev()
                .find_map(|ou| units.get(ou))
                .map(|sub| Some(sub.clone())),
        }
    }

    /// The sub-account of what is not about one account, such as the trail.
    pub fn shared(&self) -> Option<&SubAccount> {
        match self {
            Self::Single(sub_account) => Some(sub_account),
            Self::Tenant | Self::Mapped(_) => None,
        }
    }

    /// Whether an account can be in this store.
    pub fn uses(&self, store: Option<&SubAccount>) -> bool {
        match store {
            None => *self == Self::Tenant,
            Some(sub_account) => self.sub_accounts().contains(sub_account),
        }
    }

    /// Every sub-account in use.
    pub fn sub_accounts(&self) -> BTreeSet<SubAccount> {
        match self {
            Self::Tenant => BTreeSet::new(),
            Self::Single(sub_account) => BTreeSet::from([sub_account.clone()]),
            Self::Mapped(units) => units.values().cloned().collect(),
        }
    }
}

impl Policy {
    /// The integration that an enrolled account should have.
    pub fn member_integration(&self, account: &AccountId) -> IntegrationSpec {
        IntegrationSpec {
            name: self.names.member_integration(account),
            kind: IntegrationKind::Config,
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

    /// What the trail's integration begins with where sub-accounts are mapped: it is then the
    /// organization's, and a look at the whole organization fills the mapping.
    pub fn empty_mapping(&self) -> Option<AccountMapping> {
        match self.destination {
            Destination::Mapped(_) => Some(AccountMapping::to_default(self.tenant.as_str().into())),
            Destination::Tenant | Destination::Single(_) => None,
        }
    }

    /// Whether members' stacks make and remove their integrations.
    pub fn registers_by_stack(&self) -> bool {
        self.registration == Registration::SnsCustomResource
    }

    /// Whether the account's own stack makes and removes its integration.
    pub fn is_registered_by_stack(&self, account: &AccountId) -> bool {
        self.registers_by_stack() && *account != self.management_account
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
}
