//! What the administrator wants, with every name resolved, and what setup has deployed for it.

mod adoption;
mod deployment;
mod destination;
mod selection;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod trail;

use serde::{Deserialize, Serialize};

pub use adoption::{Adoption, PolicyNames};
pub use deployment::{Deployment, Site};
pub use destination::Destination;
pub use selection::{Selection, Unselected};
pub use trail::{DeployedTrail, TrailFault, TrailSource};

use crate::model::{AccountId, AccountMapping, Arn, ExternalId, Health, Names, Registration};

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
    #[serde(
        default,
        alias = "registration",
        skip_serializing_if = "RegistrationMode::is_default"
    )]
    pub registration_mode: RegistrationMode,
    /// The random suffix of this deployment's external ids.
    pub external_id_suffix: String,
    /// The tenant's external id, if the vendor has one for all accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
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
    /// The account whose own role also reads the trail, where the vendor has no other role for
    /// that: Log Archive. It is enrolled whatever the selection says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail_reader: Option<AccountId>,
    /// `RetainProtection`: whether the removal of the stack leaves the roles and registrations.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retain_protection: bool,
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

/// [`Policy::queue_account`] of a landing zone with these accounts: Audit, and Log Archive.
pub fn queue_account(
    shared: [Option<AccountId>; 2],
    topic: &Arn,
    is_ours: bool,
) -> Option<AccountId> {
    let [audit, _] = shared;
    let owner = if is_ours { audit } else { topic.account() };
    let mut shared = shared.into_iter().flatten();
    shared.find(|account| Some(*account) == owner)
}

impl Policy {
    /// The suffix of the trail's external id. In an adopted deployment it may differ from the
    /// members'.
    pub fn trail_suffix(&self) -> &str {
        let adopted = self.adoption.as_ref();
        let suffix = adopted.and_then(|adopted| adopted.trail_suffix.as_ref());
        suffix.unwrap_or(&self.external_id_suffix)
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
        queue_account([self.audit, self.log_archive], topic, is_ours)
    }

    /// The URL of a queue of ours. `url_suffix` is the DNS suffix of the partition.
    pub fn queue_url(&self, url_suffix: &str, account: AccountId, queue: &str) -> String {
        format!("https://sqs.{}.{url_suffix}/{account}/{queue}", self.region)
    }

    /// Whether it is the Log Archive or the Audit account.
    pub fn is_shared_account(&self, account: &AccountId) -> bool {
        self.log_archive.as_ref() == Some(account) || self.audit.as_ref() == Some(account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RegistrationKind;

    #[test]
    fn only_in_an_adopted_deployment_a_registration_that_fails_is_known_by_its_role() {
        let registration = |health| Registration {
            guid: "ID".into(),
            store: None,
            organization: false,
            name: "by hand".into(),
            kind: RegistrationKind::Account,
            enabled: true,
            role_arn: "arn:aws:iam::000000000001:role/ours".into(),
            external_id: "another".into(),
            queue_url: None,
            account_mapping: None,
            health,
        };
        let failing = registration(Health::Failing("AccessDenied".into()));
        let own = testing::policy();
        let adopted = Policy {
            adoption: Some(Adoption::default()),
            ..testing::policy()
        };
        assert!(adopted.owns_broken(&failing));
        assert!(!adopted.owns_broken(&registration(Health::Good)));
        assert!(!own.owns_broken(&failing));
    }

    #[test]
    fn a_queue_is_where_its_topic_is_or_in_audit_where_the_topic_is_ours() {
        let id = |text: &str| text.parse::<AccountId>().unwrap();
        let (log, audit) = (id("000000000001"), id("000000000002"));
        let policy = Policy {
            log_archive: Some(log),
            audit: Some(audit),
            ..testing::policy()
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
}
