use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    landing_zone::Announcement,
    model::{AccountId, Arn, RegistrationSpec},
};

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
    /// The notification of the bucket, if that tells the topic of each log file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<Announcement>,
    /// The KMS key that encrypts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<Arn>,
}

/// What setup created for the trail, and its later changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedTrail {
    /// The trail.
    pub source: TrailSource,
    /// The registration as setup created it, if the vendor has one.
    #[serde(
        default,
        alias = "integration",
        skip_serializing_if = "Option::is_none"
    )]
    pub registration: Option<RegistrationSpec>,
    /// The account that holds the queue: Audit, or Log Archive if the topic is there.
    #[serde(rename = "audit")]
    pub queue_account: AccountId,
    /// The registration's id, which identifies it whatever else changes.
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
    pub fn is_registered_as(&self, other: &Self) -> bool {
        let identity = |trail: &Self| {
            let spec = trail.registration.as_ref()?;
            Some((spec.name.clone(), spec.account, spec.is_of_organization()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountMapping, RegistrationKind};

    fn trail(name: &str, account: &str, account_mapping: Option<AccountMapping>) -> DeployedTrail {
        let account: AccountId = account.parse().unwrap();
        DeployedTrail {
            source: TrailSource {
                name: "trail".into(),
                bucket: "logs".into(),
                topic: "arn:aws:sns:us-east-1:000000000002:topic".parse().unwrap(),
                makes_topic: false,
                announcement: None,
                kms_key: None,
            },
            registration: Some(RegistrationSpec {
                name: name.into(),
                kind: RegistrationKind::Feed,
                account,
                role_arn: format!("arn:aws:iam::{account}:role/reader"),
                external_id: "id".to_owned().into(),
                queue_url: None,
                account_mapping,
            }),
            queue_account: "000000000002".parse().unwrap(),
            registration_id: None,
            asked_at: None,
            made_at: None,
            mended: BTreeMap::new(),
        }
    }

    #[test]
    fn a_registration_is_another_under_another_name_in_another_account_or_of_the_organization() {
        let (one, two) = ("000000000001", "000000000003");
        let mapping = |store: &str| Some(AccountMapping::to_default(store.into()));
        let made = trail("Feed", one, None);
        assert!(made.is_registered_as(&trail("Feed", one, None)));
        for other in [
            trail("Other", one, None),
            trail("Feed", two, None),
            trail("Feed", one, mapping("acme")),
        ] {
            assert!(!made.is_registered_as(&other));
        }
        let organizations = trail("Feed", one, mapping("acme"));
        assert!(organizations.is_registered_as(&trail("Feed", one, mapping("other"))));
    }
}
