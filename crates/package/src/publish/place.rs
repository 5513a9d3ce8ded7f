use std::collections::BTreeSet;

use regex_lite::Regex;

/// Where a release is published in a Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The Region.
    pub region: String,
    /// The bucket in it.
    pub bucket: String,
}

/// Why nothing can be published there.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unusable {
    /// It looks like no Region.
    #[error("{0:?} is no Region: give names such as eu-west-1, with commas between them")]
    Region(String),
    /// It is given twice.
    #[error("{0} is given twice")]
    Twice(String),
    /// The bucket could not have this name.
    #[error(
        "no bucket can be called {0}: a prefix has small letters, digits and hyphens, and with the Region \
         63 characters at most"
    )]
    Bucket(String),
    /// The Region has other domains than AWS's public ones.
    #[error("the consoles of the partition of {0} are not known, so no buttons can be made for it")]
    Partition(String),
}

/// The place in each of these Regions; the bucket's name is the prefix, a hyphen and the Region.
///
/// # Errors
/// When a Region or the prefix cannot be used.
pub fn places(prefix: &str, regions: &[String]) -> Result<Vec<Place>, Unusable> {
    let mut seen = BTreeSet::new();
    let place = |region: &String| {
        if !fits(r"^[a-z]{2,4}(-[a-z]+){1,3}-[0-9]$", region) {
            return Err(Unusable::Region(region.clone()));
        }
        if !seen.insert(region.clone()) {
            return Err(Unusable::Twice(region.clone()));
        }
        let bucket = format!("{prefix}-{region}");
        // Without dots, so that the name is in S3's certificate.
        if !fits("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", &bucket) {
            return Err(Unusable::Bucket(bucket));
        }
        let place = Place {
            region: region.clone(),
            bucket,
        };
        place.console()?;
        Ok(place)
    };
    regions.iter().map(place).collect()
}

fn fits(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}

impl Place {
    /// The address of an object.
    pub(super) fn url(&self, key: &str) -> String {
        let Self { region, bucket } = self;
        let end = if region.starts_with("cn-") {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        format!("https://{bucket}.s3.{region}.{end}/{key}")
    }

    /// The console's host.
    ///
    /// Source: docs.aws.amazon.com/awsconsolehelpdocs/latest/gsg/working-with-console.html
    pub(super) fn console(&self) -> Result<String, Unusable> {
        let region = &self.region;
        match region.split('-').next() {
            Some("cn") => Ok("console.amazonaws.cn".to_owned()),
            Some("us") if region.starts_with("us-gov-") => {
                Ok("console.amazonaws-us-gov.com".to_owned())
            }
            Some("eusc") => Err(Unusable::Partition(region.clone())),
            Some("us") if region.starts_with("us-iso") => Err(Unusable::Partition(region.clone())),
            _ => Ok(format!("{region}.console.aws.amazon.com")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(prefix: &str, regions: &[&str]) -> Unusable {
        places(
            prefix,
            &regions.iter().map(ToString::to_string).collect::<Vec<_>>(),
        )
        .unwrap_err()
    }

    #[test]
    fn each_region_has_a_bucket_named_after_it() {
        let found = places("towerhook", &["eu-west-1".into(), "us-gov-west-1".into()]).unwrap();
        assert_eq!(found[0].bucket, "towerhook-eu-west-1");
        let url = "https://towerhook-eu-west-1.s3.eu-west-1.amazonaws.com/a/b";
        assert_eq!(found[0].url("a/b"), url);
        assert_eq!(found[1].console().unwrap(), "console.amazonaws-us-gov.com");
    }

    #[test]
    fn what_is_no_region_and_what_no_bucket_can_be_called_is_refused() {
        assert_eq!(
            refusal("a", &["eu-west"]),
            Unusable::Region("eu-west".into())
        );
        assert_eq!(
            refusal("a", &["EU-WEST-1"]),
            Unusable::Region("EU-WEST-1".into())
        );
        let twice = refusal("a", &["eu-west-1", "eu-west-1"]);
        assert_eq!(twice, Unusable::Twice("eu-west-1".into()));
        for prefix in ["", "A", "a.b", &"a".repeat(60)] {
            let bucket = format!("{prefix}-eu-west-1");
            assert_eq!(refusal(prefix, &["eu-west-1"]), Unusable::Bucket(bucket));
        }
        let partition = refusal("a", &["us-iso-east-1"]);
        assert_eq!(partition, Unusable::Partition("us-iso-east-1".into()));
    }
}
