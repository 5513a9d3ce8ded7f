//! The objects in buckets of the operator's account, in any Region.
//!
//! Any account may take the name of a bucket that was deleted, so each call names the owner that it expects.

use std::{fmt::Write as _, time::Duration};

use aws_config::Region;
use aws_smithy_types::timeout::TimeoutConfig;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use towerhook_core::Result;

use crate::{
    SdkConfig,
    call::{Call, CallError, Reply, services::sts, xml::elements},
    classify::{failed, has_code, unusable},
};

const IDENTITY: &str = "sts:GetCallerIdentity";
const VERSIONING: &str = "s3:GetBucketVersioning";
const KEEP_VERSIONS: &str = "s3:PutBucketVersioning";
const MAKE: &str = "s3:CreateBucket";
const READ: &str = "s3:GetObject";
const WRITE: &str = "s3:PutObject";

/// S3's namespace of XML.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
/// The time for one file over a slow line.
const PATIENCE: Duration = Duration::from_secs(300);

/// The content of an object and its version.
pub type VersionedObject = (Vec<u8>, String);

/// The buckets of an account.
#[derive(Debug, Clone)]
pub struct Objects {
    config: SdkConfig,
    account: String,
}

/// A bucket in its Region.
#[derive(Debug, Clone, Copy)]
pub struct Bucket<'a> {
    /// The Region.
    pub region: &'a str,
    /// The name.
    pub name: &'a str,
}

impl Objects {
    /// The buckets of the account that the credentials are of.
    ///
    /// # Errors
    ///
    /// STS does not answer.
    pub async fn of(config: &SdkConfig) -> Result<Self> {
        let answer = sts::get_caller_identity(config).await;
        let answer = answer.map_err(failed(IDENTITY))?;
        let result = elements(&answer, IDENTITY, &["GetCallerIdentityResult"])?.pop();
        let account = result.and_then(|mut fields| fields.remove("Account"));
        let account = account.ok_or_else(|| unusable(IDENTITY, "an answer without an account"))?;
        Ok(Self {
            config: config.clone(),
            account,
        })
    }

    /// Whether the bucket keeps the versions of its objects; none if there is no such bucket.
    ///
    /// Source: docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html
    ///
    /// # Errors
    ///
    /// S3 refuses it, as it does when the bucket is another account's.
    pub async fn keeps_versions(&self, bucket: Bucket<'_>) -> Result<Option<bool>> {
        let answer = self.send(
            bucket,
            ("GetBucketVersioning", "GET"),
            "?versioning",
            vec![],
            vec![],
        );
        match answer.await {
            Ok(answer) => Ok(Some(
                answer
                    .text(VERSIONING)?
                    .contains("<Status>Enabled</Status>"),
            )),
            Err(error) if has_code(&error, "NoSuchBucket") => Ok(None),
            Err(error) => Err(failed(VERSIONING)(error)),
        }
    }

    /// Makes a bucket that keeps the versions of its objects. It is private and encrypted, as each new one is.
    ///
    /// Source: docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    ///
    /// # Errors
    ///
    /// The name is taken, or S3 refuses it.
    pub async fn make(&self, bucket: Bucket<'_>) -> Result<()> {
        // us-east-1 must not be named.
        let place = match bucket.region {
            "us-east-1" => String::new(),
            region => format!(
                "<CreateBucketConfiguration xmlns=\"{NAMESPACE}\"><LocationConstraint>{region}\
                 </LocationConstraint></CreateBucketConfiguration>"
            ),
        };
        let versioning = format!(
            "<VersioningConfiguration xmlns=\"{NAMESPACE}\"><Status>Enabled</Status>\
             </VersioningConfiguration>"
        );
        let xml = || vec![("content-type", "application/xml".to_owned())];
        self.send(bucket, ("CreateBucket", "PUT"), "", xml(), place.into())
            .await
            .map_err(failed(MAKE))?;
        let operation = ("PutBucketVersioning", "PUT");
        self.send(bucket, operation, "?versioning", xml(), versioning.into())
            .await
            .map_err(failed(KEEP_VERSIONS))?;
        Ok(())
    }

    /// Reads an object, its newest version unless one is given; none if there is no such object.
    ///
    /// Source: docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    ///
    /// # Errors
    ///
    /// S3 refuses it, as it does for a missing object when the bucket must not be listed.
    pub async fn read(
        &self,
        bucket: Bucket<'_>,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<VersionedObject>> {
        let mut path = format!("/{key}");
        if let Some(version) = version {
            let version = utf8_percent_encode(version, NON_ALPHANUMERIC);
            let _ = write!(path, "?versionId={version}");
        }
        let answer = self.send(bucket, ("GetObject", "GET"), &path, vec![], vec![]);
        match answer.await {
            Ok(answer) => {
                let version = version_of(READ, &answer)?;
                Ok(Some((answer.into_body(), version)))
            }
            Err(error) if has_code(&error, "NoSuchKey") => Ok(None),
            Err(error) => Err(failed(READ)(error)),
        }
    }

    /// Writes an object, unless there is one with its key, and answers the version.
    ///
    /// Source: docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
    ///
    /// # Errors
    ///
    /// There is one, the bucket keeps no versions, or S3 refuses it.
    pub async fn write(
        &self,
        bucket: Bucket<'_>,
        key: &str,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Result<String> {
        let headers = vec![
            ("content-type", media_type.to_owned()),
            ("if-none-match", "*".to_owned()),
        ];
        let path = format!("/{key}");
        let answer = self.send(bucket, ("PutObject", "PUT"), &path, headers, bytes);
        version_of(WRITE, &answer.await.map_err(failed(WRITE))?)
    }

    async fn send(
        &self,
        bucket: Bucket<'_>,
        (operation, method): (&'static str, &'static str),
        below: &str,
        mut headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> std::result::Result<Reply, CallError> {
        if operation != "CreateBucket" {
            headers.push(("x-amz-expected-bucket-owner", self.account.clone()));
        }
        let region = Region::new(bucket.region.to_owned());
        let config = self.config.to_builder().region(region).build();
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(PATIENCE)
            .build();
        let call = Call {
            service: "s3",
            operation,
            method,
            path: format!("/{}{below}", bucket.name),
            headers,
            body,
            timeouts: Some(timeouts),
        };
        call.send(&config).await
    }
}

fn version_of(operation: &'static str, answer: &Reply) -> Result<String> {
    let version = answer.header("x-amz-version-id").map(str::to_owned);
    version.ok_or_else(|| unusable(operation, "an object without a version"))
}

#[cfg(test)]
mod tests {
    use towerhook_core::ErrorKind;

    use super::*;
    use crate::testing::{Answer, Sent, replay, xml, xml_error};

    const BUCKET: Bucket<'_> = Bucket {
        region: "eu-central-1",
        name: "towerhook-eu-central-1",
    };

    /// The buckets of the account 999999999999, over these answers.
    async fn objects(answers: Vec<Answer>) -> (Objects, Sent) {
        let identity = xml("GetCallerIdentity", "<Account>999999999999</Account>");
        let (config, sent) = replay([identity].into_iter().chain(answers));
        (Objects::of(&config).await.unwrap(), sent)
    }

    #[tokio::test]
    async fn a_bucket_says_whether_it_keeps_versions_and_a_missing_one_is_none() {
        let versioning = |status: &str| {
            Answer::xml(
                200,
                &format!("<VersioningConfiguration>{status}</VersioningConfiguration>"),
            )
        };
        let (objects, sent) = objects(vec![
            versioning("<Status>Enabled</Status>"),
            versioning("<Status>Suspended</Status>"),
            versioning(""),
            Answer::xml(404, "<Error><Code>NoSuchBucket</Code></Error>"),
        ])
        .await;
        for expected in [Some(true), Some(false), Some(false), None] {
            assert_eq!(objects.keeps_versions(BUCKET).await.unwrap(), expected);
        }
        let owner = sent.last_header("x-amz-expected-bucket-owner");
        assert_eq!(owner.as_deref(), Some("999999999999"));
    }

    #[tokio::test]
    async fn an_object_has_a_version_and_a_missing_one_is_none() {
        let (objects, sent) = objects(vec![
            Answer::xml(200, "content").header("x-amz-version-id", "a+b"),
            Answer::xml(404, "<Error><Code>NoSuchKey</Code></Error>"),
            Answer::xml(200, "content"),
        ])
        .await;
        let read = async || objects.read(BUCKET, "a/b.zip", Some("a+b")).await;
        let found = (b"content".to_vec(), "a+b".to_owned());
        assert_eq!(read().await.unwrap(), Some(found));
        assert_eq!(read().await.unwrap(), None);
        assert!(read().await.unwrap_err().to_string().contains(READ));
        let signed = sent.last_header("authorization").unwrap();
        assert!(signed.contains("/eu-central-1/s3/"), "{signed}");
    }

    #[tokio::test]
    async fn an_object_that_is_there_is_not_overwritten() {
        let precondition = "<Error><Code>PreconditionFailed</Code></Error>";
        let (objects, sent) = objects(vec![
            Answer::xml(200, "").header("x-amz-version-id", "1"),
            Answer::xml(412, precondition),
        ])
        .await;
        let write = async || {
            objects
                .write(BUCKET, "a", "text/plain", b"a".to_vec())
                .await
        };
        assert_eq!(write().await.unwrap(), "1");
        assert!(write().await.is_err());
        assert_eq!(sent.last_header("if-none-match").as_deref(), Some("*"));
    }

    #[tokio::test]
    async fn without_an_account_no_bucket_is_touched() {
        let refused = replay([xml_error(403, "ExpiredToken", "expired")]);
        let error = Objects::of(&refused.0).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied);
        let nobody = replay([xml("GetCallerIdentity", "")]);
        let error = Objects::of(&nobody.0).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
    }
}
