//! Who is told of what happens to the objects of a bucket, and our part of that.

use serde::{Deserialize, Serialize};

use super::Trail;
use crate::model::{AccountId, Arn};

/// What S3 calls every way in which an object appears.
const OBJECT_CREATED: &str = "s3:ObjectCreated:*";

/// The notification configuration of a bucket, from S3's `GetBucketNotificationConfiguration`.
/// Writing one replaces all of it, so it holds everything that S3 knows of.
///
/// Source: docs.aws.amazon.com/AmazonS3/latest/API/API_NotificationConfiguration.html
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BucketNotifications {
    /// Each of its notifications.
    pub all: Vec<BucketNotification>,
    /// Whether EventBridge hears of everything.
    pub event_bridge: bool,
}

/// One notification of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BucketNotification {
    /// Its name within the bucket.
    pub id: String,
    /// The kind of what is notified.
    pub target: NotificationTarget,
    /// The ARN of what is notified.
    pub arn: String,
    /// The kinds of events, such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// What the key of an object begins with.
    pub prefix: String,
    /// What it ends with.
    pub suffix: String,
}

/// What a bucket can notify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotificationTarget {
    /// An SNS topic.
    Topic,
    /// An SQS queue.
    Queue,
    /// A Lambda function.
    Function,
}

/// The notification that a deployment adds to a trail's bucket, which it does not own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Announcement {
    /// The bucket.
    pub bucket: String,
    /// The bucket's account.
    pub account: AccountId,
    /// The notification's id in the bucket, which no other deployment uses.
    pub id: String,
    /// The topic that is notified of each log file.
    pub topic: Arn,
    /// What the log files' keys begin with.
    pub prefix: String,
    /// The ARN of the role that reads and changes the bucket's notifications.
    pub role: String,
}

impl Announcement {
    fn wanted(&self) -> BucketNotification {
        BucketNotification {
            id: self.id.clone(),
            target: NotificationTarget::Topic,
            arn: self.topic.to_string(),
            events: vec![OBJECT_CREATED.to_owned()],
            prefix: self.prefix.clone(),
            suffix: String::new(),
        }
    }

    fn is(&self, one: &BucketNotification) -> bool {
        one.id == self.id
    }

    /// The configuration with this announcement, if that differs from the one found. Everybody
    /// else's notifications stay as they are.
    ///
    /// # Errors
    ///
    /// A foreign notification of the same objects: S3 would refuse ours.
    pub fn added_to<'a>(
        &self,
        found: &'a BucketNotifications,
    ) -> Result<Option<BucketNotifications>, &'a BucketNotification> {
        let wanted = self.wanted();
        let mut others = found.all.iter().filter(|one| !self.is(one));
        if let Some(other) = others.find(|other| other.overlaps(&wanted)) {
            return Err(other);
        }
        Ok((!found.all.contains(&wanted)).then(|| {
            let mut changed = self.without(found);
            changed.all.push(wanted);
            changed
        }))
    }

    /// What the keys of a trail's log files begin with. CloudTrail writes below `AWSLogs/`, which is
    /// below the trail's own prefix if it has one.
    ///
    /// Source: docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-find-log-files.html
    pub fn prefix_of(trail: &Trail) -> String {
        let own = trail.key_prefix.iter().map(|prefix| format!("{prefix}/"));
        own.chain(["AWSLogs/".to_owned()]).collect()
    }

    /// Whether it takes the place of another one of ours.
    pub fn replaces(&self, other: &Self) -> bool {
        (&self.bucket, &self.id) == (&other.bucket, &other.id)
    }

    /// Why S3 would refuse it because of a foreign notification, and what the administrator can do.
    pub fn refused_for(&self, other: &BucketNotification) -> String {
        format!(
            "The bucket {} tells {} of its objects already, by the notification {:?}, and S3 lets no \
             other be told of the same. Take that notification out of the bucket, or limit it to \
             other events, or to objects that do not begin with {:?}.",
            self.bucket, other.arn, other.id, self.prefix
        )
    }

    /// The configuration without this announcement, if it is there.
    pub fn taken_from(&self, found: &BucketNotifications) -> Option<BucketNotifications> {
        let is_there = found.all.iter().any(|one| self.is(one));
        is_there.then(|| self.without(found))
    }

    fn without(&self, found: &BucketNotifications) -> BucketNotifications {
        let mut changed = found.clone();
        changed.all.retain(|one| !self.is(one));
        changed
    }
}

impl BucketNotification {
    /// Whether S3 refuses both in one bucket: they share a kind of event, and an object's key could
    /// fit both.
    ///
    /// Source: docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
    fn overlaps(&self, other: &Self) -> bool {
        let either =
            |one: &str, two: &str, fits: fn(&str, &str) -> bool| fits(one, two) || fits(two, one);
        let shares_event = self.events.iter().any(|event| {
            let mut others = other.events.iter();
            others.any(|other| either(event, other, includes))
        });
        shares_event
            && either(&self.prefix, &other.prefix, |one, two| one.starts_with(two))
            && either(&self.suffix, &other.suffix, |one, two| one.ends_with(two))
    }
}

/// Whether a kind of event, which may end with `*`, includes another.
fn includes(kind: &str, other: &str) -> bool {
    kind == other
        || kind
            .strip_suffix('*')
            .is_some_and(|beginning| other.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement() -> Announcement {
        Announcement {
            bucket: "logs".into(),
            account: "111111111111".parse().unwrap(),
            id: "ours".into(),
            topic: "arn:aws:sns:us-east-1:111111111111:ours".parse().unwrap(),
            prefix: "o-1/AWSLogs/".into(),
            role: "arn:aws:iam::111111111111:role/ours".into(),
        }
    }

    fn other(events: &[&str], prefix: &str, suffix: &str) -> BucketNotification {
        BucketNotification {
            id: "another".into(),
            target: NotificationTarget::Queue,
            arn: "arn:aws:sqs:us-east-1:111111111111:another".into(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            prefix: prefix.into(),
            suffix: suffix.into(),
        }
    }

    fn of(all: &[BucketNotification]) -> BucketNotifications {
        BucketNotifications {
            all: all.to_vec(),
            event_bridge: true,
        }
    }

    #[test]
    fn ours_comes_and_goes_and_what_others_have_stays() {
        let ours = announcement();
        let theirs = of(&[other(&["s3:ObjectRemoved:*"], "", "")]);
        let both = ours.added_to(&theirs).unwrap().unwrap();
        assert_eq!(both.all[0], theirs.all[0]);
        assert_eq!(both.all[1].arn, ours.topic.as_str());
        assert!(both.event_bridge);
        assert_eq!(ours.added_to(&both), Ok(None), "nothing to write");
        assert_eq!(ours.taken_from(&both), Some(theirs.clone()));
        assert_eq!(ours.taken_from(&theirs), None, "nothing to write");
    }

    #[test]
    fn what_has_our_id_and_differs_is_replaced() {
        let ours = announcement();
        let mut bent = ours.wanted();
        bent.prefix = "elsewhere/".into();
        let mended = ours.added_to(&of(&[bent.clone()])).unwrap().unwrap();
        assert_eq!(mended.all, [ours.wanted()]);
        assert_eq!(ours.taken_from(&of(&[bent])), Some(of(&[])));
    }

    #[test]
    fn somebody_elses_notification_of_the_same_objects_is_named() {
        let created = &["s3:ObjectCreated:*"][..];
        let put = &["s3:ObjectRemoved:*", "s3:ObjectCreated:Put"][..];
        for (theirs, overlaps) in [
            (other(created, "", ""), true),
            (other(put, "o-1/", ".gz"), true),
            (other(put, "o-1/AWSLogs/o-1/111111111111/", ""), true),
            (other(&["s3:ObjectRemoved:*"], "", ""), false),
            (other(created, "o-2/", ""), false),
        ] {
            let found = of(&[theirs]);
            let added = announcement().added_to(&found);
            assert_eq!(added.is_err(), overlaps, "{found:?}");
            if let Err(named) = added {
                assert_eq!(named.id, "another");
            }
        }
        let (one, two) = (other(created, "", ".gz"), other(created, "", ".json"));
        assert!(!one.overlaps(&two), "no key ends with both");
    }
}
