use crate::model::{AccountId, Arn, ParseIdError};

/// Control Tower's administration role, with its path.
const ADMINISTRATION: &str = "service-role/AWSControlTowerStackSetRole";
/// The role that Control Tower makes in every account that it manages.
const EXECUTION: &str = "AWSControlTowerExecution";

/// The roles that run the StackSets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSetRoles {
    /// The role that CloudFormation assumes in the management account.
    pub administration: Arn,
    /// The name of the role that the administration role assumes in every account.
    pub execution: String,
}

impl StackSetRoles {
    /// Control Tower's, in this management account.
    ///
    /// # Errors
    ///
    /// The partition is none.
    pub fn of_control_tower(partition: &str, account: &AccountId) -> Result<Self, ParseIdError> {
        Ok(Self {
            administration: format!("arn:{partition}:iam::{account}:role/{ADMINISTRATION}")
                .parse()?,
            execution: EXECUTION.to_owned(),
        })
    }

    /// The administration role's name, by which IAM finds it regardless of its path.
    pub fn administration_name(&self) -> &str {
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
