use crate::model::{AccountId, OuId};

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name; not unique, and it can change.
    pub name: String,
    /// Where in its life it is.
    pub state: AccountState,
    /// The root and the organizational units above it, outermost first.
    pub path: Vec<OuId>,
}

/// Organizations' `AccountState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// Made, not yet usable.
    PendingActivation,
    /// In use.
    Active,
    /// Suspended by AWS; it may come back.
    Suspended,
    /// Being closed.
    PendingClosure,
    /// Closed; it leaves the organization after about 90 days.
    Closed,
}
