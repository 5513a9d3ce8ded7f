//! The organization's trail, as setup and passes find it.

use std::time::Duration;

use towerhook_core::{enrollment::Reply, landing_zone::Trail, ports::IntegrationKind};
use towerhook_world::{LOG_ARCHIVE, Step, Window, Wishes, World, id};

use super::{launched, members};

type Edit = fn(&mut Trail);

/// What makes a trail tell of less than everything, and how that is said.
const SHORTFALLS: [(Edit, &str); 3] = [
    (
        |trail| trail.is_organization = false,
        "it is not the organization's trail",
    ),
    (
        |trail| trail.is_multi_region = false,
        "it tells of one Region only",
    ),
    (
        |trail| trail.is_logging = false,
        "its logging is switched off",
    ),
];

/// The reason why a launch is refused that made nothing.
fn refusal(edit: impl FnOnce(&mut Trail) + 'static, wishes: Wishes) -> String {
    World::quiet(members(0), async move |world| {
        world.edit_trail(edit);
        let answer = world.launch(wishes).await;
        assert!(!answer.success);
        assert_eq!(world.leftovers(), [] as [&str; 0]);
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

#[test]
fn a_trail_that_no_longer_tells_of_everything_is_reported_at_the_hourly_look() {
    for (edit, why) in SHORTFALLS {
        World::quiet(members(1), async move |world| {
            launched(&world, Wishes::default()).await;
            assert_eq!(world.counted("AccountsBlocked"), 0);
            world.edit_trail(edit);
            world.hours(1).await;
            let replies = world.replies();
            let mut blocked = replies.iter().flat_map(|reply| match &**reply {
                Reply::Done { report, .. } => report.blocked.clone(),
                _ => Vec::new(),
            });
            let (account, reason) = blocked.next().unwrap();
            assert_eq!(account, id(LOG_ARCHIVE));
            assert!(reason.contains(why), "{reason}");
        });
    }
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
fn a_delete_removes_the_integration_that_a_pass_has_just_made_anew() {
    for seconds in 0..12 {
        World::quiet(members(1), async move |world| {
            let wishes = Wishes {
                cloud_trail: true,
                ..Wishes::default()
            };
            launched(&world, wishes).await;
            world.delete_integrations(IntegrationKind::CloudTrail);
            world.hours(1).await;
            assert_eq!(world.integrations(IntegrationKind::CloudTrail).len(), 1);
            world.happen(&Step::Fault(Window::Lag(400)));
            world.simulation().sleep(Duration::from_secs(seconds)).await;
            world.delete().await;
            world.happen(&Step::Calm);
            assert_eq!(world.leftovers(), [] as [&str; 0]);
        });
    }
}
