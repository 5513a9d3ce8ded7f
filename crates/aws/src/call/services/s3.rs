use super::*;

/// Source: docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
pub(crate) async fn put_object(
    config: &SdkConfig,
    (bucket, key): (&str, &str),
    content_type: &str,
    body: Vec<u8>,
) -> Result<Reply, CallError> {
    let call = Call {
        service: "s3",
        operation: "PutObject",
        method: "PUT",
        path: format!("/{bucket}/{key}"),
        headers: vec![("content-type", content_type.to_owned())],
        body,
        timeouts: None,
    };
    call.send(config).await
}

pub(crate) async fn get_bucket_location(
    config: &SdkConfig,
    bucket: &str,
) -> Result<Reply, CallError> {
    get(
        config,
        ("s3", "GetBucketLocation"),
        format!("/{bucket}?location"),
    )
    .await
}

pub(crate) async fn get_bucket_policy(
    config: &SdkConfig,
    bucket: &str,
) -> Result<Reply, CallError> {
    get(
        config,
        ("s3", "GetBucketPolicy"),
        format!("/{bucket}?policy"),
    )
    .await
}

/// Source: docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
pub(crate) async fn list_objects_v2(
    config: &SdkConfig,
    bucket: &str,
    prefix: &str,
) -> Result<Reply, CallError> {
    let prefix = utf8_percent_encode(prefix, RESERVED);
    let path = format!("/{bucket}?list-type=2&prefix={prefix}");
    get(config, ("s3", "ListObjectsV2"), path).await
}

/// Source: docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html
pub(crate) async fn get_bucket_notification(
    config: &SdkConfig,
    bucket: &str,
    owner: &str,
) -> Result<Reply, CallError> {
    let operation = ("GetBucketNotification", "GET");
    of_bucket(config, operation, (bucket, owner), Default::default()).await
}

/// Source: docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
pub(crate) async fn put_bucket_notification(
    config: &SdkConfig,
    bucket: &str,
    owner: &str,
    (notifications, is_validated): (String, bool),
) -> Result<Reply, CallError> {
    let operation = ("PutBucketNotification", "PUT");
    let skips = ("x-amz-skip-destination-validation", "true".to_owned());
    let header = (!is_validated).then_some(skips);
    of_bucket(config, operation, (bucket, owner), (notifications, header)).await
}
