use crate::model::AccountId;

/// The names of a deployment's resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceNames {
    /// The StackSet that creates the role in Log Archive; also the name of the trail's
    /// registration.
    pub log_stack_set: String,
    /// The StackSet that creates the queue in Audit.
    pub audit_stack_set: String,
    /// The StackSet that creates the role in every member, and the management account's own stack.
    pub member_stack_set: String,
    /// The cross-account role in Log Archive.
    pub log_role: String,
    /// The cross-account role in a member.
    pub member_role: String,
    /// The queue in Audit.
    pub queue: String,
    /// The topic in Log Archive, if the trail had none.
    pub trail_topic: String,
}

impl ResourceNames {
    /// The names of the StackSets.
    pub fn stack_sets(&self) -> [&String; 3] {
        [
            &self.log_stack_set,
            &self.audit_stack_set,
            &self.member_stack_set,
        ]
    }
}

/// The ARN of a role without a path.
pub fn role_arn(partition: &str, account: &AccountId, role: &str) -> String {
    format!("arn:{partition}:iam::{account}:role/{role}")
}
