use std::{collections::BTreeMap, fmt::Write};

use sha2::{Digest, Sha256};

use super::{StackSet, StackSetRoles, pinned::pinned};
use crate::planted::{Fault, planted};

/// The tag that says whose a StackSet or a stack is: its value is the main stack's id.
pub const STACK_ID_TAG: &str = "towerhook:stack-id";

/// The member template's parameter that says who names the managed policies.
pub(crate) const POLICY_NAMES: &str = "ManagedPolicyNames";

/// The member template's parameter with the topic that an account registers itself on.
pub(crate) const REGISTRATION_TOPIC: &str = "RegistrationTopicArn";

/// The member template's parameter with what the names of registrations begin with.
pub(crate) const INTEGRATION_PREFIX: &str = "IntegrationNamePrefix";

/// The member template's NoEcho parameter with the token that an account registers itself with. Each
/// instance has its own value: a new token for one account is nothing to the others.
pub const ACCESS_TOKEN: &str = "AccessToken";

/// The log and member templates' parameter with the name of the roles' permissions boundary.
pub(crate) const PERMISSIONS_BOUNDARY: &str = "PermissionsBoundaryName";

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
    /// The template's text as this release has it.
    pub template: &'static str,
    /// The template's parameters.
    pub parameters: BTreeMap<String, String>,
    /// The main stack's id.
    pub stack_id: String,
    /// The main stack's own tags.
    pub tags: BTreeMap<String, String>,
    /// What the StackSet is run with; nothing for a stack.
    pub roles: Option<StackSetRoles>,
}

/// Parameters as a StackSet has them.
pub(crate) fn with_parameters<'a>(
    parameters: impl Iterator<Item = &'a (&'a str, &'a str)>,
) -> BTreeMap<String, String> {
    let owned = parameters.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

impl StackSetSpec {
    /// The template's text as it is deployed: its parameters take the values of this specification and no
    /// others.
    pub fn body(&self) -> String {
        pinned(self.template, |name| self.parameters.get(name))
    }

    /// The description, which carries a digest of template, parameters and roles: what was deployed last
    /// can be told from it without reading the template back.
    pub fn description(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.body());
        for (name, value) in &self.parameters {
            hash.update(format!("\n{name}={value}"));
        }
        if let Some(roles) = &self.roles {
            hash.update(format!("\n{} {}", roles.administration, roles.execution));
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
    /// which is all that its role may make, and its registration is the function's.
    ///
    /// What its role makes is bounded: by `boundary`, unless the administrator has named another one.
    pub(crate) fn for_management(&self, boundary: Option<&str>) -> Self {
        let mut spec = self.clone();
        if let Some(boundary) = boundary {
            let named = spec.parameters.entry(PERMISSIONS_BOUNDARY.to_owned());
            let named = named.or_default();
            if named.is_empty() {
                boundary.clone_into(named);
            }
        }
        spec.roles = None;
        for parameter in [POLICY_NAMES, REGISTRATION_TOPIC, INTEGRATION_PREFIX] {
            spec.parameters.remove(parameter);
        }
        spec
    }

    /// All tags: the main stack's own, and the one that says whose it is.
    pub fn all_tags(&self) -> BTreeMap<String, String> {
        let mut tags = self.tags.clone();
        tags.insert(STACK_ID_TAG.to_owned(), self.stack_id.clone());
        tags
    }

    /// Whether a StackSet is marked as this one was when it was last updated.
    pub fn is_marked_on(&self, existing: &StackSet) -> bool {
        existing.description == self.description() && existing.tags == self.all_tags()
    }

    /// Whether a StackSet is as it should be, whatever its description says: a template or a parameter
    /// that somebody changed by hand shows here. The token is each instance's own.
    pub fn is_met_by(&self, existing: &StackSet) -> bool {
        let mut parameters = self.parameters.iter();
        self.is_marked_on(existing)
            && (planted(Fault::EditIsOverlooked)
                || existing.template.trim_end() == self.body().trim_end()
                    && parameters.all(|(name, value)| existing.parameters.get(name) == Some(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_by_digest_by_hand_or_by_tag_is_seen() {
        let spec = StackSetSpec {
            name: "set".into(),
            template: "a: b",
            parameters: [("X".to_owned(), "1".to_owned())].into(),
            stack_id: "id".into(),
            tags: BTreeMap::new(),
            roles: None,
        };
        let mut other = spec.clone();
        other.parameters.insert("X".into(), "2".into());
        assert_ne!(spec.description(), other.description());
        other = StackSetSpec {
            roles: Some(StackSetRoles {
                administration: "arn:aws:iam::111122223333:role/admin".parse().unwrap(),
                execution: "execution".into(),
            }),
            ..spec.clone()
        };
        assert_ne!(spec.description(), other.description());
        other = StackSetSpec {
            template: "a: c",
            ..spec.clone()
        };
        assert_ne!(spec.description(), other.description());
        let existing = StackSet {
            name: "set".into(),
            description: spec.description(),
            template: "a: b".into(),
            parameters: spec.parameters.clone(),
            tags: spec.all_tags(),
        };
        assert!(spec.is_met_by(&existing));
        let differs = |change: &dyn Fn(&mut StackSet)| {
            let mut edited = existing.clone();
            change(&mut edited);
            !spec.is_met_by(&edited)
        };
        assert!(differs(&|set| set.template = "a: administrator".into()));
        assert!(differs(&|set| {
            set.parameters.insert("X".into(), "2".into());
        }));
        assert!(differs(&|set| {
            set.tags.insert(STACK_ID_TAG.into(), "another".into());
        }));
        let tagged = StackSetSpec {
            tags: [("team".to_owned(), "blue".to_owned())].into(),
            ..spec
        };
        assert!(!tagged.is_met_by(&existing));
    }
}
