//! Parks work in the ledger while the lease is not available, so that one pass handles all of it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    Result,
    ledger::{LeaseState, Parking, Taken},
    lifecycle::{Message, Parked, Scope},
    ports::AccountPorts,
};

/// The attempts at parking while other invocations park concurrently.
const PARKING_TRIES: u32 = 4;
/// The delay of a message that could not be parked: parking was contended, or the parked work is
/// full.
const WAIT_OUTSIDE: Duration = Duration::from_secs(30);
/// A wake-up older than this is lost: any cooldown of that time has ended.
const WAKE_UP_LOST_AFTER: SignedDuration = SignedDuration::from_secs(200);

/// After this many unfinished passes in a row, the parked work is taken to be what kills them.
const PICKED_UP_AT_MOST: usize = 3;

/// The scope merged with the parked work. If that work has ended too many passes, it is moved to
/// the dead-letter queue instead, which raises an alarm. Also returns why that failed, if it did.
pub(super) async fn pick_up(
    ports: &impl AccountPorts,
    taken: &mut Taken,
    scope: Scope,
) -> (Scope, Option<String>) {
    let parked = taken.parked.iter().map(Parked::scope);
    if taken.unfinished < PICKED_UP_AT_MOST || taken.parked.is_empty() {
        return (parked.fold(scope, Scope::merge), None);
    }
    let messages: Vec<_> = parked.flat_map(|scope| scope.messages()).collect();
    match ports.send_to_dead_letters(&messages).await {
        Ok(()) => {
            let messages = messages.len();
            tracing::error!(
                messages,
                "messages of three unfinished passes moved to the dead-letter queue"
            );
            (scope, None)
        }
        Err(error) => {
            let why = error.chain();
            tracing::error!(error = why, "messages not moved to the dead-letter queue");
            taken.parked.clear();
            (scope, Some(why))
        }
    }
}

/// Leaves the scope to the next pass. A lease holder sends a wake-up when it closes its pass, and
/// if it crashes, its own batch returns to the queue. If the lease is not held, the first
/// invocation to park sends the wake-up.
pub(super) async fn leave_to_next_pass(
    ports: &impl AccountPorts,
    owner: &str,
    scope: &Scope,
    lease: LeaseState,
    now: Timestamp,
) -> Result<()> {
    let parking = park(ports, owner, scope, now).await?;
    let (lease, is_woken) = match parking {
        None => (lease, true),
        Some((lease, wake_up_sent_at)) => {
            let is_woken = wake_up_sent_at
                .is_some_and(|called| now.duration_since(called) < WAKE_UP_LOST_AFTER);
            (lease, is_woken)
        }
    };
    match lease {
        // A wake-up that arrives early is re-sent. If the lease is held or its cooldown was extended, the
        // parked work has already been picked up.
        LeaseState::Free { not_before: until } if !is_woken || scope.parked >= Some(until) => {
            send_wake_up(ports, until, now).await
        }
        LeaseState::Held | LeaseState::Free { .. } => Ok(()),
    }
}

/// Parks the scope. Returns the state of the lease and when a wake-up was last sent; `None` if
/// nothing was parked.
async fn park(
    ports: &impl AccountPorts,
    owner: &str,
    scope: &Scope,
    now: Timestamp,
) -> Result<Option<(LeaseState, Option<Timestamp>)>> {
    let mut pieces = Parked::of(owner, scope);
    let mut replaced = Vec::new();
    for _ in 0..PARKING_TRIES {
        if pieces.is_empty() {
            return Ok(None);
        }
        if pieces.len() > Parked::AT_MOST {
            break;
        }
        match ports.park(&pieces, &replaced, now).await? {
            Parking::Kept {
                lease,
                wake_up_sent_at,
            } => return Ok(Some((lease, wake_up_sent_at))),
            Parking::Refused(found) => {
                let found_scopes = found.iter().map(Parked::scope);
                let all = found_scopes.fold(scope.clone(), Scope::merge);
                pieces = Parked::of(owner, &all);
                replaced = found;
            }
        }
    }
    ports.send(&scope.messages(), WAIT_OUTSIDE).await?;
    Ok(None)
}

/// Sends a wake-up for the parked work. The delay is in whole seconds, as SQS requires.
pub(super) async fn send_wake_up(
    ports: &impl AccountPorts,
    at: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let wait = u64::try_from(at.duration_since(now).as_millis()).unwrap_or_default();
    let wait = Duration::from_secs(wait.div_ceil(1000).max(1));
    ports.send(&[Message::wake_up(at)], wait).await
}
