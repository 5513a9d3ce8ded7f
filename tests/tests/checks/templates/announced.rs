//! The way of a log file's notification from the bucket to the reader: no emulator refuses what S3,
//! SNS or KMS would refuse here.

use serde_json::{Value, json};

use crate::templates::template::{
    EXPEL_MEMBER, EXPEL_TRAIL, Template, actions, argument, one_or_many,
};

/// The actions of `statement`, if it lets the service in for exactly this source.
fn lets_in<'a>(statement: &'a Value, service: &str, source: &str) -> Option<Vec<&'a str>> {
    let is_it = statement["Effect"] == "Allow"
        && statement["Principal"] == json!({ "Service": service })
        && argument(&statement["Condition"]["ArnEquals"]["aws:SourceArn"]) == source;
    is_it.then(|| actions(statement))
}

fn allowed<'a>(policy: &'a Value, service: &str, source: &str) -> Vec<&'a str> {
    let statements = one_or_many(&policy["Statement"]);
    let allowed = statements.filter_map(|statement| lets_in(statement, service, source));
    allowed.flatten().collect()
}

const BUCKET: &str = "arn:${AWS::Partition}:s3:::${TrailBucketName}";
const TOPIC: &str = "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${ResourceName}";

#[test]
fn the_bucket_and_the_topic_may_use_the_key_and_nobody_may_hand_it_on() {
    let template = Template::load(EXPEL_TRAIL);
    let policy = &template.resource("NotificationKey")["Properties"]["KeyPolicy"];
    for (service, source) in [("s3.amazonaws.com", BUCKET), ("sns.amazonaws.com", TOPIC)] {
        let may = allowed(policy, service, source);
        assert_eq!(may, ["kms:Decrypt", "kms:GenerateDataKey"], "{service}");
    }
    let mut statements = one_or_many(&policy["Statement"]);
    let denied = statements.find(|one| one["Effect"] == "Deny").unwrap();
    assert_eq!(denied["Action"], "kms:CreateGrant");
    assert_eq!(
        denied["Condition"],
        json!({"Bool": {"kms:GrantIsForAWSResource": "false"}})
    );
    for (id, property) in [
        ("LogFileTopic", "KmsMasterKeyId"),
        ("LogFileQueue", "KmsMasterKeyId"),
        ("LogFileDeadLetterQueue", "KmsMasterKeyId"),
    ] {
        let key = &template.resource(id)["Properties"][property];
        assert_eq!(argument(key), "NotificationKey", "{id}");
    }
}

#[test]
fn the_bucket_may_publish_and_the_topic_may_send() {
    let template = Template::load(EXPEL_TRAIL);
    let policy = |id: &str| &template.resource(id)["Properties"]["PolicyDocument"];
    assert_eq!(
        allowed(policy("LogFileTopicPolicy"), "s3.amazonaws.com", BUCKET),
        ["sns:Publish"]
    );
    assert_eq!(
        allowed(
            policy("LogFileQueuePolicy"),
            "sns.amazonaws.com",
            "LogFileTopic"
        ),
        ["sqs:SendMessage"]
    );
}

#[test]
fn the_queue_is_as_expel_reads_it() {
    let template = Template::load(EXPEL_TRAIL);
    let queue = &template.resource("LogFileQueue")["Properties"];
    assert_eq!(queue["VisibilityTimeout"], 30);
    assert_eq!(queue["MessageRetentionPeriod"], 604_800);
    assert_eq!(queue["MaximumMessageSize"], 262_144);
    // Only a raw message is S3's own notification.
    let subscription = &template.resource("LogFileSubscription")["Properties"];
    assert_eq!(subscription["RawMessageDelivery"], true);
    // No message may go before it expires: Expel may be let into the trail's key late.
    let redrive = &queue["RedrivePolicy"];
    let times = redrive["maxReceiveCount"].as_u64().unwrap();
    assert_eq!(times, 1_000, "the most that SQS allows");
}

#[test]
fn the_reader_may_decrypt_what_the_topics_key_encrypts() {
    let alias = |template: &Template, id: &str| {
        let alias = &template.resource(id)["Properties"]["AliasName"];
        argument(alias).to_owned()
    };
    let trail = Template::load(EXPEL_TRAIL);
    assert_eq!(
        alias(&trail, "NotificationKeyAlias"),
        "alias/${ResourceName}"
    );
    let member = Template::load(EXPEL_MEMBER);
    let statements = member.statements("ExpelRole");
    let decrypts = |sid: &str| {
        let mut found = statements.iter().filter(|one| one["Sid"] == sid);
        *found.next().unwrap()
    };
    let notifications = decrypts("DecryptNotifications");
    assert_eq!(notifications["Action"], "kms:Decrypt");
    let condition = &notifications["Condition"]["ForAnyValue:StringEquals"];
    assert_eq!(
        argument(&condition["kms:ResourceAliases"]),
        "alias/${TrailQueueName}"
    );
}
