//! Manual changes, deletions and duplicates are repaired, or reported if that is impossible.

use jiff::SignedDuration;
use towerhook_core::{
    Read,
    ledger::{Deletion, GapCause, Reason},
    model::{Health, Registration, RegistrationKind},
    stack_sets::InstanceState,
};
use towerhook_world::{AUDIT, LOG_ARCHIVE, Options, Step, Wishes, id, member_id};

use super::{
    enrolled, gaps,
    look::{Look, deployment, registration, stack},
    members,
};

/// The SaaS's message for a role that it cannot assume.
const REFUSED: &str = r#"{"message":"AWS Error: Error assuming role. [Error msg: 403 Forbidden]"}"#;
/// And for a permission that the role itself lacks.
const DENIED: &str = r#"{"complianceOpsDeniedAccess":["GetBucketAcl"]}"#;

fn tenant(accounts: usize) -> Look {
    Look::enrolled(deployment(Wishes::default()), accounts)
}

/// The manual changes of a registration; the last two where external ids are shown unmasked.
const BENDS: [fn(&mut Registration); 6] = [
    |one| one.enabled = false,
    |one| one.name = "renamed".into(),
    |one| one.role_arn = "arn:aws:iam::999999999999:role/other".into(),
    |one| {
        one.role_arn = "arn:aws:iam::999999999999:role/other".into();
        one.name = "renamed".into();
    },
    |one| one.external_id = "nonsense".into(),
    |one| {
        one.role_arn = "arn:aws:iam::999999999999:role/other".into();
        one.external_id = "nonsense".into();
        one.name = "renamed".into();
    },
];

#[test]
fn a_registration_that_somebody_bent_is_still_ours_and_put_right() {
    let shown = BENDS.map(|bend| (bend, false));
    let masked = BENDS[..4].iter().map(|bend| (*bend, true));
    for (bend, masks_external_ids) in shown.into_iter().chain(masked) {
        let options = Options {
            masks_external_ids,
            ..members(1)
        };
        enrolled(options, Wishes::default(), async move |world| {
            let member = member_id(0);
            let made = world.watching(&member);
            world.edit_registration(&member, bend);
            assert_ne!(world.watching(&member), made);
            world.hours(1).await;
            assert_eq!(world.watching(&member), made);
        });
    }
}

#[test]
fn of_two_registrations_of_ours_one_stays_and_its_account_with_it() {
    let options = Options {
        refuses_duplicates: false,
        ..members(0)
    };
    enrolled(options, Wishes::default(), async |world| {
        let (account, store) = (0, 0);
        world.happen(&Step::DoubleRegistration { account, store });
        assert_eq!(world.registrations(RegistrationKind::Account).len(), 3);
        world.hours(2).await;
        assert_eq!(world.registrations(RegistrationKind::Account).len(), 2);
        assert_eq!(world.counted("AccountsOffboarded"), 0);
    });
}

/// Two passes with listings of different age must keep the same one, or they delete both.
#[test]
fn which_of_two_stays_is_the_ids_to_decide() {
    let mut look = tenant(1);
    let mut second = look.ours(0)[0].clone();
    second.guid = "A_SECOND".into();
    look.ours(0).push(second);
    for _ in 0..2 {
        let deleted = look.plan().actions;
        let [action] = &deleted[..] else {
            panic!("{deleted:?}");
        };
        assert!(format!("{action:?}").contains("GUID_0"), "{action:?}");
        look.ours(0).reverse();
    }
}

#[test]
fn one_that_only_the_ledger_tells_for_ours_is_known_until_it_has_gone() {
    let mut look = tenant(1);
    let mut second = look.ours(0)[0].clone();
    second.guid = "A_SECOND".into();
    look.ours(0)[0].role_arn = "arn:aws:iam::999999999999:role/other".into();
    look.ours(0).push(second);
    let plan = look.plan();
    assert_eq!(look.actions(), [format!("delete {}", registration(0))]);
    assert!(plan.records.is_empty(), "{:?}", plan.records);
    look.ours(0).remove(0);
    let plan = look.plan();
    let known = plan.records[&member_id(0)].clone().unwrap();
    assert_eq!(known.registration_id.as_deref(), Some("A_SECOND"));
    assert!(known.former.contains_key("GUID_0"));
}

#[test]
fn a_registration_that_was_deleted_by_hand_comes_back_and_its_gap_is_told() {
    enrolled(members(0), Wishes::default(), async |world| {
        world.hours(2).await;
        let lost_at = world.now();
        world.happen(&Step::DeleteRegistration { account: 0 });
        assert_eq!(world.registrations(RegistrationKind::Account).len(), 1);
        world.hours(1).await;
        assert_eq!(world.registrations(RegistrationKind::Account).len(), 2);
        assert_eq!(gaps(&world), [GapCause::Deleted]);
        assert_eq!(world.counted("RegistrationsDeleted"), 1);
        let ids = [AUDIT, LOG_ARCHIVE].map(id);
        let mut records = ids.iter().filter_map(|id| world.record(id));
        let record = records.find(|record| record.gap.is_some()).unwrap();
        let gap = record.gap.unwrap();
        assert!(gap.from <= lost_at && lost_at <= gap.until, "{gap:?}");
        let longest = SignedDuration::from_hours(2);
        assert!(gap.until.duration_since(gap.from) <= longest, "{gap:?}");
        assert_eq!(record.watched_since(), Some(gap.until));
    });
}

#[test]
fn a_registration_that_the_saas_has_just_taken_is_not_made_again() {
    let mut look = tenant(1);
    look.ours(0).clear();
    look.record(0).since = Some(look.now - SignedDuration::from_secs(30));
    assert_eq!(look.actions(), [] as [&str; 0]);
    assert_eq!(look.revisit(), (15, 0));
    look.now += SignedDuration::from_secs(30);
    assert_eq!(look.actions(), [format!("create {}", registration(0))]);
}

#[test]
fn a_role_that_was_deleted_by_hand_is_made_anew_once_a_day() {
    let mut look = tenant(1);
    look.ours(0)[0].health = Health::Failing(REFUSED.into());
    let anew = [format!("recreate member stack in {}", member_id(0))];
    assert_eq!(look.actions(), anew);
    // The SaaS is asked to check again, and the stack is left alone for the rest of the day.
    look.record(0).recreated_at = Some(look.now);
    assert_eq!(look.actions(), [format!("update {}", registration(0))]);
    look.now += SignedDuration::from_hours(24);
    assert_eq!(look.actions(), anew);
}

#[test]
fn a_stack_is_made_anew_only_where_the_role_is_to_blame() {
    let mut look = tenant(5);
    look.ours(0)[0].health = Health::Failing(DENIED.into());
    let plan = look.plan();
    assert_eq!(plan.actions, []);
    let reason = Reason::Unreadable(DENIED.into());
    assert_eq!(plan.blocked, [(member_id(0), reason)]);
    // Other accounts' failures do not affect a deleted role.
    for n in 1..5 {
        look.ours(n)[0].health = Health::Failing(DENIED.into());
    }
    look.ours(0)[0].health = Health::Failing(REFUSED.into());
    let anew = [format!("recreate member stack in {}", member_id(0))];
    assert_eq!(look.actions(), anew);
}

#[test]
fn when_the_saas_fails_with_many_accounts_no_stack_is_touched() {
    let mut look = tenant(20);
    for n in 0..20 {
        look.ours(n)[0].health = Health::Failing(REFUSED.into());
    }
    let plan = look.plan();
    assert_eq!(plan.actions, []);
    assert_eq!(plan.blocked.len(), 20);
}

#[test]
fn a_stack_that_a_deletion_left_unstable_is_deleted_again_then_left_behind_and_made_anew() {
    let mut look = tenant(1);
    look.stand(0, InstanceState::Inoperable);
    let retained = |look: &Look| format!("{:?}", look.plan().actions).contains("retain: true");
    let anew = [format!("recreate member stack in {}", member_id(0))];
    assert_eq!((look.actions(), retained(&look)), (anew.to_vec(), false));
    look.record(0).deletion = Some(Deletion {
        times: 2,
        asked_at: look.now - SignedDuration::from_mins(23),
    });
    assert_eq!((look.actions(), retained(&look)), (anew.to_vec(), true));
    look.view(0).instance = Read::Ok(None);
    assert_eq!(look.actions(), [format!("create {}", stack(0))]);
}

#[test]
fn an_account_that_control_tower_lets_go_stays_watched_and_is_reported() {
    enrolled(members(1), Wishes::default(), async |world| {
        let member = member_id(0);
        world.happen(&Step::Unmanage { account: 0 });
        world.hours(2).await;
        let record = world.record(&member).unwrap();
        let stays = Reason::StaysWatched(Box::new(Reason::NotManaged));
        assert_eq!(record.reason, Some(stays));
        assert!(record.since.is_some() && world.counted("AccountsBlocked") > 0);
        world.edit_registration(&member, |one| one.enabled = false);
        world.hours(1).await;
        assert_eq!(world.watching(&member).len(), 1);
        // Managed by Control Tower again, so there is nothing left to report.
        world.happen(&Step::Manage { account: 0 });
        world.rest().await;
        assert_eq!(world.record(&member).unwrap().reason, None);
    });
}

#[test]
fn with_offboard_unenrolled_it_leaves_and_its_stack_stays_for_its_return() {
    let wishes = Wishes {
        offboard_unenrolled: true,
        ..Wishes::default()
    };
    enrolled(members(1), wishes, async |world| {
        let (member, set) = (member_id(0), world.wishes().resources().member_stack_set);
        world.happen(&Step::Unmanage { account: 0 });
        world.hours(1).await;
        assert_eq!(world.watching(&member), []);
        assert!(world.instance(&set, &member).is_some());
        let made = world.counts()["cloudformation:CreateStackInstances"];
        world.happen(&Step::Manage { account: 0 });
        world.rest().await;
        assert_eq!(world.watching(&member).len(), 1);
        assert_eq!(world.counts()["cloudformation:CreateStackInstances"], made);
    });
}
