//! Reads what a plan needs, in two stages: AWS and the ledger, then the vendor, if the plan asks for
//! it.

mod landing_zone;
mod registrations;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use self::{
    landing_zone::{describe, read_landing_zone},
    registrations::list_by_account,
};
use super::{
    Inventory, Watchers,
    inventory::LandingZoneView,
    plan::{Needs, needs},
};
use crate::{
    Error, ErrorKind, Read, Result,
    feed::observe_feed,
    landing_zone::Account,
    ledger::Source,
    lifecycle::Scope,
    model::AccountId,
    planted::{Fault, planted},
    policy::{Deployment, RegistrationMode},
    ports::{AccountReads, RegistryReads},
    provider::Provider,
};

/// Up to this many accounts are described one by one; beyond, a listing with 20 a page takes fewer
/// calls.
const ONE_BY_ONE: usize = 10;
/// The most accounts missing from the listing that one pass describes. AWS allows twenty calls a
/// second.
const UNLISTED_A_PASS: usize = 400;

/// Reads everything that the plan for `scope` needs.
///
/// # Errors
///
/// The ledger or the listing of accounts could not be read, so that nothing can be planned. Any
/// other failed read is `Unknown` in the inventory.
pub async fn observe(
    provider: &dyn Provider,
    ports: &impl AccountReads,
    registry: &impl RegistryReads,
    deployment: &Deployment,
    scope: Scope,
) -> Result<Inventory> {
    let policy = &deployment.policy;
    let named: Vec<AccountId> = scope.accounts.keys().copied().collect();
    let is_listed = scope.all || !scope.ous.is_empty() || named.len() > ONE_BY_ONE;
    let asked = (!is_listed).then_some(named.as_slice());
    let mut landing_zone = read_landing_zone(provider, ports, policy, asked).await?;
    let mut sources = BTreeMap::from([
        (Source::Accounts, true),
        (Source::Baselines, landing_zone.baselines.is_known()),
        (Source::Instances, landing_zone.instances.is_known()),
    ]);
    let (registrations, registry_wait) = match needs(policy, &scope, &landing_zone) {
        Needs::Nothing(why) => (Read::Unknown(why.into()), None),
        Needs::Registrations => {
            let records = &landing_zone.records;
            let (listing, wait) = list_by_account(provider, registry, deployment, records).await;
            // Rate limiting does not make the source unreadable.
            if wait.is_none() {
                sources.insert(Source::Registrations, listing.is_known());
            }
            (listing, wait)
        }
    };
    let mut subjects: BTreeSet<AccountId> = named.into_iter().collect();
    let mut requeued = Scope::default();
    if is_listed {
        subjects.extend(in_scope(&scope, &landing_zone, &registrations));
        let missing = missing(&mut subjects, &landing_zone, &scope, &mut requeued);
        if !planted(Fault::MissingIsGone) {
            let described = describe(ports, &missing).await;
            landing_zone.accounts.extend(described);
        }
    }
    if planted(Fault::UnreadableStopsAll) && !landing_zone.unreadable.is_empty() {
        let why = "an item cannot be read";
        return Err(Error::new("ledger:Read", ErrorKind::Invalid, why));
    }
    // Without a readable record it is unknown what may be done with an account.
    subjects.retain(|id| !landing_zone.unreadable.contains_key(id.as_str()));
    let views = subjects.into_iter().map(|id| {
        let watchers = registrations
            .as_ref()
            .map(|all| all.get(&id).cloned().unwrap_or_default());
        (id, landing_zone.view(policy, &id, watchers))
    });
    let accounts = views.collect();
    // Read after the SaaS's listing: if the token was refused there, the new one is stored by now.
    let token_ends = match policy.registration_mode {
        RegistrationMode::Function => None,
        RegistrationMode::SnsCustomResource => token_ends(ports).await,
    };
    let feed = if scope.all {
        observe_feed(provider, ports, registry, deployment).await
    } else {
        None
    };
    if let Some(feed) = feed.as_ref().filter(|feed| !feed.is_requeued) {
        sources.insert(Source::Trail, feed.failures().next().is_none());
    }
    let unreadable = landing_zone.unreadable.into_iter();
    Ok(Inventory {
        compared: None,
        accounts,
        records: landing_zone.records,
        feed,
        scope,
        registry_wait,
        token_ends,
        sources,
        requeued,
        unreadable_items: unreadable.map(|(id, why)| format!("{id}: {why}")).collect(),
    })
}

/// The accounts of the listing that are in scope. A comparison of the whole organization includes
/// those that left it, which appear only in our records, instances and registrations.
fn in_scope(
    scope: &Scope,
    landing_zone: &LandingZoneView,
    registrations: &Read<BTreeMap<AccountId, Watchers>>,
) -> BTreeSet<AccountId> {
    let below = |account: &Account| account.path.iter().any(|ou| scope.ous.contains(ou));
    let listed = landing_zone.accounts.iter();
    let listed = listed.filter(|(_, account)| match account {
        Read::Ok(Some(account)) => scope.all || below(account),
        Read::Ok(None) | Read::Unknown(_) => false,
    });
    let mut found: BTreeSet<AccountId> = listed.map(|(id, _)| *id).collect();
    if scope.all {
        let instances = landing_zone.instances.as_ref().ok();
        let watched = registrations.as_ref().ok().into_iter().flatten();
        let watched = watched.filter(|(_, watchers)| !watchers.ours.is_empty());
        found.extend(landing_zone.records.keys());
        found.extend(instances.into_iter().flat_map(BTreeMap::keys));
        found.extend(watched.map(|(id, _)| id));
    }
    found
}

/// The subjects that the listing of accounts lacks, to be described by id: it may be older than they
/// are. Those beyond the number of one pass are requeued.
fn missing(
    subjects: &mut BTreeSet<AccountId>,
    landing_zone: &LandingZoneView,
    scope: &Scope,
    requeued: &mut Scope,
) -> Vec<AccountId> {
    let missing = subjects.iter().copied();
    let missing = missing.filter(|id| !landing_zone.accounts.contains_key(id));
    // Recorded accounts come first: events can name any other id.
    let (mut missing, unknown): (Vec<_>, Vec<_>) =
        missing.partition(|id| landing_zone.records.contains_key(id));
    missing.extend(unknown);
    for id in missing.split_off(missing.len().min(UNLISTED_A_PASS)) {
        subjects.remove(&id);
        requeued.accounts.insert(id, scope.attempts(&id));
        requeued.arrived.extend(scope.arrived.get(&id));
    }
    missing
}

/// If the token cannot be read, stacks get a new one, which costs one more operation.
async fn token_ends(ports: &impl AccountReads) -> Option<Timestamp> {
    match ports.token().await {
        Ok(token) => token.map(|token| token.expires_at),
        Err(error) => {
            tracing::warn!(error = error.chain(), "read failed");
            None
        }
    }
}

fn known<T>(reading: Result<T>) -> Read<T> {
    match reading {
        Ok(value) => Read::Ok(value),
        Err(error) => {
            let why = error.chain();
            tracing::warn!(error = why, "read failed");
            Read::Unknown(why)
        }
    }
}
