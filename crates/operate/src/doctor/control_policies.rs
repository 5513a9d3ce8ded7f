//! Service control policies that deny what the member stacks need.

use std::collections::BTreeMap;

use towerhook_core::{Read, provider::role_arn};

use super::{
    Control, Facts, Finding,
    policy_document::{Document, Holds, Request},
};

const CHECK: &str = "control-policies";

/// What CloudFormation does in a member account to make and to keep a member stack.
const ON_ROLES: [&str; 6] = [
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:GetRole",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
];
const ON_STACKS: [&str; 3] = [
    "cloudformation:CreateStack",
    "cloudformation:DeleteStack",
    "cloudformation:UpdateStack",
];

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let controls = match &facts.controls {
        Read::Unknown(why) => return vec![Finding::skip(CHECK, why.clone())],
        Read::Ok(controls) => controls,
    };
    let unread = controls.iter().filter_map(|one| match &one.text {
        Read::Ok(_) => None,
        Read::Unknown(why) => Some(why),
    });
    if let Some(why) = unread.clone().next() {
        let says = format!(
            "Policies that were not read: {} of {}. {why}",
            unread.count(),
            controls.len()
        );
        return vec![Finding::skip(CHECK, says)];
    }
    // One policy may be attached to many units.
    let mut denying: BTreeMap<&str, (Denial, usize)> = BTreeMap::new();
    for control in controls {
        if let Some(denial) = denial(facts, control) {
            let one = denying.entry(&control.policy.id).or_insert((denial, 0));
            one.1 += 1;
        }
    }
    if denying.is_empty() {
        let says = "No service control policy denies what the member stacks need.";
        return vec![Finding::pass(CHECK, says)];
    }
    let says: Vec<_> = denying
        .values()
        .map(|(denial, units)| denial.in_words(*units))
        .collect();
    let found = Finding::warn(CHECK, says.join(" "));
    let found = denying.values().fold(found, |found, (denial, _)| {
        let what = format!(
            "Except the StackSets' role, in the statement {:?} of {}",
            denial.sid, denial.policy
        );
        let text = format!(
            r#""Condition": {{"ArnNotLike": {{"aws:PrincipalArn": "{}"}}}}"#,
            role(facts, "*")
        );
        found.mend(what, text)
    });
    vec![found]
}

struct Denial {
    policy: String,
    unit: String,
    sid: String,
    action: &'static str,
    holds: Holds,
}

impl Denial {
    fn in_words(&self, units: usize) -> String {
        let Self { policy, action, .. } = self;
        let verb = if self.holds == Holds::Yes {
            "denies"
        } else {
            "may deny"
        };
        let unit = if self.unit.is_empty() {
            "the root"
        } else {
            &self.unit
        };
        let more = match units {
            1 => String::new(),
            units => format!(" and {} more", units - 1),
        };
        format!("{policy} at {unit}{more} {verb} {action}.")
    }
}

fn denial(facts: &Facts, control: &Control) -> Option<Denial> {
    let Read::Ok(text) = &control.text else {
        return None;
    };
    let policy = Document::parse(text)?;
    let principal = role(facts, control.account.as_str());
    let denials = requests(facts, control)
        .into_iter()
        .filter_map(|(action, resource)| {
            let request = Request {
                principal: &principal,
                action,
                resource: &resource,
                region: &facts.region,
            };
            let (sid, holds) = policy.denial(request)?;
            Some(Denial {
                policy: control.policy.name.clone(),
                unit: control.unit.clone(),
                sid: sid.to_owned(),
                action,
                holds,
            })
        });
    // The first of the most certain ones.
    denials.reduce(|best, one| if one.holds > best.holds { one } else { best })
}

fn requests(facts: &Facts, control: &Control) -> Vec<(&'static str, String)> {
    let partition = facts.partition().unwrap_or("aws");
    let account = &control.account;
    let names = facts.resources();
    let role = names.map_or_else(|| "towerhook".to_owned(), |names| names.member_role);
    let role = role_arn(partition, account, &role);
    let stack = format!(
        "arn:{partition}:cloudformation:{}:{account}:stack/StackSet-1/1",
        facts.region
    );
    let on_roles = ON_ROLES.iter().map(|action| (*action, role.clone()));
    let on_stacks = ON_STACKS.iter().map(|action| (*action, stack.clone()));
    on_stacks.chain(on_roles).collect()
}

/// The role with which CloudFormation works in an account.
fn role(facts: &Facts, account: &str) -> String {
    let execution = match &facts.roles {
        Read::Ok(roles) => &roles.execution,
        Read::Unknown(_) => "AWSControlTowerExecution",
    };
    format!(
        "arn:{}:iam::{account}:role/{execution}",
        facts.partition().unwrap_or("aws")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use towerhook_core::ports::AttachedPolicy;

    use super::*;
    use crate::doctor::{
        Verdict,
        testing::{facts, finding, unread},
    };

    fn with(statement: Value, units: &[&str]) -> Finding {
        let mut changed = facts();
        let controls = units.iter().map(|unit| Control {
            policy: AttachedPolicy {
                id: "p-1".into(),
                name: "NoIam".into(),
                aws_managed: false,
            },
            text: Read::Ok(json!({"Statement": [statement]}).to_string()),
            unit: (*unit).to_owned(),
            account: "000000000003".parse().unwrap(),
        });
        changed.controls = Read::Ok(controls.collect());
        finding(&changed, CHECK)
    }

    #[test]
    fn a_policy_that_denies_roles_is_named_with_its_unit_and_how_to_except_the_stack_sets() {
        let deny =
            json!({"Sid": "Iam", "Effect": "Deny", "Action": "iam:Create*", "Resource": "*"});
        let found = with(deny, &["Workloads", "Sandbox"]);
        assert_eq!(found.verdict, Verdict::Warn);
        assert_eq!(
            found.says,
            "NoIam at Workloads and 1 more denies iam:CreateRole."
        );
        assert_eq!(found.mend.len(), 1, "one policy is mended once");
        assert!(
            found.mend[0]
                .text
                .contains("arn:aws:iam::*:role/AWSControlTowerExecution")
        );
    }

    #[test]
    fn control_towers_own_guardrails_do_not_count() {
        let own_roles = json!({
            "Effect": "Deny", "Action": ["iam:*"],
            "Resource": "arn:aws:iam::*:role/aws-controltower-*",
        });
        assert_eq!(with(own_roles, &[""]).verdict, Verdict::Pass);
        let excepted = json!({
            "Effect": "Deny", "Action": ["iam:*"], "Resource": "*",
            "Condition": {"ArnNotLike": {
                "aws:PrincipalArn": "arn:*:iam::*:role/AWSControlTowerExecution",
            }},
        });
        assert_eq!(with(excepted, &[""]).verdict, Verdict::Pass);
    }

    #[test]
    fn a_condition_that_is_not_known_is_said_so_and_an_unread_policy_is_no_pass() {
        let tagged = json!({
            "Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:PrincipalTag/team": "platform"}},
        });
        let found = with(tagged, &[""]);
        assert_eq!(
            found.says,
            "NoIam at the root may deny cloudformation:CreateStack."
        );
        let mut unknown = facts();
        if let Read::Ok(controls) = &mut unknown.controls {
            controls[0].text = unread();
        }
        assert_eq!(finding(&unknown, CHECK).verdict, Verdict::Skip);
    }
}
