use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{AccountId, ids::ParseIdError};

/// An Amazon Resource Name: `arn:partition:service:region:account:resource`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Arn(String);

impl Arn {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `aws`, `aws-us-gov`, `aws-eusc` ...
    pub fn partition(&self) -> &str {
        self.part(1)
    }

    /// The service's namespace, such as `iam`.
    pub fn service(&self) -> &str {
        self.part(2)
    }

    /// The Region; empty for global services.
    pub fn region(&self) -> &str {
        self.part(3)
    }

    /// The owner's account, if the ARN has one.
    pub fn account(&self) -> Option<AccountId> {
        self.part(4).parse().ok()
    }

    /// Everything after the account, including slashes and colons.
    pub fn resource(&self) -> &str {
        self.part(5)
    }

    fn part(&self, index: usize) -> &str {
        self.0.splitn(6, ':').nth(index).unwrap_or_default()
    }
}

impl FromStr for Arn {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let valid = matches!(parts[..], ["arn", partition, service, _, _, resource]
            if !partition.is_empty() && !service.is_empty() && !resource.is_empty());
        // The longest ARN that AWS documents.
        if valid && text.len() <= 2048 {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseIdError::new(text, "an ARN"))
        }
    }
}

impl TryFrom<String> for Arn {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<Arn> for String {
    fn from(arn: Arn) -> String {
        arn.0
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_keeps_its_colons() {
        let arn: Arn = "arn:aws-us-gov:cloudformation:us-gov-west-1:111122223333:stackset/a:b"
            .parse()
            .unwrap();
        assert_eq!(arn.partition(), "aws-us-gov");
        assert_eq!(arn.service(), "cloudformation");
        assert_eq!(arn.region(), "us-gov-west-1");
        assert_eq!(arn.account().unwrap().as_str(), "111122223333");
        assert_eq!(arn.resource(), "stackset/a:b");
    }

    #[test]
    fn text_that_only_looks_like_an_arn_is_refused() {
        for text in [
            "",
            "arn:aws:s3",
            "arn::s3:::bucket",
            "urn:aws:s3:::bucket",
            "arn:aws:s3:::",
        ] {
            assert!(text.parse::<Arn>().is_err(), "{text}");
        }
    }
}
