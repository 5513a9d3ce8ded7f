use crate::model::Arn;

/// The roles that StackSets are run with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSetRoles {
    /// CloudFormation assumes it in the management account.
    pub administration: Arn,
    /// The administration role assumes the one of this name in every account.
    pub execution: String,
}

impl StackSetRoles {
    /// The administration role's name, by which IAM knows it whatever its path.
    pub(crate) fn administration_name(&self) -> &str {
        let resource = self.administration.resource();
        resource.rsplit('/').next().unwrap_or(resource)
    }
}

/// A role of the management account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its ARN, path included.
    pub arn: Arn,
    /// Who may assume it: a policy, in JSON.
    pub trust: String,
}
