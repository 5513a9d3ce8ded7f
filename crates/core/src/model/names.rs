//! The fixed names. They are those of Lacework's own integration, so that the two cannot exist side
//! by side unnoticed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AccountId, Arn};

/// A Lacework store's name, in lower case as the `Account-Name` header requires.
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

    /// Whether a StackSet with this name can belong to a deployment with this prefix. The functions
    /// may access no other.
    pub fn is_of(&self, stack_set: &str) -> bool {
        let rest = stack_set.strip_prefix(&self.0);
        let kinds = [LOG, AUDIT, MEMBER];
        rest.is_some_and(|rest| kinds.iter().any(|kind| rest.starts_with(kind)))
    }
}

/// The part of a StackSet's name between the prefix and the Lacework account or store.
pub(super) const LOG: &str = "CloudTrail-Log-Account-";
pub(super) const AUDIT: &str = "CloudTrail-Audit-Account-";
pub(super) const MEMBER: &str = "Config-Member-";

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

/// All names of one deployment, built from the Lacework account's name and the prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The Lacework account, or the single store, in the names.
    pub resource: String,
    /// `IntegrationNamePrefix`.
    pub prefix: IntegrationPrefix,
}

impl Names {
    /// The StackSet that creates the role in Log Archive; also the name of the trail's
    /// registration.
    pub fn log_stack_set(&self) -> String {
        format!("{}{LOG}{}", self.prefix.0, self.resource)
    }

    /// The StackSet that creates the queue in Audit.
    pub fn audit_stack_set(&self) -> String {
        format!("{}{AUDIT}{}", self.prefix.0, self.resource)
    }

    /// The StackSet that creates the role in every member, and the management account's own stack.
    pub fn member_stack_set(&self) -> String {
        format!("{}{MEMBER}{}", self.prefix.0, self.resource)
    }

    /// The registration of one account.
    pub fn member_registration(&self, account: &AccountId) -> String {
        format!("{}{MEMBER}{account}", self.prefix.0)
    }

    /// The cross-account role in Log Archive.
    pub fn log_role(&self) -> String {
        format!("{}-laceworkcwssarole", self.resource)
    }

    /// The cross-account role in a member.
    pub fn member_role(&self) -> String {
        format!("{}-laceworkcwsrole-sa", self.resource)
    }

    /// The queue in Audit.
    pub fn queue(&self) -> String {
        format!("{}-laceworkcws", self.resource)
    }

    /// The topic in Log Archive, if the trail had none.
    pub fn trail_topic(&self) -> String {
        format!("{}-laceworkcwstopic", self.resource)
    }

    /// The ARN of a role of ours.
    pub fn role_arn(partition: &str, account: &AccountId, role: &str) -> String {
        format!("arn:{partition}:iam::{account}:role/{role}")
    }
}

/// `lweid:aws:v2:<lacework account>:<aws account>:<suffix>`, which the role's trust policy demands.
///
/// Source: docs.lacework.net/onboarding/aws-cross-account-eid. The suffix may hold colons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExternalId(String);

impl ExternalId {
    /// The external id of one account.
    pub fn new(tenant: &str, account: &AccountId, suffix: &str) -> Self {
        Self(format!("lweid:aws:v2:{tenant}:{account}:{suffix}"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the SaaS shows this id, or a masked one that may be it.
    pub fn is_shown_as(&self, shown: &str) -> bool {
        shown == self.0 || Self::is_masked(shown)
    }

    /// Whether the SaaS shows no readable id.
    ///
    /// The API may show it masked or empty (the vendor's `cloud-account backup` checks for it).
    pub fn is_masked(shown: &str) -> bool {
        shown.trim_matches(['*', 'X', 'x', ' ']).is_empty()
    }

    /// The tenant, the account and the suffix of a text in the form of an external id.
    pub fn parts(shown: &str) -> Option<(&str, &str, &str)> {
        let (tenant, rest) = shown.strip_prefix("lweid:aws:v2:")?.split_once(':')?;
        let (account, suffix) = rest.split_once(':')?;
        Some((tenant, account, suffix))
    }

    /// The account in an id of this tenant with this suffix; `None` for any other id.
    pub fn account_in(shown: &str, tenant: &str, suffix: &str) -> Option<AccountId> {
        let (owner, account, end) = Self::parts(shown)?;
        let is_it = owner == tenant && end == suffix;
        is_it.then(|| account.parse().ok())?
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

    fn names() -> Names {
        Names {
            resource: "acme".into(),
            prefix: "Lacework-Control-Tower-".parse().unwrap(),
        }
    }

    #[test]
    fn names_are_those_of_the_vendors_own_integration() {
        let account: AccountId = "111122223333".parse().unwrap();
        assert_eq!(
            names().member_stack_set(),
            "Lacework-Control-Tower-Config-Member-acme"
        );
        assert_eq!(
            names().member_registration(&account),
            "Lacework-Control-Tower-Config-Member-111122223333"
        );
        assert_eq!(
            names().log_stack_set(),
            "Lacework-Control-Tower-CloudTrail-Log-Account-acme"
        );
        assert_eq!(names().member_role(), "acme-laceworkcwsrole-sa");
    }

    #[test]
    fn a_masked_external_id_is_no_difference() {
        let account: AccountId = "111122223333".parse().unwrap();
        let id = ExternalId::new("acme", &account, "AB:CD12345");
        assert_eq!(id.as_str(), "lweid:aws:v2:acme:111122223333:AB:CD12345");
        assert!(id.is_shown_as("********") && id.is_shown_as("") && id.is_shown_as(id.as_str()));
        assert!(!id.is_shown_as("lweid:aws:v2:acme:111122223333:other"));
        let account_in = |suffix| ExternalId::account_in(id.as_str(), "acme", suffix);
        assert_eq!(account_in("AB:CD12345"), Some(account));
        assert_eq!(account_in("CD12345"), None);
        assert_eq!(account_in("other"), None);
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
        for text in ["A", "AWS", "AWSControl-", "Lacework-AWSControlTower-"] {
            let prefix: IntegrationPrefix = text.parse().unwrap();
            // This makes a short prefix harmless: it covers no StackSet of Control Tower's.
            assert!(!prefix.is_of("AWSControlTowerBP-BASELINE-CLOUDTRAIL"));
        }
    }

    #[test]
    fn a_deployments_stack_sets_are_of_its_prefix_and_no_others() {
        let names = names();
        for ours in [
            names.log_stack_set(),
            names.audit_stack_set(),
            names.member_stack_set(),
        ] {
            assert!(names.prefix.is_of(&ours), "{ours}");
        }
        for other in ["Lacework-Control-Tower-Else", "Config-Member-acme", ""] {
            assert!(!names.prefix.is_of(other), "{other}");
        }
    }
}
