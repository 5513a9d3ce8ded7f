//! The AWS side of an inventory: accounts, OUs, the landing zone and its trail.

mod account;
mod baseline;
mod notification;
mod trail;
mod units;

use serde::{Deserialize, Serialize};

pub use account::{Account, AccountState};
pub use baseline::{BaselineKind, Baselines, Management};
pub use notification::{Announcement, BucketNotification, BucketNotifications, NotificationTarget};
pub use trail::{TopicSet, Trail, TrailTopic};
pub use units::{OuTree, Unit};

use crate::model::{AccountId, Arn};

/// The landing zone, from `GetLandingZone`, as far as we need it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandingZone {
    /// Its version, such as `3.3` or `4.0`.
    pub version: String,
    /// `centralizedLogging.accountId`; a landing zone 4.0 may have none.
    pub log_archive: Option<AccountId>,
    /// `securityRoles.accountId`; a landing zone 4.0 may have none.
    pub audit: Option<AccountId>,
    /// `centralizedLogging.configurations.kmsKeyArn`.
    pub kms_key: Option<Arn>,
}

impl LandingZone {
    /// Whether Log Archive, Audit and the baselines are optional, as from 4.0 on.
    pub fn has_optional_integrations(&self) -> bool {
        has_optional_integrations(&self.version)
    }
}

/// Whether a landing zone of this version can do without Log Archive, Audit and baselines.
///
/// Source: the key changes of landing zone 4.0 in Control Tower's user guide.
pub fn has_optional_integrations(version: &str) -> bool {
    let major = version.split('.').next().unwrap_or_default();
    major.parse().is_ok_and(|major: u32| major >= 4)
}

/// Control Tower's answer when asked for its landing zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LandingZoneReply {
    /// It is in this Region.
    Here(LandingZone),
    /// Its home Region is another one.
    Elsewhere(String),
    /// There is none.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_4_0_on_an_integration_may_be_missing() {
        for (version, optional) in [
            ("2.9", false),
            ("3.3", false),
            ("4.0", true),
            ("10.1", true),
        ] {
            assert_eq!(has_optional_integrations(version), optional, "{version}");
        }
        assert!(!has_optional_integrations("latest"));
    }
}
