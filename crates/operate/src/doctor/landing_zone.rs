//! Control Tower's landing zone.

use towerhook_core::{
    Read,
    foundation::not_home,
    landing_zone::{LandingZone, LandingZoneReply},
    ports::ZoneStatus,
};

use super::{Facts, Finding};

const HOME: &str = "home-region";
const ZONE: &str = "landing-zone";
const TRUSTED: &str = "trusted-access";

/// The oldest version that Towerhook is made for.
const OLDEST: u32 = 3;

pub(super) fn check(facts: &Facts) -> Vec<Finding> {
    vec![
        home_region(facts),
        landing_zone(facts),
        trusted_access(facts),
    ]
}

fn home_region(facts: &Facts) -> Finding {
    let region = &facts.region;
    match &facts.zone {
        Read::Unknown(why) => Finding::skip(HOME, why.clone()),
        Read::Ok(LandingZoneReply::Elsewhere(home)) => {
            Finding::fail(HOME, not_home(region, home).to_string())
                .mend("Use that Region", format!("export AWS_REGION={home}"))
        }
        Read::Ok(LandingZoneReply::Here(_)) => {
            Finding::pass(HOME, format!("{region} is Control Tower's home Region."))
        }
        Read::Ok(LandingZoneReply::None) => Finding::warn(
            HOME,
            "Control Tower has no landing zone: every account of the organization counts as managed.",
        )
        .mend(
            "Launch with your own roles for StackSets, in StackSetAdministrationRoleArn and \
             StackSetExecutionRoleName; or look where Control Tower is",
            "aws controltower list-landing-zones",
        ),
    }
}

fn landing_zone(facts: &Facts) -> Finding {
    let zone = match &facts.zone {
        Read::Unknown(why) => return Finding::skip(ZONE, why.clone()),
        Read::Ok(LandingZoneReply::Here(zone)) => zone,
        Read::Ok(_) => return Finding::skip(ZONE, "There is none in this Region."),
    };
    if major(&zone.version).is_none_or(|major| major < OLDEST) {
        let says = format!(
            "Its version is {}, and Towerhook is made for {OLDEST}.0 and later.",
            zone.version
        );
        return Finding::warn(ZONE, says).mend(
            "Update the landing zone in Control Tower's console, under Landing zone settings",
            "",
        );
    }
    match &facts.zone_status {
        Read::Unknown(why) => Finding::skip(
            ZONE,
            format!(
                "Its version is {}; its status is unknown: {why}",
                zone.version
            ),
        ),
        Read::Ok(status) => judged(zone, status.as_ref()),
    }
}

fn judged(zone: &LandingZone, status: Option<&ZoneStatus>) -> Finding {
    let ZoneStatus {
        status,
        drift,
        latest,
    } = status.cloned().unwrap_or_default();
    let version = &zone.version;
    let status = status.unwrap_or_else(|| "without a status".to_owned());
    let says = format!("Its version is {version}, and it is {status}.");
    match status.as_str() {
        "PROCESSING" => {
            return Finding::warn(ZONE, says).mend(
                "Wait until Control Tower has finished",
                "aws controltower list-landing-zone-operations",
            );
        }
        "ACTIVE" => {}
        _ => {
            return Finding::fail(ZONE, says).mend(
                "See in Control Tower's console why, and repair the landing zone there",
                "aws controltower list-landing-zone-operations",
            );
        }
    }
    if drift.as_deref() == Some("DRIFTED") {
        let says = format!("Its version is {version}, and it has drifted.");
        return Finding::warn(ZONE, says).mend(
            "Repair it with Reset, in Control Tower's console under Landing zone settings",
            "",
        );
    }
    let newer = latest.filter(|latest| latest != version);
    let newer = newer.map_or_else(String::new, |latest| format!(" {latest} is available."));
    Finding::pass(ZONE, says + &newer)
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

/// The StackSets are self-managed: they need no trust of the organization, only the trail does.
fn trusted_access(facts: &Facts) -> Finding {
    const CLOUD_TRAIL: &str = "cloudtrail.amazonaws.com";
    let trusted = match &facts.trusted {
        Read::Unknown(why) => return Finding::skip(TRUSTED, why.clone()),
        Read::Ok(trusted) => trusted,
    };
    if facts.trail.is_none() {
        return Finding::pass(TRUSTED, "The StackSets need none, and no trail is read.");
    }
    if trusted.contains(CLOUD_TRAIL) {
        return Finding::pass(
            TRUSTED,
            "The organization trusts CloudTrail; the StackSets need no trust.",
        );
    }
    Finding::fail(
        TRUSTED,
        "The organization does not trust CloudTrail, so its trail records one account only.",
    )
    .mend(
        "Let CloudTrail work in all accounts",
        format!("aws organizations enable-aws-service-access --service-principal {CLOUD_TRAIL}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{
        Verdict,
        testing::{facts, finding, unread},
    };

    fn zone(change: impl FnOnce(&mut Facts)) -> Finding {
        let mut changed = facts();
        change(&mut changed);
        finding(&changed, ZONE)
    }

    #[test]
    fn another_home_region_fails_and_is_named() {
        let mut elsewhere = facts();
        elsewhere.zone = Read::Ok(LandingZoneReply::Elsewhere("eu-west-1".into()));
        let found = finding(&elsewhere, HOME);
        assert_eq!(found.verdict, Verdict::Fail);
        assert_eq!(found.mend[0].text, "export AWS_REGION=eu-west-1");
        elsewhere.zone = Read::Ok(LandingZoneReply::None);
        assert_eq!(finding(&elsewhere, HOME).verdict, Verdict::Warn);
        elsewhere.zone = unread();
        assert_eq!(finding(&elsewhere, HOME).verdict, Verdict::Skip);
    }

    #[test]
    fn a_landing_zone_that_is_old_broken_busy_or_drifted_is_no_pass() {
        let with = |status: &str, drift: &str| {
            let status = ZoneStatus {
                status: Some(status.into()),
                drift: Some(drift.into()),
                latest: None,
            };
            zone(|facts| facts.zone_status = Read::Ok(Some(status)))
        };
        assert_eq!(with("ACTIVE", "IN_SYNC").verdict, Verdict::Pass);
        assert_eq!(with("ACTIVE", "DRIFTED").verdict, Verdict::Warn);
        assert_eq!(with("PROCESSING", "IN_SYNC").verdict, Verdict::Warn);
        assert_eq!(with("FAILED", "IN_SYNC").verdict, Verdict::Fail);
        let old = zone(|facts| {
            let old = LandingZone {
                version: "2.9".into(),
                ..LandingZone::default()
            };
            facts.zone = Read::Ok(LandingZoneReply::Here(old));
        });
        assert_eq!(old.verdict, Verdict::Warn);
        assert!(old.says.contains("2.9"));
        let unknown = zone(|facts| facts.zone_status = unread());
        assert_eq!(unknown.verdict, Verdict::Skip);
    }

    #[test]
    fn only_a_trail_needs_the_organizations_trust() {
        let mut untrusting = facts();
        untrusting.trusted = Read::Ok([].into());
        let found = finding(&untrusting, TRUSTED);
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.mend[0].text.ends_with("cloudtrail.amazonaws.com"));
        untrusting.trail = None;
        assert_eq!(finding(&untrusting, TRUSTED).verdict, Verdict::Pass);
    }
}
