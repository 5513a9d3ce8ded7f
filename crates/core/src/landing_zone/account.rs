use crate::model::{AccountId, OuId};

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name; not unique, and it can change.
    pub name: String,
    /// Its state.
    pub state: AccountState,
    /// The root and the OUs above it, outermost first.
    pub path: Vec<OuId>,
}

/// Organizations' `AccountState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// Created, but not usable yet.
    PendingActivation,
    /// In use.
    Active,
    /// Suspended by AWS; it may become active again.
    Suspended,
    /// Being closed.
    PendingClosure,
    /// Closed; it leaves the organization after about 90 days.
    Closed,
}
