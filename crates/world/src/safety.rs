//! Safety invariants checked at every write: no removal without evidence, and not too many in a
//! day.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    model::{AccountId, RegistrationKind, RegistrationSpec, Store},
    provider::role_arn,
    stack_sets::InstanceState,
};

use crate::{
    SUFFIX,
    registrations::KeptRegistration,
    state::{EVIDENCE, State},
    units::{MANAGEMENT, id as id_of},
    wishes::Should,
};

/// At least this many accounts may always be offboarded in a day.
pub(crate) const AT_LEAST: usize = 3;

/// How long a token given to a stack may take to be used: earlier operations have to finish first.
const RENEWAL: SignedDuration = SignedDuration::from_hours(1);

/// The accounts that an enabled registration of ours watches.
pub(crate) fn watched(state: &State) -> BTreeSet<AccountId> {
    if !state.options.vendor.has_registrations() {
        let members = state.organization.get().keys().copied();
        return members.filter(|id| has_own_role(state, id)).collect();
    }
    let ours = state
        .registrations
        .get()
        .iter()
        .filter(|kept| is_member(kept));
    let enabled = ours.filter(|kept| kept.registration.enabled);
    enabled.map(|kept| kept.subject).collect()
}

/// Whether the role that the parameters in force name is in an account.
pub(crate) fn has_own_role(state: &State, id: &AccountId) -> bool {
    if state.wishes.is_empty() {
        return false;
    }
    let role = state.wish().resources().member_role;
    let role = role_arn("aws", id, &role);
    state.has_role(id, &role).is_some()
}

/// Remembers an account that got its role, where that is all that watches it.
pub(crate) fn role_comes(state: &mut State, now: Timestamp, account: AccountId) {
    // An update may find the role in place, and then nothing came.
    if has_own_role(state, &account) {
        return;
    }
    state.offboarded.retain(|(_, id)| *id != account);
    state.approved.remove(&account);
    state.ever_watched.insert(account, now);
}

pub(crate) fn is_member(kept: &KeptRegistration) -> bool {
    kept.ours && kept.registration.kind == RegistrationKind::Account
}

/// Remembers an account whose registration was created or changed, if it is watched now.
pub(crate) fn count_watched(state: &mut State, now: Timestamp, account: AccountId) {
    let mut of_account = state.registrations.get().of(&account);
    if of_account.any(|kept| is_member(kept) && kept.registration.enabled) {
        state.ever_watched.insert(account, now);
    }
}

/// Checks the creation of a registration: the same one is never created twice without a read
/// between.
pub(crate) fn registration_comes(
    state: &mut State,
    now: Timestamp,
    maker: &str,
    store: Option<&Store>,
    spec: &RegistrationSpec,
) {
    let is_same = |kept: &KeptRegistration| {
        is_member(kept) && kept.made_by == maker && kept.registration.store.as_ref() == store
    };
    let is_there = state.registrations.get().of(&spec.account).any(is_same);
    // An exchange between two stores is not an offboarding.
    state.offboarded.retain(|(_, id)| *id != spec.account);
    // An account that is enrolled again needs a new approval.
    state.approved.remove(&spec.account);
    if is_there && spec.kind == RegistrationKind::Account {
        state.violate(
            now,
            format!("{maker} made {} twice without looking", spec.name),
        );
    }
}

/// Checks a record that is about to call an account enrolled.
pub(crate) fn enrolled(state: &mut State, now: Timestamp, id: AccountId) {
    let registers = state.options.vendor.has_registrations();
    let known = state.ledger.records.get(&id);
    let was_enrolled = known.is_some_and(|record| record.since.is_some());
    // It is not visible that the SaaS accepted the registration without storing it.
    let by_stack = state.wishes.first().is_none_or(|wish| wish.by_stack);
    let is_unseen = state.unlisted.contains(&id) || by_stack;
    let lately = |at: &Timestamp| now.duration_since(*at) <= EVIDENCE;
    let is_gone_since = state.last_deleted.get(&id).is_some_and(lately);
    // The pass's listing may be that old.
    let listed = state.registrations.since(now - EVIDENCE);
    let is_watched = { listed }.any(|all| all.of(&id).any(is_member));
    let instance = state.wishes.first();
    let instance = instance.map(|wish| (wish.resources().member_stack_set, id));
    let has_role =
        !state.options.vendor.has_registrations() && { state.instances.since(now - EVIDENCE) }.any(
            |all| {
                let instance = instance.as_ref().and_then(|key| all.get(key));
                instance.is_some_and(|one| one.state == InstanceState::Current)
            },
        );
    let is_watched = is_watched || has_role || id == id_of(MANAGEMENT) && !registers;
    if !(was_enrolled || is_unseen || is_gone_since || is_watched) {
        state.violate(
            now,
            format!("{id} is called enrolled, and nothing watches it"),
        );
    }
}

/// Checks the deletion of a registration.
pub(crate) fn registration_goes(state: &mut State, now: Timestamp, guid: &str) {
    let mut all = state.registrations.get().iter();
    let Some(kept) = all.find(|kept| kept.registration.guid == guid).cloned() else {
        return;
    };
    let (id, name) = (kept.subject, &kept.registration.name);
    if !kept.ours {
        return state.violate(now, format!("a foreign integration was deleted: {name}"));
    }
    // Before the launch and after the deletion no account is wanted.
    if kept.registration.kind == RegistrationKind::Feed || !state.is_wanted() {
        return;
    }
    let mut others = state
        .registrations
        .get()
        .iter()
        .filter(|other| is_member(other));
    let replaced = others.any(|other| other.subject == id && other.registration.guid != guid);
    // A change of the fixed names removes everything with the old names, and recreates it.
    let renames = state
        .wishes
        .iter()
        .any(|wishes| wishes.names() != state.wish().names());
    let retired = !kept
        .registration
        .role_arn
        .ends_with(&format!("/{}", state.wish().resources().member_role));
    // A stack cannot register an account that is already registered, so the old registration goes
    // first.
    let instance = (state.wish().resources().member_stack_set, id);
    let was_missing = state
        .instances
        .since(now - EVIDENCE)
        .any(|all| !all.contains_key(&instance));
    // The same applies to a registration that does not work.
    let watches = kept.registration.enabled && kept.checked.1;
    if state.wish().by_stack && (was_missing || !watches) {
        return;
    }
    let lately = |at: &Timestamp| now.duration_since(*at) <= EVIDENCE;
    let seemed_doubled = state.last_deleted.get(&id).is_some_and(lately);
    if replaced || renames || retired || seemed_doubled {
        return;
    }
    let member = state.member(&id);
    let is_elsewhere = state.wishes.iter().any(|wishes| {
        let store = member.and_then(|member| wishes.store(member));
        store.is_some_and(|store| store != kept.registration.store)
    });
    let is_watched = state.wishes.iter().any(|wishes| {
        let should = state.should(wishes, &id);
        matches!(should, Should::BeWatched(_) | Should::StayAsItWas)
    });
    // It is moving to another store, as far as a pass could know.
    let is_moving = is_elsewhere && (is_watched || !state.had_to_go(now - EVIDENCE, &id));
    if state.may_go(now, &id) && !is_moving {
        return offboarded(state, now, id);
    }
    let moved = state.moved.get(&id);
    let moved = moved.is_some_and(|at| now.duration_since(*at) <= EVIDENCE);
    if !is_elsewhere && !moved {
        let why = state.should(state.wish(), &id);
        state.violate(
            now,
            format!("{id} should {why:?} and lost its integration {name}"),
        );
    }
}

fn offboarded(state: &mut State, now: Timestamp, id: AccountId) {
    if state.wishes.iter().any(|wishes| !wishes.config) || state.approved.contains(&id) {
        return;
    }
    // A registration deleted for a move to another store is not an offboarding, whatever happens
    // later.
    if !state.might_have_to_go(now - EVIDENCE, &id) {
        return;
    }
    // The offboarding counts from its record, however late the removal succeeds, but a record from
    // before the account was last watched is of an earlier offboarding.
    let records = &state.ledger.records;
    let left_at = records.get(&id).and_then(|record| record.left_at);
    let watched_at = state.ever_watched.get(&id);
    let is_stale = |at: &Timestamp| watched_at.is_some_and(|watched_at| at < watched_at);
    let left_at = left_at.filter(|at| !is_stale(at));
    state.offboarded.push((left_at.unwrap_or(now), id));
    // Minus the length of a pass, which counts from its start.
    let day = SignedDuration::from_mins(24 * 60 - 5);
    let watched = watched(state);
    let lately = state
        .offboarded
        .iter()
        .filter(|(at, _)| now.duration_since(*at) < day);
    // An account that just moved may be on its way to another store.
    let was_moving = |(at, id): &&(Timestamp, AccountId)| {
        let moved = state.moved.get(id);
        moved.is_some_and(|moved| at.duration_since(*moved) <= EVIDENCE)
    };
    let left: BTreeSet<AccountId> = lately
        .filter(|left| !was_moving(left))
        .map(|(_, id)| *id)
        .filter(|other| *other == id || !watched.contains(other))
        .filter(|other| state.had_to_go(now - EVIDENCE, other))
        .collect();
    let percent = usize::from(state.highest_limit);
    let limit = AT_LEAST.max((state.ever_watched.len() * percent).div_ceil(100));
    if left.len() > limit {
        let count = left.len();
        state.violate(
            now,
            format!("{count} accounts left in a day, and {limit} may: {left:?}"),
        );
    }
}

/// Checks that a stack that unregisters its account on deletion has a valid token, or had one a
/// moment ago, or that a renewal was tried and failed.
fn token_is_good(state: &mut State, now: Timestamp, set: &str, id: &AccountId, retain: bool) {
    let stack = state.deployed(id, set);
    let Some(registered) = stack.and_then(|stack| stack.registered.as_ref()) else {
        return;
    };
    let ends = state.secrets.issued.get(&registered.token);
    let is_stale = ends.is_none_or(|ends| now.duration_since(*ends) > EVIDENCE);
    // After a failed deletion, an instance accepts no new token.
    let key = (set.to_owned(), *id);
    let instance = state.instances.get().get(&key);
    let is_stuck = instance.is_some_and(|one| one.state == InstanceState::Inoperable);
    let tried = state.last_renewed.get(id);
    let is_tried = tried.is_some_and(|at| now.duration_since(*at) <= RENEWAL);
    if is_stale && !is_stuck && !is_tried && !retain {
        state.violate(now, format!("{id} loses its stack, whose token is stale"));
    }
}

/// Checks that a stack in a reachable account is left behind only after two failed deletions.
fn stack_is_given_up(state: &mut State, now: Timestamp, set: &str, id: &AccountId, retain: bool) {
    let key = (set.to_owned(), *id);
    let is_there = state.instances.get().contains_key(&key);
    let failed_at = state.undeleted.get(&key);
    let is_in_vain = failed_at.is_some_and(|failed_at| failed_at.len() > 1);
    let is_reachable = state.member(id).is_some_and(|member| member.takes_stacks());
    if retain && is_there && is_reachable && !is_in_vain {
        state.violate(
            now,
            format!("{id} keeps its stack, which may be deleted yet"),
        );
    }
}

/// Checks the deletion of instances by a caller that began at `began`.
pub(crate) fn instances_go(
    state: &mut State,
    now: Timestamp,
    began: Timestamp,
    set: &str,
    accounts: &[AccountId],
    retain: bool,
) {
    if !state.is_wanted() {
        return;
    }
    let vendor = state.options.vendor;
    let registers = vendor.has_registrations();
    let mut wishes = state.wishes.iter();
    if !vendor.is_members(set)
        || !wishes.all(|wishes| wishes.config && wishes.resources().member_stack_set == set)
    {
        return;
    }
    let got_odd_list = state.odd_list_at >= Some(began);
    // Two lists an hour apart count as proof, even if both are wrong.
    let lately = |at: Timestamp| now.duration_since(at) < SignedDuration::from_hours(2);
    let is_deceived = got_odd_list && state.odd_list_before.is_some_and(lately);
    for id in accounts {
        token_is_good(state, now, set, id, retain);
        stack_is_given_up(state, now, set, id, retain);
        // A registration goes before its role, unless it was created a moment ago.
        let used = state.registrations.get().iter().any(|kept| {
            let is_old = now.duration_since(kept.made_at) > EVIDENCE;
            // A manually created duplicate that no list has shown is unknown.
            let is_hidden = kept.made_by == "somebody" && got_odd_list;
            is_member(kept)
                && kept.subject == *id
                && is_old
                && !is_hidden
                && !is_beyond_recognition(state, kept)
        });
        if used && !is_deceived && state.had_to_go(began, id) {
            state.violate(now, format!("the role of {id} goes before its integration"));
        }
        let instance = state.instances.get().get(&(set.to_owned(), *id));
        let is_current = instance.is_some_and(|one| one.state == InstanceState::Current);
        // A listing may show a failed deletion although an update has repaired the instance since.
        let key = (set.to_owned(), *id);
        let was_inoperable = { state.instances.since(now - EVIDENCE) }.any(|all| {
            let then = all.get(&key);
            then.is_some_and(|one| one.state == InstanceState::Inoperable)
        });
        let stack = state.deployed(id, set);
        let has_role = stack.is_some_and(|stack| stack.role.is_some());
        // Only the SaaS's last check shows that a role is gone.
        let mut all = state.registrations.get().iter();
        let well = all.all(|kept| kept.subject != *id || !kept.ours || kept.checked.1);
        let failed = state.last_failing.get(id);
        let failed = failed.is_some_and(|at| now.duration_since(*at) <= EVIDENCE);
        let mut all = state.registrations.get().iter();
        let is_watched = all.any(|kept| is_member(kept) && kept.subject == *id) || !registers;
        let looks_well = is_watched && well && !failed;
        let may_be_lost = was_inoperable || state.may_go(now, id);
        // An account that got its role and lost it again before a record said so is not counted.
        let record = state.ledger.records.get(id);
        let was_counted =
            record.is_some_and(|record| record.since.is_some() || record.left_at.is_some());
        if has_role && !registers && was_counted && state.may_go(now, id) {
            offboarded(state, now, *id);
        }
        if is_current && has_role && looks_well && !may_be_lost {
            let why = state.should(state.wish(), id);
            state.violate(now, format!("{id} should {why:?} and lost its stack"));
        }
    }
}

/// Whether it was changed by hand while external ids are masked, and its id is not in the ledger.
pub(crate) fn is_beyond_recognition(state: &State, kept: &KeptRegistration) -> bool {
    if !state.options.masks_external_ids {
        return false;
    }
    let found = &kept.registration;
    let mut records = state.ledger.records.values();
    let is_known = state
        .options
        .vendor
        .provider()
        .limits()
        .numbers_registrations
        && records.any(|record| record.guids().any(|guid| guid == found.guid));
    let wanted = state.wish().registration(&kept.subject, SUFFIX);
    !is_known && (found.role_arn != wanted.role_arn || found.name != wanted.name)
}
