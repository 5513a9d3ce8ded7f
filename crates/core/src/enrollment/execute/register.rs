//! Executes one account's registration actions, call by call.

use std::{cell::Cell, time::Duration};

use crate::{
    Error, ErrorKind, Result,
    enrollment::Action,
    model::{Created, Registration, RegistrationSpec, Store},
    planted::{Fault, planted},
    ports::Registry,
};

/// With less time left than this, no call is started: verifying a role can take the SaaS a minute.
const RESERVE: Duration = Duration::from_secs(75);

/// The outcome of one account's actions, which run in order up to the first failure.
pub(super) enum Outcome {
    /// It is watched, in this store and by this registration.
    Enrolled(Place),
    /// All actions succeeded, and none of them enrolled it.
    Changed {
        /// Whether a registration was removed.
        removed: bool,
    },
    /// The next call might outlast the invocation.
    OutOfTime,
    /// The SaaS's rate limit is reached; the next call may follow after this time.
    RateLimited(Duration),
    /// Not tried, because roles as new as its own were not usable yet.
    RoleTooNew,
    /// The SaaS could not use the role.
    RoleNotAssumable(String),
    /// A foreign registration blocks ours.
    AlreadyUsed,
    /// The new registration could not be created, so the old one was recreated.
    MovedBack(Place, String),
    /// A call failed.
    Failed(Error),
}

/// The store and the registration by which an account is watched.
pub(super) struct Place {
    pub(super) store: Option<Store>,
    pub(super) guid: Option<String>,
    /// Whether it was unwatched for a moment.
    pub(super) gap: bool,
}

impl Outcome {
    /// Whether all of the account's actions were carried out.
    pub(super) fn is_finished(&self) -> bool {
        matches!(self, Self::Enrolled(_) | Self::Changed { .. })
    }
}

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
        if time_left() < RESERVE {
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
    let place = |store, guid| Place {
        store,
        guid,
        gap: false,
    };
    match action {
        Action::CreateRegistration { store, spec } => {
            let mut created = registry.create(store.as_ref(), &spec).await;
            if planted(Fault::RepeatedWithoutLooking) && created.is_err() {
                created = registry.create(store.as_ref(), &spec).await;
            }
            Ok(outcome(created?, |guid| place(store, guid)))
        }
        Action::UpdateRegistration {
            existing,
            spec,
            enabled,
        } => {
            let updated = registry.update(&existing, &spec, enabled).await?;
            let Registration { guid, store, .. } = existing;
            Ok(match outcome(updated, |_| place(store, Some(guid))) {
                Outcome::Enrolled(_) if !enabled => Outcome::Changed { removed: false },
                outcome => outcome,
            })
        }
        Action::MoveRegistration {
            from,
            home,
            store,
            spec,
            swap,
        } => {
            let created = registry.create(store.as_ref(), &spec).await?;
            match created {
                Created::Done(_) => {
                    delete_all(registry, &from).await?;
                    Ok(outcome(created, |guid| place(store, guid)))
                }
                Created::AlreadyUsed if swap && time_left() < RESERVE => Ok(Outcome::OutOfTime),
                Created::AlreadyUsed if swap => exchange(registry, from, home, store, spec).await,
                // The account is unwatched, so its registration returns to the old store.
                Created::RoleNotAssumable(why) if from.is_empty() => {
                    put_back(registry, home, &spec, why).await
                }
                created => Ok(outcome(created, |guid| place(store, guid))),
            }
        }
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

fn outcome(created: Created, place: impl FnOnce(Option<String>) -> Place) -> Outcome {
    match created {
        Created::Done(guid) => Outcome::Enrolled(place(guid)),
        Created::RoleNotAssumable(why) => Outcome::RoleNotAssumable(why),
        Created::AlreadyUsed if planted(Fault::AlreadyUsedIsSuccess) => {
            Outcome::Enrolled(place(None))
        }
        Created::AlreadyUsed => Outcome::AlreadyUsed,
    }
}

async fn delete_all(registry: &impl Registry, all: &[Registration]) -> Result<()> {
    for existing in all {
        registry.delete(existing).await?;
    }
    Ok(())
}

/// Deletes the old registration before creating the new one, and recreates the old one if that
/// fails.
async fn exchange(
    registry: &impl Registry,
    from: Vec<Registration>,
    home: Option<Store>,
    store: Option<Store>,
    spec: RegistrationSpec,
) -> Result<Outcome> {
    delete_all(registry, &from).await?;
    let why = match registry.create(store.as_ref(), &spec).await {
        Ok(Created::Done(guid)) => {
            return Ok(Outcome::Enrolled(Place {
                store,
                guid,
                gap: true,
            }));
        }
        Ok(Created::RoleNotAssumable(why)) => why,
        Ok(Created::AlreadyUsed) => "another integration watches it already".to_owned(),
        Err(error) => error.chain(),
    };
    put_back(registry, home, &spec, why).await
}

async fn put_back(
    registry: &impl Registry,
    home: Option<Store>,
    spec: &RegistrationSpec,
    why: String,
) -> Result<Outcome> {
    match registry.create(home.as_ref(), spec).await? {
        Created::Done(guid) => {
            let place = Place {
                store: home,
                guid,
                gap: true,
            };
            Ok(Outcome::MovedBack(place, why))
        }
        // A call without a response may have taken effect; the next pass reads the result.
        Created::AlreadyUsed => Ok(Outcome::AlreadyUsed),
        Created::RoleNotAssumable(why) => Ok(Outcome::RoleNotAssumable(why)),
    }
}
