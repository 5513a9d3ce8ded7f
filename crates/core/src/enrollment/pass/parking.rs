//! What comes while somebody else has the lease: it waits in the ledger, so that however much comes is
//! looked at in one pass.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    Result,
    lifecycle::{Message, Parked, Scope},
    ports::{AccountPorts, LeaseState, Parking, Taken},
};

/// How often to try where others park at the same moment.
const PARKING_TRIES: u32 = 4;
/// When what could not even be parked comes back: many wait for a pass already, or for too much.
const WAIT_OUTSIDE: Duration = Duration::from_secs(30);
/// A call that was sent so long ago is lost: every rest of that time has ended.
const CALL_LOST_AFTER: SignedDuration = SignedDuration::from_secs(200);

/// After this many unfinished passes in a row, the parked work is taken to be what kills them.
const TAKEN_UP_AT_MOST: usize = 3;

/// The scope with what was parked, unless that ends every pass that takes it up: then it is set aside, where
/// an administrator is told of it. With it comes why that failed, if it did.
pub(super) async fn take_up(
    ports: &impl AccountPorts,
    taken: &mut Taken,
    scope: Scope,
) -> (Scope, Option<String>) {
    let parked = taken.parked.iter().map(Parked::scope);
    if taken.unfinished < TAKEN_UP_AT_MOST || taken.parked.is_empty() {
        return (parked.fold(scope, Scope::merge), None);
    }
    let messages: Vec<_> = parked.flat_map(|scope| scope.messages()).collect();
    match ports.set_aside(&messages).await {
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

/// Leaves the scope to the next pass. Whoever holds the lease calls for that one as it closes, and where
/// it dies its own batch comes back; where nobody holds it, the first to park sends the call.
pub(super) async fn leave(
    ports: &impl AccountPorts,
    owner: &str,
    scope: &Scope,
    lease: LeaseState,
    now: Timestamp,
) -> Result<()> {
    let parking = park(ports, owner, scope, now).await?;
    let (lease, is_called) = match parking {
        None => (lease, true),
        Some((lease, called_at)) => {
            let is_called =
                called_at.is_some_and(|called| now.duration_since(called) < CALL_LOST_AFTER);
            (lease, is_called)
        }
    };
    match lease {
        // A wake-up that arrives early is re-sent. If the lease is held or its cooldown was extended, the
        // parked work has already been picked up.
        LeaseState::Free { not_before: until } if !is_called || scope.parked >= Some(until) => {
            call(ports, until, now).await
        }
        LeaseState::Held | LeaseState::Free { .. } => Ok(()),
    }
}

/// Parks what the scope names. Answers how the lease stands then and when somebody called for what
/// is parked; nothing where nothing was parked.
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
            Parking::Kept { lease, called_at } => return Ok(Some((lease, called_at))),
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

/// Calls for a pass over what is parked, in whole seconds, which is how SQS delays.
pub(super) async fn call(ports: &impl AccountPorts, at: Timestamp, now: Timestamp) -> Result<()> {
    let wait = u64::try_from(at.duration_since(now).as_millis()).unwrap_or_default();
    let wait = Duration::from_secs(wait.div_ceil(1000).max(1));
    ports.send(&[Message::call(at)], wait).await
}
