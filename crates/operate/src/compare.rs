use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    Error,
    lifecycle::{Message, MessageScope},
    ports::{Clock, LedgerReads, Messages},
};

/// How often the ledger is asked.
const INTERVAL: Duration = Duration::from_secs(2);

/// How far this clock and the functions' may differ.
const SKEW: SignedDuration = SignedDuration::from_secs(5);

/// Why no comparison was seen to end.
#[derive(Debug, thiserror::Error)]
pub enum NotCompared {
    /// The ledger does not answer.
    #[error("the ledger cannot be read")]
    Ledger(#[source] Error),
    /// Nothing is compared without a deployment.
    #[error(
        "the ledger has no deployment, so nothing is compared: the stack's launch has not \
         succeeded, or the ledger was emptied and the next update of the stack recovers it"
    )]
    NoDeployment,
    /// It took too long.
    #[error(
        "no comparison that began after the request has ended within {} min; it may still do so, \
         and the account function's log says what holds it up",
        limit.as_secs() / 60
    )]
    TooLate {
        /// How long it was waited for.
        limit: Duration,
    },
}

/// Asks for a comparison of the whole organization, as the schedule does.
///
/// # Errors
///
/// The work queue does not take the message.
pub async fn ask_for_comparison(queue: &impl Messages) -> towerhook_core::Result<()> {
    let everything = Message::new(MessageScope::All, 0);
    queue.send(&[everything], Duration::ZERO).await
}

/// Waits until a comparison of the whole organization has ended that began at `since` or later, and
/// returns when it began.
///
/// # Errors
///
/// The ledger cannot be read or has no deployment, or none has ended within `limit`.
pub async fn await_comparison(
    ledger: &impl LedgerReads,
    clock: &impl Clock,
    since: Timestamp,
    limit: Duration,
) -> Result<Timestamp, NotCompared> {
    let end = clock.now() + limit;
    loop {
        let recorded = ledger.recorded().await.map_err(NotCompared::Ledger)?;
        if recorded.success.is_none() {
            return Err(NotCompared::NoDeployment);
        }
        let is_newer = |at: &Timestamp| *at >= since - SKEW;
        if let Some(compared) = recorded.compared.filter(is_newer) {
            return Ok(compared);
        }
        if clock.now() >= end {
            return Err(NotCompared::TooLate { limit });
        }
        clock.sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use towerhook_world::{Options, Ports, Wishes, World};

    use super::*;

    const MINUTES: Duration = Duration::from_secs(10 * 60);

    #[test]
    fn a_comparison_is_asked_for_and_seen_to_end() {
        World::quiet(Options::default(), async |world| {
            assert!(world.launch(Wishes::default()).await.success);
            world.rest().await;
            let ports = Ports::new(&world, "operator");
            let asked = world.now() + SignedDuration::from_secs(60);
            world.simulation().sleep(Duration::from_secs(60)).await;
            ask_for_comparison(&ports).await.unwrap();
            let compared = await_comparison(&ports, &ports, asked, MINUTES).await;
            assert!(compared.unwrap() >= asked - SKEW);
            assert!(world.now() < asked + SignedDuration::from_secs(120));
        });
    }

    #[test]
    fn an_earlier_comparison_does_not_count_and_waiting_ends() {
        World::quiet(Options::default(), async |world| {
            assert!(world.launch(Wishes::default()).await.success);
            world.hours(2).await;
            assert!(world.recorded().compared.is_some());
            let ports = Ports::new(&world, "operator");
            let limit = Duration::from_secs(60);
            let later = world.now() + SignedDuration::from_hours(48);
            let waited = await_comparison(&ports, &ports, later, limit).await;
            let words = waited.unwrap_err().to_string();
            assert!(words.contains("within 1 min"), "{words}");
        });
    }

    #[test]
    fn without_a_deployment_nothing_is_waited_for() {
        World::quiet(Options::default(), async |world| {
            let ports = Ports::new(&world, "operator");
            let waited = await_comparison(&ports, &ports, world.now(), MINUTES).await;
            assert!(matches!(waited, Err(NotCompared::NoDeployment)));
        });
    }
}
