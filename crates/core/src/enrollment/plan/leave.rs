//! Accounts that are not to be watched.

use super::{Case, Draft, Release, StackEnd};
use crate::{
    enrollment::{Action, Known, Reason, Record, Watchers},
    landing_zone::{AccountState, InstanceState, Management},
};

/// Who is enrolled stays so, and keeps the record of it.
pub(super) fn leave(draft: &mut Draft, case: &Case<'_>, reason: Reason) {
    // Setup has removed what watched it.
    let is_removed = reason == Reason::NoConfigCapability;
    if is_removed || case.known.since.is_none() {
        case.record(draft, case.known.clone().not_enrolled(reason.to_string()));
    }
}

/// Switches the integration off until the account comes back.
pub(super) fn pause(draft: &mut Draft, case: &Case<'_>, reason: Reason) {
    let Known::Known(Watchers { ours, .. }) = &case.view.integrations else {
        return draft.look_again(case);
    };
    let spec = case.policy.member_integration(case.id);
    for existing in ours.iter().filter(|existing| existing.enabled).cloned() {
        let spec = spec.clone();
        draft.plan.actions.push(Action::UpdateIntegration {
            existing,
            spec,
            enabled: false,
        });
    }
    case.record(draft, case.known.clone().not_enrolled(reason.to_string()));
}

/// Takes the account out: its integrations first, then its stack.
pub(super) fn release(draft: &mut Draft, case: &Case<'_>, reason: Reason) {
    let (Known::Known(Watchers { ours, .. }), Known::Known(instance)) =
        (&case.view.integrations, &case.view.instance)
    else {
        return draft.look_again(case);
    };
    let (stack, wait) = match instance {
        None => (StackEnd::Stay, false),
        Some(instance) if instance.state == InstanceState::InProgress => {
            draft.look_on(case);
            (StackEnd::Stay, true)
        }
        Some(_) => match stack_end(case) {
            Some(end) => (end, false),
            None => {
                draft.look_again(case);
                (StackEnd::Stay, true)
            }
        },
    };
    if stack == StackEnd::Delete && case.needs_token() {
        draft.renew.push(*case.id);
        return draft.look_on(case);
    }
    if !ours.is_empty() || stack != StackEnd::Stay {
        draft.releases.push(Release {
            account: *case.id,
            integrations: ours.clone(),
            stack,
        });
        if !wait {
            draft.look_again(case);
        }
    } else if !wait {
        conclude(draft, case, reason);
    }
}

/// What becomes of a stack, or `None` where that cannot be said yet.
fn stack_end(case: &Case<'_>) -> Option<StackEnd> {
    let is_active = matches!(&case.view.account, Known::Known(Some(account))
        if account.state == AccountState::Active);
    if case.is_management() {
        // Setup makes and removes that stack.
        return Some(StackEnd::Stay);
    }
    let deletion = case.known.deletion;
    // An active account that keeps us out is left with its stack.
    if !is_active || deletion.is_some_and(|deletion| deletion.is_in_vain(case.now)) {
        return Some(StackEnd::Forget);
    }
    if deletion.is_some_and(|deletion| deletion.may_be_unlisted(case.now)) {
        return None;
    }
    let managed = !case.policy.control_tower || case.policy.is_shared_account(case.id);
    match &case.view.management {
        _ if managed => Some(StackEnd::Delete),
        Known::Known(Management::Managed | Management::Failed) => Some(StackEnd::Delete),
        // AWSControlTowerExecution went with Control Tower's hold on the account.
        Known::Known(Management::NotManaged) => Some(StackEnd::Stay),
        Known::Known(Management::UnderChange) | Known::Unknown(_) => None,
    }
}

/// Nothing of ours is left in it.
fn conclude(draft: &mut Draft, case: &Case<'_>, reason: Reason) {
    let known = &case.known;
    if reason == Reason::Gone && known.since.is_none() && !known.left_within_the_day(case.now) {
        return case.forget(draft);
    }
    case.record(
        draft,
        Record {
            reason: Some(reason.to_string()),
            // Who was not let go by us may be in a list that is behind, and is then to be let go yet.
            left_at: known.left_at,
            guid: known.guid.clone(),
            former: known.former.clone(),
            existing_at_launch: known.existing_at_launch,
            ..Record::default()
        },
    );
}
