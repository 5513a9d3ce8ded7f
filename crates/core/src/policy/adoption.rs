use serde::{Deserialize, Serialize};

/// What an existing deployment had that has to stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// The Lacework account in the letter case that the external ids have it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The part of the names that says whose they are, in the letter case that they have it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The end of the members' external ids, where there were members.
    pub member_suffix: Option<String>,
    /// The end of the trail's external id, where there was a trail.
    pub trail_suffix: Option<String>,
    /// How the members' managed policies are named.
    #[serde(default)]
    pub policy_names: PolicyNames,
}

/// Who names the managed policies of the members' roles: the member template's parameter
/// `ManagedPolicyNames`. Another name means another policy, and while old and new are attached a role would
/// hold more than the 10 managed policies that IAM allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyNames {
    /// CloudFormation.
    #[default]
    Generated,
    /// Lacework's own integration, with the account's id in each name.
    Vendor,
    /// The same as of June and July 2025, without the account's id.
    VendorWithoutAccount,
}

impl PolicyNames {
    const ALL: [Self; 3] = [Self::Generated, Self::Vendor, Self::VendorWithoutAccount];

    /// As the parameter has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "Generated",
            Self::Vendor => "Vendor",
            Self::VendorWithoutAccount => "VendorWithoutAccount",
        }
    }

    /// What the parameter's value means; `None` where it has no such value.
    pub fn from_parameter(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|names| names.as_str() == value)
    }
}
