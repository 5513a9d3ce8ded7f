//! Plans the actions that restore the feed.

use jiff::{SignedDuration, Timestamp};

use super::{FeedAction, FeedPlan, FeedView, Next, Reconciled, reconcile};
use crate::{
    Read,
    landing_zone::{Announcement, BucketNotifications, Trail},
    model::{AccountId, AccountMapping, Arn, Health, Registration, RegistrationSpec},
    policy::{DeployedTrail, Deployment, TrailFault},
    provider::{FeedNames, FeedPart, Provider},
    stack_sets::{NextForInstance, StackInstance},
};

/// The shortest interval between repairs of the same fault that recreate something.
const MENDED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// The SaaS may take this long to show that it has verified a role or a queue again.
const SHOWN_AFTER: SignedDuration = SignedDuration::from_hours(2);

/// Plans the actions that restore the feed as setup created it. `mapping` is the desired mapping of
/// accounts to stores, if it is known.
///
/// Deterministic and total. A failed read changes nothing.
pub fn plan_feed(
    provider: &dyn Provider,
    deployment: &Deployment,
    mapping: Option<AccountMapping>,
    view: &FeedView,
    now: Timestamp,
) -> FeedPlan {
    let names = provider.resources(&deployment.policy.names).feed;
    let (Some(trail), Some(names), Some(log_archive)) =
        (&deployment.trail, names, deployment.policy.log_archive)
    else {
        return FeedPlan::default();
    };
    let mut draft = Draft {
        provider,
        names,
        log_archive,
        deployment,
        trail,
        record: trail.clone(),
        now,
        plan: FeedPlan::default(),
    };
    draft.source(&view.trail);
    let (queue, role) = match &view.audit {
        None => (true, draft.instance(FeedPart::Role, &view.log)),
        // The topic comes with the role, and the queue can be subscribed only once it exists.
        Some(audit) if draft.has_own_topic() => {
            let role = draft.instance(FeedPart::Role, &view.log);
            (role && draft.instance(FeedPart::Queue, audit), role)
        }
        Some(audit) => {
            let queue = draft.instance(FeedPart::Queue, audit);
            (queue, draft.instance(FeedPart::Role, &view.log))
        }
    };
    if let (Some(bucket), true) = (&view.bucket, role) {
        draft.announcement(bucket);
    }
    if let (Some(wanted), Read::Ok(listed)) = (&trail.registration, &view.registrations) {
        draft.registration(wanted, listed, mapping, queue && role);
    }
    let Draft {
        mut plan, record, ..
    } = draft;
    plan.record = (record != *trail).then_some(record);
    plan
}

struct Draft<'a> {
    provider: &'a dyn Provider,
    names: FeedNames,
    log_archive: AccountId,
    deployment: &'a Deployment,
    trail: &'a DeployedTrail,
    /// The trail's record, including planned changes.
    record: DeployedTrail,
    now: Timestamp,
    plan: FeedPlan,
}

impl Draft<'_> {
    fn place(&self, part: FeedPart) -> (String, AccountId) {
        let (name, account) = match (part, &self.names.audit_stack_set) {
            (FeedPart::Queue, Some(name)) => (name, self.trail.queue_account),
            (FeedPart::Role | FeedPart::Queue, _) => (&self.names.log_stack_set, self.log_archive),
        };
        (name.clone(), account)
    }

    fn create(&mut self, part: FeedPart) {
        let (stack_set, account) = self.place(part);
        self.plan
            .actions
            .push(FeedAction::CreateInstance { stack_set, account });
        self.plan.look_again = true;
    }

    fn delete(&mut self, part: FeedPart) {
        let (stack_set, account) = self.place(part);
        self.plan
            .actions
            .push(FeedAction::DeleteInstance { stack_set, account });
        self.plan.look_again = true;
        // A topic's subscriptions are deleted with it, including the queue's.
        if part == FeedPart::Role && self.has_own_topic() {
            self.delete(FeedPart::Queue);
        }
    }

    /// Whether the trail's topic is ours, and so in the same stack as the role.
    fn has_own_topic(&self) -> bool {
        !self.deployment.trail_topics.is_empty()
    }

    fn since_mended(&self, fault: TrailFault) -> Option<SignedDuration> {
        let at = self.trail.mended.get(&fault)?;
        Some(self.now.duration_since(*at))
    }

    /// Whether this fault may be repaired now; if so, records the repair.
    fn may_mend(&mut self, fault: TrailFault) -> bool {
        let may = self
            .since_mended(fault)
            .is_none_or(|since| since >= MENDED_FOR);
        if may {
            self.record.mended.insert(fault, self.now);
        }
        may
    }

    /// Reports a trail that no longer records the whole organization, or no longer publishes to the
    /// queue's topic. Only an administrator can change it back.
    fn source(&mut self, view: &Read<Option<Trail>>) {
        let Read::Ok(trail) = view else { return };
        let name = &self.trail.source.name;
        let wrong = match trail {
            None => Some("it is gone".to_owned()),
            Some(trail) => trail.shortfall().map(str::to_owned).or_else(|| {
                match &self.trail.source.announcement {
                    Some(announcement) => other_place(announcement, trail),
                    None => self.other_topic(trail.topic.as_ref()),
                }
            }),
        };
        let words =
            wrong.map(|wrong| format!("the trail {name:?} does not record everything: {wrong}"));
        self.plan.blocked.extend(words);
    }

    /// The problem and its remedy, if the trail notifies another topic than the queue's. Only setup
    /// can move the queue.
    fn other_topic(&self, found: Option<&Arn>) -> Option<String> {
        let topic = &self.trail.source.topic;
        let policy = &self.deployment.policy;
        let what = match found {
            Some(found) if found == topic => return None,
            Some(found) if policy.queue_account(found, false).is_some() => {
                format!(" but {found}; update the stack, and the queue follows")
            }
            Some(found) => format!(
                " but {found}, which is neither in Log Archive nor in Audit; give the trail a topic \
                 that is, and update the stack"
            ),
            None => {
                " or any other; set it again, or update the stack with CreateTrailTopic=Yes".into()
            }
        };
        Some(format!("it no longer notifies the topic {topic}{what}"))
    }

    /// Reconciles one instance. True if it exists and is current.
    fn instance(&mut self, part: FeedPart, view: &Read<Option<StackInstance>>) -> bool {
        let Read::Ok(instance) = view else {
            return false;
        };
        let fault = match part {
            FeedPart::Role => TrailFault::LogInstance,
            FeedPart::Queue => TrailFault::AuditInstance,
        };
        match StackInstance::next(instance.as_ref()) {
            NextForInstance::Nothing => return true,
            NextForInstance::Create => self.create(part),
            NextForInstance::Await => self.plan.look_again = true,
            // A transient failure does not count as a repair.
            NextForInstance::Retry(failed) if failed.passes_after().is_some() => {
                self.create(part);
            }
            NextForInstance::Retry(_) if self.may_mend(fault) => self.create(part),
            NextForInstance::Replace(_) if self.may_mend(fault) => self.delete(part),
            NextForInstance::Retry(failed) | NextForInstance::Replace(failed) => {
                let (stack_set, account) = self.place(part);
                let reason = failed.failure();
                self.plan.blocked.push(format!(
                    "the instance of {stack_set} in {account} cannot be made: {reason}"
                ));
            }
        }
        false
    }

    /// Keeps our notification of the trail's bucket. `found` are all of that bucket.
    fn announcement(&mut self, found: &Read<BucketNotifications>) {
        let (Some(announcement), Read::Ok(found)) = (&self.trail.source.announcement, found) else {
            return;
        };
        match announcement.added_to(found) {
            Ok(None) => {}
            Ok(Some(notifications)) => self.plan.actions.push(FeedAction::Announce {
                announcement: announcement.clone(),
                found: found.clone(),
                notifications,
            }),
            Err(other) => self.plan.blocked.push(announcement.refused_for(other)),
        }
    }

    /// Reconciles the registration. `stands` says whether role and queue do: without them the SaaS
    /// could not verify it.
    fn registration(
        &mut self,
        wanted: &RegistrationSpec,
        listed: &[Registration],
        mapping: Option<AccountMapping>,
        stands: bool,
    ) {
        let feed = (self.trail, wanted);
        let Reconciled { surplus, next } =
            reconcile(self.provider, self.deployment, feed, mapping, listed);
        if let Next::Stands(existing) | Next::Update(existing, _) = &next {
            self.record.registration_id = Some(existing.guid.clone());
            self.record.asked_at = None;
        } else if !stands {
            return;
        }
        if let Next::Blocked(other) = next {
            return self.plan.blocked.push(format!(
                "registration {:?} reads the trail's queue already",
                other.name
            ));
        }
        for existing in surplus.into_iter().cloned() {
            let deletion = FeedAction::DeleteRegistration { existing };
            self.plan.actions.push(deletion);
        }
        match next {
            Next::Stands(existing) => {
                if let (Health::Failing(details), true) = (&existing.health, stands) {
                    self.mend(details);
                }
            }
            Next::Update(existing, spec) if stands => {
                let existing = existing.clone();
                self.plan
                    .actions
                    .push(FeedAction::UpdateRegistration { existing, spec });
            }
            Next::Create(spec) => {
                self.record.asked_at = Some(self.now);
                self.plan
                    .actions
                    .push(FeedAction::CreateRegistration { spec });
            }
            Next::Update(..) | Next::Blocked(_) => {}
        }
    }

    /// Recreates the resource that the SaaS cannot use. Applying an unchanged template changes
    /// nothing, so the instance is deleted here, and created by the next pass.
    fn mend(&mut self, details: &str) {
        for part in self.provider.suspects(details) {
            let fault = match part {
                FeedPart::Role => TrailFault::Role,
                FeedPart::Queue => TrailFault::Queue,
            };
            if self.may_mend(fault) {
                return self.delete(part);
            }
            if self
                .since_mended(fault)
                .is_some_and(|since| since < SHOWN_AFTER)
            {
                return;
            }
        }
        let title = self.provider.words().title;
        self.plan
            .blocked
            .push(format!("{title} cannot read the trail: {details}"));
    }
}

/// The problem and its remedy, if the trail delivers elsewhere than where a bucket tells us of each
/// log file. Only setup can move the notification.
fn other_place(announcement: &Announcement, trail: &Trail) -> Option<String> {
    let place = |bucket: &str, prefix: &str| format!("s3://{bucket}/{prefix}");
    let ours = place(&announcement.bucket, &announcement.prefix);
    let found = place(&trail.bucket, &Announcement::prefix_of(trail));
    (found != ours).then(|| {
        format!(
            "it delivers to {found} and no longer to {ours}; update the stack, and the notification \
             follows"
        )
    })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
