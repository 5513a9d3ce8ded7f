use std::fmt;

use crate::{
    landing_zone::TrailTopic,
    model::{AccountId, Registration, RegistrationSpec, Store},
    stack_sets::StackSetSpec,
};

/// One thing for setup to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make a StackSet without instances.
    CreateStackSet(StackSetSpec),
    /// Give a StackSet and its instances another template or other parameters.
    UpdateStackSet(StackSetSpec),
    /// Take over a StackSet that is not ours: as an update, and with managed execution.
    AdoptStackSet(StackSetSpec),
    /// Make the one instance of a StackSet.
    CreateInstance {
        /// The StackSet.
        stack_set: String,
        /// Where.
        account: AccountId,
    },
    /// Give instances a token that works, with which each removes its own registration as it goes.
    RenewToken {
        /// The StackSet.
        stack_set: String,
        /// Where.
        accounts: Vec<AccountId>,
    },
    /// Remove instances.
    DeleteInstances {
        /// The StackSet.
        stack_set: String,
        /// Where.
        accounts: Vec<AccountId>,
        /// Leave the stacks, since nobody can reach them any more.
        retain: bool,
    },
    /// Remove an empty StackSet.
    DeleteStackSet(String),
    /// Make the management account's stack.
    CreateStack(StackSetSpec),
    /// Change the management account's stack.
    UpdateStack(StackSetSpec),
    /// Remove the management account's stack.
    DeleteStack(String),
    /// Make the trail's registration.
    CreateRegistration {
        /// The store.
        store: Option<Store>,
        /// All of it.
        spec: RegistrationSpec,
    },
    /// Bring the trail's registration to what it should be.
    UpdateRegistration {
        /// As it is.
        existing: Registration,
        /// As it should be.
        spec: RegistrationSpec,
    },
    /// Remove a registration of ours.
    DeleteRegistration(Registration),
    /// Give a trail a topic of ours, or take it away again.
    SetTrailTopic {
        /// The trail and the topic.
        of: TrailTopic,
        /// Whether the trail gets the topic; otherwise it gets none, as it was.
        set: bool,
    },
    /// Look again: something is under way.
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
            | Self::Await(_) => None,
        }
    }

    /// The registration that the step removes, if it removes one.
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

    /// Whether the step makes or changes a registration.
    pub fn changes_registrations(&self) -> bool {
        matches!(
            self,
            Self::CreateRegistration { .. } | Self::UpdateRegistration { .. }
        )
    }

    /// How many stacks of a StackSet the step removes.
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
                let count = accounts.len();
                write!(f, "renew the token of {count} instances of {stack_set}")
            }
            Self::DeleteInstances {
                stack_set,
                accounts,
                retain,
            } => {
                let verb = if *retain { "forget" } else { "delete" };
                write!(f, "{verb} {} instances of {stack_set}", accounts.len())
            }
            Self::DeleteStackSet(name) => write!(f, "delete StackSet {name}"),
            Self::CreateStack(spec) => write!(f, "create stack {}", spec.name),
            Self::UpdateStack(spec) => write!(f, "update stack {}", spec.name),
            Self::DeleteStack(name) => write!(f, "delete stack {name}"),
            Self::CreateRegistration { spec, .. } => write!(f, "create integration {}", spec.name),
            Self::UpdateRegistration { spec, .. } => write!(f, "update integration {}", spec.name),
            Self::DeleteRegistration(existing) => write!(f, "delete integration {}", existing.name),
            Self::SetTrailTopic { of, set: true } => {
                write!(f, "give the trail {} a topic", of.trail)
            }
            Self::SetTrailTopic { of, set: false } => {
                write!(f, "take our topic off the trail {}", of.trail)
            }
            Self::Await(what) => write!(f, "wait for {what}"),
        }
    }
}
