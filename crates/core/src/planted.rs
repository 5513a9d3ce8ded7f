//! Faults that can be planted in this crate, to prove that the simulated world finds them.
//!
//! Without the feature `planted-faults` none of them is compiled in.

/// A rule that is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A throttled listing counts as empty.
    ThrottledListingIsEmpty,
    /// An account that could not be described counts as gone.
    UnreadableIsGone,
    /// An account missing from a listing counts as gone.
    MissingIsGone,
    /// A baseline under change counts as none.
    UnderChangeIsNotManaged,
    /// A suspended account counts as closed.
    SuspendedIsClosed,
    /// A pass runs although it was refused the lease.
    LeaseIsNotAsked,
    /// A lease outlives its holder.
    LeaseWithoutEnd,
    /// Any number of accounts may be offboarded in a day.
    LimitIsIgnored,
    /// The limit counts only this pass's offboardings, not those of the day before.
    CountedByPass,
    /// A stack whose last operation failed counts as good.
    OutdatedIsCurrent,
    /// A role is deleted before the registration that uses it.
    RoleGoesFirst,
    /// A foreign registration counts as ours.
    ForeignIsOurs,
    /// A duplicate registration of ours stays.
    DoubledStays,
    /// An account with a foreign registration counts as enrolled.
    AlreadyUsedIsSuccess,
    /// A creation without a response is retried without a read.
    RepeatedWithoutLooking,
    /// A stack that deletes its own registration is deleted even with an expired token.
    TokenIsNotRenewed,
    /// A rollback is checked like a change.
    RollbackIsChecked,
    /// Passes use the deployment of an unfinished request.
    AttemptIsInForce,
    /// A request that a newer one has overtaken keeps writing.
    OvertakenGoesOn,
    /// A repeated request counts from its arrival, not from when it was sent.
    LateIsNewer,
    /// Every invocation that continues a request gets the lease.
    HandedToEverybody,
    /// Setup does not release the lease.
    LeaseIsKept,
    /// A request that runs into CloudFormation's timeout is not answered.
    OutOfTimeIsSilent,
    /// A refusal by IAM is final although the permission was granted moments before.
    YoungRefusalIsFinal,
    /// A token that the SaaS refuses is not replaced.
    RefusedTokenIsFinal,
    /// A failed call is retried without a backoff.
    RepeatedWithoutPause,
    /// An operation on a deleted StackSet is retried.
    GoneIsRetried,
    /// The reason why a stack cannot be created is not recorded.
    FailureIsForgotten,
    /// A StackSet is compared by its description only.
    EditIsOverlooked,
    /// An instance with a transient failure is not retried.
    QueueFailureIsFinal,
    /// One list without a registration proves that it is gone.
    OneListIsEnough,
    /// A stack is left behind after failed attempts to read, not after failed deletions.
    LooksAreDeletions,
    /// A registration that no list shows is not deleted by its id.
    UnlistedIsForgotten,
    /// An approval ends once some of the accounts have left.
    ApprovalEndsHalfway,
    /// An approval works again for accounts that were enrolled again.
    ApprovalStands,
    /// A pass calls another host than the recorded one.
    AnyHostIsAsked,
    /// The parameters that select accounts are ignored.
    SelectionIsIgnored,
    /// Setup treats an emptied ledger as a first launch.
    RecordlessIsLaunch,
    /// One unreadable item of the ledger stops every pass.
    UnreadableStopsAll,
    /// An unreadable source is never reported.
    UnreadIsSilent,
    /// A trail that is not logging is accepted.
    SilentTrailIsFine,
    /// `RetainProtection` is ignored.
    RetainedIsRemoved,
    /// A foreign registration with our role is left to its owner.
    SharedIsForeign,
    /// A role that is there already blocks its account.
    ForeignRoleBlocks,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 44] = [
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
        Self::RetainedIsRemoved,
        Self::SharedIsForeign,
        Self::ForeignRoleBlocks,
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

/// Whether a fault is planted: never, in a shipped function.
#[cfg(not(feature = "planted-faults"))]
pub const fn planted(_: Fault) -> bool {
    false
}
