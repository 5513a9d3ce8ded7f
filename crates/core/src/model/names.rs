use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AccountId, Arn};

/// The name of a store of registrations in the tenant, in lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Store(String);

impl Store {
    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Store {
    fn from(name: &str) -> Self {
        Self(name.trim().to_lowercase())
    }
}

impl From<String> for Store {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<Store> for String {
    fn from(name: Store) -> String {
        name.0
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The parameter `IntegrationNamePrefix`, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntegrationPrefix(String);

impl IntegrationPrefix {
    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The prefix of Control Tower's own StackSets.
///
/// Source: AWS Control Tower User Guide, "About the shared accounts".
const CONTROL_TOWER: &str = "AWSControlTower";

/// A prefix that StackSet names cannot begin with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParsePrefixError {
    /// CloudFormation refuses such a name.
    #[error(
        "IntegrationNamePrefix must start with a letter, hold letters, digits and hyphens only, and be at most 64 long; found {0:?}"
    )]
    Form(String),
    /// A StackSet of ours would look like one of Control Tower's.
    #[error(
        "IntegrationNamePrefix must not begin with {CONTROL_TOWER}, in any letter case, which marks Control Tower's own StackSets; found {0:?}"
    )]
    ControlTowers(String),
}

impl std::str::FromStr for IntegrationPrefix {
    type Err = ParsePrefixError;

    fn from_str(text: &str) -> Result<Self, ParsePrefixError> {
        let valid = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !valid {
            return Err(ParsePrefixError::Form(text.chars().take(80).collect()));
        }
        let begin = text.get(..CONTROL_TOWER.len());
        if begin.is_some_and(|begin| begin.eq_ignore_ascii_case(CONTROL_TOWER)) {
            return Err(ParsePrefixError::ControlTowers(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What the names of a deployment's resources are built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The tenant, or the single store, in the names.
    pub resource: String,
    /// `IntegrationNamePrefix`.
    pub prefix: IntegrationPrefix,
}

/// The text that the role's trust policy demands of the vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExternalId(String);

impl From<String> for ExternalId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl ExternalId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the vendor shows this id, or a masked one that may be it.
    pub fn is_shown_as(&self, shown: &str) -> bool {
        shown == self.0 || Self::is_masked(shown)
    }

    /// Whether the vendor shows no readable id, but a masked or an empty one.
    pub fn is_masked(shown: &str) -> bool {
        shown.trim_matches(['*', 'X', 'x', ' ']).is_empty()
    }
}

/// The account in a role's ARN, which is the account of a registration.
pub fn account_of_role(role_arn: &str) -> Option<AccountId> {
    role_arn
        .parse::<Arn>()
        .ok()
        .filter(|arn| arn.service() == "iam")?
        .account()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_external_id_is_no_difference() {
        let id = ExternalId::from("id:111122223333:AB:CD12345".to_owned());
        assert!(id.is_shown_as("********") && id.is_shown_as("") && id.is_shown_as(id.as_str()));
        assert!(!id.is_shown_as("id:111122223333:other"));
    }

    #[test]
    fn a_prefix_that_a_stack_set_cannot_bear_is_refused() {
        for text in ["", "1abc", "with space", "under_score", &"a".repeat(65)] {
            assert!(text.parse::<IntegrationPrefix>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_of_control_towers_own_names_is_refused_and_says_why() {
        for text in ["AWSControlTower", "awscontroltower-", "AwsControlTowerBP-"] {
            let refused = text.parse::<IntegrationPrefix>().unwrap_err().to_string();
            assert!(
                refused.contains("which marks Control Tower's own StackSets"),
                "{refused}"
            );
        }
        for text in ["A", "AWS", "AWSControl-", "Own-AWSControlTower-"] {
            assert!(text.parse::<IntegrationPrefix>().is_ok(), "{text}");
        }
    }
}
