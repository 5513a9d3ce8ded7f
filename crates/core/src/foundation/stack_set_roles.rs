//! The two roles that run self-managed StackSets: Control Tower's, or the organization's own.

use serde_json::Value;

use super::Refusal;
use crate::{
    model::AccountId,
    stack_sets::{Role, StackSetRoles},
};

const ADMINISTRATION: &str = "StackSetAdministrationRoleArn";
const EXECUTION: &str = "StackSetExecutionRoleName";

impl StackSetRoles {
    /// The parameters that name them.
    pub(super) const PARAMETERS: [&str; 2] = [ADMINISTRATION, EXECUTION];

    /// Refuses a role of another account, which cannot be passed to CloudFormation here.
    pub(super) fn require_account(&self, account: &AccountId) -> Result<(), Refusal> {
        let role = &self.administration;
        if role.account() == Some(*account) {
            return Ok(());
        }
        Err(Refusal::new(format!(
            "{ADMINISTRATION} is {role}, but StackSets take a role of this account ({account}) only. Leave \
             it blank for Control Tower's, or correct it."
        )))
    }

    /// Refuses a role that does not exist, or that CloudFormation may not assume.
    ///
    /// # Errors
    ///
    /// It is one of those.
    pub fn check(&self, found: Option<&Role>) -> Result<(), Refusal> {
        let role = &self.administration;
        let Some(found) = found.filter(|found| found.arn == *role) else {
            return Err(Refusal::new(format!(
                "{ADMINISTRATION}: there is no role {role} to run StackSets with. Name the one \
                 that this organization's StackSets have, and in {EXECUTION} the one that it assumes in \
                 the accounts."
            )));
        };
        if trusts_cloud_formation(&found.trust) {
            return Ok(());
        }
        Err(Refusal::new(format!(
            "{ADMINISTRATION}: the role {role} does not trust CloudFormation (cloudformation.amazonaws.com), \
             which has to assume it. Correct its trust policy, or name another role."
        )))
    }
}

/// Whether a trust policy lets CloudFormation, globally or in one Region, assume the role. An
/// unreadable policy is left to CloudFormation.
fn trusts_cloud_formation(policy: &str) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else {
        return true;
    };
    let mut statements = one_or_many(&policy["Statement"]);
    statements.any(|statement| {
        let mut services = one_or_many(&statement["Principal"]["Service"]);
        let is_service = |service: &Value| {
            let service = service.as_str();
            service.is_some_and(|service| service.starts_with("cloudformation."))
        };
        statement["Effect"] == "Allow" && services.any(is_service)
    })
}

/// The items of an element of an IAM policy, which may stand alone or in a list.
pub fn one_or_many(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(values) => values.iter(),
        one => std::slice::from_ref(one).iter(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/path/StackSets";

    fn roles() -> StackSetRoles {
        StackSetRoles {
            administration: ROLE.parse().unwrap(),
            execution: "Execution".into(),
        }
    }

    fn checked(arn: &str, trust: &str) -> Result<(), String> {
        let found = Role {
            arn: arn.parse().unwrap(),
            trust: trust.to_owned(),
        };
        roles().check(Some(&found)).map_err(|why| why.to_string())
    }

    #[test]
    fn a_role_that_is_missing_or_of_another_path_or_account_is_refused_by_its_parameter() {
        assert_eq!(roles().administration_name(), "StackSets");
        let missing = roles().check(None).unwrap_err().to_string();
        let elsewhere = checked("arn:aws:iam::111122223333:role/StackSets", "{}").unwrap_err();
        for refusal in [missing, elsewhere] {
            assert!(
                refusal.starts_with("StackSetAdministrationRoleArn: there is no role"),
                "{refusal}"
            );
            assert!(refusal.contains(ROLE) && refusal.contains("StackSetExecutionRoleName"));
        }
        let account = |id: &str| roles().require_account(&id.parse().unwrap());
        assert_eq!(account("111122223333"), Ok(()));
        let refusal = account("999999999999").unwrap_err().to_string();
        assert!(
            refusal.contains("StackSetAdministrationRoleArn is arn"),
            "{refusal}"
        );
    }

    #[test]
    fn a_role_that_does_not_trust_cloud_formation_is_refused() {
        let trust = |effect: &str, principal: Value| {
            let statement = json!({
                "Effect": effect, "Principal": principal, "Action": "sts:AssumeRole",
            });
            json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}}, statement]})
        };
        let service = |name: &str| json!({"Service": name});
        let right = [
            trust("Allow", service("cloudformation.amazonaws.com")),
            trust("Allow", service("cloudformation.ap-east-1.amazonaws.com")),
            trust(
                "Allow",
                json!({"Service": ["lambda.amazonaws.com", "cloudformation.amazonaws.com"]}),
            ),
            json!({"Statement": trust("Allow", service("cloudformation.amazonaws.com"))["Statement"][1]}),
        ];
        for policy in right {
            assert_eq!(checked(ROLE, &policy.to_string()), Ok(()), "{policy}");
        }
        assert_eq!(checked(ROLE, "no policy"), Ok(()));
        let wrong = [
            trust("Deny", service("cloudformation.amazonaws.com")),
            trust("Allow", service("lambda.amazonaws.com")),
            trust("Allow", json!({"AWS": "arn:aws:iam::111122223333:root"})),
            json!({}),
        ];
        for policy in wrong {
            let refusal = checked(ROLE, &policy.to_string()).unwrap_err();
            assert!(
                refusal.contains("does not trust CloudFormation"),
                "{refusal}"
            );
        }
    }
}
