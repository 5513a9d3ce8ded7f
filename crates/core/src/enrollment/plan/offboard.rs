//! Accounts that should not be watched.

use super::{Case, Draft, Release, StackEnd};
use crate::{
    Read,
    enrollment::{Action, Watchers},
    landing_zone::{AccountState, Management},
    ledger::{Reason, Record},
    model::Registration,
    stack_sets::InstanceState,
};

/// Leaves the account as it is: an enrolled one stays enrolled and keeps its record.
pub(super) fn ignore(draft: &mut Draft, case: &Case<'_>, reason: Reason) {
    // Setup has deleted the registrations.
    let is_removed = reason == Reason::NoConfigCapability;
    if is_removed || case.known.since.is_none() {
        case.record(draft, case.known.clone().not_enrolled(reason));
    }
}

/// Disables the registration until the account is active again, where the vendor can.
pub(super) fn pause(draft: &mut Draft, case: &Case<'_>, reason: Reason) {
    let Read::Ok(Watchers { ours, .. }) = &case.view.registrations else {
        return draft.unread(case, case.view.registrations.reason());
    };
    if let Some(spec) = case.wanted().filter(|_| case.limits().pauses) {
        for existing in ours.iter().filter(|existing| existing.enabled).cloned() {
            let spec = spec.clone();
            draft.plan.actions.push(Action::UpdateRegistration {
                existing,
                spec,
                enabled: false,
            });
        }
    }
    let paused = Record {
        paused: !ours.is_empty() || case.known.may_be_listed_yet(false, case.now),
        // Restores the id after the ledger was emptied.
        registration_id: case
            .known
            .registration_id
            .clone()
            .or_else(|| ours.first().map(|one| one.guid.clone())),
        ..case.known.clone()
    };
    case.record(draft, paused.not_enrolled(reason));
}

/// Offboards the account: its registrations first, then its stack.
pub(super) fn offboard(draft: &mut Draft, case: &Case<'_>, reason: Reason) {
    let (Read::Ok(Watchers { ours, .. }), Read::Ok(instance)) =
        (&case.view.registrations, &case.view.instance)
    else {
        let view = case.view;
        return draft.unread(case, view.registrations.reason().or(view.instance.reason()));
    };
    // A listing without its registration does not prove that the role is unused.
    let has_stack = instance.is_some() && !case.is_management();
    let is_listed = case.wanted().is_none() || case.known.is_among(ours);
    if !is_listed && case.known.may_be_listed_yet(has_stack, case.now) {
        return await_listing(draft, case, ours);
    }
    let (stack, wait) = match instance {
        None => (StackEnd::Stay, false),
        Some(instance) if instance.state == InstanceState::InProgress => {
            draft.look_on(case);
            (StackEnd::Stay, true)
        }
        Some(_) => match stack_end(case) {
            Some(end) => (end, false),
            None => {
                draft.look_again(case, Reason::StackStays);
                (StackEnd::Stay, true)
            }
        },
    };
    if stack == StackEnd::Delete && case.needs_token() {
        draft.renew.push(*case.id);
        return draft.look_on(case);
    }
    // The last operation failed, and may have been the one that delivers the token.
    let lacks_token = instance
        .as_ref()
        .is_some_and(|one| one.state == InstanceState::Outdated)
        && case.policy.is_registered_by_stack(case.id);
    if stack == StackEnd::Delete && lacks_token {
        draft.renew.push(*case.id);
        return draft.look_again(case, Reason::StackLacksToken);
    }
    if !ours.is_empty() || stack != StackEnd::Stay {
        let mut registrations = ours.clone();
        // A registration whose id is known is deleted before the role, even if it is not listed.
        if stack != StackEnd::Stay && case.known.deletion.is_none() {
            registrations.extend(unlisted(case, ours));
        }
        draft.releases.push(Release {
            account: *case.id,
            registrations,
            stack,
        });
        if !wait {
            draft.look_again(case, Reason::NotOffboarded);
        }
    } else if !wait {
        conclude(draft, case, reason);
    }
}

/// The account's registrations with known ids that the listing lacks. If it lacks all of them, this
/// includes those replaced long ago, whose deletion may have failed.
fn unlisted(case: &Case<'_>, ours: &[Registration]) -> Vec<Registration> {
    let Some(spec) = case.wanted() else {
        return Vec::new();
    };
    let known = &case.known;
    let ids: Vec<&str> = if ours.is_empty() {
        known.guids().collect()
    } else {
        let lately = known.replaced_lately(case.limits(), case.now);
        known
            .registration_id
            .iter()
            .chain(lately)
            .map(String::as_str)
            .collect()
    };
    ids.into_iter()
        .filter(|guid| ours.iter().all(|one| one.guid != *guid))
        .map(|guid| Registration {
            store: known.store.clone(),
            ..Registration::made(&spec, guid.to_owned())
        })
        .collect()
}

/// Waits for the next comparison before a missing registration counts as deleted. The id of a
/// registration listed instead is recorded, because the next list may lack that one, too.
fn await_listing(draft: &mut Draft, case: &Case<'_>, ours: &[Registration]) {
    let known = case.known.clone();
    let guid = match ours.first() {
        Some(listed) => Some(listed.guid.clone()),
        None => known.registration_id.clone(),
    };
    let unlisted_at = known.unlisted_at.or(Some(case.now));
    let known = known.known_as(case.now, guid);
    case.record(
        draft,
        Record {
            unlisted_at,
            ..known
        },
    );
}

/// The end of an account's stack; `None` if it cannot be decided yet.
fn stack_end(case: &Case<'_>) -> Option<StackEnd> {
    let is_active = matches!(&case.view.account, Read::Ok(Some(account))
        if account.state == AccountState::Active);
    if case.is_management() {
        // Setup creates and deletes that stack.
        return Some(StackEnd::Stay);
    }
    let deletion = case.known.deletion;
    // An active account that refuses the deletion keeps its stack.
    if !is_active || deletion.is_some_and(|deletion| deletion.is_in_vain(case.now)) {
        return Some(StackEnd::Forget);
    }
    if deletion.is_some_and(|deletion| deletion.may_be_unlisted(case.now)) {
        return None;
    }
    let managed = !case.policy.control_tower || case.policy.is_shared_account(case.id);
    match &case.view.management {
        _ if managed => Some(StackEnd::Delete),
        Read::Ok(Management::Managed | Management::Failed) => Some(StackEnd::Delete),
        // AWSControlTowerExecution was removed when Control Tower stopped managing the account.
        Read::Ok(Management::NotManaged) => Some(StackEnd::Stay),
        Read::Ok(Management::UnderChange) | Read::Unknown(_) => None,
    }
}

/// Records the offboarding once nothing of ours is left in the account.
fn conclude(draft: &mut Draft, case: &Case<'_>, reason: Reason) {
    let known = &case.known;
    if reason == Reason::Gone && known.since.is_none() && !known.left_within_the_day(case.now) {
        return case.forget(draft);
    }
    case.record(
        draft,
        Record {
            reason: Some(reason),
            // Kept as it is: an account without it may reappear in a later listing, and is
            // offboarded then.
            left_at: known.left_at,
            registration_id: known.registration_id.clone(),
            former: known.former.clone(),
            existing_at_launch: known.existing_at_launch,
            ..Record::default()
        },
    );
}
