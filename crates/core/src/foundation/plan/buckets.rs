//! The steps by which a bucket gets our notification, and by which another one loses it.

use super::observed::Observed;
use crate::{
    foundation::{Footprint, Refusal, Step},
    landing_zone::Announcement,
    policy::Deployment,
};

/// Ours that no bucket is to have any more.
pub(in crate::foundation) fn unwanted_announcements<'a>(
    wanted: Option<&'a Footprint>,
    deployment: &'a Deployment,
) -> impl Iterator<Item = &'a Announcement> {
    let kept = wanted.and_then(|footprint| footprint.trail.as_ref());
    let kept = kept.and_then(|trail| trail.announcement.as_ref());
    let all = deployment.announcements.iter();
    all.filter(move |ours| kept.is_none_or(|kept| !kept.replaces(ours)))
}

/// Takes each unwanted notification off its bucket. Only the role as it stands can do that: once it
/// is for another bucket, or gone, nothing can.
pub(super) fn take_off<'a>(
    unwanted: impl Iterator<Item = &'a Announcement>,
    observed: &Observed,
) -> Vec<Step> {
    let steps = unwanted.filter_map(|ours| {
        let found = observed.buckets.get(ours)?.as_ref().ok()?;
        Some(Step::SetNotifications {
            of: ours.clone(),
            found: found.clone(),
            notifications: ours.taken_from(found)?,
        })
    });
    steps.collect()
}

/// Waits for the unwanted ones that cannot be read.
pub(super) fn await_unreadable<'a>(
    unwanted: impl Iterator<Item = &'a Announcement>,
    observed: &Observed,
) -> Vec<Step> {
    let steps = unwanted.filter_map(|ours| {
        let why = observed.buckets.get(ours)?.as_ref().err()?;
        Some(await_bucket(ours, why))
    });
    steps.collect()
}

/// Gives a bucket the wanted notification.
pub(super) fn announce(
    steps: &mut Vec<Step>,
    wanted: &Announcement,
    observed: &Observed,
) -> Result<(), Refusal> {
    match observed.buckets.get(wanted) {
        Some(Ok(found)) => match wanted.added_to(found) {
            Ok(None) => {}
            Ok(Some(notifications)) => steps.push(Step::SetNotifications {
                of: wanted.clone(),
                found: found.clone(),
                notifications,
            }),
            Err(other) => return Err(Refusal::new(wanted.refused_for(other))),
        },
        Some(Err(why)) => steps.push(await_bucket(wanted, why)),
        None => steps.push(Step::Await(format!("the role {}", wanted.role))),
    }
    Ok(())
}

fn await_bucket(of: &Announcement, why: &str) -> Step {
    Step::AwaitBucket {
        of: of.clone(),
        why: why.to_owned(),
    }
}
