//! Checks the final state of a world, using its true state only.

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    landing_zone::BucketNotification,
    model::{AccountId, AccountMapping, Registration, RegistrationKind, Store},
    provider::role_arn,
    stack_sets::InstanceState,
};

use crate::{
    SUFFIX,
    registrations::KeptRegistration,
    safety::{has_own_role, is_beyond_recognition, is_member},
    state::State,
    units::{LOG_ARCHIVE, MANAGEMENT, Member, TENANT, id, notifications, trail},
    wishes::{Destination, Should},
};

/// All deviations from the expected state.
pub(crate) fn faults(state: &State, now: Timestamp) -> Vec<String> {
    let mut found = Vec::new();
    for account in state.known() {
        if let Err(what) = account_is_right(state, now, &account) {
            found.push(format!("{account}: {what}"));
        }
    }
    if let Err(what) = trail_is_right(state) {
        found.push(what);
    }
    found.extend(lease_is_free(state, now));
    found
}

/// The lease is free if no invocation is at work and no crashed one can still hold it.
fn lease_is_free(state: &State, now: Timestamp) -> Option<String> {
    let (holder, until) = state.ledger.lease.as_ref()?;
    (state.at_work == 0 && *until > now)
        .then(|| format!("{holder:?} has the lease until {until}, and nothing is at work"))
}

/// Accounts that deviate from the expected state without a reason in the ledger.
pub(crate) fn unreported(state: &State, now: Timestamp) -> Vec<String> {
    let mut found = Vec::new();
    // Every pass reports that it has no deployment, or uses that of a former request.
    let success = state.ledger.recorded.success.as_ref();
    let is_known = success.is_some_and(|success| success.properties == state.wish().properties());
    if state.ledger_emptied.is_some() && !is_known {
        return found;
    }
    for account in state.known() {
        let record = state.ledger.records.get(&account);
        let is_told = record.is_some_and(|record| record.reason.is_some() || record.held);
        let should = state.should(state.wish(), &account);
        if matches!(should, Should::BeWatched(_))
            && !is_told
            && let Err(what) = account_is_right(state, now, &account)
        {
            found.push(format!("{account} is blocked and not reported: {what}"));
        }
    }
    let log_archive = crate::units::id(crate::units::LOG_ARCHIVE);
    if state.wish().cloud_trail
        && !state.trail.is_logging
        && !state.rounds.blocked.contains(&log_archive)
    {
        found.push("the trail does not log, and no report says so".into());
    }
    found
}

/// All of our resources that still exist although the main stack is gone.
pub(crate) fn leftovers(state: &State) -> Vec<String> {
    let mut found = Vec::new();
    if state.ledger.is_protected {
        found.push("the ledger, which nobody can delete".into());
    }
    if state.keeps {
        return found;
    }
    let sets = state.stack_sets.iter().filter(|(_, kept)| kept.ours);
    found.extend(sets.map(|(name, _)| format!("the StackSet {name}")));
    found.extend(state.stacks.keys().map(|name| format!("the stack {name}")));
    for (account, stacks) in &state.deployed {
        let reachable = state.member(account).is_none_or(Member::takes_stacks);
        let left = stacks
            .iter()
            .filter(|(_, stack)| !stack.left_behind && reachable);
        found.extend(left.map(|(name, _)| format!("the stack of {name} in {account}")));
    }
    let registrations = state.registrations.get().iter();
    let left = registrations
        .filter(|kept| kept.ours && !is_beyond_recognition(state, kept))
        .filter(|kept| !state.registrations_stay && !is_beyond_listing(state, kept));
    found.extend(left.map(|kept| format!("the integration {:?}", kept.registration)));
    if state.trail.topic != trail(state.options.topic_owner()).topic {
        found.push(format!("the trail's topic is {:?}", state.trail.topic));
    }
    if state.notifications != notifications() && !state.notification_stays {
        found.push(format!("the bucket notifies {:?}", state.notifications));
    }
    found
}

/// Whether somebody made it so shortly before the stack's deletion that no list of then needs to show
/// it, nor does the ledger know of it.
fn is_beyond_listing(state: &State, kept: &KeptRegistration) -> bool {
    let lag = state.options.vendor.provider().limits().list_lag;
    let began = state.deleting_since;
    kept.made_by == "somebody"
        && began.is_some_and(|began| began.duration_since(kept.made_at) < lag)
}

fn account_is_right(state: &State, now: Timestamp, account: &AccountId) -> Result<(), String> {
    if !state.options.vendor.has_registrations() {
        return role_is_right(state, account);
    }
    let all = state.registrations.get().of(account);
    let ours: Vec<&KeptRegistration> = all.filter(|kept| is_member(kept)).collect();
    let known = ours.iter().copied();
    let known: Vec<&KeptRegistration> = known
        .filter(|kept| !is_beyond_recognition(state, kept))
        .collect();
    let should = state.should(state.wish(), account);
    match &should {
        Should::BeWatched(store) if is_taken(state, account, store.as_ref()) => {
            // A foreign registration blocks ours, which must be reported.
            let record = state.ledger.records.get(account);
            let reported = record.is_some_and(|record| record.reason.is_some());
            let nothing = ours.iter().all(|kept| is_beyond_recognition(state, kept));
            if nothing && !reported {
                return Err("somebody else watches it, and no record says so".into());
            }
            Ok(())
        }
        Should::BeWatched(store) => is_watched(state, now, account, store.as_ref(), &known),
        Should::BePaused if known.iter().any(|kept| kept.registration.enabled) => {
            Err("it is suspended, and its integration is enabled".into())
        }
        Should::BeGone => is_gone(state, account, &known),
        Should::StayOut if !known.is_empty() => Err("it is watched and should not be".into()),
        Should::BePaused | Should::StayOut | Should::StayAsItWas => Ok(()),
    }
}

/// Where a role is all that watches an account.
fn role_is_right(state: &State, account: &AccountId) -> Result<(), String> {
    let record = state.ledger.records.get(account);
    let is_called_enrolled = record.is_some_and(|record| record.since.is_some());
    match state.should(state.wish(), account) {
        Should::BeWatched(_) if !has_own_role(state, account) => {
            Err("its role is not there".into())
        }
        Should::BeWatched(_) if !is_called_enrolled => {
            Err(format!("it is watched, and its record is {record:?}"))
        }
        Should::BeWatched(_) => instance_is_current(state, account),
        Should::BeGone => is_gone(state, account, &[]),
        // It may have been enrolled for the trail, and nothing takes it out for having been there.
        Should::StayOut if *account == id(LOG_ARCHIVE) => Ok(()),
        Should::StayOut if is_called_enrolled => Err("it is watched and should not be".into()),
        Should::BePaused | Should::StayOut | Should::StayAsItWas => Ok(()),
    }
}

fn instance_is_current(state: &State, account: &AccountId) -> Result<(), String> {
    let key = (state.wish().resources().member_stack_set, *account);
    let instance = state.instances.get().get(&key);
    let is_current = instance.is_some_and(|one| one.state == InstanceState::Current);
    if *account == id(MANAGEMENT) || is_current || state.foreign_roles.contains(account) {
        Ok(())
    } else {
        Err(format!("its instance is {instance:?}"))
    }
}

/// Whether a registration that is foreign, or not recognizable as ours, keeps the SaaS from
/// accepting ours.
fn is_taken(state: &State, account: &AccountId, store: Option<&Store>) -> bool {
    let mut of_account = state.registrations.get().of(account);
    let wanted = state.wish().registration(account, SUFFIX);
    let provider = state.options.vendor.provider();
    of_account.any(|kept| {
        let can_be_taken_over = provider.takes_over(&kept.registration, &wanted);
        (!kept.ours || is_beyond_recognition(state, kept))
            && !can_be_taken_over
            && kept.registration.kind == RegistrationKind::Account
            && (state.options.refuses_duplicates || kept.registration.store.as_ref() == store)
    })
}

fn is_watched(
    state: &State,
    now: Timestamp,
    account: &AccountId,
    store: Option<&Store>,
    ours: &[&KeptRegistration],
) -> Result<(), String> {
    let wanted = state.wish().registration(account, SUFFIX);
    let record = state.ledger.records.get(account);
    let [kept] = ours else {
        let count = ours.len();
        return Err(format!(
            "it has {count} integrations, its record is {record:?}"
        ));
    };
    let found = &kept.registration;
    if !found.enabled {
        return Err("its integration is disabled".into());
    }
    // A failed move is reported, and not retried for a day.
    let day = SignedDuration::from_hours(24);
    let is_put_off = record.is_some_and(|record| {
        let failed = record.move_failed_at;
        record.reason.is_some() && failed.is_some_and(|at| now.duration_since(at) < day)
    });
    if found.store.as_ref() != store && !is_put_off {
        return Err(format!(
            "it is in {:?} and belongs in {store:?}",
            found.store
        ));
    }
    if found.name != wanted.name {
        return Err(format!("its integration is named {:?}", found.name));
    }
    if found.role_arn != wanted.role_arn {
        return Err(format!("its integration reads {}", found.role_arn));
    }
    if found.external_id != wanted.external_id.as_str() {
        return Err(format!("its external id is {}", found.external_id));
    }
    if state.has_role(account, &wanted.role_arn).is_none() {
        return Err("its role is not there".into());
    }
    instance_is_current(state, account)?;
    match record {
        Some(record) if record.since.is_none() => Err("its record has no since".into()),
        Some(record) if record.store.as_ref() != store && !is_put_off => {
            Err(format!("its record says {:?}", record.store))
        }
        Some(_) => Ok(()),
        None => Err("it has no record".into()),
    }
}

fn is_gone(state: &State, account: &AccountId, ours: &[&KeptRegistration]) -> Result<(), String> {
    let record = state.ledger.records.get(account);
    if let Some(kept) = ours.first() {
        let store = &kept.registration.store;
        return Err(format!(
            "it should be gone and is still watched in {store:?}: {record:?}"
        ));
    }
    // Without AWSControlTowerExecution its stack cannot be deleted, so its instance stays.
    let reachable = state.member(account).is_none_or(|member| member.reachable);
    let mut instances = state.instances.get().keys().filter(|_| reachable);
    if instances.any(|(set, of)| of == account && state.options.vendor.is_members(set)) {
        return Err(format!(
            "it should be gone and its instance is there: {record:?}"
        ));
    }
    if record.is_some_and(|record| record.since.is_some()) {
        return Err("it is gone, and its record says since when it is enrolled".into());
    }
    Ok(())
}

fn trail_is_right(state: &State) -> Result<(), String> {
    if !state.options.vendor.has_registrations() {
        return bucket_is_right(state);
    }
    let all = state.registrations.get().iter();
    let trail =
        |kept: &&KeptRegistration| kept.ours && kept.registration.kind == RegistrationKind::Feed;
    let found: Vec<&KeptRegistration> = all.filter(trail).collect();
    match (&found[..], state.wish().cloud_trail) {
        ([], false) => Ok(()),
        ([kept], true) => trail_is_as_wanted(state, &kept.registration),
        _ => Err(format!("there are {} trail integrations", found.len())),
    }
}

/// What others have is checked at every write.
fn bucket_is_right(state: &State) -> Result<(), String> {
    let topic = &state.wish().feed().trail_topic;
    let ours = |one: &&BucketNotification| one.id == *topic;
    let ours = state.notifications.all.iter().find(ours);
    let queue = (state.wish().feed().log_stack_set, id(LOG_ARCHIVE));
    let queue = state.instances.get().get(&queue);
    match (ours, queue, state.wish().cloud_trail) {
        (None, None, false) => Ok(()),
        (Some(_), None, false) if state.notification_stays => Ok(()),
        (Some(ours), Some(queue), true)
            if ours.arn.ends_with(topic) && queue.state == InstanceState::Current =>
        {
            Ok(())
        }
        other => Err(format!("the trail's bucket and queue are {other:?}")),
    }
}

fn trail_is_as_wanted(state: &State, found: &Registration) -> Result<(), String> {
    let log_archive = id(LOG_ARCHIVE);
    let role = role_arn("aws", &log_archive, &state.wish().feed().log_role);
    if !found.enabled || found.role_arn != role {
        return Err(format!("the trail's integration is {found:?}"));
    }
    let wanted = mapping(state);
    if found.account_mapping != wanted {
        let mapping = &found.account_mapping;
        return Err(format!(
            "the trail's mapping is {mapping:?}, not {wanted:?}"
        ));
    }
    Ok(())
}

/// The store of every account in the organization, enrolled or not.
fn mapping(state: &State) -> Option<AccountMapping> {
    let Destination::Units(_) = state.wish().destination else {
        return None;
    };
    let mut mapping = AccountMapping::to_default(Store::from(TENANT));
    for (account, member) in state.organization.get() {
        if let Some(Some(store)) = state.wish().store(member) {
            mapping.accounts.entry(store).or_default().insert(*account);
        }
    }
    Some(mapping)
}
