//! The plan for one account, for every possible inventory.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;
use serde_json::json;
use towerhook_core::{
    Read,
    enrollment::{Action, Ownership, Plan, decide},
    landing_zone::{AccountState, Management},
    ledger::{Deletion, Reason},
    lifecycle::Scope,
    model::Registration,
    policy::Destination,
    provider::{Subject, plain::Plain},
    stack_sets::InstanceState,
};
use towerhook_world::{Vendor, Wishes, member_id};

use super::look::{Look, STAGING, deployment, path, registration, stack};

fn tenant() -> Wishes {
    Wishes::default()
}

#[test]
fn a_stack_that_is_under_way_uses_up_no_attempts() {
    let mut look = Look::new(deployment(tenant()));
    look.attempts(0, 4);
    assert_eq!(look.actions(), [format!("create {}", stack(0))]);
    assert_eq!(look.revisit(), (15, 4));
    look.stand(0, InstanceState::InProgress);
    assert_eq!(look.actions(), [] as [&str; 0]);
    assert_eq!(look.revisit(), (15, 4));
    look.stand(0, InstanceState::Current);
    assert_eq!(look.actions(), [format!("create {}", registration(0))]);
}

#[test]
fn what_the_saas_puts_off_is_awaited_for_as_long_as_it_says_and_uses_up_no_attempts() {
    let mut look = Look::enrolled(deployment(tenant()), 1);
    look.attempts(0, 4);
    look.view(0).registrations = Read::Unknown("no answer".into());
    look.inventory.registry_wait = Some(Duration::from_secs(900));
    assert_eq!(look.revisit(), (900, 4));
    assert_eq!(look.plan().blocked, []);
}

#[test]
fn a_failed_stack_is_tried_again_and_then_an_administrator_is_told() {
    let mut look = Look::new(deployment(tenant()));
    look.stand(0, InstanceState::Outdated);
    look.attempts(0, 9);
    assert_eq!(look.actions(), [format!("create {}", stack(0))]);
    let known = look.plan().records[&member_id(0)].clone().unwrap();
    assert!(known.reason == Some(Reason::StackFails("no role".into())));
    look.attempts(0, 10);
    let plan = look.plan();
    assert_eq!(plan.actions, []);
    assert!(
        plan.blocked[0].1 == Reason::StackFails("no role".into()),
        "{plan:?}"
    );
}

#[test]
fn a_closed_account_leaves_and_its_stack_is_only_forgotten() {
    let mut look = Look::enrolled(deployment(tenant()), 2);
    look.account(0).state = AccountState::Closed;
    let leaves = [
        format!("delete {}", registration(0)),
        format!("forget {}", stack(0)),
    ];
    assert_eq!(look.actions(), leaves);
    let known = look.plan().records[&member_id(0)].clone().unwrap();
    assert_eq!((known.since, known.left_at), (None, Some(look.now)));
}

#[test]
fn a_stack_that_is_there_again_is_no_longer_missing() {
    let mut look = Look::enrolled(deployment(tenant()), 1);
    let record = look.inventory.records.get_mut(&member_id(0)).unwrap();
    record.missing_at = Some(look.now - SignedDuration::from_mins(3));
    let known = look.plan().records[&member_id(0)].clone().unwrap();
    assert_eq!(known.missing_at, None);
}

#[test]
fn a_registration_that_is_not_listed_is_missed_twice_an_hour_apart_before_its_role_goes() {
    let mut look = Look::enrolled(deployment(tenant()), 1);
    look.account(0).state = AccountState::Closed;
    look.ours(0).clear();
    let plan = look.plan();
    assert_eq!(plan.actions, []);
    look.keep(&plan);
    assert_eq!(
        look.inventory.records[&member_id(0)].unlisted_at,
        Some(look.now)
    );
    look.now += SignedDuration::from_mins(50);
    assert_eq!(look.plan(), Plan::default());
    look.now += SignedDuration::from_mins(10);
    // By its id, listed or not.
    let leaves = [
        format!("delete {}", registration(0)),
        format!("forget {}", stack(0)),
    ];
    assert_eq!(look.actions(), leaves);
}

#[test]
fn what_is_listed_instead_of_the_known_registration_goes_too_though_the_next_list_lacks_it() {
    let mut look = Look::enrolled(deployment(tenant()), 1);
    look.account(0).state = AccountState::Closed;
    look.ours(0)[0].guid = "GUID_ANEW".into();
    let plan = look.plan();
    assert_eq!(plan.actions, []);
    look.keep(&plan);
    look.ours(0).clear();
    look.now += SignedDuration::from_mins(60);
    let plan = look.plan();
    let deleted = plan.actions.iter().find_map(|action| match action {
        Action::DeleteRegistration { existing, .. } => Some(existing.guid.as_str()),
        _ => None,
    });
    assert_eq!(deleted, Some("GUID_ANEW"), "{plan:?}");
}

#[test]
fn what_was_replaced_hours_ago_goes_too_where_a_list_lacks_all() {
    let mut look = Look::enrolled(deployment(tenant()), 1);
    look.account(0).state = AccountState::Closed;
    look.ours(0).clear();
    let record = look.inventory.records.get_mut(&member_id(0)).unwrap();
    let hours_ago = look.now - SignedDuration::from_hours(5);
    record.former.insert("GUID_FORMER".into(), hours_ago);
    record.unlisted_at = Some(hours_ago);
    let plan = look.plan();
    let deleted: Vec<&str> = plan
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::DeleteRegistration { existing, .. } => Some(existing.guid.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(deleted, ["GUID_0", "GUID_FORMER"], "{plan:?}");
}

#[test]
fn a_baseline_under_change_begins_nothing_and_one_that_is_gone_ends_nothing() {
    let mut look = Look::new(deployment(tenant()));
    look.view(0).management = Read::Ok(Management::UnderChange);
    assert_eq!(look.actions(), [] as [&str; 0]);
    assert_eq!(look.revisit(), (15, 1));
    let mut look = Look::enrolled(deployment(tenant()), 1);
    look.view(0).management = Read::Ok(Management::NotManaged);
    let plan = look.plan();
    assert!(
        plan.actions.is_empty() && plan.revisits.is_empty(),
        "{plan:?}"
    );
}

#[test]
fn an_event_ahead_of_the_baselines_listing_is_looked_at_again() {
    let mut look = Look::new(deployment(tenant()));
    look.view(0).management = Read::Ok(Management::NotManaged);
    assert!(
        look.plan().revisits.is_empty(),
        "nobody said that it is new"
    );
    look.arrives(0);
    assert_eq!(look.actions(), [] as [&str; 0]);
    assert_eq!(look.revisit(), (15, 1));
}

#[test]
fn an_account_that_arrived_lately_is_not_taken_out_for_a_listing_that_is_behind() {
    let mut look = Look::new(deployment(Wishes {
        offboard_unenrolled: true,
        ..tenant()
    }));
    look.arrives(0);
    let plan = look.plan();
    look.keep(&plan);
    // Its stack is ready, but that event does not mark it as new.
    look.inventory.scope = Scope::account(member_id(0));
    look.stand(0, InstanceState::Current);
    look.view(0).management = Read::Ok(Management::NotManaged);
    assert_eq!(look.actions(), [] as [&str; 0]);
    assert_eq!(look.revisit(), (15, 1));
    look.now += SignedDuration::from_mins(15);
    assert!(
        look.plan().revisits.is_empty(),
        "it was never managed after all"
    );
}

#[test]
fn who_was_there_at_launch_is_new_from_its_first_event_on_whatever_comes_of_that() {
    let mut look = Look::new(deployment(Wishes {
        monitor_existing: false,
        ..tenant()
    }));
    look.record(0).existing_at_launch = true;
    assert_eq!(look.actions(), [] as [&str; 0]);
    // The event may arrive before Control Tower's own listing shows it.
    look.arrives(0);
    look.view(0).management = Read::Ok(Management::NotManaged);
    let plan = look.plan();
    assert_eq!(plan.actions, []);
    look.keep(&plan);
    look.inventory.scope = Scope::all();
    look.view(0).management = Read::Ok(Management::Managed);
    assert_eq!(look.actions(), [format!("create {}", stack(0))]);
}

#[test]
fn an_account_that_somebody_elses_registration_watches_is_reported() {
    let mut look = Look::enrolled(deployment(tenant()), 1);
    look.inventory.records.clear();
    let mut theirs = look.ours(0).remove(0);
    theirs.name = "by hand".into();
    look.watchers(0).others.push(theirs);
    let plan = look.plan();
    assert_eq!(plan.actions, []);
    assert!(
        plan.blocked[0].1 == Reason::WatchedBy("by hand".into()),
        "{plan:?}"
    );
}

#[test]
fn another_deployments_registration_of_the_same_name_is_not_ours() {
    let mut look = Look::enrolled(deployment(tenant()), 1);
    let mut theirs = look.ours(0)[0].clone();
    let records = Default::default();
    let ownership = Ownership::new(&Plain, &look.deployment.policy, &records);
    assert_eq!(ownership.subject(&theirs), Subject::Ours(member_id(0)));
    theirs.external_id = Vendor::Plain.external_id(&member_id(0), "THEIRSUFFX");
    assert_eq!(ownership.subject(&theirs), Subject::Foreign(member_id(0)));
    theirs.external_id = "**********".into();
    assert_eq!(ownership.subject(&theirs), Subject::Ours(member_id(0)));
}

#[test]
fn a_registration_that_was_replaced_under_a_list_that_was_behind_is_still_ours() {
    let mut look = Look::enrolled(deployment(tenant()), 1);
    let replaced = Registration {
        guid: "REPLACED".into(),
        external_id: "bent by somebody".into(),
        ..look.ours(0)[0].clone()
    };
    let records = look.inventory.records.clone();
    let ownership = Ownership::new(&Plain, &look.deployment.policy, &records);
    assert_eq!(ownership.subject(&replaced), Subject::Foreign(member_id(0)));
    look.record(0).former = [("REPLACED".to_owned(), look.now)].into();
    let ownership = Ownership::new(&Plain, &look.deployment.policy, &look.inventory.records);
    assert_eq!(ownership.subject(&replaced), Subject::Ours(member_id(0)));
}

#[test]
fn a_list_that_shows_what_was_replaced_a_moment_ago_is_looked_at_again() {
    let mut look = Look::enrolled(deployment(tenant()), 1);
    look.ours(0)[0].guid = "REPLACED".into();
    look.ours(0)[0].enabled = false;
    let replaced = |look: &mut Look, minutes| {
        let at = look.now - SignedDuration::from_mins(minutes);
        look.record(0).former = [("REPLACED".to_owned(), at)].into();
        look.actions()
    };
    assert_eq!(replaced(&mut look, 1), [] as [&str; 0]);
    assert_eq!(look.revisit(), (15, 0));
    let enable = replaced(&mut look, 60);
    assert!(enable[0].contains(&registration(0)), "{enable:?}");
}

#[test]
fn a_stack_is_forgotten_when_two_deletions_failed_however_often_it_was_looked_at() {
    let mut look = Look::enrolled(deployment(tenant()), 1);
    look.deployment.policy.destination =
        Destination::Mapped([(path(STAGING)[1].clone(), "two".into())].into());
    look.stand(0, InstanceState::Inoperable);
    let mut after = |times: u32, minutes: i64, attempt: u32| {
        let asked_at = look.now - SignedDuration::from_mins(minutes);
        look.record(0).deletion = (times > 0).then_some(Deletion { times, asked_at });
        look.attempts(0, attempt);
        let actions = look.actions();
        actions.into_iter().find(|action| action.contains("stack"))
    };
    let (deleted, forgotten) = ("delete", "forget");
    let stack = |verb: &str| Some(format!("{verb} {}", stack(0)));
    assert_eq!(after(0, 0, 9), stack(deleted), "nine looks are no deletion");
    let why = "the list may be older than the deletion";
    assert_eq!(after(1, 1, 1), None, "{why}");
    assert_eq!(after(1, 23, 2), stack(deleted));
    assert_eq!(after(2, 1, 2), None, "{why}");
    assert_eq!(after(2, 23, 3), stack(forgotten));
}

#[test]
fn a_plan_has_the_same_names_in_json_from_release_to_release() {
    let mut look = Look::new(deployment(tenant()));
    look.stand(0, InstanceState::Current);
    let plan = serde_json::to_value(look.plan()).unwrap();
    let parts = plan.as_object().unwrap().keys().map(String::as_str);
    let parts: BTreeSet<_> = parts.collect();
    let expected = [
        "actions", "blocked", "enrolled", "feed", "held", "records", "revisits",
    ];
    assert_eq!(parts, expected.into());
    let action = &plan["actions"][0];
    assert_eq!(action["action"], "create-registration");
    assert_eq!(action["spec"]["account"], member_id(0).as_str());
    look.account(0).state = AccountState::Suspended;
    let (id, view) = look.inventory.accounts.first_key_value().unwrap();
    let decision = decide(&look.deployment.policy, id, view, None, false);
    assert_eq!(
        serde_json::to_value(decision).unwrap(),
        json!({"decision": "pause", "reason": "suspended"})
    );
}

#[test]
fn accounts_that_only_the_list_shows_count_against_the_limit_of_a_day() {
    let mut look = Look::enrolled(deployment(tenant()), 8);
    for n in 0..8 {
        look.record(n).since = None;
        look.account(n).state = AccountState::Closed;
    }
    let plan = look.plan();
    assert_eq!(plan.actions, []);
    assert_eq!(plan.held.unwrap().accounts.len(), 8);
    // What was let through before a call failed is not held again.
    for n in 0..8 {
        look.record(n).left_at = Some(look.now);
    }
    assert_eq!(look.plan().held, None);
}
