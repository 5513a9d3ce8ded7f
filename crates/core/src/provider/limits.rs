use jiff::SignedDuration;

/// How far behind a vendor's answers may be, how long it takes to use what is new, and how long that
/// works.
#[derive(Debug)]
pub struct Limits {
    /// For this long a list may lack a registration that was just accepted.
    pub unlisted_for: SignedDuration,
    /// The most that one listing may be behind another.
    pub list_lag: SignedDuration,
    /// For this many attempts, a registration created by a stack may be missing from the list.
    /// After that it is created without the stack.
    pub unlisted_looks: u32,
    /// A role that the vendor could not use for this long stays unusable.
    pub unusable_for: SignedDuration,
    /// Whether an id is a registration's own. Otherwise it is its account's, and says nothing of who
    /// made the registration.
    pub numbers_registrations: bool,
    /// Whether a registration can be disabled, as that of a suspended account is.
    pub pauses: bool,
    /// The lifetime that is requested for an access token.
    pub token_lifetime: SignedDuration,
}
