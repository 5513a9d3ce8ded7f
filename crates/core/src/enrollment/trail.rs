//! Keeps the trail as setup created it: its role, its queue, its registration, and the mapping of
//! accounts to stores. Runs only in comparisons of the whole organization.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::{SignedDuration, Timestamp};

use super::{AccountView, Inventory, Read};
use crate::{
    landing_zone::Trail,
    model::{
        AccountId, AccountMapping, Arn, Health, Registration, RegistrationKind, RegistrationSpec,
        Store,
    },
    policy::{DeployedTrail, Deployment, Destination, TrailFault},
    provider::{FeedPart, Provider, Subject},
    stack_sets::{InstanceState, StackInstance},
};

mod execute;
mod observe;

pub use execute::{TrailReport, keep_trail};

/// The shortest interval between repairs of the same fault that recreate something.
const MENDED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// The SaaS may take this long to show that it has verified a role or a queue again.
const SHOWN_AFTER: SignedDuration = SignedDuration::from_hours(2);

/// Everything read about the trail.
#[derive(Debug, Clone)]
pub struct TrailView {
    /// The organization's trail itself.
    pub trail: Read<Option<Trail>>,
    /// The trail registrations in its store, and those of the organization.
    pub registrations: Read<Vec<Registration>>,
    /// The instance in Log Archive, which holds the role.
    pub log: Read<Option<StackInstance>>,
    /// The instance in Audit, or in Log Archive if the topic is there, which holds the queue.
    pub audit: Read<Option<StackInstance>>,
    /// Whether the SaaS's rate limit delayed the listing, which is not a failure.
    pub is_requeued: bool,
}

/// One write, fully specified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrailAction {
    /// Create a StackSet's only instance, or retry where it failed.
    CreateInstance {
        /// The StackSet.
        stack_set: String,
        /// Its account.
        account: AccountId,
    },
    /// Delete a StackSet's only instance, so that it can be recreated.
    DeleteInstance {
        /// The StackSet.
        stack_set: String,
        /// Its account.
        account: AccountId,
    },
    /// Create the registration.
    CreateRegistration(RegistrationSpec),
    /// Bring the registration to its desired state.
    UpdateRegistration {
        /// The current state.
        existing: Registration,
        /// The desired state.
        spec: RegistrationSpec,
    },
    /// Delete a registration of ours that is in the wrong store, or a duplicate.
    DeleteRegistration(Registration),
}

impl fmt::Display for TrailAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateInstance { stack_set, account } => {
                write!(f, "create the instance of {stack_set} in {account}")
            }
            Self::DeleteInstance { stack_set, account } => {
                write!(f, "delete the instance of {stack_set} in {account}")
            }
            Self::CreateRegistration(spec) => write!(f, "create integration {}", spec.name),
            Self::UpdateRegistration { spec, .. } => write!(f, "update integration {}", spec.name),
            Self::DeleteRegistration(existing) => write!(f, "delete integration {}", existing.name),
        }
    }
}

/// The actions that follow from a view of the trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailPlan {
    /// The writes, in order.
    pub actions: Vec<TrailAction>,
    /// The trail's record, if it has to change.
    pub record: Option<DeployedTrail>,
    /// Whether an operation is running, so that another pass is needed soon.
    pub look_again: bool,
    /// Problems that need an administrator, in words.
    pub blocked: Vec<String>,
}

/// Plans the actions that restore the trail as setup created it, with a complete mapping of
/// accounts.
///
/// Deterministic and total. A failed read changes nothing.
pub fn plan_trail(
    provider: &dyn Provider,
    deployment: &Deployment,
    inventory: &Inventory,
    view: &TrailView,
    now: Timestamp,
) -> TrailPlan {
    let Some(trail) = &deployment.trail else {
        return TrailPlan::default();
    };
    let mut draft = Draft {
        provider,
        deployment,
        trail,
        record: trail.clone(),
        now,
        plan: TrailPlan::default(),
    };
    draft.source(&view.trail);
    let (queue, role) = if draft.has_own_topic() {
        // The topic comes with the role, and the queue can be subscribed only once it exists.
        let role = draft.instance(FeedPart::Role, &view.log);
        (role && draft.instance(FeedPart::Queue, &view.audit), role)
    } else {
        let queue = draft.instance(FeedPart::Queue, &view.audit);
        (queue, draft.instance(FeedPart::Role, &view.log))
    };
    if let Read::Ok(registrations) = &view.registrations {
        let mapping = wanted_mapping(deployment, inventory);
        draft.registration(registrations, mapping, queue && role);
    }
    let Draft {
        mut plan, record, ..
    } = draft;
    plan.record = (record != *trail).then_some(record);
    plan
}

struct Draft<'a> {
    provider: &'a dyn Provider,
    deployment: &'a Deployment,
    trail: &'a DeployedTrail,
    /// The trail's record, including planned changes.
    record: DeployedTrail,
    now: Timestamp,
    plan: TrailPlan,
}

impl Draft<'_> {
    /// Whether a registration is the one that this deployment created for the trail: by its id,
    /// else by the provider's rule.
    fn owns(&self, one: &Registration) -> bool {
        let policy = &self.deployment.policy;
        let is_ours = || {
            let subject = self.provider.subject(policy, &policy.names, one);
            subject == Subject::Ours(self.trail.registration.account)
        };
        one.kind == RegistrationKind::Feed
            && (self.trail.registration_id.as_ref() == Some(&one.guid) || is_ours())
    }

    fn place(&self, part: FeedPart) -> (String, AccountId) {
        let names = &self.deployment.policy.names;
        let resources = self.provider.resources(names);
        match part {
            FeedPart::Role => (resources.log_stack_set, self.trail.registration.account),
            FeedPart::Queue => (resources.audit_stack_set, self.trail.queue_account),
        }
    }

    fn create(&mut self, part: FeedPart) {
        let (stack_set, account) = self.place(part);
        self.plan
            .actions
            .push(TrailAction::CreateInstance { stack_set, account });
        self.plan.look_again = true;
    }

    fn delete(&mut self, part: FeedPart) {
        let (stack_set, account) = self.place(part);
        self.plan
            .actions
            .push(TrailAction::DeleteInstance { stack_set, account });
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
            Some(trail) => trail
                .shortfall()
                .map(str::to_owned)
                .or_else(|| self.other_topic(trail.topic.as_ref())),
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
        let Some(instance) = instance else {
            self.create(part);
            return false;
        };
        match instance.state {
            InstanceState::Current => return true,
            InstanceState::InProgress => self.plan.look_again = true,
            // A transient failure does not count as a repair.
            InstanceState::Outdated if instance.passes_after().is_some() => self.create(part),
            InstanceState::Outdated if self.may_mend(fault) => self.create(part),
            InstanceState::Inoperable if self.may_mend(fault) => self.delete(part),
            InstanceState::Outdated | InstanceState::Inoperable => {
                let (stack_set, account) = self.place(part);
                let reason = instance
                    .reason
                    .as_deref()
                    .unwrap_or("CloudFormation gives no reason");
                self.plan.blocked.push(format!(
                    "the instance of {stack_set} in {account} cannot be made: {reason}"
                ));
            }
        }
        false
    }

    fn registration(
        &mut self,
        registrations: &[Registration],
        mapping: Option<AccountMapping>,
        standing: bool,
    ) {
        let (ours, others): (Vec<_>, Vec<_>) = registrations.iter().partition(|one| self.owns(one));
        let (here, elsewhere): (Vec<_>, Vec<_>) = ours
            .into_iter()
            .partition(|one| self.deployment.holds_trail(one));
        let mut here = here.into_iter();
        let kept = here.next();
        let mut spec = self.trail.registration.clone();
        if let Some(existing) = kept {
            self.record.registration_id = Some(existing.guid.clone());
            self.record.asked_at = None;
            // The desired mapping is unknown, so the current one stays.
            spec.account_mapping = mapping.or_else(|| existing.account_mapping.clone());
            self.remove(here);
            self.remove(elsewhere.into_iter());
            if !is_as_wanted(existing, &spec) {
                // The SaaS could not verify a missing role or queue.
                if standing {
                    let existing = existing.clone();
                    self.plan
                        .actions
                        .push(TrailAction::UpdateRegistration { existing, spec });
                }
            } else if let (Health::Failing(details), true) = (&existing.health, standing) {
                self.mend(details);
            }
        } else if standing {
            let taken = others
                .iter()
                .find(|other| other.queue_url == spec.queue_url);
            if let Some(other) = taken {
                return self.plan.blocked.push(format!(
                    "integration {:?} reads the trail's queue already",
                    other.name
                ));
            }
            if mapping.is_some() {
                spec.account_mapping = mapping;
            }
            // The SaaS accepts a queue only once. Its messages wait there for 14 days.
            self.remove(elsewhere.into_iter());
            self.record.asked_at = Some(self.now);
            self.plan
                .actions
                .push(TrailAction::CreateRegistration(spec));
        }
    }

    fn remove<'a>(&mut self, registrations: impl Iterator<Item = &'a Registration>) {
        let deletions = registrations.cloned().map(TrailAction::DeleteRegistration);
        self.plan.actions.extend(deletions);
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

impl Deployment {
    /// Whether a registration is in the trail's store.
    fn holds_trail(&self, registration: &Registration) -> bool {
        let of_organization = self
            .trail
            .as_ref()
            .is_some_and(|trail| trail.registration.is_of_organization());
        if of_organization {
            registration.organization
        } else {
            !registration.organization
                && registration.store.as_ref() == self.policy.destination.shared()
        }
    }
}

fn is_as_wanted(existing: &Registration, spec: &RegistrationSpec) -> bool {
    existing.enabled
        && existing.name == spec.name
        && existing.role_arn == spec.role_arn
        && existing.queue_url == spec.queue_url
        && existing.account_mapping == spec.account_mapping
        && spec.external_id.is_shown_as(&existing.external_id)
}

/// The store of every account in the organization, if all of them could be read.
///
/// The trail covers every account, enrolled or not, so only the account's OU counts.
fn wanted_mapping(deployment: &Deployment, inventory: &Inventory) -> Option<AccountMapping> {
    let policy = &deployment.policy;
    let complete = inventory.scope.all && inventory.accounts.values().all(is_known);
    if !complete || !matches!(policy.destination, Destination::Mapped(_)) {
        return None;
    }
    let mut mapping = policy.empty_mapping()?;
    for (id, view) in &inventory.accounts {
        let Read::Ok(Some(account)) = &view.account else {
            continue;
        };
        if let Some(Some(store)) = policy.destination.of(&account.path)
            && store != mapping.default
        {
            insert(&mut mapping.accounts, store, *id);
        }
    }
    Some(mapping)
}

fn insert(accounts: &mut BTreeMap<Store, BTreeSet<AccountId>>, store: Store, id: AccountId) {
    accounts.entry(store).or_default().insert(id);
}

fn is_known(view: &AccountView) -> bool {
    matches!(
        (
            &view.account,
            &view.management,
            &view.instance,
            &view.registrations
        ),
        (Read::Ok(_), Read::Ok(_), Read::Ok(_), Read::Ok(_))
    )
}

#[cfg(test)]
mod tests;
