//! What the StackSets need: their role, and room.

use serde_json::json;
use towerhook_core::{
    Read,
    stack_sets::{Role, StackSetRoles},
};

use super::{Facts, Finding};

const ROLE: &str = "stack-set-role";
const QUOTA: &str = "stack-set-quota";
const CONCURRENCY: &str = "lambda-concurrency";

/// The most invocations at once: one of setup, one of auth, and two of account, by its mapping.
const INVOCATIONS: u64 = 4;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    vec![role(facts), quota(facts), concurrency(facts)]
}

fn role(facts: &Facts) -> Finding {
    match facts.roles.as_ref() {
        Read::Unknown(why) => Finding::skip(ROLE, why),
        Read::Ok(roles) => match &facts.role {
            Read::Unknown(why) => Finding::skip(ROLE, why.clone()),
            Read::Ok(found) => judged(roles, found.as_ref()),
        },
    }
}

fn judged(roles: &StackSetRoles, found: Option<&Role>) -> Finding {
    let name = roles.administration_name();
    let Err(refusal) = roles.check(found) else {
        let says = format!("{name} is there, and CloudFormation may assume it.");
        return Finding::pass(ROLE, says);
    };
    let failed = Finding::fail(ROLE, refusal.to_string());
    let is_it = found.is_some_and(|found| found.arn == roles.administration);
    if is_it {
        return failed.mend(
            "Let CloudFormation assume it again, or repair the landing zone in Control Tower's console",
            format!(
                "aws iam update-assume-role-policy --role-name {name} --policy-document '{}'",
                trust()
            ),
        );
    }
    failed.mend(
        "Repair the landing zone in Control Tower's console, which makes the role again; or make it",
        created(roles, name),
    )
}

fn trust() -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "cloudformation.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }],
    })
    .to_string()
}

fn created(roles: &StackSetRoles, name: &str) -> String {
    let resource = roles.administration.resource();
    let path = resource.strip_prefix("role").unwrap_or("/");
    let path = path.strip_suffix(name).unwrap_or("/");
    let may = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": format!(
                "arn:{}:iam::*:role/{}",
                roles.administration.partition(),
                roles.execution
            ),
        }],
    });
    format!(
        "aws iam create-role --role-name {name} --path {path} --assume-role-policy-document '{}' &&\n\
         aws iam put-role-policy --role-name {name} --policy-name AssumeExecutionRole \
         --policy-document '{may}'",
        trust()
    )
}

fn quota(facts: &Facts) -> Finding {
    let (Read::Ok(used), Read::Ok(most)) = (&facts.stack_sets, &facts.quotas.stack_sets) else {
        let why = [unread(&facts.stack_sets), unread(&facts.quotas.stack_sets)];
        return Finding::skip(
            QUOTA,
            why.into_iter().flatten().collect::<Vec<_>>().join("; "),
        );
    };
    let used = *used as u64;
    // A stack that is there has its StackSets already.
    let more = match facts.deployed() {
        Some(_) => 0,
        None => facts
            .resources()
            .map_or(3, |names| names.stack_sets().count() as u64),
    };
    if used + more > *most {
        let says = format!("{used} of {most} StackSets are used, and a launch makes {more}.");
        return Finding::fail(QUOTA, says).mend("Ask for more", asked_for("L-EC62D81A", most * 2));
    }
    let accounts = match &facts.accounts {
        Read::Ok(accounts) => accounts.len() as u64,
        Read::Unknown(_) => 0,
    };
    match &facts.quotas.instances {
        Read::Ok(most) if accounts > *most => {
            let says =
                format!("{accounts} accounts need an instance, and a StackSet takes {most}.");
            Finding::fail(QUOTA, says).mend("Ask for more", asked_for("L-C8225BA5", accounts * 2))
        }
        _ => Finding::pass(QUOTA, format!("{used} of {most} StackSets are used.")),
    }
}

fn asked_for(code: &str, value: u64) -> String {
    format!(
        "aws service-quotas request-service-quota-increase --service-code cloudformation \
         --quota-code {code} --desired-value {value}"
    )
}

fn concurrency(facts: &Facts) -> Finding {
    match &facts.quotas.concurrency {
        Read::Unknown(why) => Finding::skip(CONCURRENCY, why.clone()),
        Read::Ok(free) if *free < INVOCATIONS => Finding::warn(
            CONCURRENCY,
            format!(
                "{free} invocations may run at once without a reservation, and Towerhook runs up to \
                 {INVOCATIONS}."
            ),
        )
        .mend(
            "Take back a reservation, or ask for more",
            "aws service-quotas request-service-quota-increase --service-code lambda \
             --quota-code L-B99A9384 --desired-value 1000",
        ),
        Read::Ok(free) => Finding::pass(
            CONCURRENCY,
            format!("{free} invocations may run at once; Towerhook runs up to {INVOCATIONS}."),
        ),
    }
}

fn unread<T>(read: &Read<T>) -> Option<String> {
    match read {
        Read::Ok(_) => None,
        Read::Unknown(why) => Some(why.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{
        Verdict,
        testing::{facts, finding},
    };

    #[test]
    fn a_role_that_is_missing_is_made_with_its_path() {
        let mut without = facts();
        without.role = Read::Ok(None);
        let found = finding(&without, ROLE);
        assert_eq!(found.verdict, Verdict::Fail);
        let command = &found.mend[0].text;
        assert!(command.contains("--path /service-role/ "), "{command}");
        assert!(
            command.contains("role/AWSControlTowerExecution"),
            "{command}"
        );
    }

    #[test]
    fn a_role_that_does_not_trust_cloudformation_gets_its_trust_back() {
        let mut distrusting = facts();
        if let Read::Ok(Some(role)) = &mut distrusting.role {
            role.trust = json!({"Statement": []}).to_string();
        }
        let found = finding(&distrusting, ROLE);
        assert_eq!(found.verdict, Verdict::Fail);
        let command = &found.mend[0].text;
        assert!(
            command.starts_with("aws iam update-assume-role-policy"),
            "{command}"
        );
        assert!(
            command.contains("cloudformation.amazonaws.com"),
            "{command}"
        );
    }

    #[test]
    fn a_launch_needs_room_for_its_stack_sets_and_a_stack_has_its_own() {
        let mut full = facts();
        full.stack_sets = Read::Ok(98);
        full.quotas.stack_sets = Read::Ok(100);
        assert_eq!(finding(&full, QUOTA).verdict, Verdict::Pass);
        full.stack = Read::Ok(None);
        let found = finding(&full, QUOTA);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.says.contains("98 of 100"), "{}", found.says);
        full.stack_sets = Read::Ok(97);
        assert_eq!(finding(&full, QUOTA).verdict, Verdict::Pass);
    }

    #[test]
    fn every_account_needs_an_instance() {
        let mut small = facts();
        small.quotas.instances = Read::Ok(1);
        let found = finding(&small, QUOTA);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.mend[0].text.contains("L-C8225BA5"));
    }

    #[test]
    fn too_little_concurrency_is_a_warning() {
        let mut busy = facts();
        busy.quotas.concurrency = Read::Ok(3);
        assert_eq!(finding(&busy, CONCURRENCY).verdict, Verdict::Warn);
        busy.quotas.concurrency = Read::Ok(4);
        assert_eq!(finding(&busy, CONCURRENCY).verdict, Verdict::Pass);
    }
}
