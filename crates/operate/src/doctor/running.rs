//! Whether a launched stack does its work.

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{Read, counted, stack_sets::InstanceState};

use super::{Facts, Finding, StackFacts};
use crate::moment;

const MEMBERS: &str = "member-stacks";
const DEAD_LETTERS: &str = "dead-letters";
const COMPARED: &str = "last-comparison";
const TOKEN: &str = "token";
const ALARMS: &str = "alarms";

/// `SilenceAlarmHours`, where a stack does not say.
const SILENCE_HOURS: i64 = 3;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let Some(deployed) = facts.deployed() else {
        return Vec::new();
    };
    let mut findings = vec![
        members(facts, deployed),
        dead_letters(facts, deployed),
        comparison(facts, deployed),
    ];
    if let Some(ends) = &deployed.token_ends {
        findings.push(token(facts, ends));
    }
    findings.push(alarms(deployed));
    findings
}

/// The roles in the accounts are no concern of these credentials: a stack that fails says so.
fn members(facts: &Facts, deployed: &StackFacts) -> Finding {
    let members = match &deployed.members {
        Read::Unknown(why) => return Finding::skip(MEMBERS, why.clone()),
        Read::Ok(members) => members,
    };
    let failing = members.iter().filter(|one| {
        matches!(
            one.state,
            InstanceState::Outdated | InstanceState::Inoperable
        )
    });
    let failing: Vec<_> = failing.collect();
    let Some(first) = failing.first() else {
        return Finding::pass(
            MEMBERS,
            format!("None of {} has failed.", counted(members.len(), "stack")),
        );
    };
    let says = format!(
        "{} of {} failed, the first in account {}: {}.",
        failing.len(),
        members.len(),
        first.account,
        first.failure().trim_end_matches('.')
    );
    Finding::fail(MEMBERS, says).mend(
        "See which accounts these are; the role that StackSets assume there may be missing",
        format!("cargo towerhook status --stack {}", facts.stack_name),
    )
}

fn dead_letters(facts: &Facts, deployed: &StackFacts) -> Finding {
    match &deployed.dead_letters {
        Read::Unknown(why) => Finding::skip(DEAD_LETTERS, why.clone()),
        Read::Ok(0) => Finding::pass(DEAD_LETTERS, "The dead-letter queue is empty."),
        Read::Ok(count) => {
            let messages = counted(*count, "message");
            let says = format!("The dead-letter queue has {messages}.");
            let command = format!("cargo towerhook redrive --stack {}", facts.stack_name);
            Finding::fail(DEAD_LETTERS, says).mend(
                "See why they failed, and return them once that is mended",
                command,
            )
        }
    }
}

fn comparison(facts: &Facts, deployed: &StackFacts) -> Finding {
    let parameter = deployed.stack.parameters.get("SilenceAlarmHours");
    let hours = parameter.and_then(|hours| hours.parse().ok());
    let most = SignedDuration::from_hours(hours.unwrap_or(SILENCE_HOURS));
    let age = |at: Timestamp| facts.read_at.duration_since(at);
    let stack = &facts.stack_name;
    let late = |says: String| {
        Finding::fail(COMPARED, says).mend(
            "See in its log why the account function compares nothing",
            format!("aws logs tail /aws/lambda/{stack}-account --since 1d"),
        )
    };
    match &deployed.compared_at {
        Read::Unknown(why) => Finding::skip(COMPARED, why.clone()),
        Read::Ok(Some(at)) if age(*at) <= most => {
            Finding::pass(COMPARED, format!("The last one began {}.", moment(*at)))
        }
        Read::Ok(Some(at)) => late(format!(
            "The last one began {}, more than {} ago.",
            moment(*at),
            counted(most.as_hours(), "hour")
        )),
        Read::Ok(None) => match deployed.stack.changed_at {
            Some(at) if age(at) > most => {
                late("CloudWatch has a figure of none in the last days.".to_owned())
            }
            _ => Finding::skip(COMPARED, "CloudWatch has no figure of one yet."),
        },
    }
}

fn token(facts: &Facts, ends: &Read<Option<Timestamp>>) -> Finding {
    let lifetime = facts.provider.limits().token_lifetime;
    let mended = |found: Finding| {
        let stack = &facts.stack_name;
        found.mend(
            "See in its log why the auth function gets no other",
            format!("aws logs tail /aws/lambda/{stack}-auth --since 1d"),
        )
    };
    let at = match ends {
        Read::Unknown(why) => return Finding::skip(TOKEN, why.clone()),
        Read::Ok(None) => {
            return mended(Finding::fail(TOKEN, "No access token is stored."));
        }
        Read::Ok(Some(at)) => *at,
    };
    let left = at.duration_since(facts.read_at);
    if left <= SignedDuration::ZERO {
        return mended(Finding::fail(
            TOKEN,
            format!("It expired at {}.", moment(at)),
        ));
    }
    // It is renewed with a third left; one sixth means that several tries have failed.
    if left < lifetime / 6 {
        let says = format!(
            "It expires at {} and should have been renewed by now.",
            moment(at)
        );
        return mended(Finding::warn(TOKEN, says));
    }
    Finding::pass(TOKEN, format!("It is good until {}.", moment(at)))
}

fn alarms(deployed: &StackFacts) -> Finding {
    let alarms = match &deployed.alarms {
        Read::Unknown(why) => return Finding::skip(ALARMS, why.clone()),
        Read::Ok(alarms) => alarms,
    };
    let raised = alarms.iter().filter(|one| one.state == "ALARM");
    let raised: Vec<_> = raised.map(|one| one.name.as_str()).collect();
    if raised.is_empty() {
        return Finding::pass(
            ALARMS,
            format!("None of {} is raised.", counted(alarms.len(), "alarm")),
        );
    }
    let found = Finding::fail(ALARMS, format!("Raised: {}.", raised.join(", ")));
    found.mend(
        "Read what each says",
        format!(
            "aws cloudwatch describe-alarms --alarm-names {} \
             --query 'MetricAlarms[].[AlarmName,AlarmDescription]'",
            raised.join(" ")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{
        Verdict,
        testing::{NOW, facts, finding, unread},
    };

    fn with(change: impl FnOnce(&mut StackFacts)) -> Facts {
        let mut changed = facts();
        if let Read::Ok(Some(deployed)) = &mut changed.stack {
            change(deployed);
        }
        changed
    }

    fn hours(hours: i64) -> Timestamp {
        let now: Timestamp = NOW.parse().unwrap();
        now + SignedDuration::from_hours(hours)
    }

    #[test]
    fn a_member_stack_that_failed_is_a_failure_with_its_reason() {
        let failed = with(|one| {
            if let Read::Ok(members) = &mut one.members {
                members[0].state = InstanceState::Outdated;
                members[0].reason = Some("no AWSControlTowerExecution".into());
            }
        });
        let found = finding(&failed, MEMBERS);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(
            found.says.contains("no AWSControlTowerExecution"),
            "{}",
            found.says
        );
    }

    #[test]
    fn a_message_in_the_dead_letter_queue_is_a_failure() {
        let found = finding(&with(|one| one.dead_letters = Read::Ok(1)), DEAD_LETTERS);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.says.ends_with("has 1 message."));
        let unknown = with(|one| one.dead_letters = unread());
        assert_eq!(finding(&unknown, DEAD_LETTERS).verdict, Verdict::Skip);
    }

    #[test]
    fn silence_is_judged_by_the_hours_of_the_silence_alarm() {
        let compared = |at: Option<Timestamp>, hours: &str| {
            let hours = hours.to_owned();
            let facts = with(|one| {
                one.compared_at = Read::Ok(at);
                one.stack
                    .parameters
                    .insert("SilenceAlarmHours".into(), hours);
            });
            finding(&facts, COMPARED).verdict
        };
        assert_eq!(compared(Some(hours(-2)), "3"), Verdict::Pass);
        assert_eq!(compared(Some(hours(-4)), "3"), Verdict::Fail);
        assert_eq!(compared(Some(hours(-4)), "6"), Verdict::Pass);
        assert_eq!(compared(None, "3"), Verdict::Fail);
        let new = with(|one| {
            one.compared_at = Read::Ok(None);
            one.stack.changed_at = Some(hours(-1));
        });
        assert_eq!(finding(&new, COMPARED).verdict, Verdict::Skip);
    }

    #[test]
    fn a_token_that_is_missing_or_expired_fails_and_one_that_is_not_renewed_warns() {
        let token = |ends: Read<Option<Timestamp>>| {
            finding(&with(|one| one.token_ends = Some(ends)), TOKEN).verdict
        };
        assert_eq!(token(Read::Ok(Some(hours(8)))), Verdict::Pass);
        assert_eq!(token(Read::Ok(Some(hours(3)))), Verdict::Warn);
        assert_eq!(token(Read::Ok(Some(hours(-1)))), Verdict::Fail);
        assert_eq!(token(Read::Ok(None)), Verdict::Fail);
        assert_eq!(token(unread()), Verdict::Skip);
    }

    #[test]
    fn a_raised_alarm_is_named_and_one_without_data_is_none() {
        let state = |state: &str| {
            let facts = with(|one| {
                if let Read::Ok(alarms) = &mut one.alarms {
                    alarms[0].state = state.to_owned();
                }
            });
            finding(&facts, ALARMS)
        };
        assert_eq!(state("INSUFFICIENT_DATA").verdict, Verdict::Pass);
        let raised = state("ALARM");
        assert_eq!(raised.verdict, Verdict::Fail);
        assert!(
            raised.mend[0]
                .text
                .contains("--alarm-names towerhook-silence")
        );
    }
}
