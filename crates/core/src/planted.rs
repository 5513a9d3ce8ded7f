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
    /// A role goes before the registration that uses it.
    RoleGoesFirst,
    /// A registration that somebody else made counts as ours.
    ForeignIsOurs,
    /// A second registration of ours stays.
    DoubledStays,
    /// An account that somebody else watches counts as enrolled.
    AlreadyUsedIsSuccess,
    /// A creation without an answer is repeated without looking.
    RepeatedWithoutLooking,
    /// A stack that removes its own registration goes with whatever token it has.
    TokenIsNotRenewed,
    /// What is put back as it was is checked like a change.
    RollbackIsChecked,
    /// Passes act by what a request is about to make.
    AttemptIsInForce,
    /// A request that a newer one has overtaken writes on.
    OvertakenGoesOn,
    /// A repetition counts by when it came, not by when its request was sent.
    LateIsNewer,
    /// Every invocation that a request was handed over to has the lease.
    HandedToEverybody,
    /// Setup does not give the lease back.
    LeaseIsKept,
    /// A request that CloudFormation's time ends for is not answered.
    OutOfTimeIsSilent,
    /// A refusal by IAM counts though the permission was given moments before.
    YoungRefusalIsFinal,
    /// A token that the SaaS refuses is not replaced.
    RefusedTokenIsFinal,
    /// A call that failed is made again at once.
    RepeatedWithoutPause,
    /// An operation on a StackSet that is gone is tried again.
    GoneIsRetried,
    /// The reason why a stack cannot be made is not recorded.
    FailureIsForgotten,
    /// Only its description tells what a StackSet was made from.
    EditIsOverlooked,
    /// An instance whose failure passes by itself is not made again.
    QueueFailureIsFinal,
    /// One list without a registration settles that there is none.
    OneListIsEnough,
    /// A stack is left behind after failed looks, not after failed deletions.
    LooksAreDeletions,
    /// What no list shows does not go by its id.
    UnlistedIsForgotten,
    /// An approval ends once some of the accounts have left.
    ApprovalEndsHalfway,
    /// An approval works again for accounts that came back.
    ApprovalStands,
    /// A pass acts against another host than the one that is recorded.
    AnyHostIsAsked,
    /// Parameters that choose accounts are ignored.
    SelectionIsIgnored,
    /// Setup makes everything anew where the ledger was emptied.
    RecordlessIsLaunch,
    /// One item of the ledger that cannot be read stops every pass.
    UnreadableStopsAll,
    /// A source that cannot be read is reported by nobody.
    UnreadIsSilent,
    /// A trail that does not log is accepted.
    SilentTrailIsFine,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 41] = [
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
        Self::RollbackIsChecked,
        Self::AttemptIsInForce,
        Self::OvertakenGoesOn,
        Self::LateIsNewer,
        Self::HandedToEverybody,
        Self::LeaseIsKept,
        Self::OutOfTimeIsSilent,
        Self::YoungRefusalIsFinal,
        Self::RefusedTokenIsFinal,
        Self::RepeatedWithoutPause,
        Self::GoneIsRetried,
        Self::FailureIsForgotten,
        Self::EditIsOverlooked,
        Self::QueueFailureIsFinal,
        Self::OneListIsEnough,
        Self::LooksAreDeletions,
        Self::UnlistedIsForgotten,
        Self::ApprovalEndsHalfway,
        Self::ApprovalStands,
        Self::AnyHostIsAsked,
        Self::SelectionIsIgnored,
        Self::RecordlessIsLaunch,
        Self::UnreadableStopsAll,
        Self::UnreadIsSilent,
        Self::SilentTrailIsFine,
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
