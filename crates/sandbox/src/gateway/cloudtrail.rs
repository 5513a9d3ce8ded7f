//! What the emulator's CloudTrail lacks: the ARN of a trail's topic, and the check that it may
//! publish to it.

use serde_json::{Value, json};

use super::answer::ApiError;
use super::route::Call;
use crate::aws_client::AwsClient;

const SNS_VERSION: &str = "2010-03-31";
const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";

/// Whether the gateway answers this operation itself.
pub(super) fn serves(operation: &str) -> bool {
    matches!(
        operation,
        "CreateTrail" | "UpdateTrail" | "GetTrail" | "DescribeTrails"
    )
}

/// The emulator's answer, with `SnsTopicARN` where the trail has a topic.
pub(super) async fn serve(
    upstream: &AwsClient,
    call: &Call,
    request: Value,
) -> Result<Value, ApiError> {
    if call.operation == "UpdateTrail" {
        check_topic(upstream, call, &request).await?;
    }
    let mut answer = upstream
        .account(&call.account)
        .in_region(&call.region)
        .json("cloudtrail", TARGET, &call.operation, request)
        .await?;
    match call.operation.as_str() {
        "GetTrail" => complete(&mut answer["Trail"]),
        "DescribeTrails" => answer["trailList"]
            .as_array_mut()
            .into_iter()
            .flatten()
            .for_each(complete),
        _ => complete(&mut answer),
    }
    Ok(answer)
}

/// CloudTrail refuses a topic that is missing or does not let it publish for this trail.
async fn check_topic(upstream: &AwsClient, call: &Call, request: &Value) -> Result<(), ApiError> {
    let topic = request["SnsTopicName"].as_str().unwrap_or_default();
    let (Some(owner), Some(trail)) = (topic.split(':').nth(4), request["Name"].as_str()) else {
        return Ok(());
    };
    let form = [("TopicArn", topic)];
    let attributes = upstream
        .account(owner)
        .in_region(&call.region)
        .query("sns", "GetTopicAttributes", SNS_VERSION, &form)
        .await;
    let policy = attributes.ok().and_then(|answer| {
        let mut entries = answer.entries("GetTopicAttributesResult/Attributes");
        let policy = entries.find(|entry| entry.text_at("key") == Some("Policy"))?;
        serde_json::from_str::<Value>(policy.text_at("value")?).ok()
    });
    let source = format!(
        "arn:aws:cloudtrail:{}:{}:trail/{trail}",
        call.region, call.account
    );
    let statements = policy
        .as_ref()
        .and_then(|policy| policy["Statement"].as_array());
    let allows = |statement: &Value| {
        let condition = &statement["Condition"]["StringEquals"]["aws:SourceArn"];
        statement["Effect"] == "Allow"
            && statement["Principal"]["Service"] == "cloudtrail.amazonaws.com"
            && statement["Action"]
                .as_str()
                .is_some_and(|action| action.eq_ignore_ascii_case("sns:Publish"))
            && (condition.is_null() || *condition == source)
    };
    if statements.into_iter().flatten().any(allows) {
        return Ok(());
    }
    Err(ApiError::new(
        400,
        "InsufficientSnsTopicPolicyException",
        "SNS Topic does not exist or the topic policy is incorrect!",
    ))
}

/// A request names the topic by name or by ARN; an answer always by ARN.
fn complete(trail: &mut Value) {
    let topic = trail["SnsTopicName"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    // `arn:aws:cloudtrail:<Region>:<account>:trail/<name>`
    let place = trail["TrailARN"]
        .as_str()
        .and_then(|arn| arn.split(":trail/").next())
        .map(|arn| arn.replacen(":cloudtrail:", ":sns:", 1))
        .unwrap_or_default();
    let Some(trail) = trail.as_object_mut() else {
        return;
    };
    if topic.is_empty() {
        trail.remove("SnsTopicName");
        trail.remove("SnsTopicARN");
    } else if topic.starts_with("arn:") {
        trail.insert("SnsTopicARN".to_owned(), json!(topic));
    } else {
        trail.insert("SnsTopicARN".to_owned(), json!(format!("{place}:{topic}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_tells_its_topic_by_arn() {
        let arn = "arn:aws:sns:us-east-1:333333333333:topic";
        let cases = [
            (json!(arn), json!(arn)),
            (
                json!("mine"),
                json!("arn:aws:sns:eu-west-1:111111111111:mine"),
            ),
            (json!(""), Value::Null),
        ];
        for (name, expected) in cases {
            let mut trail = json!({
                "SnsTopicName": name,
                "TrailARN": "arn:aws:cloudtrail:eu-west-1:111111111111:trail/baseline",
            });
            complete(&mut trail);
            assert_eq!(trail["SnsTopicARN"], expected);
        }
    }
}
