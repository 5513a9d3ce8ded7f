use std::{collections::BTreeMap, fmt::Write};

use sha2::{Digest, Sha256};

use crate::ports::StackSet;

/// The tag that says whose a StackSet or a stack is: its value is the main stack's id.
pub const STACK_ID_TAG: &str = "towerhook:stack-id";

/// The member template's parameter that says who names the managed policies.
pub(super) const POLICY_NAMES: &str = "ManagedPolicyNames";

/// The member template's parameter with the topic that an account registers itself on.
pub(super) const REGISTRATION_TOPIC: &str = "RegistrationTopicArn";

/// The member template's parameter with what the names of integrations begin with.
pub(super) const INTEGRATION_PREFIX: &str = "IntegrationNamePrefix";

/// The member template's NoEcho parameter with the token that an account registers itself with. Each
/// instance has its own value: a new token for one account is nothing to the others.
pub const ACCESS_TOKEN: &str = "AccessToken";

/// The templates that setup deploys, each at most 51,200 bytes.
#[derive(Debug, Clone, Copy)]
pub struct Templates {
    /// The role in Log Archive.
    pub log: &'static str,
    /// The queue in Audit.
    pub audit: &'static str,
    /// The role in every member.
    pub member: &'static str,
}

/// A StackSet, or the management account's stack, as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSetSpec {
    /// Its name.
    pub name: String,
    /// The template's text.
    pub template: &'static str,
    /// The template's parameters.
    pub parameters: BTreeMap<String, String>,
    /// The main stack's id.
    pub stack_id: String,
}

impl StackSetSpec {
    /// The description, which carries a digest of template and parameters: what was deployed last
    /// can be told from it without reading the template back.
    pub fn description(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.template);
        for (name, value) in &self.parameters {
            hash.update(format!("\n{name}={value}"));
        }
        let digest = hash
            .finalize()
            .iter()
            .take(8)
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
        format!("Made by Towerhook. Digest {digest}")
    }

    /// The management account's stack: always made by us, so its policies have generated names,
    /// which is all that its role may make, and its integration is the function's.
    pub(super) fn for_management(&self) -> Self {
        let mut spec = self.clone();
        for parameter in [POLICY_NAMES, REGISTRATION_TOPIC, INTEGRATION_PREFIX] {
            spec.parameters.remove(parameter);
        }
        spec
    }

    /// Whether a StackSet is as it should be.
    pub fn is_met_by(&self, existing: &StackSet) -> bool {
        existing.description == self.description()
            && existing.tags.get(STACK_ID_TAG) == Some(&self.stack_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_parameter_or_template_is_another_digest() {
        let spec = StackSetSpec {
            name: "set".into(),
            template: "a: b",
            parameters: [("X".to_owned(), "1".to_owned())].into(),
            stack_id: "id".into(),
        };
        let mut other = spec.clone();
        other.parameters.insert("X".into(), "2".into());
        assert_ne!(spec.description(), other.description());
        other = StackSetSpec {
            template: "a: c",
            ..spec.clone()
        };
        assert_ne!(spec.description(), other.description());
        let existing = StackSet {
            name: "set".into(),
            description: spec.description(),
            parameters: BTreeMap::new(),
            tags: [(STACK_ID_TAG.to_owned(), "somebody else's".to_owned())].into(),
        };
        assert!(!spec.is_met_by(&existing));
    }
}
