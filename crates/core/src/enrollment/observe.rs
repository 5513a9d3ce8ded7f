use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::{StreamExt, future::join_all, stream, try_join};
use jiff::Timestamp;

use super::{AccountView, Decision, Inventory, Ownership, WORTHWHILE_WAIT, Watchers, decide};
use crate::{
    Error, ErrorKind, Read, Result,
    feed::observe_feed,
    landing_zone::{Account, AccountState, Baselines},
    ledger::{Record, Source},
    lifecycle::Scope,
    model::{AccountId, Registration, RegistrationKind, Store},
    planted::{Fault, planted},
    policy::{Deployment, Policy, RegistrationMode},
    ports::{AccountReads, RegistryReads},
    provider::{Provider, Subject},
    stack_sets::{InstanceState, StackInstance},
};

/// Up to this many accounts are described one by one; beyond, a listing with 20 a page takes fewer
/// calls.
const ONE_BY_ONE: usize = 10;
/// The most accounts missing from the listing that one pass describes. AWS allows twenty calls a
/// second.
const UNLISTED_A_PASS: usize = 400;
/// How many accounts are described concurrently.
const AT_ONCE: usize = 8;
/// The most targets that `ListEnabledBaselines` filters by.
const BASELINE_TARGETS: usize = 5;

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
    let named: Vec<AccountId> = scope.accounts.keys().copied().collect();
    let listed = scope.all || !scope.ous.is_empty() || named.len() > ONE_BY_ONE;
    let asked = (!listed).then_some(named.as_slice());
    let policy = &deployment.policy;
    let member_set = provider.resources(&policy.names).member_stack_set;
    // Concurrently, they take as long as the accounts alone, which have AWS's lowest rate limit.
    let (kept, mut accounts, baselines, instances) = try_join!(
        ports.records(),
        accounts(ports, asked),
        async { Ok(baselines(ports, policy.control_tower, asked).await) },
        async { Ok(known(ports.instances(&member_set, asked).await)) },
    )?;
    let records = kept.by_account;
    let mut sources = BTreeMap::from([
        (Source::Accounts, true),
        (Source::Baselines, baselines.is_known()),
        (Source::Instances, instances.is_known()),
    ]);
    let instances = instances.map(|all| {
        all.into_iter()
            .map(|instance| (instance.account, instance))
            .collect::<BTreeMap<_, _>>()
    });
    let only_named = !scope.all && scope.ous.is_empty();
    let stack_comes_first = |id: &AccountId| {
        let view = AccountView {
            account: accounts.get(id).cloned().unwrap_or(Read::Ok(None)),
            management: baselines.as_ref().map(|baselines| baselines.of(id)),
            instance: instance_of(policy, id, &instances),
            registrations: Read::Unknown(String::new()),
        };
        let arrived = scope.arrived.contains(id);
        comes_after_its_stack(policy, id, &view, records.get(id), arrived)
    };
    let (registrations, registry_wait) = if only_named && named.iter().all(stack_comes_first) {
        // The SaaS allows few requests, and before the stack exists none is needed.
        (Read::Unknown("its stack comes first".into()), None)
    } else {
        let listing = registrations(registry, deployment).await;
        let wait = listing.as_ref().err().and_then(registry_wait);
        let ownership = Ownership::new(provider, policy, &records);
        let listing = known(listing).map(|all| by_account(&ownership, all));
        // Rate limiting does not make the source unreadable.
        if wait.is_none() {
            sources.insert(Source::Registrations, listing.is_known());
        }
        (listing, wait)
    };

    let mut requeued = Scope::default();
    let mut subjects: BTreeSet<AccountId> = named.into_iter().collect();
    if listed {
        subjects.extend(in_scope(&scope, &accounts));
        if scope.all {
            // Accounts that left the organization appear only in our records, instances and
            // registrations.
            subjects.extend(records.keys());
            subjects.extend(instances.as_ref().ok().into_iter().flat_map(BTreeMap::keys));
            let watched = registrations.as_ref().ok().into_iter().flatten();
            subjects.extend(
                watched
                    .filter(|(_, watchers)| !watchers.ours.is_empty())
                    .map(|(id, _)| *id),
            );
        }
        // A listing may be older than the account, so a missing account is described by id.
        let missing = subjects.iter().filter(|id| !accounts.contains_key(id));
        // Recorded accounts come first: events can name any other id.
        let (mut missing, unknown): (Vec<_>, Vec<_>) =
            missing.partition(|id| records.contains_key(id));
        missing.extend(unknown);
        let later = missing.split_off(missing.len().min(UNLISTED_A_PASS));
        for id in &later {
            subjects.remove(id);
            requeued.accounts.insert(*id, scope.attempts(id));
            requeued.arrived.extend(scope.arrived.get(id));
        }
        if !planted(Fault::MissingIsGone) {
            accounts.extend(describe(ports, &missing).await);
        }
    }

    if planted(Fault::UnreadableStopsAll) && !kept.unreadable.is_empty() {
        let why = "an item cannot be read";
        return Err(Error::new("ledger:Read", ErrorKind::Invalid, why));
    }
    // Without a readable record it is unknown what may be done with an account.
    subjects.retain(|id| !kept.unreadable.contains_key(id.as_str()));
    let management = |id: &AccountId| baselines.as_ref().map(|baselines| baselines.of(id));
    let views = subjects.into_iter().map(|id| {
        let account = accounts.remove(&id).unwrap_or(Read::Ok(None));
        let instance = instance_of(policy, &id, &instances);
        let registrations = registrations
            .as_ref()
            .map(|all| all.get(&id).cloned().unwrap_or_default());
        (
            id,
            AccountView {
                account,
                management: management(&id),
                instance,
                registrations,
            },
        )
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
    Ok(Inventory {
        accounts,
        records,
        feed,
        scope,
        registry_wait,
        token_ends,
        sources,
        requeued,
        unreadable_items: kept
            .unreadable
            .into_iter()
            .map(|(id, why)| format!("{id}: {why}"))
            .collect(),
    })
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

type KnownAccounts = BTreeMap<AccountId, Read<Option<Account>>>;

/// The given accounts, or all.
async fn accounts(ports: &impl AccountReads, asked: Option<&[AccountId]>) -> Result<KnownAccounts> {
    if let Some(asked) = asked {
        return Ok(describe(ports, asked).await);
    }
    let accounts = ports.accounts().await?;
    Ok(accounts
        .into_iter()
        .map(|account| (account.id, Read::Ok(Some(account))))
        .collect())
}

async fn describe(ports: &impl AccountReads, ids: &[AccountId]) -> KnownAccounts {
    stream::iter(ids)
        .map(|id| async {
            let account = ports.account(id).await;
            if planted(Fault::UnreadableIsGone) && account.is_err() {
                return (*id, Read::Ok(None));
            }
            (*id, known(account))
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

fn in_scope(scope: &Scope, accounts: &KnownAccounts) -> BTreeSet<AccountId> {
    let below = |account: &Account| account.path.iter().any(|ou| scope.ous.contains(ou));
    accounts
        .iter()
        .filter(|(_, account)| match account {
            Read::Ok(Some(account)) => scope.all || below(account),
            Read::Ok(None) | Read::Unknown(_) => false,
        })
        .map(|(id, _)| *id)
        .collect()
}

async fn baselines(
    ports: &impl AccountReads,
    control_tower: bool,
    asked: Option<&[AccountId]>,
) -> Read<Baselines> {
    if !control_tower {
        return Read::Ok(Baselines::default());
    }
    let few = asked.filter(|asked| asked.len() <= BASELINE_TARGETS);
    let listing = ports.baselines(few).await;
    if planted(Fault::ThrottledListingIsEmpty) && listing.as_ref().is_err_and(Error::is_throttled) {
        return Read::Ok(Baselines::default());
    }
    known(listing)
}

fn instance_of(
    policy: &Policy,
    id: &AccountId,
    instances: &Read<BTreeMap<AccountId, StackInstance>>,
) -> Read<Option<StackInstance>> {
    if *id != policy.management_account {
        return instances.as_ref().map(|all| all.get(id).cloned());
    }
    // Setup creates its stack before any pass begins.
    Read::Ok(policy.enroll_management.then_some(StackInstance {
        account: *id,
        state: InstanceState::Current,
        reason: None,
    }))
}

/// Whether the account should be watched, and needs its stack before anything else.
fn comes_after_its_stack(
    policy: &Policy,
    id: &AccountId,
    view: &AccountView,
    record: Option<&Record>,
    arrived: bool,
) -> bool {
    let Read::Ok(instance) = &view.instance else {
        return false;
    };
    let is_under_way = instance
        .as_ref()
        .is_some_and(|instance| instance.state == InstanceState::InProgress);
    // A stack that registers its account needs the listing: the account may be registered already.
    let is_missing = instance.is_none() && !policy.is_registered_by_stack(id);
    let is_active = matches!(&view.account, Read::Ok(Some(account))
        if account.state == AccountState::Active);
    let is_watched = || {
        let decision = decide(policy, id, view, record, arrived);
        matches!(decision, Decision::Enroll { .. })
    };
    is_active && (is_under_way || is_missing && is_watched())
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
