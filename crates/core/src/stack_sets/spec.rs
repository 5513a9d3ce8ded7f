use std::{collections::BTreeMap, fmt::Write};

use sha2::{Digest, Sha256};

use super::{STACK_ID_TAG, StackSet, StackSetRoles, pinned::pinned};
use crate::planted::{Fault, planted};

/// The member template's parameter for the naming of managed policies.
pub const POLICY_NAMES: &str = "ManagedPolicyNames";

/// The member template's parameter for the topic that an account registers itself on.
pub const REGISTRATION_TOPIC: &str = "RegistrationTopicArn";

/// The member template's parameter for the prefix of registration names.
pub const INTEGRATION_PREFIX: &str = "IntegrationNamePrefix";

/// The member template's NoEcho parameter for the token that an account registers itself with. Each
/// instance has its own value, so a new token for one account does not affect the others.
pub const ACCESS_TOKEN: &str = "AccessToken";

/// The log and member templates' parameter for the roles' permissions boundary.
pub const PERMISSIONS_BOUNDARY: &str = "PermissionsBoundaryName";

/// The templates that setup deploys, each at most 51,200 bytes.
#[derive(Debug, Clone, Copy)]
pub struct Templates {
    /// Those of the trail's part, if the vendor reads a trail.
    pub feed: Option<FeedTemplates>,
    /// The role in every member.
    pub member: &'static str,
}

/// The templates of the trail's part.
#[derive(Debug, Clone, Copy)]
pub struct FeedTemplates {
    /// The role in Log Archive.
    pub log: &'static str,
    /// The queue in Audit, if it does not come with the role.
    pub audit: Option<&'static str>,
}

/// The desired state of a StackSet, or of the management account's stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSetSpec {
    /// Its name.
    pub name: String,
    /// This release's template.
    pub template: &'static str,
    /// The template's parameters.
    pub parameters: BTreeMap<String, String>,
    /// The main stack's id.
    pub stack_id: String,
    /// The main stack's own tags.
    pub tags: BTreeMap<String, String>,
    /// The roles that run the StackSet; `None` for a stack.
    pub roles: Option<StackSetRoles>,
}

impl StackSetSpec {
    /// The template as deployed: its parameters accept only this specification's values.
    pub fn body(&self) -> String {
        pinned(self.template, |name| self.parameters.get(name))
    }

    /// The description, with a digest of template, parameters and roles: it shows what was deployed
    /// last without reading the template back.
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

    /// The management account's stack. It is always created by us, so its policies have generated names,
    /// which is all that its role may create, and its registration is created by the account
    /// function.
    ///
    /// Its roles get a permissions boundary: `boundary`, unless the administrator has named another
    /// one.
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

    /// All tags: the main stack's own, and the owner tag.
    pub fn all_tags(&self) -> BTreeMap<String, String> {
        let mut tags = self.tags.clone();
        tags.insert(STACK_ID_TAG.to_owned(), self.stack_id.clone());
        tags
    }

    /// Whether a StackSet's marks match this specification, as of its last update.
    pub fn is_marked_on(&self, existing: &StackSet) -> bool {
        existing.description == self.description() && existing.tags == self.all_tags()
    }

    /// Whether a StackSet matches this specification, whatever its description says: a template or
    /// a parameter that was changed by hand shows here. The token is excluded, because each
    /// instance has its own.
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
