use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    Result,
    ports::{Lease, Ledger},
};

/// CloudFormation makes one request of a stack at a time, so whichever invocation it is, a
/// continuation or the rollback of one that was cut, it is this one that holds the lease.
pub const LEASE_OWNER: &str = "setup";
/// Longer than CloudFormation waits.
const LEASE_TIME: SignedDuration = SignedDuration::from_mins(61);
/// How long setup waits for a pass of the account function to end, and how often it asks.
const TRIES: u32 = 250;
const PAUSE: Duration = Duration::from_secs(1);
/// How long the word that setup waits holds passes back. It is given anew with every try.
const RESERVATION: SignedDuration = SignedDuration::from_secs(10);

/// Waits until setup has the lease, and lets no other pass begin meanwhile. Answers whether it got
/// it: a pass that does not end keeps it.
///
/// # Errors
///
/// The ledger does not answer.
pub async fn await_lease(
    ledger: &impl Ledger,
    now: &impl Fn() -> Timestamp,
    sleep: &impl AsyncFn(Duration),
) -> Result<bool> {
    for _ in 0..TRIES {
        let asked = now();
        let until = asked + LEASE_TIME;
        if let Lease::Taken { .. } = ledger.take_lease(LEASE_OWNER, asked, until).await? {
            return Ok(true);
        }
        ledger
            .reserve_lease(LEASE_OWNER, now() + RESERVATION)
            .await?;
        sleep(PAUSE).await;
    }
    Ok(false)
}
