//! The policies of the trail's key, bucket and topic, where they block the vendor's read.

use towerhook_core::{Read, foundation::key_statement, model::Arn, provider::role_arn};

use super::{
    Facts, Finding, TrailFacts,
    policy_document::{Document, Holds, Request},
};

const KEY: &str = "trail-key";
const BUCKET: &str = "trail-bucket";
const TOPIC: &str = "topic-policy";

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let Some(trail) = &facts.trail else {
        return Vec::new();
    };
    let mut findings = vec![key(facts, trail)];
    if let Read::Ok(Some(found)) = &trail.found {
        let object = format!(
            "arn:{}:s3:::{}/log",
            facts.partition().unwrap_or("aws"),
            found.bucket
        );
        findings.push(denials(
            facts,
            (BUCKET, &trail.bucket_policy, "s3:GetObject", &object),
            &format!("aws s3api get-bucket-policy --bucket {}", found.bucket),
        ));
        let topic = found.topic.as_ref();
        if let Some(topic) = topic.filter(|_| !facts.is_announced_by_bucket()) {
            findings.push(denials(
                facts,
                (TOPIC, &trail.topic_policy, "sns:Subscribe", topic.as_str()),
                &format!("aws sns get-topic-attributes --topic-arn {topic}"),
            ));
        }
    }
    findings
}

/// The ARN of the role that reads the trail, if its name is known.
fn reader(facts: &Facts) -> Option<String> {
    let (log_archive, _) = facts.shared_accounts();
    let names = facts.resources()?;
    let role = names.trail_reader()?;
    Some(role_arn(facts.partition()?, &log_archive?, role))
}

fn key(facts: &Facts, trail: &TrailFacts) -> Finding {
    let Some(key) = &trail.key else {
        return Finding::pass(KEY, "The log files are encrypted with no key of KMS.");
    };
    let Some(role) = reader(facts) else {
        return Finding::skip(
            KEY,
            format!("The log files are encrypted with {key}; the reader's name is not known yet."),
        );
    };
    let statement = key_statement(key, &role);
    let policy = match &trail.key_policy {
        Read::Ok(policy) => policy.as_deref().unwrap_or("{}"),
        Read::Unknown(why) => {
            return Finding::skip(KEY, format!("The policy of {key} was not read: {why}"))
                .mend("See that the key's policy has this statement", statement);
        }
    };
    let Some(policy) = Document::parse(policy) else {
        return Finding::skip(KEY, format!("The policy of {key} is not readable."));
    };
    let request = Request {
        principal: &role,
        action: "kms:Decrypt",
        resource: key.as_str(),
        region: key.region(),
    };
    if let Some((sid, Holds::Yes)) = policy.denial(request) {
        let says = format!("The statement {sid:?} in the policy of {key} denies {role}.");
        return Finding::fail(KEY, says)
            .mend("Except the role from that statement", excepted(&role));
    }
    judged(key, &role, policy.allows(request))
        .unwrap_or_else(|failed| failed.mend("Add this statement to the key's policy", statement))
}

fn judged(key: &Arn, role: &str, allowed: Holds) -> Result<Finding, Finding> {
    match allowed {
        Holds::Yes => Ok(Finding::pass(
            KEY,
            format!("{role} may decrypt with {key}."),
        )),
        Holds::Perhaps => Err(Finding::warn(
            KEY,
            format!("The policy of {key} allows {role} on conditions that are not known here."),
        )),
        Holds::No => Err(Finding::fail(
            KEY,
            format!("The policy of {key} does not let {role} decrypt the log files."),
        )),
    }
}

/// The reader and the subscriber are in the owner's account, so a policy can only deny.
fn denials(
    facts: &Facts,
    (check, policy, action, resource): (&'static str, &Read<Option<String>>, &str, &str),
    command: &str,
) -> Finding {
    let policy = match policy {
        Read::Ok(policy) => policy.as_deref().unwrap_or("{}"),
        // It is in another account, as a rule.
        Read::Unknown(why) => {
            return Finding::skip(check, format!("Its policy was not read: {why}")).mend(
                "See with credentials of its account that no statement denies",
                command,
            );
        }
    };
    let Some(role) = reader(facts) else {
        return Finding::skip(check, "The reader's name is not known yet.");
    };
    let request = Request {
        principal: &role,
        action,
        resource,
        region: &facts.region,
    };
    let denial = Document::parse(policy);
    let denial = denial.as_ref().and_then(|policy| policy.denial(request));
    match denial {
        None => Finding::pass(check, format!("Its policy denies no {action}.")),
        Some((sid, holds)) => {
            let says = match holds {
                Holds::Yes => format!("The statement {sid:?} of its policy denies {action}."),
                _ => format!("The statement {sid:?} of its policy may deny {action}."),
            };
            let found = match holds {
                Holds::Yes => Finding::fail(check, says),
                _ => Finding::warn(check, says),
            };
            found.mend("Except the role from that statement", excepted(&role))
        }
    }
}

fn excepted(role: &str) -> String {
    format!(r#""Condition": {{"ArnNotLike": {{"aws:PrincipalArn": "{role}"}}}}"#)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use towerhook_core::provider::plain::PlainRoles;

    use super::*;
    use crate::doctor::{
        Verdict,
        testing::{LOG_ARCHIVE, facts, finding, unread},
    };

    fn trail(change: impl FnOnce(&mut TrailFacts)) -> Facts {
        let mut changed = facts();
        change(changed.trail.as_mut().unwrap());
        changed
    }

    fn policy(statement: serde_json::Value) -> Read<Option<String>> {
        Read::Ok(Some(json!({"Statement": [statement]}).to_string()))
    }

    #[test]
    fn a_key_that_lets_nobody_decrypt_gets_the_exact_statement_which_then_passes() {
        let blocked = trail(|trail| trail.key_policy = policy(json!({})));
        let found = finding(&blocked, KEY);
        assert_eq!(found.verdict, Verdict::Fail);
        let statement: serde_json::Value = serde_json::from_str(&found.mend[0].text).unwrap();
        assert_eq!(
            statement["Condition"]["ArnEquals"]["aws:PrincipalArn"],
            format!("arn:aws:iam::{LOG_ARCHIVE}:role/acme-log-reader")
        );
        let mended = trail(|trail| trail.key_policy = policy(statement));
        assert_eq!(finding(&mended, KEY).verdict, Verdict::Pass);
    }

    #[test]
    fn a_key_policy_that_denies_fails_although_another_statement_allows() {
        let statements = json!({"Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"},
            {"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"},
        ]});
        let denied = trail(|trail| trail.key_policy = Read::Ok(Some(statements.to_string())));
        let found = finding(&denied, KEY);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.says.contains("\"No\""), "{}", found.says);
    }

    #[test]
    fn a_key_whose_policy_is_unreadable_is_skipped_with_its_statement() {
        let unknown = finding(&trail(|trail| trail.key_policy = unread()), KEY);
        assert_eq!(unknown.verdict, Verdict::Skip);
        assert!(unknown.mend[0].text.contains("kms:Decrypt"));
        let open = trail(|trail| trail.key = None);
        assert_eq!(finding(&open, KEY).verdict, Verdict::Pass);
    }

    #[test]
    fn a_bucket_or_a_topic_that_denies_fails_and_one_that_may_warns() {
        let denies = |action: &str, condition: serde_json::Value| {
            policy(json!({
                "Sid": "No", "Effect": "Deny", "Principal": "*", "Action": action,
                "Resource": "*", "Condition": condition,
            }))
        };
        let always = || json!({});
        let sometimes = || json!({"StringNotEquals": {"aws:SourceVpc": "vpc-1"}});
        for (check, action) in [(BUCKET, "s3:*"), (TOPIC, "sns:Subscribe")] {
            let with = |policy: Read<Option<String>>| {
                trail(|trail| {
                    trail.bucket_policy = policy.clone();
                    trail.topic_policy = policy;
                })
            };
            let verdict = |policy| finding(&with(policy), check).verdict;
            assert_eq!(verdict(denies(action, always())), Verdict::Fail, "{check}");
            assert_eq!(
                verdict(denies(action, sometimes())),
                Verdict::Warn,
                "{check}"
            );
            assert_eq!(verdict(Read::Ok(None)), Verdict::Pass, "{check}");
            assert_eq!(verdict(unread()), Verdict::Skip, "{check}");
        }
    }

    #[test]
    fn the_topic_of_a_trail_is_nothing_to_a_vendor_whose_queue_the_bucket_tells() {
        let mut told = facts();
        assert!(check(&told).iter().any(|one| one.check == TOPIC));
        told.provider = &PlainRoles;
        assert!(check(&told).iter().all(|one| one.check != TOPIC));
    }
}
