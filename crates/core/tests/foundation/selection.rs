//! `IncludeOrganizationalUnits`, `ExcludeOrganizationalUnits` and `ExcludeAccounts`.

use towerhook_core::{
    ledger::Reason,
    model::{AccountId, RegistrationKind},
    stack_sets::InstanceState,
};
use towerhook_world::{AUDIT, LOG_ARCHIVE, Wishes, World, id, member_id};

use super::{launched, members, updated};

/// The ledger's reason why an account is left out; checks that it is unwatched.
fn why(world: &World, account: &AccountId) -> Reason {
    assert_eq!(world.watching(account), []);
    let record = world.record(account).unwrap();
    assert_eq!(record.since, None);
    record.reason.unwrap()
}

/// Members 0 to 3 are in Production, Production/Blue, Staging and Sandbox.
#[test]
fn who_is_left_out_is_so_with_the_reason_in_the_ledger() {
    World::quiet(members(4), async |world| {
        let wishes = Wishes {
            include: vec![1, 3],
            exclude: vec![2],
            exclude_accounts: [member_id(2)].into(),
            ..Wishes::default()
        };
        launched(&world, wishes).await;
        assert_eq!(world.watching(&member_id(0)).len(), 1);
        let reasons = [1, 2, 3].map(|n| why(&world, &member_id(n)));
        assert_eq!(
            reasons,
            [
                Reason::ExcludedUnit,
                Reason::ExcludedAccount,
                Reason::OutsideIncludedUnits,
            ]
        );
        let outside = why(&world, &id(LOG_ARCHIVE));
        assert_eq!(outside, Reason::OutsideIncludedUnits);
        updated(&world, |wishes| {
            wishes.include.clear();
            wishes.exclude.clear();
            wishes.exclude_accounts.clear();
        })
        .await;
        world.rest().await;
        // The management account stays out.
        assert_eq!(world.registrations(RegistrationKind::Account).len(), 6);
    });
}

#[test]
fn of_nested_units_the_nearest_decides() {
    World::quiet(members(4), async |world| {
        let below = Wishes {
            exclude: vec![1],
            ..Wishes::default()
        };
        launched(&world, below).await;
        for n in [0, 1] {
            assert_eq!(why(&world, &member_id(n)), Reason::ExcludedUnit);
        }
        // From now on, all accounts that are not named as well are left out.
        updated(&world, |wishes| wishes.include = vec![0, 2, 3, 4]).await;
        world.rest().await;
        assert_eq!(why(&world, &member_id(0)), Reason::ExcludedUnit);
        assert_eq!(world.watching(&member_id(1)).len(), 1);
    });
}

#[test]
fn an_exclusion_of_too_many_is_held_until_it_is_approved() {
    World::quiet(members(8), async |world| {
        launched(&world, Wishes::default()).await;
        // Production, and Blue below it.
        updated(&world, |wishes| wishes.exclude = vec![1]).await;
        world.hours(3).await;
        let excluded = [0, 1, 4, 5].map(member_id);
        for account in &excluded {
            assert!(world.record(account).unwrap().held);
            assert_eq!(world.watching(account).len(), 1);
        }
        assert!(world.counted("OffboardingsHeld") >= 4);
        assert_eq!(world.counted("AccountsOffboarded"), 0);
        let answers = world.let_go().await;
        assert!(answers.len() == 1 && answers[0].success, "{answers:#?}");
        world.rest().await;
        for account in &excluded {
            assert_eq!(why(&world, account), Reason::ExcludedUnit);
        }
    });
}

#[test]
fn log_archive_and_audit_are_taken_out_of_config_only_and_setup_says_so() {
    World::quiet(members(0), async |world| {
        let shared = [LOG_ARCHIVE, AUDIT].map(id);
        launched(&world, Wishes::default()).await;
        let exclude = |wishes: &mut Wishes| wishes.exclude_accounts.extend(shared);
        let note = updated(&world, exclude).await.reason;
        for (title, account) in [("Log Archive", LOG_ARCHIVE), ("Audit", AUDIT)] {
            let said = format!("The {title} account {account} is left out of Config only");
            assert!(note.contains(&said), "{note}");
        }
        world.hours(3).await;
        for account in &shared {
            assert_eq!(why(&world, account), Reason::ExcludedAccount);
        }
        assert_eq!(world.registrations(RegistrationKind::Feed).len(), 1);
        let names = world.wishes().resources();
        let feed = names.feed.unwrap();
        let sets = [feed.log_stack_set, feed.audit_stack_set.unwrap()];
        for (set, account) in sets.iter().zip(&shared) {
            let instance = world.instance(set, account).unwrap();
            assert_eq!(instance.state, InstanceState::Current);
            let member = world.instance(&names.member_stack_set, account);
            assert_eq!(member, None);
        }
    });
}
