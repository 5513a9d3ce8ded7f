//! Deployments of many accounts are deleted, even under the SaaS's rate limit.

use jiff::SignedDuration;
use towerhook_core::model::RegistrationKind;
use towerhook_world::{Options, Step, Wishes, World};

use super::launched;

const DELETED: &str = "registry:DeleteCloudAccount";
const LISTED: &str = "registry:ListCloudAccounts";
const STACKS_DELETED: &str = "cloudformation:DeleteStackInstances";

fn many(accounts: usize, rate_limit: bool) -> Options {
    Options {
        accounts,
        rate_limit,
        true_to_scale: true,
        ..Options::default()
    }
}

/// A deployment whose stacks create and delete their registrations.
fn by_stack() -> Wishes {
    Wishes {
        by_stack: true,
        cloud_trail: false,
        ..Wishes::default()
    }
}

/// Deletes everything, checks that nothing is left, and returns the reasons of all failed attempts.
async fn removed(world: &World) -> Vec<String> {
    let answers = world.delete().await;
    assert_eq!(world.leftovers(), [] as [&str; 0], "{answers:#?}");
    let (last, failed) = answers.split_last().unwrap();
    assert!(last.success, "{}", last.reason);
    failed.iter().map(|answer| answer.reason.clone()).collect()
}

#[test]
fn without_a_limit_two_thousand_accounts_are_removed_within_the_hour() {
    World::quiet(many(2000, false), async |world| {
        launched(&world, Wishes::default()).await;
        assert_eq!(world.registrations(RegistrationKind::Account).len(), 2002);
        let (began, listed) = (world.now(), world.calls(LISTED));
        assert_eq!(removed(&world).await, [] as [&str; 0]);
        assert!(world.now().duration_since(began) < SignedDuration::from_hours(1));
        // Plus the trail's, and none is deleted twice.
        assert_eq!(world.calls(DELETED), 2003);
        // Both kinds, before and after.
        assert_eq!(world.calls(LISTED) - listed, 4);
        // The members' stacks are deleted together, and those of Log Archive and Audit.
        assert_eq!(world.calls(STACKS_DELETED), 3);
    });
}

#[test]
fn a_list_that_lacks_the_registration_of_an_enrolled_account_is_read_again() {
    World::quiet(many(2, false), async |world| {
        launched(&world, Wishes::default()).await;
        world.hours(1).await;
        // A pass made them, and its write of the records was lost.
        for account in world.members() {
            world.lose_record(&account);
        }
        world.happen(&Step::ListNothing);
        assert_eq!(removed(&world).await, [] as [&str; 0]);
    });
}

#[test]
fn stacks_that_remove_their_registrations_get_a_token_that_works_before_they_go() {
    World::quiet(many(600, true), async |world| {
        launched(&world, by_stack()).await;
        assert_eq!(world.registrations(RegistrationKind::Account).len(), 602);
        let failed = removed(&world).await;
        assert_eq!(failed, [] as [&str; 0], "the rate limit is nothing to them");
        // Tokens in one operation, the stacks in another.
        assert_eq!(world.calls("cloudformation:UpdateStackInstances"), 1);
        assert_eq!(world.calls(STACKS_DELETED), 1);
    });
}

#[test]
fn what_stacks_have_removed_is_not_removed_once_more() {
    World::quiet(many(2, false), async |world| {
        launched(&world, by_stack()).await;
        // A list may lack a recent registration, so that is deleted by its id.
        world.hours(1).await;
        removed(&world).await;
        assert_eq!(world.calls(DELETED), 0);
    });
}

#[test]
fn under_the_rate_limit_each_try_goes_on_where_the_last_one_stopped() {
    World::quiet(many(1200, true), async |world| {
        launched(&world, Wishes::default()).await;
        world.hours(1).await;
        let (mut left, listed) = (1203, world.calls(LISTED));
        let failed = removed(&world).await;
        assert!(!failed.is_empty());
        for why in &failed {
            assert!(why.contains("Rate exceeded"), "{why}");
            let (_, rest) = why.split_once("; removed ").unwrap();
            let (removed, rest) = rest.split_once(" of ").unwrap();
            let (all, _) = rest.split_once(" registrations").unwrap();
            assert_eq!(all, left.to_string(), "{why}");
            left -= removed.parse::<usize>().unwrap();
        }
        // Both kinds in each of an attempt's five invocations, once more if the list lacks earlier
        // ones, and at the very end.
        let tries = failed.len() + 1;
        let lists = world.calls(LISTED) - listed;
        assert!(lists <= 2 * (5 * 2 * tries + 1), "{lists}");
        // An operation takes its time, however few stacks it deletes.
        let operations = world.calls(STACKS_DELETED);
        assert!(operations <= 1200 / 100 + tries + 2, "{operations}");
    });
}

#[test]
fn with_a_revoked_key_a_deletion_names_the_stores_and_not_what_may_be_gone_from_them() {
    World::quiet(many(2, false), async |world| {
        launched(&world, Wishes::default()).await;
        world.happen(&Step::RevokeKey);
        let answers = world.delete().await;
        let [answer] = &answers[..] else {
            panic!("{answers:#?}");
        };
        assert!(answer.success, "{}", answer.reason);
        let note = &answer.reason;
        assert!(
            note.contains("the registrations in acme, since Plain refuses"),
            "{note}"
        );
        assert!(!note.contains("Members-"), "{note}");
    });
}
