//! StackSet operations: their start and their outcome.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use towerhook_core::{
    model::{AccountId, Arn, Names, RegistrationKind},
    provider::role_arn,
    stack_sets::{InstanceState, OperationState, StackInstance, StackSet},
};

use crate::{
    SUFFIX, World,
    faults::Fault,
    rates::{INSTANCE_TAKES, INSTANCES_A_SECOND},
    registrations::KeptRegistration,
    registrations::registration,
    safety,
    state::State,
    units::{AUDIT, Deployed, Registered, id},
    vendor::Vendor,
};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Create,
    Update,
    Delete { retain: bool },
}

/// The role or queue that an instance creates.
pub(crate) fn made_by(vendor: Vendor, set: &StackSet, account: &AccountId) -> Option<String> {
    let provider = vendor.provider();
    let names = Names {
        resource: provider.traces(set).resource?,
        prefix: vendor.prefix().parse().ok()?,
    };
    let names = provider.resources(&names);
    let role = if set.name == names.member_stack_set {
        names.member_role
    } else {
        let feed = names.feed?;
        if set.name != feed.log_stack_set {
            return Some(feed.queue);
        }
        feed.log_role
    };
    Some(role_arn("aws", account, &role))
}

/// Marks the instances as in progress, and returns those that the operation changes.
pub(crate) fn begin(
    state: &mut State,
    now: Timestamp,
    name: &str,
    accounts: &[AccountId],
    change: Change,
) -> Vec<AccountId> {
    let mut concerned = Vec::new();
    let instances = state.instances.change(now);
    for account in accounts {
        let key = (name.to_owned(), *account);
        let is_concerned = match (instances.get(&key).map(|instance| instance.state), change) {
            // An unchanged template creates nothing.
            (Some(InstanceState::Current | InstanceState::Inoperable), Change::Create)
            | (None | Some(InstanceState::Inoperable), Change::Update)
            | (None, Change::Delete { .. }) => false,
            (_, Change::Create | Change::Update | Change::Delete { .. }) => true,
        };
        if is_concerned {
            instances.insert(key, in_progress(*account));
            concerned.push(*account);
        }
    }
    concerned
}

/// The delay of an instance that starts after `before` others.
fn starts_after(before: u64) -> Duration {
    Duration::from_millis(1000 * before / INSTANCES_A_SECOND)
}

/// The longest duration of an operation on this many accounts, where each finishes at its own time.
pub(crate) fn takes(accounts: usize) -> Duration {
    let (_, most) = INSTANCE_TAKES;
    starts_after(accounts as u64) + Duration::from_millis(most)
}

/// A running operation.
pub(crate) struct Ending {
    pub(crate) set: String,
    pub(crate) generation: usize,
    pub(crate) operation: String,
    pub(crate) began: Timestamp,
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) change: Change,
    /// The token that the instances register with from now on.
    pub(crate) token: Option<String>,
}

impl Ending {
    pub(crate) fn end(self, world: &World) {
        let now = world.now();
        let mut events = Vec::new();
        {
            let mut state = world.state();
            let set = state.stack_sets.get(&self.set);
            let Some(set) = set.filter(|set| set.generation == self.generation) else {
                return;
            };
            let set = set.set.clone();
            let mut failures = Vec::new();
            for account in &self.accounts {
                let unlucky = world.simulation().chance(state.faults.failing_instances);
                let register = Registrar { world, set: &set };
                match self.settle(&mut state, now, &register, account, unlucky) {
                    Ok(()) => events.push(*account),
                    Err(reason) => failures.push((*account, reason)),
                }
            }
            self.finish(&mut state, now, failures);
        }
        for account in events {
            world.announce(instance_event(&self.set, &account));
        }
    }

    /// Like `end`, where each account finishes at its own time.
    pub(crate) async fn end_one_by_one(self, world: &World, begins: Timestamp, ends: Timestamp) {
        let mut order: Vec<(Timestamp, AccountId)> = self
            .accounts
            .iter()
            .zip(0..)
            .map(|(account, before)| {
                let (least, most) = INSTANCE_TAKES;
                let took = world.simulation().between(least, most) + starts_after(before);
                let took = SignedDuration::try_from(took).unwrap_or_default();
                (begins + took, *account)
            })
            .collect();
        order.sort_unstable();
        let mut failures = Vec::new();
        for (done_at, account) in order {
            world.simulation().sleep_until(done_at).await;
            let mut state = world.state();
            let set = state.stack_sets.get(&self.set);
            let Some(set) = set.filter(|set| set.generation == self.generation) else {
                return;
            };
            let set = set.set.clone();
            let register = Registrar { world, set: &set };
            match self.settle(&mut state, done_at, &register, &account, false) {
                Ok(()) => {
                    drop(state);
                    world.announce(instance_event(&self.set, &account));
                }
                Err(reason) => failures.push((account, reason)),
            }
        }
        world.simulation().sleep_until(ends).await;
        self.finish(&mut world.state(), ends, failures);
    }

    fn finish(&self, state: &mut State, now: Timestamp, failures: Vec<(AccountId, String)>) {
        state.say(now, || {
            format!("{:?} {} ended, failed: {failures:?}", self.change, self.set)
        });
        let set = state.stack_sets.get_mut(&self.set);
        if let Some(kept) = set.and_then(|set| set.operations.get_mut(&self.operation)) {
            kept.state = OperationState::Succeeded;
            kept.failures = failures;
        }
    }

    /// Whether its stacks have a queue; SQS blocks a queue's name for a minute after its deletion.
    fn has_queue(&self, state: &State) -> bool {
        state.options.vendor.is_queue(&self.set)
    }

    /// Whether an account's queue, if any, may be subscribed to the topic. A topic of ours allows
    /// Audit's; any other allows those of its own account.
    fn may_subscribe(&self, state: &State, account: &AccountId) -> bool {
        let set = state.stack_sets.get(&self.set).map(|kept| &kept.set);
        let topic = set.and_then(|set| set.parameters.get("TrailTopicArn"));
        let topic = topic.and_then(|topic| topic.parse::<Arn>().ok());
        topic.is_none_or(|topic| {
            topic.account() == Some(*account)
                || topic.resource() == state.wish().feed().trail_topic && *account == id(AUDIT)
        })
    }

    /// The outcome of one instance.
    fn settle(
        &self,
        state: &mut State,
        now: Timestamp,
        registrar: &Registrar<'_>,
        account: &AccountId,
        unlucky: bool,
    ) -> Result<(), String> {
        let key = (self.set.clone(), *account);
        let reachable = state
            .member(account)
            .is_some_and(|member| member.takes_stacks());
        let left_behind = state
            .deployed(account, &self.set)
            .is_some_and(|stack| stack.left_behind);
        let removed_at = state.removed.get(&(*account, self.set.clone()));
        let is_removed_lately =
            removed_at.is_some_and(|at| now.duration_since(*at) < SignedDuration::from_secs(60));
        let is_put_back = self.change == Change::Update
            && removed_at.is_some_and(|at| *at > self.began)
            && !state.instances.get().contains_key(&key);
        let forgets = self.change == Change::Delete { retain: true };
        let failure = match self.change {
            Change::Delete { retain: true } => None,
            _ if !reachable => Some("cannot assume AWSControlTowerExecution".to_owned()),
            _ if unlucky => Some("Internal failure".to_owned()),
            Change::Create if self.has_queue(state) && is_removed_lately => Some(
                "You must wait 60 seconds after deleting a queue (QueueDeletedRecently)".to_owned(),
            ),
            Change::Create | Change::Update if !self.may_subscribe(state, account) => Some(
                "User is not authorized to perform: SNS:Subscribe on the trail's topic".to_owned(),
            ),
            Change::Create | Change::Update if left_behind || self.meets_a_role(state, account) => {
                let role = state.wish().resources().member_role;
                Some(format!(
                    "Resource of type 'AWS::IAM::Role' with identifier '{role}' already exists."
                ))
            }
            _ => None,
        };
        if is_put_back {
            // An update that began before the deletion ended leaves an instance all the same.
            state.undeleted.entry(key.clone()).or_default().push(now);
        }
        let registered = match failure {
            Some(reason) => Err(reason),
            None => self.register(state, now, registrar, account),
        };
        if let Err(reason) = &registered {
            let reason = reason.clone();
            let inoperable = matches!(self.change, Change::Delete { .. });
            if inoperable {
                state.undeleted.entry(key.clone()).or_default().push(now);
            }
            let instance = StackInstance {
                account: *account,
                state: if inoperable {
                    InstanceState::Inoperable
                } else {
                    InstanceState::Outdated
                },
                reason: Some(reason.clone()),
            };
            state.instances.change(now).insert(key, instance);
            return Err(reason);
        }
        let registered = registered?;
        match self.change {
            Change::Create => {
                // Of two concurrent operations, the one that began first may end last.
                if let Some(failed_at) = state.undeleted.get_mut(&key) {
                    failed_at.retain(|at| *at > self.began);
                }
            }
            Change::Update => {}
            Change::Delete { .. } => {
                state.undeleted.remove(&key);
            }
        }
        match self.change {
            Change::Create | Change::Update => {
                let instance = StackInstance {
                    account: *account,
                    state: InstanceState::Current,
                    reason: None,
                };
                state.instances.change(now).insert(key, instance);
                if state.log_stack_set().as_ref() == Some(&self.set) {
                    // Its role can take the notification off again.
                    state.notification_stays = false;
                }
                let vendor = state.options.vendor;
                if vendor.is_members(&self.set) && !vendor.has_registrations() {
                    safety::role_comes(state, now, *account);
                }
                let role = made_by(vendor, registrar.set, account).map(|role| (role, now));
                let deployed = Deployed {
                    role,
                    left_behind: false,
                    registered: None,
                };
                let stacks = state.deployed.entry(*account).or_default();
                // An existing stack is not recreated.
                let stack = stacks.entry(self.set.clone()).or_insert(deployed);
                stack.registered = registered;
            }
            Change::Delete { .. } => {
                state.instances.change(now).remove(&key);
                let stacks = state.deployed.entry(*account).or_default();
                if forgets {
                    if let Some(stack) = stacks.get_mut(&self.set) {
                        stack.left_behind = true;
                    }
                } else if !left_behind {
                    stacks.remove(&self.set);
                    state.removed.insert((*account, self.set.clone()), now);
                }
            }
        }
        Ok(())
    }
}

impl Ending {
    /// Whether somebody else's role is in the way of a stack that is to be made.
    fn meets_a_role(&self, state: &State, account: &AccountId) -> bool {
        state.foreign_roles.contains(account) && state.options.vendor.is_members(&self.set)
    }

    /// Runs the stack's custom resource. It works with the stack's token; the SaaS refuses any
    /// other.
    fn register(
        &self,
        state: &mut State,
        now: Timestamp,
        registrar: &Registrar<'_>,
        account: &AccountId,
    ) -> Result<Option<Registered>, String> {
        let deployed = state.deployed(account, &self.set);
        let known = deployed.and_then(|stack| stack.registered.clone());
        match (self.change, known) {
            (Change::Delete { retain: true }, known) => Ok(known),
            (Change::Delete { retain: false }, Some(known)) => {
                registrar.check(state, now, &known.token)?;
                let all = state.registrations.change(now);
                all.retain(|kept| kept.registration.guid != known.guid);
                Ok(None)
            }
            (Change::Create | Change::Update, Some(known)) => Ok(Some(Registered {
                token: self.token.clone().unwrap_or(known.token),
                ..known
            })),
            (Change::Create, None) if registrar.is_asked() && deployed.is_none() => {
                let token = self.token.clone().ok_or("it has no token")?;
                registrar.check(state, now, &token)?;
                let guid = registrar.integrate(state, now, account)?;
                Ok(Some(Registered { guid, token }))
            }
            (_, None) => Ok(None),
        }
    }
}

/// The SaaS's side of the custom resource in a StackSet's template.
struct Registrar<'a> {
    world: &'a World,
    set: &'a StackSet,
}

impl Registrar<'_> {
    fn is_asked(&self) -> bool {
        self.set
            .parameters
            .get("RegistrationTopicArn")
            .is_some_and(|topic| !topic.is_empty())
    }

    fn check(&self, state: &State, now: Timestamp, token: &str) -> Result<(), String> {
        let simulation = self.world.simulation();
        if let Some(Fault::Refused(_)) = state.faults.strike(simulation, "registry:Registration") {
            return Err("the registration was not answered".into());
        }
        let ends = state.secrets.issued.get(token);
        if ends.is_some_and(|ends| *ends > now) {
            Ok(())
        } else {
            Err("the token of the stack was refused".into())
        }
    }

    fn integrate(
        &self,
        state: &mut State,
        now: Timestamp,
        account: &AccountId,
    ) -> Result<String, String> {
        let is_config =
            |kept: &KeptRegistration| kept.registration.kind == RegistrationKind::Account;
        let is_used = state.registrations.get().of(account).any(is_config);
        if is_used && state.options.refuses_duplicates {
            return Err("the account is registered already".into());
        }
        let spec = state.wish().registration(account, SUFFIX);
        state.made += 1;
        let guid = format!("ACME_{:06}", state.made);
        let kept = KeptRegistration {
            registration: registration(guid.clone(), None, &spec, true),
            ours: true,
            made_by: "a stack".into(),
            made_at: now,
            subject: *account,
            checked: (now, true),
        };
        state.registrations.change(now).push(kept);
        safety::count_watched(state, now, *account);
        Ok(guid)
    }
}

fn instance_event(set: &str, account: &AccountId) -> String {
    json!({
        "source": "aws.cloudformation",
        "detail-type": "CloudFormation StackSet StackInstance Status Change",
        "detail": {
            "stack-set-arn": format!("arn:aws:cloudformation:us-east-1:000000000001:stackset/{set}:1"),
            "stack-id": format!("arn:aws:cloudformation:us-east-1:{account}:stack/StackSet-{set}/1"),
            "status-details": {"status": "CURRENT", "detailed-status": "SUCCEEDED"},
        },
    })
    .to_string()
}

/// The longest time until a role can be assumed everywhere.
pub(crate) const PROPAGATION: Duration = Duration::from_secs(20);

/// An instance that an operation is working on.
pub(crate) fn in_progress(account: AccountId) -> StackInstance {
    StackInstance {
        account,
        state: InstanceState::InProgress,
        reason: None,
    }
}
