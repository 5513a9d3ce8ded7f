//! A deployment of Lacework's own integration, complete or partial, and every way to take it over.

use towerhook_core::{
    enrollment::Reply,
    model::{AccountId, Registration, RegistrationKind},
    stack_sets::StackSet,
};
use towerhook_world::{AUDIT, Options, VENDORS_SUFFIXES, Vendor, Wishes, World, id};

use super::{launched, refused, updated};

/// A landing zone with this many members, whose vendor is Lacework.
fn members(accounts: usize) -> Options {
    Options {
        vendor: Vendor::Lacework,
        ..super::members(accounts)
    }
}

fn wishes() -> Wishes {
    Wishes {
        vendor: Vendor::Lacework,
        ..Wishes::default()
    }
}

fn adopting() -> Wishes {
    let mut wishes = wishes();
    wishes
        .others
        .insert("AdoptExistingDeployment", "Yes".into());
    wishes
}

/// Everything that may be taken over, in its current state.
fn everything(world: &World) -> (Vec<StackSet>, Vec<Registration>) {
    let kinds = [RegistrationKind::Feed, RegistrationKind::Account];
    let registrations = kinds.map(|kind| world.registrations(kind));
    (world.stack_sets(), registrations.concat())
}

/// Launches, and expects a refusal that touches nothing; nor does the deletion after it.
async fn nothing_touched(world: &World, wishes: Wishes) -> String {
    let before = everything(world);
    let answer = world.launch(wishes).await;
    assert!(!answer.success, "{}", answer.reason);
    assert_eq!(everything(world), before, "{}", answer.reason);
    world.delete().await;
    assert_eq!(everything(world), before, "{}", answer.reason);
    answer.reason
}

fn watchers(world: &World) -> Vec<(String, String, AccountId)> {
    let all = world.members();
    let all = all.iter().flat_map(|account| world.watching(account));
    let told = all.map(|one| {
        let account = towerhook_core::model::account_of_role(&one.role_arn);
        (one.guid, one.external_id, account.unwrap())
    });
    told.collect()
}

#[test]
fn what_is_there_is_taken_over_and_goes_with_the_stack() {
    World::quiet(members(3), async |world| {
        world.deploy_vendors(None);
        let (_, before) = everything(&world);
        launched(&world, adopting()).await;
        let (sets, after) = everything(&world);
        let named = |all: &[Registration]| -> Vec<_> {
            let all = all.iter();
            all.map(|one| (one.guid.clone(), one.external_id.clone()))
                .collect()
        };
        assert_eq!(named(&after), named(&before));
        let tagged = |set: &&StackSet| set.tags.contains_key("towerhook:stack-id");
        assert_eq!(sets.iter().filter(tagged).count(), 3);
        world.delete().await;
        assert_eq!(world.leftovers(), Vec::<String>::new());
    });
}

#[test]
fn while_the_old_stack_is_there_nothing_is_touched() {
    for resource in ["LaceworkControlTowerEvents", "LaceworkApiCredentials"] {
        World::quiet(members(1), async move |world| {
            world.deploy_vendors(None);
            world.set_foreign_resource(resource, true);
            let reason = nothing_touched(&world, adopting()).await;
            assert!(reason.contains(resource), "{reason}");
        });
    }
}

#[test]
fn where_nothing_fits_nothing_is_made() {
    type Case = (
        &'static str,
        &'static [(&'static str, &'static str)],
        &'static str,
    );
    let cases: [Case; 4] = [
        ("", &[], "No to launch a new deployment"),
        (
            "Other-Config-Member-acme",
            &[],
            "IntegrationNamePrefix=Other-",
        ),
        (
            "Lacework-Control-Tower-CloudTrail-Log-Archive-Acme",
            &[],
            "version 4",
        ),
        (
            "Lacework-Control-Tower-CloudTrail-Audit-acme",
            &[("AdoptExistingDeployment", "No")],
            "version 4",
        ),
    ];
    for (stack_set, parameters, words) in cases {
        World::quiet(members(1), async move |world| {
            if !stack_set.is_empty() {
                world.add_stack_set(stack_set);
            }
            let mut wishes = adopting();
            let others = parameters.iter();
            wishes
                .others
                .extend(others.map(|(name, value)| (*name, (*value).to_owned())));
            let reason = nothing_touched(&world, wishes).await;
            assert!(reason.contains(words), "{reason}");
            assert!(reason.contains(stack_set), "{reason}");
        });
    }
}

#[test]
fn registrations_in_a_store_that_was_forgotten_are_refused() {
    World::quiet(members(3), async |world| {
        world.deploy_vendors(Some("production"));
        let reason = nothing_touched(&world, adopting()).await;
        assert!(
            reason.contains("the sub-account production (5)"),
            "{reason}"
        );
    });
}

#[test]
fn whom_the_parameters_leave_out_is_named_as_no_longer_watched() {
    World::quiet(members(1), async |world| {
        world.deploy_vendors(None);
        let mut wishes = adopting();
        wishes.exclude_accounts = world.members().into_iter().collect();
        wishes.limit = 100;
        let answer = world.launch(wishes).await;
        let member = world.members()[0];
        let words = format!("are no longer watched: {member}.");
        assert!(
            answer.success && answer.reason.contains(&words),
            "{}",
            answer.reason
        );
        world.rest().await;
        assert_eq!(world.watching(&member), []);
    });
}

#[test]
fn a_part_that_the_launch_had_no_use_for_is_taken_over_by_a_later_update() {
    World::quiet(members(3), async |world| {
        world.deploy_vendors(None);
        let feed = wishes().feed();
        let trails = [feed.log_stack_set, feed.audit_stack_set.unwrap()];
        let of_trail = || {
            let sets = trails.clone().map(|name| world.stack_set(&name).unwrap());
            (sets, world.registrations(RegistrationKind::Feed))
        };
        let before = of_trail();
        let config = Wishes {
            cloud_trail: false,
            ..adopting()
        };
        launched(&world, config).await;
        assert_eq!(of_trail(), before);
        updated(&world, |wishes| wishes.release += 1).await;
        assert_eq!(of_trail(), before, "an update leaves it alone, too");

        // If the update fails half way, the trail's registration keeps working.
        let watched = watchers(&world);
        world.set_takes_stacks(&id(AUDIT), false);
        let (reason, _) = refused(&world, |wishes| wishes.cloud_trail = true).await;
        assert!(reason.contains(AUDIT), "{reason}");
        let stands = || {
            assert!(trails.iter().all(|name| world.stack_set(name).is_some()));
            let trail = world.registrations(RegistrationKind::Feed);
            assert_eq!(trail, before.1);
        };
        stands();
        updated(&world, |wishes| wishes.release += 1).await;
        stands();

        world.set_takes_stacks(&id(AUDIT), true);
        // By then the parameter may be No: a takeover that has begun continues.
        updated(&world, |wishes| {
            wishes.cloud_trail = true;
            wishes.others.clear();
        })
        .await;
        world.rest().await;
        stands();
        let policy = world.recorded().success.unwrap().deployment.policy;
        assert_eq!(policy.trail_suffix(), VENDORS_SUFFIXES.1);
        assert_eq!(watchers(&world), watched);
        world.delete().await;
        assert_eq!(world.leftovers(), Vec::<String>::new());
    });
}

#[test]
fn a_launch_that_fails_takes_back_what_it_made_and_leaves_what_it_took_over() {
    World::quiet(members(1), async |world| {
        world.deploy_vendors(None);
        let (names, feed) = (wishes().resources(), wishes().feed());
        // The queue is missing, and the role is unusable: the launch creates a queue and fails.
        world.remove_stack_set(feed.audit_stack_set.as_ref().unwrap());
        world.delete_registrations(RegistrationKind::Feed);
        world.set_usable("", false);
        let (_, before) = everything(&world);
        let answer = world.launch(adopting()).await;
        assert!(!answer.success, "{}", answer.reason);
        assert!(
            world
                .stack_set(feed.audit_stack_set.as_ref().unwrap())
                .is_some()
        );
        world.delete().await;
        assert_eq!(everything(&world).1, before);
        assert_eq!(
            world.stack_set(feed.audit_stack_set.as_ref().unwrap()),
            None
        );
        for name in [&feed.log_stack_set, &names.member_stack_set] {
            assert!(world.stack_set(name).is_some(), "{name}");
        }
    });
}

#[test]
fn a_broken_registration_of_what_was_taken_over_is_mended_and_goes_with_the_stack() {
    World::quiet(members(1), async |world| {
        world.deploy_vendors(None);
        let member = world.members()[0];
        world.edit_registration(&member, |one| {
            one.external_id = format!("lweid:aws:v2:acme:{member}:0123456789");
        });
        world.fail_registrations(&member);
        let before = world.watching(&member);
        launched(&world, adopting()).await;
        let after = world.watching(&member);
        assert_eq!(after.len(), 1);
        assert_eq!(after[0].guid, before[0].guid);
        assert!(after[0].external_id.ends_with(VENDORS_SUFFIXES.0));
        world.delete().await;
        assert_eq!(world.leftovers(), Vec::<String>::new());
    });
}

#[test]
fn beside_a_deployment_for_another_store_a_launch_says_so() {
    World::quiet(members(0), async |world| {
        let set = "Lacework-Control-Tower-Config-Member-emea";
        world.add_stack_set(set);
        let answer = world.launch(Wishes::default()).await;
        assert!(
            answer.success && answer.reason.contains(set),
            "{}",
            answer.reason
        );
    });
}

#[test]
fn where_a_stack_set_of_the_trail_is_gone_the_alarm_says_that_an_update_brings_it_back() {
    let feed = wishes().feed();
    for set in [feed.log_stack_set, feed.audit_stack_set.unwrap()] {
        World::quiet(members(0), async move |world| {
            launched(&world, Wishes::default()).await;
            world.remove_stack_set(&set);
            world.hours(1).await;
            let replies = world.replies();
            let mut blocked = replies.iter().flat_map(|reply| match &**reply {
                Reply::Done { report, .. } => report.blocked.clone(),
                _ => Vec::new(),
            });
            let told =
                blocked.any(|(_, why)| why.contains(&set) && why.contains("update the stack"));
            assert!(told, "{replies:#?}");
            updated(&world, |wishes| wishes.release += 1).await;
            assert!(world.stack_set(&set).is_some());
        });
    }
}
