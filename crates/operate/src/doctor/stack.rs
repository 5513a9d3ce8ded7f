//! The main stack and what starts and runs its functions.

use towerhook_core::{Read, ports::FunctionState};

use super::{Facts, Finding, Part, StackFacts};

const STACK: &str = "stack";
const FUNCTIONS: &str = "functions";
const RULES: &str = "rules";
const MAPPING: &str = "work-queue";

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let name = &facts.stack_name;
    let deployed = match &facts.stack {
        Read::Unknown(why) => return vec![Finding::skip(STACK, why.clone())],
        Read::Ok(None) => {
            let says = format!("There is no stack {name} yet; its launch was checked.");
            return vec![Finding::skip(STACK, says)];
        }
        Read::Ok(Some(deployed)) => deployed,
    };
    let mut findings = vec![status(name, deployed)];
    // Otherwise there is nothing yet, or no longer.
    if facts.deployed().is_some() {
        findings.extend([
            functions(name, deployed),
            rules(name, deployed),
            mapping(name, deployed),
        ]);
    }
    findings
}

fn status(name: &str, deployed: &StackFacts) -> Finding {
    let status = deployed.stack.status.as_str();
    let why = deployed.stack.reason.as_ref();
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    let says = format!("{name} is {status}{why}.");
    let events = format!(
        "aws cloudformation describe-stack-events --stack-name {name} \
         --query 'StackEvents[?ends_with(ResourceStatus,`_FAILED`)].[LogicalResourceId,ResourceStatusReason]'"
    );
    match status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => {
            Finding::pass(STACK, format!("{name} is {status}."))
        }
        "UPDATE_ROLLBACK_COMPLETE" => Finding::warn(STACK, says)
            .mend("See why its last update failed, and update it again", events),
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" => Finding::fail(STACK, says)
            .mend("See why its launch failed", events)
            .mend(
                "Delete it, and launch it again",
                format!("aws cloudformation delete-stack --stack-name {name}"),
            ),
        "UPDATE_ROLLBACK_FAILED" => Finding::fail(STACK, says)
            .mend("See why its rollback failed, and correct that", events)
            .mend(
                "Continue the rollback",
                format!("aws cloudformation continue-update-rollback --stack-name {name}"),
            ),
        _ if status.ends_with("_IN_PROGRESS") => Finding::warn(STACK, says).mend(
            "Wait until CloudFormation has finished",
            format!("aws cloudformation describe-stacks --stack-name {name} --query 'Stacks[0].StackStatus'"),
        ),
        _ => Finding::fail(STACK, says).mend("See what failed", events),
    }
}

/// What is wrong with one part: in words, and the command that mends it.
type Fault = (String, String);

/// One finding for all parts of a kind.
fn all<T>(
    (check, name): (&'static str, &str),
    parts: &Read<Vec<Part<T>>>,
    fault: impl Fn(&Part<T>, &T) -> Option<Fault>,
    what: &str,
) -> Finding {
    let parts = match parts {
        Read::Unknown(why) => return Finding::skip(check, why.clone()),
        Read::Ok(parts) => parts,
    };
    let mut faults = Vec::new();
    let mut unread = None;
    let mut is_any_gone = parts.is_empty();
    for part in parts {
        match &part.state {
            Read::Unknown(why) => unread = Some(format!("{}: {why}", part.logical_id)),
            Read::Ok(None) => is_any_gone = true,
            Read::Ok(Some(state)) => faults.extend(fault(part, state)),
        }
    }
    let gone = parts
        .iter()
        .filter(|part| matches!(part.state, Read::Ok(None)));
    let gone: Vec<_> = gone
        .map(|part| format!("{} is gone", part.logical_id))
        .collect();
    let mut says = gone;
    says.extend(faults.iter().map(|(says, _)| says.clone()));
    if parts.is_empty() {
        says.push(format!("The stack {name} has none"));
    }
    if says.is_empty() {
        return match unread {
            Some(why) => Finding::skip(check, why),
            None => Finding::pass(check, what),
        };
    }
    let mut found = Finding::fail(check, format!("{}.", says.join("; ")));
    for (_, command) in faults {
        found = found.mend("Turn it on, or see why it is off", command);
    }
    if is_any_gone {
        found = found.mend(
            "Make a change set that brings back what was deleted by hand, look at it, and execute it",
            reverted(name),
        );
    }
    found
}

/// An ordinary update makes nothing again that its template has not changed.
///
/// Source: docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html
fn reverted(name: &str) -> String {
    format!(
        "aws cloudformation create-change-set --stack-name {name} --change-set-name mend \
         --use-previous-template --deployment-mode REVERT_DRIFT --capabilities CAPABILITY_IAM \
         --parameters $(aws cloudformation describe-stacks --stack-name {name} --output text \
         --query 'Stacks[0].Parameters[].ParameterKey' | xargs -n 1 printf \
         'ParameterKey=%s,UsePreviousValue=true\\n')"
    )
}

fn functions(name: &str, deployed: &StackFacts) -> Finding {
    let fault = |part: &Part<FunctionState>, state: &FunctionState| {
        let is_off = state
            .state
            .as_deref()
            .is_some_and(|state| state == "Failed");
        let is_stale = state.last_update.as_deref() == Some("Failed");
        let why = state.reason.as_ref();
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        let says = match (is_off, is_stale) {
            (true, _) => format!("{} has failed{why}", part.logical_id),
            (_, true) => format!("the last update of {} failed{why}", part.logical_id),
            _ => return None,
        };
        let command = format!(
            "aws lambda get-function-configuration --function-name {}",
            part.name
        );
        Some((says, command))
    };
    let what = "All are ready.";
    all((FUNCTIONS, name), &deployed.functions, fault, what)
}

fn rules(name: &str, deployed: &StackFacts) -> Finding {
    let fault = |part: &Part<bool>, is_enabled: &bool| {
        (!is_enabled).then(|| {
            let says = format!("{} is disabled", part.logical_id);
            (says, format!("aws events enable-rule --name {}", part.name))
        })
    };
    let what = "The schedules and the rules of events are enabled.";
    all((RULES, name), &deployed.rules, fault, what)
}

fn mapping(name: &str, deployed: &StackFacts) -> Finding {
    let fault = |part: &Part<String>, state: &String| {
        let is_on = matches!(
            state.as_str(),
            "Enabled" | "Enabling" | "Updating" | "Creating"
        );
        (!is_on).then(|| {
            let says = format!(
                "{} is {state}: no message reaches the account function",
                part.logical_id
            );
            let command = format!(
                "aws lambda update-event-source-mapping --uuid {} --enabled",
                part.name
            );
            (says, command)
        })
    };
    let what = "Its messages reach the account function.";
    all((MAPPING, name), &deployed.mappings, fault, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{
        Verdict,
        testing::{facts, finding, unread},
    };

    fn with(change: impl FnOnce(&mut StackFacts)) -> Facts {
        let mut changed = facts();
        if let Read::Ok(Some(deployed)) = &mut changed.stack {
            change(deployed);
        }
        changed
    }

    fn first<T>(parts: &mut Read<Vec<Part<T>>>) -> &mut Part<T> {
        match parts {
            Read::Ok(parts) => &mut parts[0],
            Read::Unknown(why) => panic!("{why}"),
        }
    }

    #[test]
    fn each_status_of_a_stack_has_its_way_on() {
        for (status, verdict, command) in [
            ("CREATE_COMPLETE", Verdict::Pass, ""),
            ("UPDATE_COMPLETE", Verdict::Pass, ""),
            (
                "UPDATE_ROLLBACK_COMPLETE",
                Verdict::Warn,
                "describe-stack-events",
            ),
            ("CREATE_IN_PROGRESS", Verdict::Warn, "describe-stacks"),
            ("ROLLBACK_COMPLETE", Verdict::Fail, "delete-stack"),
            (
                "UPDATE_ROLLBACK_FAILED",
                Verdict::Fail,
                "continue-update-rollback",
            ),
            ("DELETE_FAILED", Verdict::Fail, "describe-stack-events"),
        ] {
            let found = finding(&with(|one| one.stack.status = status.into()), STACK);
            assert_eq!(found.verdict, verdict, "{status}");
            let last = found.mend.last().map_or("", |one| &one.text);
            assert!(last.contains(command), "{status}: {last}");
        }
    }

    #[test]
    fn without_a_stack_only_its_launch_is_checked() {
        let mut before = facts();
        before.stack = Read::Ok(None);
        let found = check(&before);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].verdict, Verdict::Skip);
        for status in ["CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_FAILED"] {
            let failed = with(|one| one.stack.status = status.into());
            assert_eq!(check(&failed).len(), 1, "{status}");
        }
        let updating = with(|one| one.stack.status = "UPDATE_IN_PROGRESS".into());
        assert_eq!(check(&updating).len(), 4);
    }

    #[test]
    fn a_rule_that_is_disabled_is_enabled_by_its_name_and_one_that_is_gone_is_said_so() {
        let off = with(|one| first(&mut one.rules).state = Read::Ok(Some(false)));
        let found = finding(&off, RULES);
        assert_eq!(found.verdict, Verdict::Fail);
        assert_eq!(found.says, "ReconcileSchedule is disabled.");
        assert_eq!(
            found.mend[0].text,
            "aws events enable-rule --name towerhook-1-reconcile"
        );
        let gone = with(|one| first(&mut one.rules).state = Read::Ok(None));
        let found = finding(&gone, RULES);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.says.contains("ReconcileSchedule is gone"));
        assert!(found.mend[0].text.contains("REVERT_DRIFT"));
        let none = with(|one| one.rules = Read::Ok(Vec::new()));
        assert_eq!(finding(&none, RULES).verdict, Verdict::Fail);
        let unknown = with(|one| first(&mut one.rules).state = unread());
        assert_eq!(finding(&unknown, RULES).verdict, Verdict::Skip);
    }

    #[test]
    fn a_mapping_that_is_off_is_turned_on_by_its_id() {
        let off = with(|one| first(&mut one.mappings).state = Read::Ok(Some("Disabled".into())));
        let found = finding(&off, MAPPING);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.mend[0].text.contains("--uuid m-1 --enabled"));
    }

    #[test]
    fn a_function_that_failed_says_why() {
        let failed = with(|one| {
            if let Read::Ok(Some(state)) = &mut first(&mut one.functions).state {
                state.state = Some("Failed".into());
                state.reason = Some("the key is disabled".into());
            }
        });
        let found = finding(&failed, FUNCTIONS);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.says.contains("the key is disabled"), "{}", found.says);
        let stale = with(|one| {
            if let Read::Ok(Some(state)) = &mut first(&mut one.functions).state {
                state.last_update = Some("Failed".into());
            }
        });
        assert_eq!(finding(&stale, FUNCTIONS).verdict, Verdict::Fail);
    }
}
