//! Computes when revisits are due.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::{
    Result,
    enrollment::Revisit,
    lifecycle::{LONGEST_DELAY, Scope},
    ports::AccountPorts,
    time::later,
};

/// From this delay on, a revisit waits for the next full minute.
const MINUTE: Duration = Duration::from_secs(60);
/// From this delay on, it waits for the next full ten minutes.
const FIVE_MINUTES: Duration = Duration::from_secs(300);
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// Rounds a delay up to the next full minute or ten minutes, if it is long enough. So revisits for
/// the same cause become due together and are merged. Otherwise each would only cause the next, and
/// all of them would use up the rate limit that they wait for.
pub(super) fn due(now: Timestamp, delay: Duration) -> Duration {
    if delay < MINUTE {
        return delay;
    }
    let tens = up_to(now, delay, TEN_MINUTES);
    let minutes = up_to(now, delay, MINUTE);
    let aligned = if delay >= FIVE_MINUTES && tens <= LONGEST_DELAY {
        tens
    } else if minutes <= LONGEST_DELAY {
        minutes
    } else {
        minutes.saturating_sub(MINUTE)
    };
    Duration::from_secs(aligned.as_millis().div_ceil(1000) as u64)
}

/// Rounds the due time up to the next multiple of a step.
fn up_to(now: Timestamp, delay: Duration, step: Duration) -> Duration {
    let at = later(
        now,
        SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX),
    );
    let milliseconds = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
    let missing = (-at.as_millisecond())
        .rem_euclid(milliseconds)
        .unsigned_abs();
    delay + Duration::from_millis(missing)
}

/// Sends the revisits of a pass over `scope`. An account that a lifecycle event named keeps that mark
/// in its revisits, and the time of its news; without one, that is when the pass `began`.
pub(super) async fn send_revisits(
    ports: &impl AccountPorts,
    revisits: &[Revisit],
    scope: &Scope,
    (began, now): (Timestamp, Timestamp),
) -> Result<()> {
    let mut by_delay: BTreeMap<Duration, Scope> = BTreeMap::new();
    for Revisit {
        account,
        delay,
        attempt,
        awaits,
    } in revisits
    {
        let one = Scope {
            accounts: BTreeMap::from([(*account, *attempt)]),
            arrived: scope.arrived.get(account).copied().into_iter().collect(),
            since: BTreeMap::from([(*account, scope.since.get(account).copied().unwrap_or(began))]),
            ..Scope::default()
        };
        let one = match awaits {
            Some(operation) => Scope::awaiting(operation.clone(), one),
            None => one,
        };
        let scope = by_delay.entry(due(now, *delay)).or_default();
        *scope = std::mem::take(scope).merge(one);
    }
    for (delay, scope) in by_delay {
        ports.send(&scope.messages(), delay).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_minutes_comes_back_together() {
        // A full hour.
        let at = |seconds| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let arrives = |seconds, delay| {
            seconds + due(at(seconds), Duration::from_secs(delay)).as_secs() as i64
        };
        assert_eq!(arrives(0, 15), 15);
        assert_eq!(arrives(17, 30), 47);
        assert_eq!(arrives(0, 60), 60);
        assert_eq!(arrives(0, 300), 600);
        assert_eq!(arrives(0, 600), 600);
        for seconds in 1..=60 {
            assert_eq!(arrives(seconds, 60), 120, "{seconds}");
            assert_eq!(arrives(seconds, 300), 600, "{seconds}");
            assert_eq!(arrives(240 + seconds, 300), 600, "{seconds}");
            assert_eq!(arrives(300 + seconds, 300), 1200, "{seconds}");
            assert!(arrives(seconds, 900) - seconds <= 900, "{seconds}");
            assert_eq!(arrives(seconds, 900) % 60, 0, "{seconds}");
        }
    }
}
