use crate::model::Arn;

/// The roles that run the StackSets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSetRoles {
    /// The role that CloudFormation assumes in the management account.
    pub administration: Arn,
    /// The name of the role that the administration role assumes in every account.
    pub execution: String,
}

impl StackSetRoles {
    /// The administration role's name, by which IAM finds it regardless of its path.
    pub(crate) fn administration_name(&self) -> &str {
        let resource = self.administration.resource();
        resource.rsplit('/').next().unwrap_or(resource)
    }
}

/// A role of the management account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its ARN, including the path.
    pub arn: Arn,
    /// Its trust policy, in JSON.
    pub trust: String,
}
