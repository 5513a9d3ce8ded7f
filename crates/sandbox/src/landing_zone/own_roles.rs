//! An organization without Control Tower, whose StackSets are run with roles of its own.

use serde_json::json;

use super::{
    IAM_VERSION, LandingZone, Role, RolePolicy, STACK_SET_ROLE, create_execution_role, create_role,
};

/// The role that StackSets assume in every account, where it is not Control Tower's.
pub const OWN_EXECUTION_ROLE: &str = "OwnStackSetExecution";

const OWN_ADMINISTRATION_ROLE: &str = "OwnStackSetAdministration";

impl LandingZone {
    /// Replaces Control Tower and its roles with others. Returns the ARN of the administration
    /// role.
    ///
    /// # Errors
    /// When the emulator refuses a step.
    pub async fn leave_control_tower(&self) -> anyhow::Result<String> {
        self.gateway.control_tower().set_landing_zone(None);
        let policy = ("PolicyName", "AWSControlTowerStackSetRolePolicy");
        let role = ("RoleName", STACK_SET_ROLE);
        for (operation, form) in [
            ("DeleteRolePolicy", &[role, policy][..]),
            ("DeleteRole", &[role]),
        ] {
            self.aws.query("iam", operation, IAM_VERSION, form).await?;
        }
        let management = self.aws.account_id();
        let may = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": format!("arn:aws:iam::*:role/{OWN_EXECUTION_ROLE}"),
            }],
        });
        create_role(
            &self.aws,
            "/stack-sets/",
            OWN_ADMINISTRATION_ROLE,
            json!({"Service": "cloudformation.amazonaws.com"}),
            RolePolicy::Inline("AssumeExecutionRole", may),
        )
        .await?;
        for account in &self.accounts {
            match account.role {
                Role::Management | Role::Closed | Role::Departed => continue,
                Role::LogArchive | Role::Audit | Role::Member => {
                    self.remove_execution_role(&account.name).await?;
                }
                Role::Unmanaged => {}
            }
            create_execution_role(&self.aws, management, &account.id, OWN_EXECUTION_ROLE).await?;
        }
        Ok(format!(
            "arn:aws:iam::{management}:role/stack-sets/{OWN_ADMINISTRATION_ROLE}"
        ))
    }
}
