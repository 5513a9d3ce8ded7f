use serde::{Deserialize, Serialize};

/// Properties of an adopted deployment that must stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// The tenant, in the letter case of the external ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The tenant or the store in the names, in their letter case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The suffix of the members' external ids, if there were members.
    pub member_suffix: Option<String>,
    /// The suffix of the trail's external id, if there was a trail.
    pub trail_suffix: Option<String>,
    /// The naming of the members' managed policies.
    #[serde(default)]
    pub policy_names: PolicyNames,
}

/// The naming of the managed policies of the members' roles: the member template's parameter
/// `ManagedPolicyNames`. A different name means a different policy, and while both are attached a
/// role would exceed IAM's limit of 10 managed policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyNames {
    /// CloudFormation.
    #[default]
    Generated,
    /// The vendor's own integration, with the account's id in each name.
    Vendor,
    /// An older version of it, without the account's id.
    VendorWithoutAccount,
}

impl PolicyNames {
    const ALL: [Self; 3] = [Self::Generated, Self::Vendor, Self::VendorWithoutAccount];

    /// The parameter's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "Generated",
            Self::Vendor => "Vendor",
            Self::VendorWithoutAccount => "VendorWithoutAccount",
        }
    }

    /// Parses the parameter's value; `None` if it is unknown.
    pub fn from_parameter(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|names| names.as_str() == value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_naming_of_policies_is_read_back_from_its_parameter() {
        for (names, parameter) in [
            (PolicyNames::Generated, "Generated"),
            (PolicyNames::Vendor, "Vendor"),
            (PolicyNames::VendorWithoutAccount, "VendorWithoutAccount"),
        ] {
            assert_eq!(names.as_str(), parameter);
            assert_eq!(PolicyNames::from_parameter(parameter), Some(names));
        }
        assert_eq!(PolicyNames::from_parameter("vendor"), None);
    }
}
