use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};

use super::Inventory;
use crate::aws_client::{AwsClient, AwsError, Element, NO_PARAMS};

/// A listing of a service with the query protocol.
struct QueryList {
    service: &'static str,
    version: &'static str,
    action: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    list: &'static str,
    name: &'static str,
    kind: &'static str,
}

const QUERY_LISTS: [QueryList; 7] = [
    QueryList {
        service: "cloudformation",
        version: "2010-05-15",
        action: "ListStacks",
        parameters: NO_PARAMS,
        list: "StackSummaries",
        name: "StackName",
        kind: "stack",
    },
    QueryList {
        service: "iam",
        version: "2010-05-08",
        action: "ListRoles",
        parameters: &[("MaxItems", "1000")],
        list: "Roles",
        name: "RoleName",
        kind: "role",
    },
    QueryList {
        service: "iam",
        version: "2010-05-08",
        action: "ListPolicies",
        parameters: &[("Scope", "Local"), ("MaxItems", "1000")],
        list: "Policies",
        name: "Arn",
        kind: "policy",
    },
    QueryList {
        service: "sns",
        version: "2010-03-31",
        action: "ListTopics",
        parameters: NO_PARAMS,
        list: "Topics",
        name: "TopicArn",
        kind: "topic",
    },
    QueryList {
        service: "sns",
        version: "2010-03-31",
        action: "ListSubscriptions",
        parameters: NO_PARAMS,
        list: "Subscriptions",
        name: "SubscriptionArn",
        kind: "subscription",
    },
    QueryList {
        service: "monitoring",
        version: "2010-08-01",
        action: "DescribeAlarms",
        parameters: NO_PARAMS,
        list: "MetricAlarms",
        name: "AlarmName",
        kind: "alarm",
    },
    QueryList {
        service: "monitoring",
        version: "2010-08-01",
        action: "ListDashboards",
        parameters: NO_PARAMS,
        list: "DashboardEntries",
        name: "DashboardName",
        kind: "dashboard",
    },
];

/// A listing of a service with a JSON protocol; a blank name means that the list holds texts.
struct JsonList {
    service: &'static str,
    target: &'static str,
    operation: &'static str,
    list: &'static str,
    name: &'static str,
    token: (&'static str, &'static str),
    kind: &'static str,
}

const KEYS: JsonList = JsonList {
    service: "kms",
    target: "TrentService",
    operation: "ListKeys",
    list: "Keys",
    name: "KeyId",
    token: ("NextMarker", "Marker"),
    kind: "key",
};

const JSON_LISTS: [JsonList; 7] = [
    JsonList {
        service: "kms",
        target: "TrentService",
        operation: "ListAliases",
        list: "Aliases",
        name: "AliasName",
        token: ("NextMarker", "Marker"),
        kind: "key alias",
    },
    JsonList {
        service: "sqs",
        target: "AmazonSQS",
        operation: "ListQueues",
        list: "QueueUrls",
        name: "",
        token: ("NextToken", "NextToken"),
        kind: "queue",
    },
    JsonList {
        service: "logs",
        target: "Logs_20140328",
        operation: "DescribeLogGroups",
        list: "logGroups",
        name: "logGroupName",
        token: ("nextToken", "nextToken"),
        kind: "log group",
    },
    JsonList {
        service: "events",
        target: "AWSEvents",
        operation: "ListRules",
        list: "Rules",
        name: "Name",
        token: ("NextToken", "NextToken"),
        kind: "rule",
    },
    JsonList {
        service: "dynamodb",
        target: "DynamoDB_20120810",
        operation: "ListTables",
        list: "TableNames",
        name: "",
        token: ("LastEvaluatedTableName", "ExclusiveStartTableName"),
        kind: "table",
    },
    JsonList {
        service: "secretsmanager",
        target: "secretsmanager",
        operation: "ListSecrets",
        list: "SecretList",
        name: "ARN",
        token: ("NextToken", "NextToken"),
        kind: "secret",
    },
    JsonList {
        service: "cloudtrail",
        target: "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
        operation: "DescribeTrails",
        list: "trailList",
        name: "TrailARN",
        token: ("NextToken", "NextToken"),
        kind: "trail",
    },
];

/// Adds everything that is in the client's account and Region.
pub(super) async fn take(aws: &AwsClient, inventory: &mut Inventory) -> Result<(), AwsError> {
    for listing in &QUERY_LISTS {
        for element in query_all(aws, listing).await? {
            if element.text_at("StackStatus") == Some("DELETE_COMPLETE") {
                continue;
            }
            let name = element.text_at(listing.name).unwrap_or_default().to_owned();
            let settings = query_settings(aws, listing.kind, &name, &element).await?;
            inventory.add(aws.account_id(), listing.kind, &name, settings);
        }
    }
    for listing in &JSON_LISTS {
        for value in json_all(aws, listing).await? {
            let name = match listing.name {
                "" => value.as_str(),
                field => value[field].as_str(),
            };
            let name = name.unwrap_or_default().to_owned();
            let settings = match listing.kind {
                "queue" => queue_policy(aws, &name).await?,
                "rule" => rule_targets(aws, &name).await?,
                "trail" => value.to_string(),
                _ => String::new(),
            };
            inventory.add(aws.account_id(), listing.kind, &name, settings);
        }
    }
    for (path, list, name, kind) in [
        ("functions", "Functions", "FunctionArn", "function"),
        (
            "event-source-mappings",
            "EventSourceMappings",
            "UUID",
            "event source mapping",
        ),
    ] {
        for value in lambda_all(aws, path, list).await? {
            let name = value[name].as_str().unwrap_or_default().to_owned();
            inventory.add(aws.account_id(), kind, &name, String::new());
        }
    }
    for (bucket, settings) in buckets(aws).await? {
        inventory.add(aws.account_id(), "bucket", &bucket, settings);
    }
    for key in keys(aws).await? {
        inventory.add(aws.account_id(), "key", &key, String::new());
    }
    Ok(())
}

async fn query_all(aws: &AwsClient, listing: &QueryList) -> Result<Vec<Element>, AwsError> {
    let result = format!("{}Result", listing.action);
    let mut found = Vec::new();
    let mut more: Option<(&str, String)> = None;
    loop {
        let mut parameters: Vec<(&str, String)> = listing
            .parameters
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        parameters.extend(more.take());
        let answer = aws
            .query(
                listing.service,
                listing.action,
                listing.version,
                &parameters,
            )
            .await?;
        found.extend(
            answer
                .members(&format!("{result}/{}", listing.list))
                .cloned(),
        );
        for token in ["NextToken", "Marker"] {
            if let Some(text) = answer.text_at(&format!("{result}/{token}"))
                && !text.is_empty()
            {
                more = Some((token, text.to_owned()));
            }
        }
        if more.is_none() {
            return Ok(found);
        }
    }
}

async fn query_settings(
    aws: &AwsClient,
    kind: &str,
    name: &str,
    element: &Element,
) -> Result<String, AwsError> {
    let mut settings = String::new();
    match kind {
        "role" => {
            let version = "2010-05-08";
            let role = [("RoleName", name)];
            settings.push_str(
                element
                    .text_at("AssumeRolePolicyDocument")
                    .unwrap_or_default(),
            );
            for (action, list) in [
                ("ListRolePolicies", "PolicyNames"),
                ("ListAttachedRolePolicies", "AttachedPolicies"),
            ] {
                let answer = aws.query("iam", action, version, &role).await?;
                for policy in answer.members(&format!("{action}Result/{list}")) {
                    let name = policy.text_at("PolicyArn").unwrap_or(&policy.text);
                    // Writing to a String cannot fail.
                    let _ = write!(settings, " {name}");
                }
            }
        }
        "topic" => {
            let answer = aws
                .query(
                    "sns",
                    "GetTopicAttributes",
                    "2010-03-31",
                    &[("TopicArn", name)],
                )
                .await?;
            let attributes = answer.at("GetTopicAttributesResult/Attributes");
            for entry in attributes.iter().flat_map(|list| &list.children) {
                if entry.text_at("key") == Some("Policy") {
                    settings.push_str(entry.text_at("value").unwrap_or_default());
                }
            }
        }
        "subscription" => settings.push_str(element.text_at("Endpoint").unwrap_or_default()),
        _ => {}
    }
    Ok(settings)
}

async fn json_all(aws: &AwsClient, listing: &JsonList) -> Result<Vec<Value>, AwsError> {
    let (answered, asked) = listing.token;
    let mut found = Vec::new();
    let mut request = json!({});
    loop {
        let answer = aws
            .json(listing.service, listing.target, listing.operation, request)
            .await?;
        found.extend(answer[listing.list].as_array().cloned().unwrap_or_default());
        match &answer[answered] {
            Value::String(token) if !token.is_empty() => request = json!({asked: token}),
            _ => return Ok(found),
        }
    }
}

async fn queue_policy(aws: &AwsClient, url: &str) -> Result<String, AwsError> {
    let request = json!({"QueueUrl": url, "AttributeNames": ["Policy"]});
    let answer = aws
        .json("sqs", "AmazonSQS", "GetQueueAttributes", request)
        .await?;
    Ok(answer["Attributes"]["Policy"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

async fn rule_targets(aws: &AwsClient, rule: &str) -> Result<String, AwsError> {
    let request = json!({"Rule": rule});
    let answer = aws
        .json("events", "AWSEvents", "ListTargetsByRule", request)
        .await?;
    Ok(answer["Targets"].to_string())
}

async fn lambda_all(aws: &AwsClient, path: &str, list: &str) -> Result<Vec<Value>, AwsError> {
    let mut found = Vec::new();
    let mut query = String::new();
    loop {
        let path = format!("/2015-03-31/{path}{query}");
        let bytes = aws
            .rest("lambda", Method::GET, &path, "application/json", Vec::new())
            .await?;
        let answer: Value =
            serde_json::from_slice(&bytes).map_err(|source| AwsError::Unreadable {
                service: "lambda".to_owned(),
                operation: path,
                expected: "JSON",
                source: source.into(),
            })?;
        found.extend(answer[list].as_array().cloned().unwrap_or_default());
        match answer["NextMarker"].as_str() {
            Some(marker) if !marker.is_empty() => query = format!("?Marker={marker}"),
            _ => return Ok(found),
        }
    }
}

/// The keys that are not on their way out: a key is deleted a week after its stack.
async fn keys(aws: &AwsClient) -> Result<Vec<String>, AwsError> {
    let mut found = Vec::new();
    for key in json_all(aws, &KEYS).await? {
        let id = key[KEYS.name].as_str().unwrap_or_default();
        let asked = json!({"KeyId": id});
        let known = aws.json("kms", KEYS.target, "DescribeKey", asked).await?;
        if known["KeyMetadata"]["KeyState"] != "PendingDeletion" {
            found.push(id.to_owned());
        }
    }
    Ok(found)
}

/// The account's buckets, each with its policy and its notifications.
async fn buckets(aws: &AwsClient) -> Result<Vec<(String, String)>, AwsError> {
    let get = |path: String| async move {
        aws.rest("s3", Method::GET, &path, "application/xml", Vec::new())
            .await
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let parse = |text: &str, operation: &str| {
        Element::parse(text).map_err(|source| AwsError::Unreadable {
            service: "s3".to_owned(),
            operation: operation.to_owned(),
            expected: "XML",
            source: source.into(),
        })
    };
    let listing = parse(&get("/".to_owned()).await?, "ListBuckets")?;
    let mut found = Vec::new();
    for bucket in listing.at("Buckets").iter().flat_map(|list| &list.children) {
        let name = bucket.text_at("Name").unwrap_or_default().to_owned();
        let policy = match get(format!("/{name}?policy")).await {
            Err(error) if error.is("NoSuchBucketPolicy") => String::new(),
            other => other?,
        };
        let notifications = get(format!("/{name}?notification")).await?;
        let notifications = parse(&notifications, "GetBucketNotificationConfiguration")?.children;
        found.push((name, format!("{policy} {notifications:?}")));
    }
    Ok(found)
}
