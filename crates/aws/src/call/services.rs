//! The operations that are called without a generated client. A test reads from the functions' symbols
//! which of them each function can call, so each is a function below the name of its service.

pub(crate) mod s3;

use aws_config::SdkConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use url::form_urlencoded;

use super::{Call, CallError, Reply};

/// What a path's segment, or a value in a query, may not hold.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An operation of an AWS JSON protocol, all of which are posted to the service's root.
async fn post_json(
    config: &SdkConfig,
    (service, target, version): (&'static str, &str, &str),
    operation: &'static str,
    input: &Value,
) -> Result<Reply, CallError> {
    let headers = vec![
        ("content-type", format!("application/x-amz-json-{version}")),
        ("x-amz-target", format!("{target}.{operation}")),
    ];
    post(config, (service, operation), "/", headers, input).await
}

/// An operation of the REST protocol, posted to a path of its own.
async fn post_rest(
    config: &SdkConfig,
    service: &'static str,
    operation: &'static str,
    path: &str,
    input: &Value,
) -> Result<Reply, CallError> {
    let headers = vec![("content-type", "application/json".to_owned())];
    post(config, (service, operation), path, headers, input).await
}

async fn post(
    config: &SdkConfig,
    (service, operation): (&'static str, &'static str),
    path: &str,
    headers: Vec<(&'static str, String)>,
    input: &Value,
) -> Result<Reply, CallError> {
    let call = Call {
        service,
        operation,
        method: "POST",
        path: path.to_owned(),
        headers,
        body: input.to_string().into_bytes(),
        timeouts: None,
    };
    call.send(config).await
}

/// Services of the AWS JSON protocols. The service is the name in endpoints and signatures; its targets
/// and version are those of its model in the AWS SDKs.
macro_rules! json_services {
    ($($service:ident, $target:literal, $version:literal: $($function:ident $operation:literal),+;)+) => {
        $(pub(crate) mod $service {
            use super::*;

            const SERVICE: (&str, &str, &str) = (stringify!($service), $target, $version);

            $(pub(crate) async fn $function(
                config: &SdkConfig,
                input: &Value,
            ) -> Result<Reply, CallError> {
                post_json(config, SERVICE, $operation, input).await
            })+
        })+
    };
}

json_services! {
    cloudtrail, "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", "1.1":
        get_trail "GetTrail", get_trail_status "GetTrailStatus", update_trail "UpdateTrail";
    dynamodb, "DynamoDB_20120810", "1.0":
        get_item "GetItem", put_item "PutItem", query "Query",
        transact_write_items "TransactWriteItems", update_item "UpdateItem",
        update_table "UpdateTable";
    events, "AWSEvents", "1.1": describe_rule "DescribeRule", put_events "PutEvents";
    kms, "TrentService", "1.1": get_key_policy "GetKeyPolicy";
    organizations, "AWSOrganizationsV20161128", "1.1":
        describe_account "DescribeAccount", describe_organization "DescribeOrganization",
        describe_policy "DescribePolicy", list_accounts "ListAccounts",
        list_aws_service_access_for_organization "ListAWSServiceAccessForOrganization",
        list_organizational_units_for_parent "ListOrganizationalUnitsForParent",
        list_parents "ListParents", list_policies_for_target "ListPoliciesForTarget",
        list_roots "ListRoots";
    secretsmanager, "secretsmanager", "1.1":
        describe_secret "DescribeSecret", get_secret_value "GetSecretValue",
        put_secret_value "PutSecretValue";
    servicequotas, "ServiceQuotasV20190624", "1.1":
        get_aws_default_service_quota "GetAWSDefaultServiceQuota",
        get_service_quota "GetServiceQuota";
    sqs, "AmazonSQS", "1.0":
        get_queue_attributes "GetQueueAttributes", send_message_batch "SendMessageBatch";
}

pub(crate) mod controltower {
    use super::*;

    macro_rules! operations {
        ($($function:ident $operation:literal $path:literal,)+) => {
            $(pub(crate) async fn $function(
                config: &SdkConfig,
                input: &Value,
            ) -> Result<Reply, CallError> {
                post_rest(config, "controltower", $operation, $path, input).await
            })+
        };
    }

    operations! {
        get_landing_zone "GetLandingZone" "/get-landingzone",
        list_enabled_baselines "ListEnabledBaselines" "/list-enabled-baselines",
        list_enabled_controls "ListEnabledControls" "/list-enabled-controls",
        list_landing_zones "ListLandingZones" "/list-landingzones",
    }
}

/// An operation that only reads, at a path of its own.
async fn get(
    config: &SdkConfig,
    (service, operation): (&'static str, &'static str),
    path: String,
) -> Result<Reply, CallError> {
    let call = Call {
        service,
        operation,
        method: "GET",
        path,
        headers: Vec::new(),
        body: Vec::new(),
        timeouts: None,
    };
    call.send(config).await
}

/// An operation of the form protocol.
async fn post_form(
    config: &SdkConfig,
    (service, version): (&'static str, &str),
    operation: &'static str,
    fields: &[(&str, &str)],
) -> Result<Reply, CallError> {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", operation)
        .append_pair("Version", version)
        .extend_pairs(fields)
        .finish();
    let content_type = "application/x-www-form-urlencoded".to_owned();
    let call = Call {
        service,
        operation,
        method: "POST",
        path: "/".into(),
        headers: vec![("content-type", content_type)],
        body: form.into_bytes(),
        timeouts: None,
    };
    call.send(config).await
}

pub(crate) mod iam {
    use super::*;

    /// Source: docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
    pub(crate) async fn get_role(config: &SdkConfig, name: &str) -> Result<Reply, CallError> {
        let fields = [("RoleName", name)];
        post_form(config, ("iam", "2010-05-08"), "GetRole", &fields).await
    }
}

pub(crate) mod monitoring {
    use super::*;

    const SERVICE: (&str, &str) = ("monitoring", "2010-08-01");

    pub(crate) async fn describe_alarms(
        config: &SdkConfig,
        fields: &[(&str, &str)],
    ) -> Result<Reply, CallError> {
        post_form(config, SERVICE, "DescribeAlarms", fields).await
    }
}

pub(crate) mod sns {
    use super::*;

    pub(crate) async fn get_topic_attributes(
        config: &SdkConfig,
        topic: &str,
    ) -> Result<Reply, CallError> {
        let fields = [("TopicArn", topic)];
        post_form(config, ("sns", "2010-03-31"), "GetTopicAttributes", &fields).await
    }

    /// The service's answer has nothing that Towerhook needs.
    pub(crate) async fn publish(
        config: &SdkConfig,
        topic: &str,
        message: &str,
    ) -> Result<Reply, CallError> {
        let fields = [("TopicArn", topic), ("Message", message)];
        post_form(config, ("sns", "2010-03-31"), "Publish", &fields).await
    }
}

/// An operation on the notifications of a bucket. The bucket is in the path, so that one with a dot
/// in its name matches S3's certificate.
async fn of_bucket(
    config: &SdkConfig,
    (operation, method): (&'static str, &'static str),
    (bucket, owner): (&str, &str),
    (body, header): (String, Option<(&'static str, String)>),
) -> Result<Reply, CallError> {
    let owner = ("x-amz-expected-bucket-owner", owner.to_owned());
    let call = Call {
        service: "s3",
        operation,
        method,
        path: format!("/{bucket}?notification"),
        headers: header.into_iter().chain([owner]).collect(),
        body: body.into_bytes(),
        timeouts: None,
    };
    call.send(config).await
}

pub(crate) mod sts {
    use super::*;

    const VERSION: &str = "2011-06-15";

    /// Credentials for the shortest time that there is: 15 minutes.
    ///
    /// Source: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    pub(crate) async fn assume_role(config: &SdkConfig, role: &str) -> Result<Reply, CallError> {
        let fields = [
            ("RoleArn", role),
            ("RoleSessionName", "towerhook"),
            ("DurationSeconds", "900"),
        ];
        post_form(config, ("sts", VERSION), "AssumeRole", &fields).await
    }

    /// Whose the credentials are.
    ///
    /// Source: docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    pub(crate) async fn get_caller_identity(config: &SdkConfig) -> Result<Reply, CallError> {
        post_form(config, ("sts", VERSION), "GetCallerIdentity", &[]).await
    }
}

pub(crate) mod lambda {
    use super::*;

    /// Source: docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
    pub(crate) async fn get_function_configuration(
        config: &SdkConfig,
        function: &str,
    ) -> Result<Reply, CallError> {
        let function = utf8_percent_encode(function, RESERVED);
        let path = format!("/2015-03-31/functions/{function}/configuration");
        get(config, ("lambda", "GetFunctionConfiguration"), path).await
    }

    pub(crate) async fn get_event_source_mapping(
        config: &SdkConfig,
        id: &str,
    ) -> Result<Reply, CallError> {
        let id = utf8_percent_encode(id, RESERVED);
        let path = format!("/2015-03-31/event-source-mappings/{id}");
        get(config, ("lambda", "GetEventSourceMapping"), path).await
    }

    pub(crate) async fn get_account_settings(config: &SdkConfig) -> Result<Reply, CallError> {
        let path = "/2016-08-19/account-settings".to_owned();
        get(config, ("lambda", "GetAccountSettings"), path).await
    }

    /// Source: docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    pub(crate) async fn invoke(
        config: &SdkConfig,
        function: &str,
        invocation_type: &str,
        payload: &str,
        timeouts: Option<TimeoutConfig>,
    ) -> Result<Reply, CallError> {
        let function = utf8_percent_encode(function, RESERVED);
        let call = Call {
            service: "lambda",
            operation: "Invoke",
            method: "POST",
            path: format!("/2015-03-31/functions/{function}/invocations"),
            headers: vec![
                ("content-type", "application/octet-stream".into()),
                ("x-amz-invocation-type", invocation_type.into()),
            ],
            body: payload.into(),
            timeouts,
        };
        call.send(config).await
    }
}

#[cfg(test)]
mod tests {
    use aws_config::AppName;
    use aws_smithy_async::rt::sleep::TokioSleep;
    use aws_smithy_types::retry::RetryConfig;
    use serde_json::json;

    use super::*;
    use crate::{
        classify::has_code,
        testing::{answer, error, replay},
    };

    #[tokio::test(start_paused = true)]
    async fn a_call_is_signed_named_and_tried_again_like_any_other() {
        let (config, sent) = replay([
            error(500, "InternalFailure"),
            error(400, "ThrottlingException"),
            answer(json!({"Successful": []})),
            error(400, "InvalidParameterValue"),
        ]);
        let config = config
            .into_builder()
            .app_name(AppName::new("towerhook").unwrap())
            .retry_config(RetryConfig::standard())
            .sleep_impl(TokioSleep::new())
            .build();
        let none = json!({"Entries": []});
        let send = || sqs::send_message_batch(&config, &none);
        let reply: Value = send().await.unwrap().json("sqs:Send").unwrap();
        assert_eq!(reply, json!({"Successful": []}));
        let refused = send().await.unwrap_err();
        assert!(has_code(&refused, "InvalidParameterValue"));
        assert_eq!(sent.operations(), ["SendMessageBatch"; 4]);
        let header = |name| sent.header(name).unwrap();
        assert!(header("authorization").contains("/eu-west-1/sqs/aws4_request"));
        assert!(header("user-agent").contains("app/towerhook"));
        assert_eq!(header("content-type"), "application/x-amz-json-1.0");
    }
}
