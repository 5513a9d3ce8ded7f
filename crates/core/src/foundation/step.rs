use std::fmt;

use crate::{
    counted,
    landing_zone::{Announcement, BucketNotifications, TrailTopic},
    model::{AccountId, Registration, RegistrationSpec, Store},
    stack_sets::StackSetSpec,
};

/// One step of setup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Create a StackSet without instances.
    CreateStackSet(StackSetSpec),
    /// Update the template or the parameters of a StackSet and its instances.
    UpdateStackSet(StackSetSpec),
    /// Take over a foreign StackSet: an update that also enables managed execution.
    AdoptStackSet(StackSetSpec),
    /// Create a StackSet's only instance.
    CreateInstance {
        /// The StackSet.
        stack_set: String,
        /// The account.
        account: AccountId,
    },
    /// Give instances a valid token, with which each deletes its own registration.
    RenewToken {
        /// The StackSet.
        stack_set: String,
        /// The accounts.
        accounts: Vec<AccountId>,
    },
    /// Delete instances.
    DeleteInstances {
        /// The StackSet.
        stack_set: String,
        /// The accounts.
        accounts: Vec<AccountId>,
        /// Leave the stacks in their accounts, because they cannot be reached any more.
        retain: bool,
    },
    /// Delete an empty StackSet.
    DeleteStackSet(String),
    /// Create the management account's stack.
    CreateStack(StackSetSpec),
    /// Update the management account's stack.
    UpdateStack(StackSetSpec),
    /// Delete the management account's stack.
    DeleteStack(String),
    /// Create the trail's registration.
    CreateRegistration {
        /// The store.
        store: Option<Store>,
        /// Its desired state.
        spec: RegistrationSpec,
    },
    /// Bring the trail's registration to its desired state.
    UpdateRegistration {
        /// The current state.
        existing: Registration,
        /// The desired state.
        spec: RegistrationSpec,
    },
    /// Delete a registration of ours.
    DeleteRegistration(Registration),
    /// Set a topic of ours on a trail, or remove it.
    SetTrailTopic {
        /// The trail and the topic.
        of: TrailTopic,
        /// Whether the topic is set; otherwise the trail has none, as before.
        set: bool,
    },
    /// Replace the notifications of a trail's bucket: with ours, or without.
    SetNotifications {
        /// Our notification of the bucket.
        of: Announcement,
        /// All that the bucket had when it was read.
        found: BucketNotifications,
        /// All that it is to have.
        notifications: BucketNotifications,
    },
    /// Read a bucket's notifications again later, as with a role that is seconds old.
    AwaitBucket {
        /// Our notification of the bucket.
        of: Announcement,
        /// Why they cannot be read.
        why: String,
    },
    /// Read again later: an operation is running.
    Await(String),
}

impl Step {
    /// The management account's stack that the step changes, if it changes one.
    pub fn stack(&self) -> Option<&str> {
        match self {
            Self::CreateStack(spec) | Self::UpdateStack(spec) => Some(&spec.name),
            Self::DeleteStack(name) => Some(name),
            Self::CreateStackSet(_)
            | Self::UpdateStackSet(_)
            | Self::AdoptStackSet(_)
            | Self::CreateInstance { .. }
            | Self::RenewToken { .. }
            | Self::DeleteInstances { .. }
            | Self::DeleteStackSet(_)
            | Self::CreateRegistration { .. }
            | Self::UpdateRegistration { .. }
            | Self::DeleteRegistration(_)
            | Self::SetTrailTopic { .. }
            | Self::SetNotifications { .. }
            | Self::AwaitBucket { .. }
            | Self::Await(_) => None,
        }
    }

    /// The registration that the step deletes, if any.
    pub fn deletes(&self) -> Option<&Registration> {
        match self {
            Self::DeleteRegistration(existing) => Some(existing),
            _ => None,
        }
    }

    /// Accounts whose stacks the step gives a token.
    pub fn renews(&self) -> &[AccountId] {
        match self {
            Self::RenewToken { accounts, .. } => accounts,
            _ => &[],
        }
    }

    /// Whether the step creates or changes a registration.
    pub fn changes_registrations(&self) -> bool {
        matches!(
            self,
            Self::CreateRegistration { .. } | Self::UpdateRegistration { .. }
        )
    }

    /// How many stacks of a StackSet the step deletes.
    pub fn stacks(&self) -> usize {
        match self {
            Self::DeleteInstances { accounts, .. } => accounts.len(),
            _ => 0,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateStackSet(spec) => write!(f, "create StackSet {}", spec.name),
            Self::UpdateStackSet(spec) => write!(f, "update StackSet {}", spec.name),
            Self::AdoptStackSet(spec) => write!(f, "take over StackSet {}", spec.name),
            Self::CreateInstance { stack_set, account } => {
                write!(f, "create the instance of {stack_set} in {account}")
            }
            Self::RenewToken {
                stack_set,
                accounts,
            } => {
                let instances = counted(accounts.len(), "instance");
                write!(f, "renew the token of {instances} of {stack_set}")
            }
            Self::DeleteInstances {
                stack_set,
                accounts,
                retain,
            } => {
                let verb = if *retain { "forget" } else { "delete" };
                let instances = counted(accounts.len(), "instance");
                write!(f, "{verb} {instances} of {stack_set}")
            }
            Self::DeleteStackSet(name) => write!(f, "delete StackSet {name}"),
            Self::CreateStack(spec) => write!(f, "create stack {}", spec.name),
            Self::UpdateStack(spec) => write!(f, "update stack {}", spec.name),
            Self::DeleteStack(name) => write!(f, "delete stack {name}"),
            Self::CreateRegistration { spec, .. } => write!(f, "create registration {}", spec.name),
            Self::UpdateRegistration { spec, .. } => write!(f, "update registration {}", spec.name),
            Self::DeleteRegistration(existing) => {
                write!(f, "delete registration {}", existing.name)
            }
            Self::SetTrailTopic { of, set: true } => {
                write!(f, "give the trail {} a topic", of.trail)
            }
            Self::SetTrailTopic { of, set: false } => {
                write!(f, "take our topic off the trail {}", of.trail)
            }
            Self::SetNotifications {
                of, notifications, ..
            } => {
                let verb = match of.taken_from(notifications) {
                    Some(_) => "give the bucket our notification",
                    None => "take our notification off the bucket",
                };
                write!(f, "{verb}: {}", of.bucket)
            }
            Self::AwaitBucket { of, .. } => {
                write!(f, "wait for the notifications of the bucket {}", of.bucket)
            }
            Self::Await(what) => write!(f, "wait for {what}"),
        }
    }
}
