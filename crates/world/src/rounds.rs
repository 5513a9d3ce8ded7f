//! Checks the reports of comparisons on sources, which no account's record shows.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{enrollment::Reply, model::AccountId, stack_sets::InstanceState, token};

use crate::{
    faults::{Faults, Rates},
    state::State,
    units::{MANAGEMENT, id as id_of},
    wishes::Should,
};

/// The services that a comparison depends on, or reads missing data from.
const SOURCES: [&str; 3] = ["organizations", "cloudformation", "registry"];
/// An administrator must be told after this many comparisons in a row that cannot read a source.
const UNREADABLE: usize = 3;

/// The sources that are down now.
pub(crate) fn down(faults: &Faults) -> BTreeSet<&'static str> {
    let is_down = |service: &&str| faults.rates.get(service) == Some(&Rates::DOWN);
    SOURCES.into_iter().filter(is_down).collect()
}

/// Records a comparison of the whole organization, during which the sources in `down` were down.
pub(crate) fn note(state: &mut State, now: Timestamp, reply: &Reply, down: &BTreeSet<&str>) {
    let unreadable = match reply {
        Reply::Done { report, .. } => {
            state.rounds.blocked = report.blocked.iter().map(|(account, _)| *account).collect();
            report.unreadable_sources
        }
        Reply::Requeued { unreadable } => *unreadable,
        Reply::Nothing | Reply::Busy | Reply::NoDeployment => return,
    };
    let registers = state.options.vendor.has_registrations();
    for service in SOURCES {
        if service == "registry" && !registers {
            continue;
        }
        // Without the accounts, no other source is read.
        if matches!(reply, Reply::Requeued { .. }) && service != "organizations" {
            continue;
        }
        let rounds = state.rounds.down.entry(service).or_default();
        *rounds = if down.contains(service) {
            *rounds + 1
        } else {
            0
        };
    }
    let longest = state.rounds.down.iter();
    let longest = longest
        .filter(|(service, _)| down.contains(*service))
        .filter(|(service, _)| registers || **service != "registry")
        .max_by_key(|(_, rounds)| **rounds);
    // The count between comparisons is stored in the ledger.
    let remembers = !state.faults.rates.contains_key("dynamodb");
    if let Some((service, rounds)) = longest
        && *rounds >= UNREADABLE
        && unreadable == 0
        && remembers
    {
        let text = format!("{service} could not be read {rounds} times in a row, unreported");
        state.violate(now, text);
    }
}

/// How long a pass that got an odd list may keep working.
const ODD_LISTS_HIDE: SignedDuration = SignedDuration::from_mins(3);

/// Whether the current state may be hidden from a comparison.
fn is_hidden(state: &State, now: Timestamp) -> bool {
    // A refused token that is still young is not replaced.
    let is_refused = state
        .tokens_revoked_at
        .is_some_and(|at| now.duration_since(at) < token::YOUNG * 2);
    !state.faults.rates.is_empty()
        || !state.faults.lag.is_zero()
        || !state.secrets.key_works
        || is_refused
        || state.next_list.is_some()
        || state
            .odd_list_at
            .is_some_and(|at| now.duration_since(at) < ODD_LISTS_HIDE)
}

/// The accounts whose stacks currently cannot be created, if nothing hides that.
pub(crate) fn failing(state: &State, now: Timestamp) -> BTreeSet<AccountId> {
    let wish = state.wish();
    if is_hidden(state, now) || !state.idle || !state.is_wanted() || !wish.config {
        return BTreeSet::new();
    }
    let is_watched = |id: &AccountId| {
        *id != id_of(MANAGEMENT) && matches!(state.should(wish, id), Should::BeWatched(_))
    };
    let set = wish.resources().member_stack_set;
    let is_gone = !state.stack_sets.contains_key(&set);
    let cannot_be_made = |id: &AccountId| match state.instances.get().get(&(set.clone(), *id)) {
        None => is_gone,
        Some(one) => matches!(
            one.state,
            InstanceState::Outdated | InstanceState::Inoperable
        ),
    };
    let members = state.organization.get().keys().copied();
    members
        .filter(|id| is_watched(id) && cannot_be_made(id))
        .collect()
}

/// Checks that a comparison that saw these failures has recorded the reasons in the ledger.
pub(crate) fn require_reasons(state: &mut State, now: Timestamp, failing: &BTreeSet<AccountId>) {
    // A later change may hide them.
    if is_hidden(state, now) {
        return;
    }
    let set = state.wish().resources().member_stack_set;
    let is_gone = !state.stack_sets.contains_key(&set);
    let is_silent = |account: &&AccountId| {
        let instance = state.instances.get().get(&(set.clone(), **account));
        let is_made = instance.is_some_and(|one| one.state == InstanceState::Current);
        let record = state.ledger.records.get(*account);
        // The first list without a stack may be stale.
        let is_missed = record.is_some_and(|record| record.missing_at.is_some());
        !(is_made || is_gone && is_missed)
            && record.is_none_or(|record| record.reason.is_none() && !record.held)
    };
    let silent: Vec<_> = failing.iter().filter(is_silent).copied().collect();
    let is_told = is_gone && (silent.len() < failing.len() || silent.len() < 2);
    if !silent.is_empty() && !is_told {
        let text = format!("the ledger does not say why stacks cannot be made: {silent:?}");
        state.violate(now, text);
    }
}
