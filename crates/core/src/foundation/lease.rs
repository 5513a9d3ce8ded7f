use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::waiting::{Guard, superseded};
use crate::{
    Result,
    ledger::{Holder, Lease, Taken},
    ports::{Clock, Leases},
};

/// How long the lease outlives the invocation that holds it, to allow for clock skew.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);
/// How often setup asks for the lease while a pass holds it.
const PAUSE: Duration = Duration::from_secs(1);
/// How long setup's reservation blocks new passes. It is renewed with every try.
const RESERVATION: SignedDuration = SignedDuration::from_secs(10);

/// Waits for the lease, and blocks new passes meanwhile. A running pass ends within its timeout,
/// and an older request of CloudFormation gives way at once; the caller's deadline is the limit.
///
/// The lease lasts until the end of this invocation, `ends`. An invocation that continues another's
/// work takes the lease over `from` that one.
///
/// # Errors
///
/// The ledger does not answer, or a newer request of CloudFormation has held the lease.
pub(super) async fn await_lease<L: Leases, C: Clock>(
    guard: &Guard<'_, L, C>,
    holder: &Holder,
    from: Option<&Holder>,
    ends: Timestamp,
) -> Result<Taken> {
    let (leases, clock) = (guard.leases, guard.clock);
    // From here on the lease may be held, even if the response is lost.
    guard.holder.replace(Some(holder.clone()));
    loop {
        let ask = async || {
            let until = ends + MARGIN;
            leases.take_lease(holder, from, clock.now(), until).await
        };
        // Without an answer it is also unknown whether an earlier attempt created resources.
        let asked = guard.read(ask).await;
        match asked.inspect_err(|_| guard.progress.begin_making())? {
            Lease::Taken(taken) => return Ok(*taken),
            Lease::Overtaken => return Err(superseded()),
            // The other invocation may create resources, and may end without a response.
            Lease::Shared => guard.progress.begin_making(),
            Lease::Refused(_) => {}
        }
        let reserve = async || {
            let until = clock.now() + RESERVATION;
            leases.reserve_lease(holder, until).await
        };
        guard.read(reserve).await?;
        clock.sleep(PAUSE).await;
    }
}
