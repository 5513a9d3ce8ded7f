use jiff::Timestamp;

use crate::{
    Result,
    ledger::{Holder, Lease, Parking, Record},
    lifecycle::Parked,
    model::AccountId,
};

/// One holder at a time, and what waits for it.
pub trait Leases {
    /// Takes the lease until `until`, unless another holder has it or has reserved it after `now`, or
    /// it cools down. The one that reserved it need not wait for the cooldown. A newer request of
    /// CloudFormation takes it from an older one, which never gets it again.
    ///
    /// An invocation that continues another's work takes the lease over `from` that one, and only the first
    /// that asks.
    ///
    /// With it all reservations end. What was parked stays so until [`Leases::close_pass`] names it.
    async fn take_lease(
        &self,
        holder: &Holder,
        from: Option<&Holder>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Lease>;
    /// Whether `holder` has the lease.
    async fn holds_lease(&self, holder: &Holder) -> Result<bool>;
    /// Lets nobody but `holder` take the lease until `until`; the one that has it keeps it.
    async fn reserve_lease(&self, holder: &Holder, until: Timestamp) -> Result<()>;
    /// Gives the lease back, if `holder` still has it. Nobody has been called for what was parked meanwhile.
    async fn release_lease(&self, holder: &Holder) -> Result<()>;
    /// Leaves messages, at least one and [`Parked::AT_MOST`] at most, for the next holder. They come on top
    /// of what is parked, if there is [room](Parked::room_for), or, where `replaced` names that, in its place.
    async fn park(&self, parked: &[Parked], replaced: &[Parked], now: Timestamp)
    -> Result<Parking>;
    /// Writes records as [`LedgerWrites::store_records`](super::LedgerWrites::store_records) does, and with the last of them gives the lease
    /// back, which then cools down until `rests_until`; what is `done` is parked no longer. Answers
    /// whether anything was parked since `holder` took the lease.
    ///
    /// A conflict where `holder` no longer has it: then those last records are not written.
    async fn close_pass(
        &self,
        holder: &Holder,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        rests_until: Timestamp,
    ) -> Result<bool>;
    /// Admits a request of CloudFormation that was seen at `seen`, or earlier by another invocation.
    /// Answers when that was ([`admitted`]).
    async fn admit(&self, request: &str, seen: Timestamp) -> Result<Timestamp>;
}
