//! The organization's trail and what announces its log files, by setup's own rules.

use towerhook_core::{
    Read,
    foundation::{foreign_topic, log_archive, no_queue_account, whole_trail},
    landing_zone::{LandingZoneReply, Trail},
    policy::queue_account,
};

use super::{Facts, Finding, TrailFacts};

const TRAIL: &str = "trail";
const TOPIC: &str = "trail-topic";

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    let Some(trail) = &facts.trail else {
        return Vec::new();
    };
    vec![whole(facts, trail), topic(facts, trail)]
}

fn whole(facts: &Facts, trail: &TrailFacts) -> Finding {
    let TrailFacts { name, found, .. } = trail;
    let found = match found {
        Read::Unknown(why) => return Finding::skip(TRAIL, why.clone()),
        Read::Ok(found) => found.as_ref(),
    };
    match whole_trail(name, found, &facts.region) {
        Ok(trail) => Finding::pass(
            TRAIL,
            format!("{} records all accounts and Regions.", trail.name),
        ),
        Err(refusal) => {
            let failed = Finding::fail(TRAIL, refusal.to_string());
            match found {
                Some(trail) if is_here(trail, &facts.region) => mended(failed, trail),
                _ => failed.mend(
                    "Find a trail of the organization, and name it in ExistingCloudTrailName",
                    "aws cloudtrail describe-trails \
                     --query 'trailList[?IsOrganizationTrail].[Name,HomeRegion]'",
                ),
            }
        }
    }
}

fn is_here(trail: &Trail, region: &str) -> bool {
    trail
        .home_region
        .as_deref()
        .is_none_or(|home| home == region)
}

fn mended(mut failed: Finding, trail: &Trail) -> Finding {
    let name = &trail.name;
    for (is_right, what, command) in [
        (
            trail.is_organization,
            "Make it the organization's",
            format!("aws cloudtrail update-trail --name {name} --is-organization-trail"),
        ),
        (
            trail.is_multi_region,
            "Let it record every Region",
            format!("aws cloudtrail update-trail --name {name} --is-multi-region-trail"),
        ),
        (
            trail.is_logging,
            "Turn its logging on",
            format!("aws cloudtrail start-logging --name {name}"),
        ),
    ] {
        if !is_right {
            failed = failed.mend(what, command);
        }
    }
    failed
}

fn topic(facts: &Facts, trail: &TrailFacts) -> Finding {
    let found = match &trail.found {
        Read::Unknown(why) => return Finding::skip(TOPIC, why.clone()),
        Read::Ok(None) => return Finding::skip(TOPIC, "There is no trail."),
        Read::Ok(Some(found)) => found,
    };
    if let Read::Ok(LandingZoneReply::Here(zone)) = &facts.zone
        && let Err(refusal) = log_archive(zone)
    {
        return Finding::fail(TOPIC, refusal.to_string()).mend(
            "Let Control Tower set one up, in its console under Landing zone settings; or launch with \
             CapabilityType Config",
            "",
        );
    }
    if facts.is_announced_by_bucket() {
        return Finding::pass(TOPIC, "It needs none: its bucket tells of the log files.");
    }
    let name = &trail.name;
    let is_ours = |topic: &_| trail.own_topic.as_ref() == Some(topic);
    let theirs = match foreign_topic(found, trail.creates_topic, is_ours) {
        Ok(theirs) => theirs,
        Err(refusal) => {
            return Finding::fail(TOPIC, refusal.to_string()).mend(
                "Set CreateTrailTopic to Yes; or give the trail a topic of Log Archive or Audit",
                format!("aws cloudtrail update-trail --name {name} --sns-topic-name TOPIC_ARN"),
            );
        }
    };
    let Some(topic) = theirs else {
        return Finding::pass(TOPIC, "Towerhook makes it in Log Archive.");
    };
    let (log, audit) = facts.shared_accounts();
    if log.is_none() && audit.is_none() {
        return Finding::skip(TOPIC, format!("It is {topic}; Log Archive is not known."));
    }
    match queue_account([audit, log], topic, false) {
        Some(account) => {
            let which = if Some(account) == audit {
                "Audit"
            } else {
                "Log Archive"
            };
            Finding::pass(TOPIC, format!("It is in {which}: {topic}."))
        }
        None => {
            let none = Vec::new();
            let accounts = match &facts.accounts {
                Read::Ok(accounts) => accounts,
                Read::Unknown(_) => &none,
            };
            Finding::fail(TOPIC, no_queue_account(name, topic, accounts).to_string()).mend(
                "Give the trail a topic of Log Archive or Audit",
                format!("aws cloudtrail update-trail --name {name} --sns-topic-name TOPIC_ARN"),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{
        Verdict,
        testing::{facts, finding, unread},
    };

    fn with(change: impl FnOnce(&mut Trail)) -> Facts {
        let mut changed = facts();
        if let Some(TrailFacts {
            found: Read::Ok(Some(trail)),
            ..
        }) = &mut changed.trail
        {
            change(trail);
        }
        changed
    }

    fn commands(finding: &Finding) -> Vec<&str> {
        finding.mend.iter().map(|one| one.text.as_str()).collect()
    }

    #[test]
    fn whatever_a_trail_does_not_record_is_mended_by_its_command() {
        let silent = finding(&with(|trail| trail.is_logging = false), TRAIL);
        assert_eq!(silent.verdict, Verdict::Fail);
        assert_eq!(
            commands(&silent),
            ["aws cloudtrail start-logging --name trail"]
        );
        let own = with(|trail| {
            trail.is_organization = false;
            trail.is_multi_region = false;
        });
        let own = finding(&own, TRAIL);
        let commands = commands(&own);
        assert!(commands[0].ends_with("--is-organization-trail"));
        assert!(commands[1].ends_with("--is-multi-region-trail"));
    }

    #[test]
    fn a_trail_that_is_missing_or_of_another_region_is_to_be_named() {
        let mut missing = facts();
        missing.trail.as_mut().unwrap().found = Read::Ok(None);
        let elsewhere = with(|trail| trail.home_region = Some("eu-west-1".into()));
        for facts in [missing, elsewhere] {
            let found = finding(&facts, TRAIL);
            assert_eq!(found.verdict, Verdict::Fail);
            assert!(commands(&found)[0].contains("describe-trails"));
        }
        let mut unknown = facts();
        unknown.trail.as_mut().unwrap().found = unread();
        assert_eq!(finding(&unknown, TRAIL).verdict, Verdict::Skip);
        assert_eq!(finding(&unknown, TOPIC).verdict, Verdict::Skip);
    }

    #[test]
    fn a_topic_is_in_a_shared_account_or_made() {
        let foreign = with(|trail| {
            trail.topic = "arn:aws:sns:us-east-1:000000000099:t".parse().ok();
        });
        let found = finding(&foreign, TOPIC);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.says.contains("000000000099"), "{}", found.says);
        let mut without = with(|trail| trail.topic = None);
        assert_eq!(finding(&without, TOPIC).verdict, Verdict::Fail);
        without.trail.as_mut().unwrap().creates_topic = true;
        assert_eq!(finding(&without, TOPIC).verdict, Verdict::Pass);
    }

    #[test]
    fn a_landing_zone_without_log_archive_has_nobody_to_read_the_trail_in() {
        let mut without = facts();
        without.zone = Read::Ok(LandingZoneReply::Here(Default::default()));
        let found = finding(&without, TOPIC);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(
            found.says.contains("no Log Archive account"),
            "{}",
            found.says
        );
    }
}
