//! The notification of the trail's bucket.

use super::*;
use crate::{
    landing_zone::{Announcement, BucketNotifications},
    provider::plain::PlainRoles,
};

const BUCKETS_ROLE: &str = "arn:aws:iam::000000000007:role/acme-log-reader";

fn announcement() -> Announcement {
    Announcement {
        bucket: "logs".into(),
        account: MEMBER.parse().unwrap(),
        id: "acme-topic".into(),
        topic: format!("arn:aws:sns:us-east-1:{MEMBER}:acme-topic")
            .parse()
            .unwrap(),
        prefix: "AWSLogs/".into(),
        role: BUCKETS_ROLE.into(),
    }
}

/// What setup plans for a bucket in this state, where the StackSet in Log Archive stands: towards
/// the announcement, or without any.
fn with_bucket(
    bucket: Option<Result<BucketNotifications, String>>,
    wanted: bool,
) -> Result<Vec<Step>, Refusal> {
    let buckets = bucket.map(|found| (announcement(), found));
    with_buckets(buckets.into_iter().collect(), wanted)
}

fn with_buckets(
    buckets: BTreeMap<Announcement, Result<BucketNotifications, String>>,
    wanted: bool,
) -> Result<Vec<Step>, Refusal> {
    let policy = policy();
    let account: AccountId = MEMBER.parse().unwrap();
    let names = PlainRoles.resources(&policy.names).feed.unwrap();
    let deployment = Deployment {
        announcements: buckets.keys().cloned().collect(),
        retired: if wanted {
            Vec::new()
        } else {
            vec![policy.names.clone()]
        },
        ..deployment(policy.clone())
    };
    let spec = trail_set(names.log_stack_set);
    let observed = Observed {
        stack_sets: [made(&spec, &account)].into(),
        buckets,
        active: [account].into(),
        ..Observed::default()
    };
    let footprint = Footprint {
        deployment: deployment.clone(),
        trail: Some(FeedFootprint {
            log: (spec, account),
            audit: None,
            topic: None,
            announcement: Some(announcement()),
            registration: None,
        }),
        member: None,
    };
    let wanted = Some(&footprint).filter(|_| wanted);
    plan(&PlainRoles, wanted, &deployment, &observed)
}

#[test]
fn a_bucket_gets_our_notification_once_its_role_can_read_it_and_nothing_is_written_twice() {
    let none = BucketNotifications::default();
    let steps = with_bucket(Some(Ok(none)), true).unwrap();
    let [Step::SetNotifications { notifications, .. }] = &steps[..] else {
        panic!("{steps:?}")
    };
    assert_eq!(
        steps[0].to_string(),
        "give the bucket our notification: logs"
    );
    assert_eq!(
        with_bucket(Some(Ok(notifications.clone())), true),
        Ok(vec![])
    );
    let denied = with_bucket(Some(Err("denied".into())), true).unwrap();
    assert!(
        matches!(&denied[..], [Step::AwaitBucket { .. }]),
        "{denied:?}"
    );
    let mut theirs = notifications.clone();
    theirs.all[0].id = "theirs".into();
    let refusal = with_bucket(Some(Ok(theirs)), true).unwrap_err().to_string();
    assert!(refusal.contains("\"theirs\""), "{refusal}");
}

#[test]
fn a_bucket_loses_our_notification_before_the_topic_goes() {
    let none = BucketNotifications::default();
    let ours = announcement().added_to(&none).unwrap().unwrap();
    let steps = with_bucket(Some(Ok(ours)), false).unwrap();
    let [Step::SetNotifications { notifications, .. }] = &steps[..] else {
        panic!("{steps:?}")
    };
    assert_eq!(*notifications, BucketNotifications::default());
    let denied = with_bucket(Some(Err("denied".into())), false).unwrap();
    assert!(
        matches!(&denied[..], [Step::AwaitBucket { .. }]),
        "{denied:?}"
    );
    // Without ours in it, or without a role that could take it off, the stack goes.
    for bucket in [Some(Ok(BucketNotifications::default())), None] {
        let steps = with_bucket(bucket, false).unwrap();
        assert!(
            matches!(&steps[..], [Step::DeleteInstances { .. }]),
            "{steps:?}"
        );
    }
}

/// Our notification of the bucket that the trail had before.
fn former() -> Announcement {
    Announcement {
        bucket: "former".into(),
        ..announcement()
    }
}

#[test]
fn a_former_bucket_loses_our_notification_before_anything_is_made() {
    let none = BucketNotifications::default;
    let held = former().added_to(&none()).unwrap().unwrap();
    let steps = |of_former, of_wanted| {
        let buckets = [(former(), of_former), (announcement(), of_wanted)];
        with_buckets(buckets.into(), true).unwrap()
    };
    // The role still reads the former one, and no longer once it is for the new one.
    let taken_off = steps(Ok(held.clone()), Err("denied".into()));
    let [Step::SetNotifications { of, found, .. }] = &taken_off[..] else {
        panic!("{taken_off:?}")
    };
    assert_eq!((&of.bucket[..], found), ("former", &held));
    assert_eq!(
        taken_off[0].to_string(),
        "take our notification off the bucket: former"
    );
    let given = steps(Ok(none()), Ok(none()));
    let [Step::SetNotifications { of, .. }] = &given[..] else {
        panic!("{given:?}")
    };
    assert_eq!(of.bucket, "logs");
}

#[test]
fn a_former_bucket_that_cannot_be_read_is_not_in_the_way_of_the_new_one() {
    let none = BucketNotifications::default();
    let ours = announcement().added_to(&none).unwrap().unwrap();
    let steps = |of_wanted| {
        let buckets = [
            (former(), Err("denied".into())),
            (announcement(), Ok(of_wanted)),
        ];
        with_buckets(buckets.into(), true).unwrap()
    };
    let given = steps(none);
    assert!(
        matches!(&given[..], [Step::SetNotifications { .. }]),
        "{given:?}"
    );
    let last = steps(ours);
    let [Step::AwaitBucket { of, .. }] = &last[..] else {
        panic!("{last:?}")
    };
    assert_eq!(of.bucket, "former");
}
