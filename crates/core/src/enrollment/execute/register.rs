//! Executes one account's registration actions, call by call.

use std::{cell::Cell, time::Duration};

use crate::{
    ErrorKind, Result,
    enrollment::{
        Action,
        exchange::{Call, Exchange, Next, Stage},
        outcome::{Outcome, Place},
    },
    planted::{Fault, planted},
    ports::{CALL_RESERVE, Registry},
};

pub(super) async fn register(
    registry: &impl Registry,
    actions: Vec<Action>,
    rate_limited: &Cell<Option<Duration>>,
    time_left: impl Fn() -> Duration,
) -> Outcome {
    let mut outcome = Outcome::Changed { removed: false };
    for action in actions {
        if let Some(wait) = rate_limited.get() {
            return Outcome::RateLimited(wait);
        }
        if time_left() < CALL_RESERVE {
            return Outcome::OutOfTime;
        }
        match act(registry, action, &time_left).await {
            Ok(Outcome::Changed { removed: false }) => {}
            Ok(done) if done.is_finished() => outcome = done,
            Ok(stuck) => return stuck,
            Err(error) => {
                if let ErrorKind::Throttled {
                    retry_after: Some(wait),
                } = error.kind
                {
                    rate_limited.set(Some(wait));
                    return Outcome::RateLimited(wait);
                }
                return Outcome::Failed(error);
            }
        }
    }
    outcome
}

async fn act(
    registry: &impl Registry,
    action: Action,
    time_left: impl Fn() -> Duration,
) -> Result<Outcome> {
    match action {
        Action::CreateRegistration { store, spec } => {
            let mut created = registry.create(store.as_ref(), &spec).await;
            if planted(Fault::RepeatedWithoutLooking) && created.is_err() {
                created = registry.create(store.as_ref(), &spec).await;
            }
            Ok(Outcome::of(created?, store, false))
        }
        Action::UpdateRegistration {
            existing,
            spec,
            enabled,
        } => {
            let updated = registry.update(&existing, &spec, enabled).await?;
            Ok(match Outcome::of(updated, existing.store, false) {
                Outcome::Enrolled(_) if !enabled => Outcome::Changed { removed: false },
                Outcome::Enrolled(place) => Outcome::Enrolled(Place {
                    guid: Some(existing.guid),
                    ..place
                }),
                outcome => outcome,
            })
        }
        Action::MoveRegistration { exchange } => carry_out(registry, &exchange, time_left).await,
        Action::DeleteRegistration { existing, .. } => {
            registry.delete(&existing).await?;
            Ok(Outcome::Changed { removed: true })
        }
        Action::CreateInstances { .. }
        | Action::RenewTokens { .. }
        | Action::DeleteInstances { .. }
        | Action::RecreateInstances { .. } => Ok(Outcome::Changed { removed: false }),
    }
}

/// Makes the calls of an exchange, each as the answer to the one before demands.
async fn carry_out(
    registry: &impl Registry,
    exchange: &Exchange,
    time_left: impl Fn() -> Duration,
) -> Result<Outcome> {
    let mut stage = Stage::Create;
    loop {
        let next = match exchange.call(&stage) {
            Call::Create(store) => {
                let answer = registry.create(store, &exchange.spec).await;
                exchange.created(stage, answer, time_left() >= CALL_RESERVE)
            }
            Call::Delete(existing) => {
                let answer = registry.delete(existing).await;
                exchange.deleted(stage, answer)
            }
        };
        match next {
            Next::Go(next) => stage = next,
            Next::End(outcome) => return outcome,
        }
    }
}
