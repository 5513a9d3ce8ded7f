use towerhook_core::{
    Result,
    ports::{ArtifactInspection, BucketPlace, StoredObject},
};

use super::InspectionSettings;
use crate::{
    Aws,
    call::services::s3,
    call::xml::{elements, root_text},
    classify::{failed, has_code, parse, unusable},
};

const PLACE: &str = "s3:GetBucketLocation";
const LIST: &str = "s3:ListObjectsV2";

/// The codes with which S3 answers for a bucket of another Region.
///
/// Source: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
const ELSEWHERE: [&str; 3] = [
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
];

impl ArtifactInspection for Aws<InspectionSettings> {
    async fn bucket_place(&self, bucket: &str) -> Result<BucketPlace> {
        let reply = match s3::get_bucket_location(&self.config, bucket).await {
            Err(error) if has_code(&error, "NoSuchBucket") => return Ok(BucketPlace::Missing),
            Err(error) if ELSEWHERE.iter().any(|code| has_code(&error, code)) => {
                return Ok(BucketPlace::Elsewhere);
            }
            reply => reply.map_err(failed(PLACE))?,
        };
        // S3's names of its first two Regions, from before there were others.
        let region = match root_text(&reply, PLACE)?.trim() {
            "" => "us-east-1".to_owned(),
            "EU" => "eu-west-1".to_owned(),
            region => region.to_owned(),
        };
        Ok(BucketPlace::Region(region))
    }

    async fn objects(&self, bucket: &str, prefix: &str) -> Result<Vec<StoredObject>> {
        let reply = s3::list_objects_v2(&self.config, bucket, prefix).await;
        let reply = reply.map_err(failed(LIST))?;
        let listed = elements(&reply, LIST, &["Contents"])?.into_iter();
        let objects = listed.map(|mut object| {
            let mut field = |name: &str| {
                let text = object.remove(name);
                text.ok_or_else(|| unusable(LIST, format!("an object without {name}")))
            };
            Ok(StoredObject {
                key: field("Key")?,
                size: parse(LIST, &field("Size")?)?,
            })
        });
        objects.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{inspection::testing::inspection, testing::Answer};

    #[tokio::test]
    async fn a_bucket_is_here_elsewhere_or_nowhere() {
        let located = |text: &str| {
            let body = format!("<LocationConstraint>{text}</LocationConstraint>");
            Answer::xml(200, &body)
        };
        let refused = |status, code: &str| {
            Answer::xml(status, &format!("<Error><Code>{code}</Code></Error>"))
        };
        let (aws, sent) = inspection([
            located("eu-west-1"),
            located(""),
            refused(301, "PermanentRedirect"),
            refused(404, "NoSuchBucket"),
            refused(403, "AccessDenied"),
        ]);
        let region = |name: &str| BucketPlace::Region(name.to_owned());
        for expected in [
            region("eu-west-1"),
            region("us-east-1"),
            BucketPlace::Elsewhere,
            BucketPlace::Missing,
        ] {
            assert_eq!(aws.bucket_place("zips").await.unwrap(), expected);
        }
        assert!(aws.bucket_place("zips").await.is_err());
        assert!(sent.operations()[0].ends_with("/zips?location"));
    }

    #[tokio::test]
    async fn objects_come_with_their_sizes() {
        let body = "<ListBucketResult><Name>zips</Name><Contents><Key>v/1/setup.zip</Key>\
                    <Size>12</Size><Owner><ID>1</ID></Owner></Contents></ListBucketResult>";
        let (aws, sent) = inspection([Answer::xml(200, body)]);
        let objects = aws.objects("zips", "v/1/").await.unwrap();
        let expected = StoredObject {
            key: "v/1/setup.zip".into(),
            size: 12,
        };
        assert_eq!(objects, [expected]);
        assert!(sent.operations()[0].ends_with("/zips?list-type=2&prefix=v%2F1%2F"));
    }
}
