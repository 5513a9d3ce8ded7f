//! Accounts that should be watched.

use super::{Case, Draft};
use crate::{
    Read,
    enrollment::{Action, Exchange, Watchers},
    ledger::{Reason, Record},
    model::{Health, Registration, RegistrationSpec, Store},
    planted::{Fault, planted},
    retry::REQUEUE,
    stack_sets::{InstanceState, NextForInstance, StackInstance},
};

/// Reconciles the member stack first, and the registration once the stack exists.
pub(super) fn watch(draft: &mut Draft, case: &Case<'_>, store: Option<Store>) {
    let Read::Ok(instance) = &case.view.instance else {
        return draft.unread(case, case.view.instance.reason());
    };
    let attempts_left = case.attempt < REQUEUE.tries;
    match StackInstance::next(instance.as_ref()) {
        NextForInstance::Create if is_registered_otherwise(draft, case) => {
            draft.look_again(case, Reason::RegisteredBeforeStack);
        }
        NextForInstance::Create => {
            create(draft, case);
            draft.look_on(case);
        }
        NextForInstance::Await => draft.look_on(case),
        NextForInstance::Nothing => register(draft, case, store, None),
        NextForInstance::Retry(_) if planted(Fault::OutdatedIsCurrent) => {
            register(draft, case, store, None);
        }
        // The attempt before has shown that the role is still there.
        NextForInstance::Retry(_) if case.attempt > 0 && case.foreign_name().is_some() => {
            register(draft, case, store, None);
        }
        NextForInstance::Retry(instance) if attempts_left => {
            clear_the_way(draft, case);
            create(draft, case);
            // A recorded reason that names the foreign role says more than the stack's failure.
            let foreign =
                |reason: &_| matches!(reason, Reason::Foreign(_) | Reason::ForeignRefused { .. });
            if !case.known.reason.as_ref().is_some_and(foreign) {
                record_failure(draft, case, instance);
            }
            draft.requeue(case);
        }
        // The deletion is retried first; then the stack is left behind.
        NextForInstance::Replace(instance) if attempts_left => {
            match case.known.deletion {
                _ if planted(Fault::LooksAreDeletions) && case.attempt > 1 => {
                    draft.abandon.push(*case.id);
                }
                Some(deletion) if deletion.is_in_vain(case.now) => draft.abandon.push(*case.id),
                Some(deletion) if deletion.may_be_unlisted(case.now) => {}
                // A later list may have shown that the stack was gone.
                None if case.known.was_recreated_lately(case.now) => {}
                Some(_) | None => draft.recreate.push(*case.id),
            }
            record_failure(draft, case, instance);
            draft.requeue(case);
        }
        NextForInstance::Retry(instance) | NextForInstance::Replace(instance) => {
            draft.block(case, failure(instance));
        }
    }
}

fn failure(instance: &StackInstance) -> Reason {
    Reason::StackFails(instance.failure().to_owned())
}

/// Records the stack's own reason, from the first failure on.
fn record_failure(draft: &mut Draft, case: &Case<'_>, instance: &StackInstance) {
    if planted(Fault::FailureIsForgotten) {
        return;
    }
    case.record(
        draft,
        Record {
            reason: Some(failure(instance)),
            ..draft.known(case)
        },
    );
}

/// Whether an account that its stack should register is or may be registered already. The SaaS
/// would refuse a second registration, and the stack would fail. The old registration is deleted
/// once it is certain that its stack is gone.
fn is_registered_otherwise(draft: &mut Draft, case: &Case<'_>) -> bool {
    if !case.policy.is_registered_by_stack(case.id) {
        return false;
    }
    let Read::Ok(Watchers { ours, .. }) = &case.view.registrations else {
        return true;
    };
    if ours.is_empty() {
        return false;
    }
    let since = case.known.missing_at.unwrap_or(case.now);
    if case.now.duration_since(since) >= case.limits().list_lag {
        delete(draft, case, ours);
    }
    let record = Record {
        missing_at: Some(since),
        ..case.known.clone()
    };
    case.record(draft, record);
    true
}

/// After a failure of a stack that registers its account, deletes an earlier registration that
/// would make it fail again, if that one no longer works.
fn clear_the_way(draft: &mut Draft, case: &Case<'_>) {
    let Read::Ok(Watchers { ours, .. }) = &case.view.registrations else {
        return;
    };
    let watches = |one: &Registration| one.enabled && !matches!(one.health, Health::Failing(_));
    if case.policy.is_registered_by_stack(case.id) && case.attempt > 0 && !ours.iter().any(watches)
    {
        delete(draft, case, ours);
    }
}

/// Creates the stack. The record's findings about the former role do not apply to the new one, nor
/// does the reason why there was none.
fn create(draft: &mut Draft, case: &Case<'_>) {
    draft.create.push(*case.id);
    let known = case.known.clone();
    // A failure of the stack, or of the role in its place, stays recorded until the next pass.
    let is_failure = |reason: &Reason| {
        matches!(
            reason,
            Reason::StackFails(_) | Reason::ForeignRefused { .. }
        )
    };
    let stays = |reason: &Reason| known.since.is_some() || is_failure(reason);
    let reason = known.reason.clone().filter(stays);
    let is_gone = known.since.is_some() && matches!(case.view.instance, Read::Ok(None));
    let record = Record {
        unusable_at: None,
        missing_at: None,
        // The SaaS's state still refers to the former role.
        restored_at: known.restored_at.max(is_gone.then_some(case.now)),
        reason,
        ..known
    };
    if record != case.known {
        case.record(draft, record);
    }
}

/// Reconciles the registration of an account whose stack is out of reach, if it is watched at all.
pub(super) fn keep(draft: &mut Draft, case: &Case<'_>, store: Option<Store>, reason: Reason) {
    let stands = matches!(&case.view.instance, Read::Ok(Some(instance))
        if instance.state == InstanceState::Current);
    if case.known.since.is_none() {
        super::offboard::ignore(draft, case, reason);
    } else if stands {
        register(draft, case, store, Some(reason));
    } else {
        draft.block(case, reason);
    }
}

fn register(
    draft: &mut Draft,
    case: &Case<'_>,
    store: Option<Store>,
    out_of_reach: Option<Reason>,
) {
    let Read::Ok(Watchers { ours, others }) = &case.view.registrations else {
        return draft.unread(case, case.view.registrations.reason());
    };
    let Some(spec) = case.wanted() else {
        return stand(draft, case, out_of_reach);
    };
    let taken_over = || {
        let others = others
            .iter()
            .filter(|other| case.provider.takes_over(other, &spec))
            .filter(|_| !planted(Fault::SharedIsForeign));
        others.min_by(|one, other| one.guid.cmp(&other.guid))
    };
    let ours = match (ours.as_slice(), taken_over()) {
        ([], Some(other)) => std::slice::from_ref(other),
        (ours, _) => ours,
    };
    let (mut here, elsewhere): (Vec<_>, Vec<_>) = ours
        .iter()
        .partition(|registration| registration.store == store);
    // Keep the lowest id: two passes with listings of different age must pick the same one, or they
    // delete both.
    here.sort_by(|one, other| one.guid.cmp(&other.guid));
    let Some((existing, doubled)) = here.split_first() else {
        return begin(draft, case, store, &elsewhere, others, spec);
    };
    let mut replaced = case.known.replaced_lately(case.limits(), case.now);
    if replaced.any(|guid| *guid == existing.guid) {
        // The list still shows the replaced registration and not its replacement.
        return draft.look_on(case);
    }
    let doubled = if planted(Fault::DoubledStays) {
        &[]
    } else {
        doubled
    };
    let others: Vec<&Registration> = elsewhere.iter().chain(doubled).copied().collect();
    if !existing.is_as_wanted(&spec) {
        if out_of_reach.is_none() && recreates(draft, case) {
            return;
        }
        update(draft, existing, spec);
        // Deleted after this one is corrected, and before its id is recorded: one of them may be
        // recognizable only by the recorded id.
        delete(draft, case, others);
        return draft.look_again(case, Reason::KeepsDrifting);
    }
    delete(draft, case, others.iter().copied());
    match (&existing.health, out_of_reach) {
        (Health::Failing(why), Some(reason)) => {
            let (cause, why) = (Box::new(reason), why.clone());
            draft.block(case, Reason::UnreadableOutOfReach { cause, why });
        }
        (Health::Failing(why), None) => mend(draft, case, existing, spec, why),
        (Health::Good | Health::Unknown, Some(reason)) => {
            draft.block(case, Reason::StaysWatched(Box::new(reason)));
        }
        (Health::Good | Health::Unknown, None) => {
            let known = case.known.clone();
            let mut guid = Some(existing.guid.clone());
            if others
                .iter()
                .any(|other| known.registration_id.as_ref() == Some(&other.guid))
            {
                // If it was changed by hand, only the recorded id shows that it is ours.
                guid.clone_from(&known.registration_id);
                draft.look_on(case);
            }
            let enrolled = known.enrolled(case.now, store, guid);
            let reason = case.foreign_name().map(Reason::Foreign);
            case.record(draft, Record { reason, ..enrolled });
        }
    }
}

/// Enrolls an account whose role is all that the vendor needs.
fn stand(draft: &mut Draft, case: &Case<'_>, out_of_reach: Option<Reason>) {
    if let Some(cause) = out_of_reach {
        return draft.block(case, Reason::StaysWatched(Box::new(cause)));
    }
    if case.known.since.is_none() {
        draft.plan.enrolled.push(*case.id);
    }
    case.record(draft, case.known.clone().enrolled(case.now, None, None));
}

/// Creates the registration, or moves the one that is in another store.
fn begin(
    draft: &mut Draft,
    case: &Case<'_>,
    store: Option<Store>,
    elsewhere: &[&Registration],
    others: &[Registration],
    spec: RegistrationSpec,
) {
    let foreign = others.iter().find(|other| other.store == store);
    if let Some(other) = foreign {
        let name = other.name.clone();
        return draft.block(
            case,
            match other.health.clone() {
                Health::Failing(why) => Reason::BlockedBy { name, why },
                Health::Good | Health::Unknown => Reason::WatchedBy(name),
            },
        );
    }
    // The stack has created it, so the list is behind, or it was deleted by hand since.
    let by_stack = case.policy.is_registered_by_stack(case.id);
    if by_stack && case.attempt < case.limits().unlisted_looks && elsewhere.is_empty() {
        return draft.look_again(case, Reason::Unlisted);
    }
    if elsewhere.is_empty() && is_unlisted_yet(case, store.as_ref()) {
        return draft.look_on(case);
    }
    if recreates(draft, case) {
        return;
    }
    let swap = !case.known.move_failed_within_the_day(case.now);
    let exchange = match elsewhere.first() {
        Some(first) => Some((
            first.store.clone(),
            elsewhere.iter().copied().cloned().collect(),
        )),
        // It was watched in another store, and its move was interrupted after the old registration
        // was deleted.
        None if is_stranded(case, store.as_ref()) => Some((case.known.store.clone(), Vec::new())),
        None => None,
    };
    draft.plan.actions.push(match exchange {
        Some((home, from)) => Action::MoveRegistration {
            exchange: Exchange {
                from,
                home,
                store,
                spec,
                swap,
            },
        },
        None => Action::CreateRegistration { store, spec },
    });
}

/// Whether the SaaS accepted the account's registration so recently that the list may be behind.
/// Another one would be a duplicate.
fn is_unlisted_yet(case: &Case<'_>, store: Option<&Store>) -> bool {
    let known = &case.known;
    let taken = known.since.max(known.gap_at);
    let is_here = known.registration_id.is_some() && known.store.as_ref() == store;
    is_here && taken.is_some_and(|at| case.now.duration_since(at) < case.limits().unlisted_for)
}

fn is_stranded(case: &Case<'_>, store: Option<&Store>) -> bool {
    let known = &case.known;
    known.since.is_some()
        && known.store.as_ref() != store
        && case.policy.destination.uses(known.store.as_ref())
}

/// Recreates the stack if the role is to blame. If that was done within the day, asks the SaaS to
/// verify the role again instead.
///
/// A role that was deleted by hand shows only here: applying an unchanged template changes nothing.
fn mend(
    draft: &mut Draft,
    case: &Case<'_>,
    existing: &Registration,
    spec: RegistrationSpec,
    why: &str,
) {
    let is_to_blame = case.provider.blames_role(why);
    if is_to_blame && case.known.made_within_the_day(case.now) {
        update(draft, existing, spec);
    } else if !is_to_blame || case.is_management() || case.foreign_name().is_some() {
        draft.block(case, Reason::Unreadable(why.to_owned()));
    } else if case.may_recreate {
        draft.recreate(case);
    } else {
        draft.block(case, Reason::ManyUnreadable(why.to_owned()));
    }
}

/// Recreates the stack if the SaaS could not use its role through all retries. Without a
/// registration, no state would show that the role was deleted by hand.
fn recreates(draft: &mut Draft, case: &Case<'_>) -> bool {
    let known = &case.known;
    let unusable = known.unusable_at.map(|at| case.now.duration_since(at));
    // Each attempt tries the role first.
    let may = case.attempt > 0
        && unusable.is_some_and(|time| time >= case.limits().unusable_for)
        && case.may_recreate
        && !known.made_within_the_day(case.now)
        && !case.is_management()
        && case.foreign_name().is_none();
    if may {
        draft.recreate(case);
    }
    may
}

fn delete<'a>(draft: &mut Draft, case: &Case<'_>, all: impl IntoIterator<Item = &'a Registration>) {
    let deletions = all.into_iter().map(|existing| Action::DeleteRegistration {
        account: *case.id,
        existing: existing.clone(),
    });
    draft.plan.actions.extend(deletions);
}

fn update(draft: &mut Draft, existing: &Registration, spec: RegistrationSpec) {
    draft.plan.actions.push(Action::UpdateRegistration {
        existing: existing.clone(),
        spec,
        enabled: true,
    });
}
