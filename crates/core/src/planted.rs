//! Faults that can be planted in this crate, to show that the simulated world finds them.
//!
//! Without the feature `planted-faults` none of them is compiled in.

/// A rule that is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A listing that is throttled counts as empty.
    ThrottledListingIsEmpty,
    /// An account that could not be described counts as gone.
    UnreadableIsGone,
    /// An account that a listing lacks counts as gone.
    MissingIsGone,
    /// A baseline under change counts as none.
    UnderChangeIsNotManaged,
    /// A suspended account counts as closed.
    SuspendedIsClosed,
    /// A pass goes on whoever holds the lease.
    LeaseIsNotAsked,
    /// A lease outlives its holder.
    LeaseWithoutEnd,
    /// Any number of accounts may leave in a day.
    LimitIsIgnored,
    /// Only who leaves in one pass is counted, not who left in the day before.
    CountedByPass,
    /// A stack whose last operation failed counts as good.
    OutdatedIsCurrent,
    /// A role goes before the integration that uses it.
    RoleGoesFirst,
    /// An integration that somebody else made counts as ours.
    ForeignIsOurs,
    /// A second integration of ours stays.
    DoubledStays,
    /// An account that somebody else watches counts as enrolled.
    AlreadyUsedIsSuccess,
    /// A creation without an answer is repeated without looking.
    RepeatedWithoutLooking,
    /// A stack that removes its own integration goes with whatever token it has.
    TokenIsNotRenewed,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::ThrottledListingIsEmpty,
        Self::UnreadableIsGone,
        Self::MissingIsGone,
        Self::UnderChangeIsNotManaged,
        Self::SuspendedIsClosed,
        Self::LeaseIsNotAsked,
        Self::LeaseWithoutEnd,
        Self::LimitIsIgnored,
        Self::CountedByPass,
        Self::OutdatedIsCurrent,
        Self::RoleGoesFirst,
        Self::ForeignIsOurs,
        Self::DoubledStays,
        Self::AlreadyUsedIsSuccess,
        Self::RepeatedWithoutLooking,
        Self::TokenIsNotRenewed,
    ];
}

#[cfg(feature = "planted-faults")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Fault>> = const { std::cell::Cell::new(None) };
}

/// Plants a fault for this thread, or none.
#[cfg(feature = "planted-faults")]
pub fn plant(fault: Option<Fault>) {
    PLANTED.set(fault);
}

/// Whether a fault is planted.
#[cfg(feature = "planted-faults")]
pub fn planted(fault: Fault) -> bool {
    PLANTED.get() == Some(fault)
}

/// Whether a fault is planted: never, in what is shipped.
#[cfg(not(feature = "planted-faults"))]
pub const fn planted(_: Fault) -> bool {
    false
}
