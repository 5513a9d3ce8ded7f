//! The notifications of a bucket in another account.
//!
//! A role there is assumed for each call. No generated client of S3 or STS is in the functions, which
//! make three calls of both (docs/decisions/0026).

use aws_config::SdkConfig;
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_xml::{
    decode::{Document, ScopedDecoder, XmlDecodeError, try_data},
    encode::{ScopeWriter, XmlWriter},
};
use towerhook_core::{
    Error, ErrorKind, Result,
    landing_zone::{
        Announcement, BucketNotification, BucketNotifications, NotificationTarget, TopicSet,
    },
    ports::{BucketNotificationReads, BucketNotificationWrites},
};

use crate::{
    Aws,
    call::{
        services::{s3, sts},
        xml::{Fields, elements},
    },
    classify::{failed, has_code, unusable},
};

const ASSUME: &str = "sts:AssumeRole";
const READ: &str = "s3:GetBucketNotification";
const WRITE: &str = "s3:PutBucketNotification";
const CHANGED: &str = "the bucket's notifications were changed since they were read";

/// S3's namespace of XML.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
/// Each kind of target, with the names of its elements: of the notification, and of the target's ARN
/// in it.
const KINDS: [(NotificationTarget, &str, &str); 3] = [
    (NotificationTarget::Topic, "TopicConfiguration", "Topic"),
    (NotificationTarget::Queue, "QueueConfiguration", "Queue"),
    (
        NotificationTarget::Function,
        "CloudFunctionConfiguration",
        "CloudFunction",
    ),
];
const EVENT_BRIDGE: &str = "EventBridgeConfiguration";

impl<S> BucketNotificationReads for Aws<S> {
    async fn notifications(&self, of: &Announcement) -> Result<BucketNotifications> {
        read(&assumed(&self.config, &of.role).await?, of).await
    }
}

async fn read(config: &SdkConfig, of: &Announcement) -> Result<BucketNotifications> {
    let answer = s3::get_bucket_notification(config, &of.bucket, of.account.as_str()).await;
    let answer = answer.map_err(failed(READ))?;
    // XML that is cut off is no XML, and may be whole the next time.
    let mut all = parse(answer.text(READ)?).map_err(|error| match error {
        Unread::Broken(error) => Error::new(READ, ErrorKind::Unavailable, error),
        Unread::Unknown(element) => unusable(READ, unknown(&element)),
    })?;
    // S3 promises no order, and two reads are compared.
    all.all.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(all)
}

impl<S> BucketNotificationWrites for Aws<S> {
    async fn set_notifications(
        &self,
        of: &Announcement,
        found: &BucketNotifications,
        all: &BucketNotifications,
    ) -> Result<TopicSet> {
        let config = assumed(&self.config, &of.role).await?;
        // S3 has no conditional write of them. Between these two calls a change is still lost.
        if read(&config, of).await? != *found {
            return Err(Error::new(WRITE, ErrorKind::Conflict, CHANGED));
        }
        let (bucket, owner) = (&of.bucket, of.account.as_str());
        // S3 validates every target of the bucket, and another notification's may be deleted.
        let is_added = of.taken_from(all).is_some();
        match s3::put_bucket_notification(&config, bucket, owner, (write(all), is_added)).await {
            // S3 has tried to publish, and could not.
            Err(error) if has_code(&error, "InvalidArgument") => {
                Ok(TopicSet::NotPublishable(failed(WRITE)(error).chain()))
            }
            answer => answer.map(|_| TopicSet::Done).map_err(failed(WRITE)),
        }
    }
}

/// The configuration with the credentials of a role.
async fn assumed(config: &SdkConfig, role: &str) -> Result<SdkConfig> {
    let answer = sts::assume_role(config, role).await;
    let answer = answer.map_err(failed(ASSUME))?;
    let keys = elements(&answer, ASSUME, &["AssumeRoleResult", "Credentials"])?.pop();
    let credentials = keys.and_then(credentials);
    let credentials =
        credentials.ok_or_else(|| unusable(ASSUME, "an answer without credentials"))?;
    let provider = SharedCredentialsProvider::new(credentials);
    let config = config.to_builder().credentials_provider(provider);
    Ok(config.build())
}

fn credentials(mut keys: Fields) -> Option<Credentials> {
    let (id, secret) = (keys.remove("AccessKeyId")?, keys.remove("SecretAccessKey")?);
    let token = keys.remove("SessionToken");
    Some(Credentials::new(id, secret, token, None, "role"))
}

/// Why an answer is not understood.
#[derive(Debug)]
enum Unread {
    Broken(XmlDecodeError),
    /// An element that a write would drop.
    Unknown(String),
}

impl From<XmlDecodeError> for Unread {
    fn from(error: XmlDecodeError) -> Self {
        Self::Broken(error)
    }
}

fn unknown(element: &str) -> String {
    format!(
        "the bucket's notifications have an element {element}, which this release does not know and \
         would drop"
    )
}

/// The decoder takes the end of the text for the end of each open element, so half a configuration
/// would be read as a smaller one.
fn require_whole(text: &str) -> std::result::Result<(), XmlDecodeError> {
    let mut open = 0;
    for token in Document::new(text) {
        (_, open) = token?;
    }
    if open == 0 {
        Ok(())
    } else {
        Err(XmlDecodeError::custom("it is cut off"))
    }
}

fn parse(text: &str) -> std::result::Result<BucketNotifications, Unread> {
    require_whole(text)?;
    let mut document = Document::new(text);
    let mut root = document.root_element()?;
    let mut found = BucketNotifications::default();
    while let Some(mut one) = root.next_tag() {
        let name = one.start_el().local().to_owned();
        match KINDS.iter().find(|(_, element, _)| *element == name) {
            Some((target, _, arn)) => found.all.push(notification(&mut one, *target, arn)?),
            None if name == EVENT_BRIDGE => found.event_bridge = true,
            None => return Err(Unread::Unknown(name)),
        }
    }
    Ok(found)
}

fn notification(
    element: &mut ScopedDecoder<'_, '_>,
    target: NotificationTarget,
    arn: &str,
) -> std::result::Result<BucketNotification, Unread> {
    let mut found = BucketNotification {
        id: String::new(),
        target,
        arn: String::new(),
        events: Vec::new(),
        prefix: String::new(),
        suffix: String::new(),
    };
    while let Some(mut field) = element.next_tag() {
        match field.start_el().local().to_owned().as_str() {
            "Id" => found.id = try_data(&mut field)?.into_owned(),
            "Event" => found.events.push(try_data(&mut field)?.into_owned()),
            "Filter" => filter(&mut field, &mut found)?,
            name if name == arn => found.arn = try_data(&mut field)?.into_owned(),
            name => return Err(Unread::Unknown(name.to_owned())),
        }
    }
    Ok(found)
}

/// `S3Key`, and in it a `FilterRule` with `Name` and `Value` for the beginning and for the end.
fn filter(
    element: &mut ScopedDecoder<'_, '_>,
    found: &mut BucketNotification,
) -> std::result::Result<(), Unread> {
    while let Some(mut key) = element.next_tag() {
        while let Some(mut rule) = key.next_tag() {
            let (mut name, mut value) = (String::new(), String::new());
            while let Some(mut field) = rule.next_tag() {
                match field.start_el().local() {
                    "Name" => name = try_data(&mut field)?.to_lowercase(),
                    "Value" => value = try_data(&mut field)?.into_owned(),
                    _ => {}
                }
            }
            match name.as_str() {
                "prefix" => found.prefix = value,
                "suffix" => found.suffix = value,
                _ => return Err(Unread::Unknown(format!("FilterRule {name}"))),
            }
        }
    }
    Ok(())
}

fn write(all: &BucketNotifications) -> String {
    let mut text = String::new();
    let mut writer = XmlWriter::new(&mut text);
    let mut root = writer
        .start_el("NotificationConfiguration")
        .write_ns(NAMESPACE, None)
        .finish();
    for (target, element, arn) in KINDS {
        for one in all.all.iter().filter(|one| one.target == target) {
            let mut entry = root.start_el(element).finish();
            field(&mut entry, "Id", &one.id);
            field(&mut entry, arn, &one.arn);
            for event in &one.events {
                field(&mut entry, "Event", event);
            }
            let rules = [("prefix", &one.prefix), ("suffix", &one.suffix)];
            let mut rules = rules
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .peekable();
            if rules.peek().is_some() {
                let mut filter = entry.start_el("Filter").finish();
                let mut key = filter.start_el("S3Key").finish();
                for (name, value) in rules {
                    let mut rule = key.start_el("FilterRule").finish();
                    field(&mut rule, "Name", name);
                    field(&mut rule, "Value", value);
                    rule.finish();
                }
                key.finish();
                filter.finish();
            }
            entry.finish();
        }
    }
    if all.event_bridge {
        root.start_el(EVENT_BRIDGE).finish().finish();
    }
    root.finish();
    text
}

fn field(parent: &mut ScopeWriter<'_, '_>, name: &str, value: &str) {
    let mut element = parent.start_el(name).finish();
    element.data(value);
    element.finish();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answer, setup, xml};

    const ROLE: &str = "arn:aws:iam::111111111111:role/notifier";
    const KEYS: &str = "<Credentials><AccessKeyId>ASIAROLE</AccessKeyId>\
        <SecretAccessKey>canary</SecretAccessKey><SessionToken>canary-token</SessionToken>\
        <Expiration>2026-01-01T00:15:00Z</Expiration></Credentials>";
    const FOUND: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
        <NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
        <QueueConfiguration><Id>a &amp; b</Id>\
        <Queue>arn:aws:sqs:eu-west-1:111111111111:theirs</Queue>\
        <Event>s3:ObjectRemoved:*</Event><Event>s3:ObjectRestore:*</Event>\
        <Filter><S3Key><FilterRule><Name>Prefix</Name><Value>one/</Value></FilterRule>\
        <FilterRule><Name>Suffix</Name><Value>.gz</Value></FilterRule></S3Key></Filter>\
        </QueueConfiguration>\
        <CloudFunctionConfiguration><Id>f</Id>\
        <CloudFunction>arn:aws:lambda:eu-west-1:111111111111:function:theirs</CloudFunction>\
        <Event>s3:ObjectTagging:*</Event></CloudFunctionConfiguration>\
        <EventBridgeConfiguration></EventBridgeConfiguration></NotificationConfiguration>";

    const EMPTY: &str = "<NotificationConfiguration/>";

    fn announcement() -> Announcement {
        Announcement {
            bucket: "logs".into(),
            account: "111111111111".parse().unwrap(),
            id: "ours".into(),
            topic: "arn:aws:sns:eu-west-1:111111111111:ours".parse().unwrap(),
            prefix: "AWSLogs/".into(),
            role: ROLE.into(),
        }
    }

    fn keys() -> Answer {
        xml("AssumeRole", KEYS)
    }

    fn refused(status: u16, code: &str) -> Answer {
        Answer::xml(
            status,
            &format!("<Error><Code>{code}</Code><Message>no</Message></Error>"),
        )
    }

    #[tokio::test]
    async fn a_bucket_is_read_by_its_owner_with_the_credentials_of_the_role() {
        let (aws, sent) = setup([keys(), Answer::xml(200, FOUND)]);
        let found = aws.notifications(&announcement()).await.unwrap();
        assert!(found.event_bridge);
        let [queue, function] = &found.all[..] else {
            panic!("{found:?}")
        };
        assert_eq!(queue.id, "a & b");
        assert_eq!(queue.target, NotificationTarget::Queue);
        assert_eq!(queue.events, ["s3:ObjectRemoved:*", "s3:ObjectRestore:*"]);
        assert_eq!(
            (queue.prefix.as_str(), queue.suffix.as_str()),
            ("one/", ".gz")
        );
        assert_eq!(function.target, NotificationTarget::Function);
        assert!(function.arn.ends_with(":theirs"));
        let calls = sent.calls();
        assert_eq!(calls[0].0, "AssumeRole");
        assert_eq!(calls[0].1["RoleArn"], ROLE);
        let header = |name| sent.last_header(name).unwrap();
        assert!(header("authorization").contains("Credential=ASIAROLE/"));
        assert!(header("authorization").contains("/eu-west-1/s3/aws4_request"));
        assert_eq!(header("x-amz-security-token"), "canary-token");
        assert_eq!(header("x-amz-expected-bucket-owner"), "111111111111");
    }

    #[tokio::test]
    async fn what_was_read_is_written_as_it_was_with_what_is_added() {
        let read = parse(FOUND).unwrap();
        assert_eq!(parse(&write(&read)).unwrap(), read);
        let both = announcement().added_to(&read).unwrap().unwrap();
        let (aws, sent) = setup([keys(), Answer::xml(200, FOUND), Answer::xml(200, "")]);
        let set = aws.set_notifications(&announcement(), &read, &both).await;
        assert_eq!(set.unwrap(), TopicSet::Done);
        assert_eq!(
            sent.last_header("x-amz-skip-destination-validation"),
            None,
            "S3 says whether it can publish to ours"
        );
        let body = sent.last_body();
        assert!(body.contains("<Topic>arn:aws:sns:eu-west-1:111111111111:ours</Topic>"));
        let written = parse(&body).unwrap();
        assert_eq!(announcement().taken_from(&written), Some(read));
        assert_eq!(
            parse("<NotificationConfiguration/>").unwrap(),
            Default::default()
        );
        assert_eq!(
            parse(&write(&Default::default())).unwrap(),
            Default::default()
        );
    }

    #[tokio::test]
    async fn what_a_write_would_drop_is_never_overwritten() {
        for text in [
            "<NotificationConfiguration><NewConfiguration/></NotificationConfiguration>",
            "<NotificationConfiguration><TopicConfiguration><New/></TopicConfiguration>\
             </NotificationConfiguration>",
        ] {
            let (aws, _) = setup([keys(), Answer::xml(200, text)]);
            let error = aws.notifications(&announcement()).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid);
            assert!(error.chain().contains("New"), "{}", error.chain());
        }
    }

    #[test]
    fn half_a_configuration_is_none() {
        for end in (0..FOUND.len()).filter(|end| FOUND.is_char_boundary(*end)) {
            let half = parse(&FOUND[..end]);
            assert!(matches!(half, Err(Unread::Broken(_))), "{end}: {half:?}");
        }
    }

    #[tokio::test]
    async fn each_refusal_is_told_apart() {
        let (aws, _) = setup([
            refused(403, "AccessDenied"),
            keys(),
            refused(404, "NoSuchBucket"),
            keys(),
            Answer::xml(200, EMPTY),
            refused(400, "InvalidArgument"),
        ]);
        let error = aws.notifications(&announcement()).await.unwrap_err();
        assert_eq!((error.operation, error.kind), (ASSUME, ErrorKind::Denied));
        let error = aws.notifications(&announcement()).await.unwrap_err();
        assert_eq!((error.operation, error.kind), (READ, ErrorKind::NotFound));
        let none = BucketNotifications::default();
        let ours = announcement().added_to(&none).unwrap().unwrap();
        let set = aws.set_notifications(&announcement(), &none, &ours).await;
        assert!(matches!(set, Ok(TopicSet::NotPublishable(_))));
    }

    #[tokio::test]
    async fn what_somebody_changed_meanwhile_is_not_overwritten() {
        let (aws, sent) = setup([keys(), Answer::xml(200, FOUND)]);
        let none = BucketNotifications::default();
        let ours = announcement().added_to(&none).unwrap().unwrap();
        let set = aws.set_notifications(&announcement(), &none, &ours).await;
        assert_eq!(set.unwrap_err().kind, ErrorKind::Conflict);
        assert_eq!(sent.calls().len(), 2, "nothing was written");
    }

    #[tokio::test]
    async fn a_target_that_is_gone_does_not_keep_ours_in_the_bucket() {
        let theirs = parse(FOUND).unwrap();
        let both = announcement().added_to(&theirs).unwrap().unwrap();
        let (aws, sent) = setup([
            keys(),
            Answer::xml(200, &write(&both)),
            Answer::xml(200, ""),
        ]);
        let set = aws.set_notifications(&announcement(), &both, &theirs).await;
        assert_eq!(set.unwrap(), TopicSet::Done);
        let header = sent.last_header("x-amz-skip-destination-validation");
        assert_eq!(header.unwrap(), "true");
    }
}
