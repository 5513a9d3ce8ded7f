//! Latencies of calls, and rate limits.

use std::time::Duration;

use jiff::SignedDuration;
use towerhook_core::{ErrorKind, Result, ports::Clock};

use super::Ports;
use crate::{
    cost::{PassCost, is_registry},
    faults::error,
    rates::{self, ATTEMPTS, Bucket},
};

/// The rest of a call's latency after it is carried out.
pub(super) enum Pace {
    /// Random.
    Drawn,
    /// This long.
    Left(Duration),
}

impl Ports {
    /// Waits until the call is carried out.
    pub(super) async fn before(&self, operation: &'static str) -> Result<Pace> {
        if self.world.state().options.true_to_scale {
            return self.admitted(operation).await;
        }
        self.step().await;
        Ok(Pace::Drawn)
    }

    /// Waits from then to the response.
    pub(super) async fn after(&self, pace: Pace) {
        match pace {
            Pace::Drawn => self.step().await,
            Pace::Left(time) => self.sleep(time).await,
        }
    }

    /// Additional calls: further pages, and an adapter's other requests. They exist only where
    /// calls have AWS's real cost.
    pub(super) async fn more(&self, operation: &'static str, calls: usize) -> Result<()> {
        self.further(operation, calls, SignedDuration::ZERO).await
    }

    /// Likewise, where the adapter rate-limits itself.
    pub(super) async fn more_in_turn(&self, operation: &'static str, calls: usize) -> Result<()> {
        self.further(operation, calls, rates::turn(operation)).await
    }

    async fn further(
        &self,
        operation: &'static str,
        calls: usize,
        turn: SignedDuration,
    ) -> Result<()> {
        if !self.world.state().options.true_to_scale {
            return Ok(());
        }
        let mut next = self.now();
        for _ in 0..calls {
            next += turn;
            self.world.simulation().sleep_until(next).await;
            let pace = self.admitted(operation).await?;
            self.count(operation);
            self.after(pace).await;
        }
        Ok(())
    }

    pub(super) fn count(&self, operation: &'static str) {
        *self.world.state().counts.entry(operation).or_default() += 1;
        let mut cost = self.caller.cost.get();
        if is_registry(operation) {
            cost.registry_requests += 1;
        } else {
            cost.aws_calls += 1;
        }
        if operation == "registry:CreateCloudAccount" {
            cost.creations += 1;
        }
        self.caller.cost.set(cost);
    }

    /// The cost of the caller's calls so far.
    pub(crate) fn cost(&self) -> PassCost {
        self.caller.cost.get()
    }

    fn count_throttled(&self, operation: &'static str) {
        let mut state = self.world.state();
        *state.throttles.entry(operation).or_default() += 1;
    }

    /// Waits until the service accepts the call, with as many attempts as the SDK makes. Counts the
    /// throttled attempts; the caller counts the accepted one.
    async fn admitted(&self, operation: &'static str) -> Result<Pace> {
        let simulation = self.world.simulation();
        let (least, most) = rates::latency(operation);
        let mut failures = 0;
        loop {
            let half = simulation.between(least, most) / 2;
            self.sleep(half).await;
            if self.takes_token(operation) {
                return Ok(Pace::Left(half));
            }
            self.count(operation);
            self.count_throttled(operation);
            self.sleep(half).await;
            failures += 1;
            if failures == ATTEMPTS {
                let throttled = ErrorKind::Throttled { retry_after: None };
                return Err(error(operation, throttled));
            }
            let pause = simulation.roll(|dice| rates::pause(failures, dice));
            self.sleep(pause).await;
        }
    }

    fn takes_token(&self, operation: &'static str) -> bool {
        let Some(rate) = rates::rate(operation) else {
            return true;
        };
        let now = self.now();
        let mut state = self.world.state();
        let bucket = state.buckets.entry(operation);
        bucket.or_insert_with(|| Bucket::new(rate, now)).take(now)
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::ports::{Accounts, LandingZones};

    use crate::{Options, Ports, World};

    fn asked(options: Options) -> World {
        let world = World::new(options, 1, false);
        let ports = Ports::new(&world, "a test");
        world.simulation().run(async move {
            ports.accounts().await.unwrap();
            ports.baselines(None).await.unwrap();
        });
        world
    }

    #[test]
    fn each_page_is_a_call_and_waits_for_its_turn() {
        let options = Options {
            accounts: 1997,
            units: 50,
            true_to_scale: true,
            ..Options::default()
        };
        let world = asked(options);
        let (counts, throttles) = (world.counts(), world.state().throttles.clone());
        let list = "organizations:ListAccounts";
        assert!(!throttles.contains_key(list));
        assert_eq!(counts[list], 100);
        let baselines = "controltower:ListEnabledBaselines";
        let throttled = throttles.get(baselines).copied().unwrap_or_default();
        assert_eq!(counts[baselines] - throttled, 21);
        // 100 pages at 8 a second.
        assert!(world.since(crate::units::beginning()).as_secs() >= 12);
    }

    #[test]
    fn otherwise_a_listing_is_a_call() {
        let options = Options {
            accounts: 500,
            ..Options::default()
        };
        let counts = asked(options).counts();
        assert!(counts.values().all(|calls| *calls == 1), "{counts:?}");
    }
}
