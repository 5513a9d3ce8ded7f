use std::fmt;

use serde::Serialize;

use crate::{
    landing_zone::{Announcement, BucketNotifications},
    model::{AccountId, Registration, RegistrationSpec},
    policy::DeployedTrail,
};

/// One write, fully specified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum FeedAction {
    /// Create a StackSet's only instance, or retry where it failed.
    CreateInstance {
        /// The StackSet.
        stack_set: String,
        /// Its account.
        account: AccountId,
    },
    /// Delete a StackSet's only instance, so that it can be recreated.
    DeleteInstance {
        /// The StackSet.
        stack_set: String,
        /// Its account.
        account: AccountId,
    },
    /// Let the trail's bucket tell our topic of each log file.
    Announce {
        /// Our notification of the bucket.
        announcement: Announcement,
        /// All notifications that the bucket had when it was read.
        found: BucketNotifications,
        /// All that it is to have.
        notifications: BucketNotifications,
    },
    /// Create the registration.
    CreateRegistration {
        /// Its desired state.
        spec: RegistrationSpec,
    },
    /// Bring the registration to its desired state.
    UpdateRegistration {
        /// The current state.
        existing: Registration,
        /// The desired state.
        spec: RegistrationSpec,
    },
    /// Delete a registration of ours that is in the wrong store, or a duplicate.
    DeleteRegistration {
        /// The registration.
        existing: Registration,
    },
}

impl fmt::Display for FeedAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateInstance { stack_set, account } => {
                write!(f, "create the instance of {stack_set} in {account}")
            }
            Self::DeleteInstance { stack_set, account } => {
                write!(f, "delete the instance of {stack_set} in {account}")
            }
            Self::Announce { announcement, .. } => {
                write!(
                    f,
                    "give the bucket {} our notification",
                    announcement.bucket
                )
            }
            Self::CreateRegistration { spec } => write!(f, "create registration {}", spec.name),
            Self::UpdateRegistration { spec, .. } => write!(f, "update registration {}", spec.name),
            Self::DeleteRegistration { existing } => {
                write!(f, "delete registration {}", existing.name)
            }
        }
    }
}

/// The actions that follow from a view of the trail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FeedPlan {
    /// The writes, in order.
    pub actions: Vec<FeedAction>,
    /// The trail's record, if it has to change.
    pub record: Option<DeployedTrail>,
    /// Whether an operation is running, so that another pass is needed soon.
    pub look_again: bool,
    /// Problems that need an administrator, in words.
    pub blocked: Vec<String>,
}

impl fmt::Display for FeedPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for action in &self.actions {
            writeln!(f, "{action}")?;
        }
        for reason in &self.blocked {
            writeln!(f, "the feed is blocked: {reason}")?;
        }
        Ok(())
    }
}
