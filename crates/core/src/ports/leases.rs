use jiff::Timestamp;

use crate::{
    Result,
    ledger::{Holder, Lease, Parking, Record},
    lifecycle::Parked,
    model::AccountId,
};

/// The lease, and the work that waits for it.
pub trait Leases {
    /// Takes the lease until `until`, unless another holder has it or has reserved it beyond `now`,
    /// or it cools down. The holder of the reservation need not wait for the cooldown. A newer
    /// request of CloudFormation takes it from an older one, which never gets it again.
    ///
    /// An invocation that continues another's work takes the lease over `from` that one; only the
    /// first that asks succeeds.
    ///
    /// Taking the lease ends all reservations. Parked work stays until [`Leases::close_pass`] names
    /// it.
    async fn take_lease(
        &self,
        holder: &Holder,
        from: Option<&Holder>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Lease>;
    /// Whether `holder` holds the lease.
    async fn holds_lease(&self, holder: &Holder) -> Result<bool>;
    /// Reserves the lease for `holder` until `until`; the current holder keeps it.
    async fn reserve_lease(&self, holder: &Holder, until: Timestamp) -> Result<()>;
    /// Releases the lease, if `holder` still holds it. Sends no wake-up for work parked meanwhile.
    async fn release_lease(&self, holder: &Holder) -> Result<()>;
    /// Parks messages, from one to [`Parked::AT_MOST`], for the next holder. They are added to the
    /// parked work if there is [room](Parked::room_for), or replace it if `replaced` names it
    /// exactly.
    async fn park(&self, parked: &[Parked], replaced: &[Parked], now: Timestamp)
    -> Result<Parking>;
    /// Writes records as [`store_records`](super::LedgerWrites::store_records) does, and with the last
    /// of them releases the lease, which then cools down until `cooldown_until`; the parked work in
    /// `done` is deleted. `compared` is when a comparison of the whole organization began that ends so.
    /// Returns whether work was parked since `holder` took the lease.
    ///
    /// A conflict if `holder` no longer has the lease: then those last records are not written.
    async fn close_pass(
        &self,
        holder: &Holder,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        cooldown_until: Timestamp,
        compared: Option<Timestamp>,
    ) -> Result<bool>;
    /// Admits a request of CloudFormation that was seen at `seen`, or earlier by another
    /// invocation. Returns its time of admission ([`admitted`]).
    async fn admit(&self, request: &str, seen: Timestamp) -> Result<Timestamp>;
}
