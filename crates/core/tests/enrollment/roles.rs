//! The plan for a vendor that needs no more than the roles.

use jiff::SignedDuration;
use towerhook_core::{
    enrollment::Plan,
    landing_zone::{AccountState, Management},
    ledger::{Reason, Record},
    provider::plain::PlainRoles,
    stack_sets::InstanceState,
};
use towerhook_world::{Wishes, member_id};

use super::look::{Look, deployment, stack};

/// One account, not enrolled yet.
fn new() -> Look {
    Look {
        provider: &PlainRoles,
        ..Look::new(deployment(Wishes::default()))
    }
}

/// One account that has been enrolled for days.
fn enrolled() -> Look {
    let mut look = new();
    look.stand(0, InstanceState::Current);
    look.record(0).since = Some(look.now - SignedDuration::from_hours(72));
    look
}

fn record(plan: &Plan) -> &Record {
    plan.records[&member_id(0)].as_ref().unwrap()
}

#[test]
fn an_account_is_enrolled_once_its_stack_stands() {
    let mut look = new();
    let plan = look.plan();
    assert_eq!(look.actions(), [format!("create {}", stack(0))]);
    assert_eq!(plan.enrolled, []);
    look.stand(0, InstanceState::Current);
    let plan = look.plan();
    assert_eq!(
        (&plan.actions[..], &plan.enrolled[..]),
        (&[][..], &[member_id(0)][..])
    );
    let Record {
        since,
        store,
        registration_id,
        ..
    } = record(&plan);
    assert_eq!(
        (*since, store, registration_id),
        (Some(look.now), &None, &None)
    );
    look.keep(&plan);
    assert_eq!(look.plan(), Plan::default(), "nothing is left to do");
}

#[test]
fn an_account_without_a_registration_leaves_with_its_stack_in_one_pass() {
    let mut look = enrolled();
    look.account(0).state = AccountState::Closed;
    look.stand(0, InstanceState::Current);
    let plan = look.plan();
    // A closed account cannot be reached, so its stack is left behind.
    assert_eq!(look.actions(), [format!("forget {}", stack(0))]);
    assert_eq!(
        (record(&plan).since, record(&plan).left_at),
        (None, Some(look.now))
    );

    let mut look = enrolled();
    look.deployment.policy.selection.exclude_accounts = [member_id(0)].into();
    assert_eq!(look.actions(), [format!("delete {}", stack(0))]);
    let plan = look.plan();
    look.keep(&plan);
    look.view(0).instance = towerhook_core::Read::Ok(None);
    let plan = look.plan();
    assert_eq!((&plan.actions[..], &plan.revisits[..]), (&[][..], &[][..]));
    assert_eq!(record(&plan).reason, Some(Reason::ExcludedAccount));
}

#[test]
fn a_suspended_account_keeps_its_role_and_is_enrolled_again_when_it_is_active() {
    let mut look = enrolled();
    look.account(0).state = AccountState::Suspended;
    let plan = look.plan();
    assert_eq!(plan.actions, []);
    assert_eq!((record(&plan).since, record(&plan).paused), (None, true));
    look.keep(&plan);
    look.account(0).state = AccountState::Active;
    let plan = look.plan();
    assert_eq!(
        (record(&plan).since, record(&plan).paused),
        (Some(look.now), false)
    );
}

#[test]
fn an_account_that_control_tower_lets_go_stays_enrolled_and_is_reported() {
    let mut look = enrolled();
    look.view(0).management = towerhook_core::Read::Ok(Management::NotManaged);
    let plan = look.plan();
    let stays = Reason::StaysWatched(Box::new(Reason::NotManaged));
    assert_eq!(
        (&plan.actions[..], &plan.blocked[..]),
        (&[][..], &[(member_id(0), stays)][..])
    );
}

#[test]
fn accounts_without_registrations_count_against_the_limit_of_a_day() {
    let mut look = Look {
        provider: &PlainRoles,
        ..Look::enrolled(deployment(Wishes::default()), 8)
    };
    for n in 0..8 {
        look.ours(n).clear();
        look.record(n).registration_id = None;
        look.account(n).state = AccountState::Closed;
    }
    let plan = look.plan();
    assert_eq!(plan.actions, []);
    assert_eq!(plan.held.unwrap().accounts.len(), 8);
}
