use std::time::Duration;

use crate::{
    model::AccountId,
    provider::Provider,
    refusal::Refusal,
    stack_sets::{StackSetRoles, Templates},
};

/// The function's own settings.
#[derive(Debug, Clone)]
pub struct Own {
    /// The vendor's rules.
    pub provider: &'static dyn Provider,
    /// The main stack's id.
    pub stack_id: String,
    /// `aws`, `aws-us-gov` ...
    pub partition: String,
    /// The Region that the stack is in.
    pub region: String,
    /// The DNS suffix of the partition, such as `amazonaws.com`.
    pub url_suffix: String,
    /// The account that the stack is in.
    pub management_account: AccountId,
    /// The vendor's URL, from the function's environment, which CloudFormation writes.
    pub provider_url: String,
    /// The principal that may assume the roles in the accounts, also from the environment.
    pub principal: String,
    /// The name of the permissions boundary for the management account's own stack.
    pub management_boundary: Option<String>,
    /// The ARNs of the functions' roles, separated by commas, if a role in Log Archive trusts them.
    pub function_roles: Option<String>,
    /// What is wrong with a parameter that only the environment has; every change is refused for it.
    pub wrong_setting: Option<Refusal>,
    /// Whether responses may go to this machine over plain HTTP, as in a sandbox.
    pub answers_on_loopback: bool,
    /// How long CloudFormation waits for a response.
    pub service_timeout: Duration,
    /// The roles that run the StackSets, also from the environment.
    pub stack_set_roles: StackSetRoles,
    /// This release's templates.
    pub templates: Templates,
}
