//! The functions' zips: in a bucket of the stack's Region, and complete.

use towerhook_core::{Read, ports::BucketPlace, provider::Credential};

use super::{ArtifactFacts, Facts, Finding};

const CHECK: &str = "artifacts";
const ARCHITECTURES: [&str; 2] = ["arm64", "x86_64"];

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let artifacts = facts.artifacts.as_ref();
    artifacts
        .map(|artifacts| judged(facts, artifacts))
        .into_iter()
        .collect()
}

fn judged(facts: &Facts, artifacts: &ArtifactFacts) -> Finding {
    let ArtifactFacts { bucket, place, .. } = artifacts;
    let region = &facts.region;
    let made = format!("aws s3 mb s3://{bucket} --region {region}");
    let elsewhere = |place: String| {
        let says =
            format!("The bucket {bucket} is in {place}, and Lambda takes zips of {region} only.");
        Finding::fail(CHECK, says).mend(
            "Use a bucket of this Region",
            format!("aws s3 mb s3://BUCKET --region {region}"),
        )
    };
    match place {
        Read::Unknown(why) => return Finding::skip(CHECK, why.clone()),
        Read::Ok(BucketPlace::Missing) => {
            return Finding::fail(CHECK, format!("There is no bucket {bucket}."))
                .mend("Make it, and put the zips there", made);
        }
        Read::Ok(BucketPlace::Elsewhere) => return elsewhere("another Region".to_owned()),
        Read::Ok(BucketPlace::Region(other)) if other != region => return elsewhere(other.clone()),
        Read::Ok(BucketPlace::Region(_)) => {}
    }
    zips(facts, artifacts)
}

fn zips(facts: &Facts, artifacts: &ArtifactFacts) -> Finding {
    let ArtifactFacts {
        bucket,
        prefix,
        architecture,
        objects,
        ..
    } = artifacts;
    let objects = match objects {
        Read::Unknown(why) => return Finding::skip(CHECK, why.clone()),
        Read::Ok(objects) => objects,
    };
    let lacking = |architecture: &str| -> Vec<String> {
        let wanted = functions(facts).into_iter();
        let keys = wanted.map(|name| format!("{prefix}{architecture}/{name}.zip"));
        keys.filter(|key| !objects.iter().any(|one| one.key == *key && one.size > 0))
            .collect()
    };
    let given = architecture.as_deref();
    let mut candidates = ARCHITECTURES
        .iter()
        .filter(|one| given.is_none_or(|given| given == **one));
    let complete = candidates.find(|one| lacking(one).is_empty());
    if let Some(architecture) = complete {
        let says = format!("s3://{bucket}/{prefix}{architecture}/ has every zip.");
        return Finding::pass(CHECK, says);
    }
    let architecture = given.unwrap_or(ARCHITECTURES[0]);
    let says = format!(
        "s3://{bucket}/ has no, or an empty, {}.",
        lacking(architecture).join(", ")
    );
    Finding::fail(CHECK, says).mend(
        "Build the zips, and copy them there",
        format!(
            "cargo towerhook package --arch {architecture} &&\n\
             aws s3 cp --recursive dist/{architecture} s3://{bucket}/{prefix}{architecture}/"
        ),
    )
}

fn functions(facts: &Facts) -> Vec<&'static str> {
    let mut functions = vec!["setup", "account"];
    if facts.provider.credential() != Credential::None {
        functions.push("auth");
    }
    functions
}

#[cfg(test)]
mod tests {
    use towerhook_core::ports::StoredObject;

    use super::*;
    use crate::doctor::{
        Verdict,
        testing::{facts, finding, unread},
    };

    fn with(change: impl FnOnce(&mut ArtifactFacts)) -> Finding {
        let mut changed = facts();
        change(changed.artifacts.as_mut().unwrap());
        finding(&changed, CHECK)
    }

    #[test]
    fn a_bucket_that_is_missing_or_of_another_region_fails() {
        let missing = with(|one| one.place = Read::Ok(BucketPlace::Missing));
        assert_eq!(missing.verdict, Verdict::Fail);
        assert_eq!(
            missing.mend[0].text,
            "aws s3 mb s3://zips --region us-east-1"
        );
        for place in [
            BucketPlace::Elsewhere,
            BucketPlace::Region("eu-west-1".into()),
        ] {
            let elsewhere = with(|one| one.place = Read::Ok(place));
            assert_eq!(elsewhere.verdict, Verdict::Fail);
            assert!(
                elsewhere.says.contains("us-east-1 only"),
                "{}",
                elsewhere.says
            );
        }
        assert_eq!(with(|one| one.place = unread()).verdict, Verdict::Skip);
    }

    #[test]
    fn a_zip_that_is_missing_or_empty_fails_by_name() {
        let change = |size: Option<u64>| {
            with(|one| {
                if let Read::Ok(objects) = &mut one.objects {
                    objects.retain(|object| !object.key.ends_with("auth.zip"));
                    objects.extend(size.map(|size| StoredObject {
                        key: "v/1/arm64/auth.zip".into(),
                        size,
                    }));
                }
            })
        };
        assert_eq!(change(Some(1)).verdict, Verdict::Pass);
        for size in [None, Some(0)] {
            let found = change(size);
            assert_eq!(found.verdict, Verdict::Fail, "{size:?}");
            assert!(found.says.contains("v/1/arm64/auth.zip"), "{}", found.says);
        }
    }

    #[test]
    fn the_zips_are_of_the_stacks_processor() {
        let other = with(|one| one.architecture = Some("x86_64".into()));
        assert_eq!(other.verdict, Verdict::Fail);
        assert!(other.mend[0].text.contains("--arch x86_64"));
    }
}
