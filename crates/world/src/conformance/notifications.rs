//! The contract of a bucket's notifications.

use towerhook_core::{
    ErrorKind,
    landing_zone::{Announcement, BucketNotifications, TopicSet},
    ports::{BucketNotificationReads, BucketNotificationWrites},
};

use super::LOOKS;

/// Adds an announcement, whose topic exists and whose role may be new, and takes it off again. What
/// else the bucket notifies stays.
pub async fn notifications(
    ports: &(impl BucketNotificationReads + BucketNotificationWrites),
    ours: &Announcement,
    pause: &impl AsyncFn(),
) {
    let before = readable(ports, ours, pause).await;
    let with = ours.added_to(&before).unwrap();
    let with = with.expect("it is not there yet");
    set(ports, ours, (&before, &with), pause).await;
    let found = readable(ports, ours, pause).await;
    assert_eq!(sorted(found.clone()), sorted(with.clone()));
    assert_eq!(ours.added_to(&found), Ok(None));
    // What has changed since it was read is not overwritten.
    let late = ports.set_notifications(ours, &before, &with).await;
    assert_eq!(late.unwrap_err().kind, ErrorKind::Conflict);
    set(ports, ours, (&found, &found), pause).await;
    assert_eq!(readable(ports, ours, pause).await, found);
    let without = ours.taken_from(&found).expect("it is there");
    set(ports, ours, (&found, &without), pause).await;
    assert_eq!(readable(ports, ours, pause).await, before);

    let unusable = Announcement {
        role: format!("{}-that-is-not-there", ours.role),
        ..ours.clone()
    };
    let denied = ports.notifications(&unusable).await.unwrap_err();
    assert_eq!(denied.kind, ErrorKind::Denied);
    let nowhere = Announcement {
        bucket: format!("{}-that-is-not-there", ours.bucket),
        ..ours.clone()
    };
    let gone = ports.notifications(&nowhere).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound);
}

/// S3 promises no order.
fn sorted(mut all: BucketNotifications) -> BucketNotifications {
    all.all.sort_by(|one, other| one.id.cmp(&other.id));
    all
}

/// A new role may take a while to become usable.
async fn readable(
    ports: &impl BucketNotificationReads,
    ours: &Announcement,
    pause: &impl AsyncFn(),
) -> BucketNotifications {
    for _ in 0..LOOKS {
        match ports.notifications(ours).await {
            Err(error) if error.kind == ErrorKind::Denied => pause().await,
            found => return found.unwrap(),
        }
    }
    panic!("the role never becomes usable");
}

/// S3 may not be able to publish to a new topic for a while.
async fn set(
    ports: &impl BucketNotificationWrites,
    ours: &Announcement,
    (found, all): (&BucketNotifications, &BucketNotifications),
    pause: &impl AsyncFn(),
) {
    for _ in 0..LOOKS {
        match ports.set_notifications(ours, found, all).await.unwrap() {
            TopicSet::Done => return,
            TopicSet::NotPublishable(_) => pause().await,
        }
    }
    panic!("the topic can never be published to");
}
