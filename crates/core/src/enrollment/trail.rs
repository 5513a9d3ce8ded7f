//! The trail, kept as setup made it: its role, its queue, its registration, and the mapping of
//! accounts to stores that goes with it. Only a look at the whole organization does this.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    AccountView, DeployedTrail, Deployment, Destination, Inventory, Known, TrailFault, blames_role,
};
use crate::{
    landing_zone::{InstanceState, StackInstance, Trail},
    model::{AccountId, AccountMapping, Arn, Store},
    ports::{Health, Registration, RegistrationKind, RegistrationSpec},
};

mod execute;
mod observe;

pub use execute::{TrailReport, keep_trail};

/// What is mended by making something anew is mended once in this time.
const MENDED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// The SaaS may take this long until it shows that it has tried a role or a queue again.
const SHOWN_AFTER: SignedDuration = SignedDuration::from_hours(2);

/// All that was observed of the trail.
#[derive(Debug, Clone)]
pub struct TrailView {
    /// The organization's trail itself.
    pub trail: Known<Option<Trail>>,
    /// The trail registrations in the store where it belongs and of the organization.
    pub registrations: Known<Vec<Registration>>,
    /// The instance in Log Archive, which is the role.
    pub log: Known<Option<StackInstance>>,
    /// The instance in Audit, or in Log Archive where the topic is there, which is the queue.
    pub audit: Known<Option<StackInstance>>,
    /// Whether the SaaS put the look at its registrations off: that is no failure of it.
    pub is_put_off: bool,
}

/// One write, fully specified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrailAction {
    /// Make the one instance of a StackSet, or try again where it failed.
    CreateInstance {
        /// The StackSet.
        stack_set: String,
        /// Where.
        account: AccountId,
    },
    /// Remove the one instance of a StackSet, so that it can be made anew.
    DeleteInstance {
        /// The StackSet.
        stack_set: String,
        /// Where.
        account: AccountId,
    },
    /// Make the registration.
    CreateRegistration(RegistrationSpec),
    /// Bring the registration to what it should be.
    UpdateRegistration {
        /// As it is.
        existing: Registration,
        /// As it should be.
        spec: RegistrationSpec,
    },
    /// Remove a registration of ours that is in the wrong place, or one too many.
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

/// What to do about the trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailPlan {
    /// The writes, in order.
    pub actions: Vec<TrailAction>,
    /// What the ledger should say of the trail, where it says something else.
    pub record: Option<DeployedTrail>,
    /// Whether something is under way, so that another look is worth while.
    pub look_again: bool,
    /// What only an administrator can help, in words.
    pub blocked: Vec<String>,
}

/// What to do so that the trail is as setup made it and its mapping says where every account is.
///
/// Deterministic and total. What could not be read changes nothing.
pub fn plan_trail(
    deployment: &Deployment,
    inventory: &Inventory,
    view: &TrailView,
    now: Timestamp,
) -> TrailPlan {
    let Some(trail) = &deployment.trail else {
        return TrailPlan::default();
    };
    let mut draft = Draft {
        deployment,
        trail,
        record: trail.clone(),
        now,
        plan: TrailPlan::default(),
    };
    draft.source(&view.trail);
    let (queue, role) = if draft.has_own_topic() {
        // It comes with the role, and the queue cannot be subscribed before it is there.
        let role = draft.instance(Part::Role, &view.log);
        (role && draft.instance(Part::Queue, &view.audit), role)
    } else {
        let queue = draft.instance(Part::Queue, &view.audit);
        (queue, draft.instance(Part::Role, &view.log))
    };
    if let Known::Known(registrations) = &view.registrations {
        let mapping = wanted_mapping(deployment, inventory);
        draft.registration(registrations, mapping, queue && role);
    }
    let Draft {
        mut plan, record, ..
    } = draft;
    plan.record = (record != *trail).then_some(record);
    plan
}

/// The two things that the registration stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Role,
    Queue,
}

struct Draft<'a> {
    deployment: &'a Deployment,
    trail: &'a DeployedTrail,
    /// The ledger's word as it should go on.
    record: DeployedTrail,
    now: Timestamp,
    plan: TrailPlan,
}

impl Draft<'_> {
    fn place(&self, part: Part) -> (String, AccountId) {
        let names = &self.deployment.policy.names;
        match part {
            Part::Role => (names.log_stack_set(), self.trail.registration.account),
            Part::Queue => (names.audit_stack_set(), self.trail.queue_account),
        }
    }

    fn create(&mut self, part: Part) {
        let (stack_set, account) = self.place(part);
        self.plan
            .actions
            .push(TrailAction::CreateInstance { stack_set, account });
        self.plan.look_again = true;
    }

    fn delete(&mut self, part: Part) {
        let (stack_set, account) = self.place(part);
        self.plan
            .actions
            .push(TrailAction::DeleteInstance { stack_set, account });
        self.plan.look_again = true;
        // With a topic its subscriptions go, the queue's too.
        if part == Part::Role && self.has_own_topic() {
            self.delete(Part::Queue);
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

    /// Whether this may be mended now; if so, it counts as mended.
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
    fn source(&mut self, view: &Known<Option<Trail>>) {
        let Known::Known(trail) = view else { return };
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

    /// Where the trail tells another topic than the queue's, and what helps. Only setup can move the queue.
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

    /// Brings one instance about; answers whether it is there and good.
    fn instance(&mut self, part: Part, view: &Known<Option<StackInstance>>) -> bool {
        let Known::Known(instance) = view else {
            return false;
        };
        let fault = match part {
            Part::Role => TrailFault::LogInstance,
            Part::Queue => TrailFault::AuditInstance,
        };
        let Some(instance) = instance else {
            self.create(part);
            return false;
        };
        match instance.state {
            InstanceState::Current => return true,
            InstanceState::InProgress => self.plan.look_again = true,
            // What passes by itself is no mend.
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
        let (ours, others): (Vec<_>, Vec<_>) =
            registrations.iter().partition(|one| self.trail.owns(one));
        let (here, elsewhere): (Vec<_>, Vec<_>) = ours
            .into_iter()
            .partition(|one| self.deployment.holds_trail(one));
        let mut here = here.into_iter();
        let kept = here.next();
        let mut spec = self.trail.registration.clone();
        if let Some(existing) = kept {
            self.record.registration_id = Some(existing.guid.clone());
            self.record.asked_at = None;
            // What the mapping should be is unknown, and what it is stays.
            spec.account_mapping = mapping.or_else(|| existing.account_mapping.clone());
            self.remove(here);
            self.remove(elsewhere.into_iter());
            if !is_as_wanted(existing, &spec) {
                // A role or queue that is not there could not be verified.
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
            // The SaaS takes a queue once. Its messages wait there for 14 days.
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

    /// Makes anew what the SaaS says it cannot use. An unchanged template applied again makes
    /// nothing, so the instance is removed here, and made by the next look.
    fn mend(&mut self, details: &str) {
        for part in suspects(details) {
            let fault = match part {
                Part::Role => TrailFault::Role,
                Part::Queue => TrailFault::Queue,
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
        self.plan
            .blocked
            .push(format!("Lacework cannot read the trail: {details}"));
    }
}

impl DeployedTrail {
    /// Whether a registration is the one that this deployment made for the trail. Its id decides,
    /// then its external id; where that is shown masked, name and role do.
    pub(crate) fn owns(&self, registration: &Registration) -> bool {
        let spec = &self.registration;
        let shown = &registration.external_id;
        registration.kind == RegistrationKind::Feed
            && (self.registration_id.as_ref() == Some(&registration.guid)
                || shown == spec.external_id.as_str()
                || spec.external_id.is_shown_as(shown)
                    && registration.name == spec.name
                    && registration.role_arn == spec.role_arn)
    }
}

impl Deployment {
    /// Whether a trail registration is where the trail's belongs.
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

/// Which of the two is at fault, the likelier first, from the SaaS's `state.details`.
///
/// Source: details of real registrations, in the vendor's `go-sdk`. A queue that is gone and one that
/// refuses may look alike to a role of another account; the role is made anew first, as that loses
/// nothing, while a queue loses the messages that are in it.
fn suspects(details: &str) -> Vec<Part> {
    let lower = details.to_lowercase();
    let found = |key: &str| {
        let (_, rest) = lower.split_once(&format!("\"{key}\":\""))?;
        rest.split('"').next()
    };
    let refused = |key: &str| found(key).filter(|value| *value != "ok");
    if blames_role(details) {
        vec![Part::Role]
    } else if let Some(queue) = refused("sqsrx").or(refused("sqsdel")) {
        if queue.contains("exist") {
            vec![Part::Queue]
        } else {
            vec![Part::Role, Part::Queue]
        }
    } else if refused("s3get").is_some() {
        vec![Part::Role]
    } else {
        Vec::new()
    }
}

/// Where every account of the organization belongs, if all of them could be read.
///
/// The trail tells of every account, enrolled or not, so only the unit that it is in counts.
fn wanted_mapping(deployment: &Deployment, inventory: &Inventory) -> Option<AccountMapping> {
    let policy = &deployment.policy;
    let complete = inventory.scope.all && inventory.accounts.values().all(is_known);
    if !complete || !matches!(policy.destination, Destination::Mapped(_)) {
        return None;
    }
    let mut mapping = policy.empty_mapping()?;
    for (id, view) in &inventory.accounts {
        let Known::Known(Some(account)) = &view.account else {
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
        (
            Known::Known(_),
            Known::Known(_),
            Known::Known(_),
            Known::Known(_)
        )
    )
}

#[cfg(test)]
mod tests;
