//! The organization's trail, as read by setup and passes.

use std::time::Duration;

use towerhook_core::{
    enrollment::Reply, landing_zone::Trail, model::RegistrationKind, stack_sets::InstanceState,
};
use towerhook_world::{AUDIT, LOG_ARCHIVE, MANAGEMENT, Step, Window, Wishes, World, id};

use super::{launched, members, updated};

type Edit = fn(&mut Trail);

/// The ways in which a trail can be incomplete, and their descriptions.
const SHORTFALLS: [(Edit, &str); 3] = [
    (
        |trail| trail.is_organization = false,
        "it is not an organization trail",
    ),
    (
        |trail| trail.is_multi_region = false,
        "it records one Region only",
    ),
    (
        |trail| trail.is_logging = false,
        "its logging is switched off",
    ),
];

/// The reason of a refused launch that created nothing.
fn refusal(edit: impl FnOnce(&mut Trail) + 'static, wishes: Wishes) -> String {
    World::quiet(members(0), async move |world| {
        world.edit_trail(edit);
        let before = world.leftovers();
        let answer = world.launch(wishes).await;
        assert!(!answer.success);
        assert_eq!(world.leftovers(), before);
        answer.reason
    })
}

#[test]
fn a_trail_that_does_not_tell_of_everything_is_refused_at_launch() {
    for (edit, why) in SHORTFALLS {
        let reason = refusal(edit, Wishes::default());
        assert!(reason.contains("ExistingCloudTrailName"), "{reason}");
        assert!(reason.contains(why), "{reason}");
    }
}

/// The reports about the trail so far.
fn reported(world: &World) -> Vec<String> {
    let mut reasons = Vec::new();
    for reply in world.replies() {
        if let Reply::Done { report, .. } = &*reply {
            for (account, reason) in &report.blocked {
                assert_eq!(*account, id(LOG_ARCHIVE));
                reasons.push(reason.clone());
            }
        }
    }
    reasons
}

#[test]
fn a_trail_that_no_longer_tells_of_everything_is_reported_at_the_hourly_look() {
    for (edit, why) in SHORTFALLS {
        World::quiet(members(1), async move |world| {
            launched(&world, Wishes::default()).await;
            assert_eq!(world.counted("AccountsBlocked"), 0);
            world.edit_trail(edit);
            world.hours(1).await;
            let reasons = reported(&world);
            assert!(reasons[0].contains(why), "{reasons:?}");
        });
    }
}

/// An edit that gives the trail a topic in this account.
fn topic_of(owner: &'static str) -> impl FnOnce(&mut Trail) {
    move |trail| {
        let topic = format!("arn:aws:sns:us-east-1:{owner}:trails-own-topic");
        trail.topic = topic.parse().ok();
    }
}

/// Whether the queue exists in this account.
fn has_queue(world: &World, account: &str) -> bool {
    let set = world.wishes().feed().audit_stack_set.unwrap();
    let instance = world.instance(&set, &id(account));
    instance.is_some_and(|one| one.state == InstanceState::Current)
}

/// The account in the queue's URL, which the vendor reads.
fn read_in(world: &World) -> String {
    let registrations = world.registrations(RegistrationKind::Feed);
    let url = registrations[0].queue_url.clone().unwrap();
    url.split('/').nth(3).unwrap().to_owned()
}

#[test]
fn the_queue_goes_where_the_trails_topic_is() {
    for (owner, other) in [(LOG_ARCHIVE, AUDIT), (AUDIT, LOG_ARCHIVE)] {
        World::quiet(members(1), async move |world| {
            world.edit_trail(topic_of(owner));
            launched(&world, Wishes::default()).await;
            assert_eq!(read_in(&world), owner);
            assert!(has_queue(&world, owner) && !has_queue(&world, other));
        });
    }
}

#[test]
fn a_topic_of_another_account_than_log_archive_and_audit_is_refused_by_its_name() {
    let reason = refusal(topic_of(MANAGEMENT), Wishes::default());
    for said in [
        "arn:aws:sns:us-east-1:000000000001:trails-own-topic",
        "account \"Management\" (000000000001)",
        "in the Log Archive or the Audit account only",
    ] {
        assert!(reason.contains(said), "{reason}");
    }
    let reason = refusal(topic_of("999999999999"), Wishes::default());
    assert!(
        reason.contains("which is in account 999999999999"),
        "{reason}"
    );
}

#[test]
fn the_queue_follows_a_topic_that_moves_and_nothing_stays_behind() {
    for (from, to) in [(AUDIT, LOG_ARCHIVE), (LOG_ARCHIVE, AUDIT)] {
        World::quiet(members(1), async move |world| {
            let original = |trail: &mut Trail| trail.topic.clone();
            let mut before = None;
            world.edit_trail(|trail| before = original(trail));
            world.edit_trail(topic_of(from));
            launched(&world, Wishes::default()).await;
            let made = world.registrations(RegistrationKind::Feed);
            world.edit_trail(topic_of(to));
            world.hours(1).await;
            let reasons = reported(&world);
            let moved =
                format!("but arn:aws:sns:us-east-1:{to}:trails-own-topic; update the stack");
            assert!(reasons[0].contains(&moved), "{reasons:?}");

            updated(&world, |wishes| wishes.release += 1).await;
            assert_eq!(read_in(&world), to);
            assert!(has_queue(&world, to) && !has_queue(&world, from));
            let after = world.registrations(RegistrationKind::Feed);
            assert_eq!((after.len(), &after[0].guid), (1, &made[0].guid));
            let said = reported(&world).len();
            world.hours(2).await;
            assert_eq!(reported(&world).len(), said);

            world.delete().await;
            world.edit_trail(|trail| trail.topic = before);
            assert_eq!(world.leftovers(), [] as [&str; 0]);
        });
    }
}

#[test]
fn a_topic_that_moves_out_of_reach_is_reported_and_an_update_leaves_the_queue() {
    World::quiet(members(0), async |world| {
        launched(&world, Wishes::default()).await;
        world.edit_trail(topic_of(MANAGEMENT));
        world.hours(1).await;
        let reasons = reported(&world);
        let said = "which is neither in Log Archive nor in Audit";
        assert!(reasons[0].contains(said), "{reasons:?}");
        let note = updated(&world, |wishes| wishes.release += 1).await.reason;
        assert!(
            note.contains("account \"Management\" (000000000001)"),
            "{note}"
        );
        assert!(has_queue(&world, AUDIT));
    });
}

#[test]
fn a_trail_of_another_home_region_is_said_to_be_that() {
    let edit = |trail: &mut Trail| trail.home_region = Some("eu-west-1".into());
    let reason = refusal(edit, Wishes::default());
    let said =
        "the home Region of the trail \"trail\" is eu-west-1, and this stack is in us-east-1";
    assert!(reason.contains(said), "{reason}");
}

#[test]
fn a_trail_that_does_not_exist_is_said_to_be_missing() {
    let edit = |trail: &mut Trail| trail.name = "another".into();
    let reason = refusal(edit, Wishes::default());
    assert!(
        reason.contains("there is no trail \"trail\" in Region us-east-1"),
        "{reason}"
    );
}

#[test]
fn a_kms_key_is_refused_that_the_trail_is_not_encrypted_with() {
    let key = |region: &str, account: &str| {
        let key =
            format!("arn:aws:kms:{region}:{account}:key/11112222-3333-4444-5555-666677778888");
        Wishes {
            others: [("KmsKeyIdentifierArn", key)].into(),
            ..Wishes::default()
        }
    };
    let own = || key("us-east-1", LOG_ARCHIVE);
    let other = "arn:aws:kms:us-east-1:000000000001:key/99992222-3333-4444-5555-666677778888";
    let encrypted = move |trail: &mut Trail| trail.kms_key = other.parse().ok();
    let refusals = [
        (refusal(|_| {}, own()), "is encrypted with no key"),
        (
            refusal(encrypted, own()),
            "the trail is encrypted with arn:aws:kms",
        ),
        (
            refusal(|_| {}, key("eu-west-1", LOG_ARCHIVE)),
            "a key of Region eu-west-1",
        ),
        (
            refusal(|_| {}, key("us-east-1", "999999999999")),
            "its account is not one of this organization",
        ),
    ];
    for (reason, why) in refusals {
        assert!(
            reason.contains("KmsKeyIdentifierArn is arn:aws:kms"),
            "{reason}"
        );
        assert!(reason.contains(why), "{reason}");
    }
}

#[test]
fn a_delete_removes_the_registration_that_a_pass_has_just_made_anew() {
    for seconds in 0..12 {
        World::quiet(members(1), async move |world| {
            let wishes = Wishes {
                cloud_trail: true,
                ..Wishes::default()
            };
            launched(&world, wishes).await;
            world.delete_registrations(RegistrationKind::Feed);
            world.hours(1).await;
            assert_eq!(world.registrations(RegistrationKind::Feed).len(), 1);
            world.happen(&Step::Fault(Window::Lag(400)));
            world.simulation().sleep(Duration::from_secs(seconds)).await;
            world.delete().await;
            world.happen(&Step::Calm);
            assert_eq!(world.leftovers(), [] as [&str; 0]);
        });
    }
}
