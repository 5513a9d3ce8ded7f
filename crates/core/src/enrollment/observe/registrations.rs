use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;

use super::known;
use crate::{
    Error, ErrorKind, Read, Result,
    enrollment::{Ownership, WORTHWHILE_WAIT, Watchers},
    ledger::Record,
    model::{AccountId, Registration, RegistrationKind, Store},
    planted::{Fault, planted},
    policy::Deployment,
    ports::RegistryReads,
    provider::{Provider, Subject},
};

/// Lists the registrations of all accounts, and returns how long the SaaS's rate limit forbids
/// calls, if it does.
pub(super) async fn list_by_account(
    provider: &dyn Provider,
    registry: &impl RegistryReads,
    deployment: &Deployment,
    records: &BTreeMap<AccountId, Record>,
) -> (Read<BTreeMap<AccountId, Watchers>>, Option<Duration>) {
    let listing = registrations(registry, deployment).await;
    let wait = listing.as_ref().err().and_then(registry_wait);
    let ownership = Ownership::new(provider, &deployment.policy, records);
    let listing = known(listing).map(|all| by_account(&ownership, all));
    (listing, wait)
}

/// How long to stay off the SaaS: its rate limit's wait, and at least as long as makes a listing
/// worthwhile.
fn registry_wait(error: &Error) -> Option<Duration> {
    match error.kind {
        ErrorKind::Throttled { retry_after } => Some(retry_after?.max(WORTHWHILE_WAIT)),
        _ => None,
    }
}

async fn registrations(
    registry: &impl RegistryReads,
    deployment: &Deployment,
) -> Result<Vec<Registration>> {
    match list_registrations(registry, deployment).await {
        Err(error) if planted(Fault::ThrottledListingIsEmpty) && error.is_throttled() => Ok(vec![]),
        listing => listing,
    }
}

async fn list_registrations(
    registry: &impl RegistryReads,
    deployment: &Deployment,
) -> Result<Vec<Registration>> {
    let stores: Vec<Option<&Store>> = std::iter::once(None)
        .chain(deployment.stores.iter().map(Some))
        .collect();
    let listings = stores.into_iter().map(|store| async move {
        (
            store,
            registry
                .registrations(store, RegistrationKind::Account)
                .await,
        )
    });
    let mut all = Vec::new();
    for (store, listing) in join_all(listings).await {
        match listing {
            Ok(found) => all.extend(found),
            Err(error) if is_lost(deployment, store, &error) => {
                let store = store.map(Store::as_str);
                tracing::error!(
                    store,
                    error = error.chain(),
                    "store skipped: it cannot be read"
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Whether a store that is no longer in use has become unreadable. Its accounts must not stop all
/// others from being reconciled.
fn is_lost(deployment: &Deployment, store: Option<&Store>, error: &Error) -> bool {
    let in_use = deployment.policy.destination.stores();
    let is_refused = matches!(error.kind, ErrorKind::Unauthorized | ErrorKind::Denied);
    is_refused && store.is_some_and(|store| !in_use.contains(store))
}

fn by_account(
    ownership: &Ownership<'_>,
    registrations: Vec<Registration>,
) -> BTreeMap<AccountId, Watchers> {
    let mut by_account: BTreeMap<AccountId, Watchers> = BTreeMap::new();
    for registration in registrations {
        match ownership.subject(&registration) {
            Subject::Ours(account) => {
                let watchers = by_account.entry(account).or_default();
                watchers.ours.push(registration);
            }
            Subject::Foreign(account) => {
                let watchers = by_account.entry(account).or_default();
                watchers.others.push(registration);
            }
            Subject::Unknown => {}
        }
    }
    by_account
}
