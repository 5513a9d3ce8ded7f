//! What the emulator's CloudTrail leaves out of a trail: the ARN of its topic.

use serde_json::{Value, json};

use super::answer::ApiError;
use super::route::Call;
use crate::aws_client::AwsClient;

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

/// A trail is told of its topic by name or by ARN, and tells of it by ARN.
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
