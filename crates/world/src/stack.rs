//! The main stack: what administrators ask CloudFormation for, its requests to setup, and Lambda's
//! invocations for them. Setup itself is the code that ships.

use std::{pin::pin, time::Duration};

use futures::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use towerhook_core::{
    foundation::{Fresh, Own, Setup},
    ledger::Holder,
    model::{AccountId, Arn},
    stack_sets::{FeedTemplates, StackSetRoles, Templates},
};

use crate::{
    SUFFIX, World,
    ports::Ports,
    safety,
    state::Answered,
    units::{MANAGEMENT, STACK_ID, id},
    wishes::{AtLaunch, StackRequest, Wishes},
};

/// How long CloudFormation waits for an answer.
const SERVICE_TIMEOUT: Duration = Duration::from_secs(3600);
/// Setup's own timeout.
const TIMEOUT: Duration = Duration::from_secs(900);
/// The longest duration of an invocation's lease, plus a margin.
const LONGEST_LEASE: SignedDuration = SignedDuration::from_secs(910);
/// How often Lambda invokes a function for a request that ends without an answer, and the delay
/// between.
const INVOCATIONS: usize = 3;
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// How often CloudFormation polls for an answer.
const POLL: Duration = Duration::from_secs(2);
/// How often an administrator tries a failing request again while every service is up. Until then it is
/// not given up.
const TRIES: usize = 12;

/// The templates of every StackSet.
pub(crate) const TEMPLATES: Templates = Templates {
    feed: Some(FeedTemplates {
        log: "the role in Log Archive",
        audit: Some("the queue in Audit"),
    }),
    member: "the role in a member",
};

/// How a request to setup ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ended {
    Success,
    Failed(String),
    Unanswered,
    /// The administrator or CloudFormation continued without waiting for the answer.
    Cancelled,
}

/// A response URL signed at this time.
fn address(request: &str, now: Timestamp) -> String {
    let signed_at = now.strftime("%Y%m%dT%H%M%SZ");
    format!(
        "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/{request}\
         ?X-Amz-Date={signed_at}"
    )
}

/// SQS's message for a queue name that stays blocked for a minute.
const QUEUE_COOLS_DOWN: &str = "You must wait 60 seconds";
/// The SaaS's message for a refused token.
const TOKEN_REFUSED: &str = "Unauthorized";
/// The phrase by which an answer says that not everything is restored.
const INCOMPLETE: &str = "until the next update";

/// The role that runs the StackSets.
pub(crate) fn administration_role() -> Arn {
    let role = format!("arn:aws:iam::{MANAGEMENT}:role/service-role/AWSControlTowerStackSetRole");
    #[expect(clippy::expect_used, reason = "a constant is an ARN")]
    role.parse().expect("an ARN")
}

impl World {
    fn own(&self) -> Own {
        let state = self.state();
        let vendor = state.options.vendor;
        Own {
            provider: vendor.provider(),
            stack_id: STACK_ID.into(),
            partition: state.partition.into(),
            region: "us-east-1".into(),
            url_suffix: "amazonaws.com".into(),
            management_account: id(MANAGEMENT),
            provider_url: state.environment_host.into(),
            principal: Some(vendor.principal().to_owned()).filter(|own| !own.is_empty()),
            external_id: None,
            management_boundary: None,
            function_roles: None,
            wrong_setting: None,
            answers_on_loopback: false,
            service_timeout: SERVICE_TIMEOUT,
            stack_set_roles: StackSetRoles {
                administration: administration_role(),
                execution: "AWSControlTowerExecution".into(),
            },
            templates: TEMPLATES,
        }
    }

    /// Lambda's invocations of setup with one event.
    pub fn invoke_setup(&self, payload: Value) {
        let world = self.clone();
        self.simulation().spawn(async move {
            for invocation in 1..=INVOCATIONS {
                // The last invocation must be able to finish, so it never crashes.
                let may_crash = invocation < INVOCATIONS && payload["RequestType"] != "Create";
                if world.invoke_once(&payload, may_crash).await {
                    return;
                }
                world.simulation().sleep(RETRY_AFTER).await;
            }
        });
    }

    /// One invocation. True if Lambda does not retry it.
    async fn invoke_once(&self, payload: &Value, may_crash: bool) -> bool {
        let creates = payload["RequestType"] == "Create";
        let (name, crash, latency) = {
            let mut state = self.state();
            state.setups += 1;
            let crash = if may_crash {
                state.next_crash.take()
            } else {
                None
            };
            let latency = state.next_setup_latency.take().unwrap_or(200);
            (format!("setup-{}", state.setups), crash, latency)
        };
        let ports = Ports::with(self, &name, crash, latency);
        let own = self.own();
        let setup = Setup {
            aws: &ports,
            registry: &ports,
            clock: &ports,
            answers: &ports,
            own: &own,
        };
        let fresh = Fresh {
            // An emptied ledger must not lead to other external ids.
            external_id_suffix: if creates { SUFFIX } else { "OTHEROTHER" }.into(),
            invocation: self
                .simulation()
                .roll(|dice| format!("{:016x}", dice.u64(..))),
        };
        {
            let mut state = self.state();
            state.at_work += 1;
            state.setups_at_work += 1;
        }
        let ended = {
            let work = pin!(setup.serve(payload.clone(), TIMEOUT, fresh));
            let late = pin!(self.simulation().sleep(TIMEOUT));
            let crashed = pin!(ports.crash());
            match select(work, select(late, crashed)).await {
                Either::Left((ended, _)) => Some(ended),
                Either::Right(_) => None,
            }
        };
        {
            let mut state = self.state();
            state.at_work -= 1;
            state.setups_at_work -= 1;
        }
        if matches!(ended, Some(Ok(()))) {
            self.require_free_lease(payload);
        }
        match ended {
            Some(Ok(())) => true,
            Some(Err(error)) => {
                self.say(|| format!("{name} ended: {}", towerhook_core::chain(&error)));
                false
            }
            None => {
                self.say(|| format!("{name} crashed"));
                self.state().setup_crashed_at = Some(self.now());
                false
            }
        }
    }

    /// CloudFormation's next request, as setup receives it.
    pub(crate) fn event(
        &self,
        request_type: &str,
        properties: &Value,
        old_properties: Option<&Value>,
    ) -> Value {
        let request = {
            let mut state = self.state();
            state.asked += 1;
            format!("request-{}", state.asked)
        };
        let mut event = json!({
            "RequestType": request_type,
            "ResponseURL": address(&request, self.now()),
            "StackId": STACK_ID,
            "RequestId": request,
            "LogicalResourceId": "Setup",
            "ResourceProperties": properties,
        });
        if let Some(physical_id) = self.state().physical_id.clone() {
            event["PhysicalResourceId"] = physical_id.into();
        }
        if let Some(old) = old_properties {
            event["OldResourceProperties"] = old.clone();
        }
        event
    }

    /// One request of CloudFormation, until it is answered or given up.
    async fn ask(
        &self,
        request_type: &str,
        properties: &Value,
        old_properties: Option<&Value>,
        cancelled_after: Option<Duration>,
    ) -> Ended {
        let payload = self.event(request_type, properties, old_properties);
        let request = format!("request-{}", self.state().asked);
        // CloudFormation writes the functions' environments before it calls setup.
        let vendor = self.state().options.vendor;
        let url = vendor.provider().words().tenant_parameter;
        let is_elsewhere = properties[url] == vendor.other_host();
        self.state().environment_host = if is_elsewhere {
            vendor.other_host()
        } else {
            vendor.host()
        };
        let twice = std::mem::take(&mut self.state().next_invoked_twice);
        let began = self.now();
        self.say(|| format!("CloudFormation asks: {request_type} ({request})"));
        self.invoke_setup(payload.clone());
        if twice {
            let (world, after) = (self.clone(), self.simulation().between(0, 60_000));
            self.simulation().spawn(async move {
                world.simulation().sleep(after).await;
                world.invoke_setup(payload);
            });
        }
        let elapsed = || Duration::try_from(self.since(began)).unwrap_or_default();
        loop {
            let answer = self.state().answers.get(&request).cloned();
            if let Some(Answered {
                success,
                reason,
                physical_id,
            }) = answer
            {
                self.say(|| format!("{request} is answered: {success} {reason}"));
                let mut state = self.state();
                state.physical_id = Some(physical_id);
                // The administrator reads the answer.
                state.needs_update |= success && reason.contains(INCOMPLETE);
                drop(state);
                return if success {
                    Ended::Success
                } else {
                    Ended::Failed(reason)
                };
            }
            if cancelled_after.is_some_and(|after| elapsed() >= after) {
                self.say(|| format!("{request} is cancelled"));
                return Ended::Cancelled;
            }
            if elapsed() >= SERVICE_TIMEOUT {
                self.require_answer(&request);
                return Ended::Unanswered;
            }
            self.simulation().sleep(POLL).await;
        }
    }

    /// Checks that a request is answered, unless a service that this takes was down.
    fn require_answer(&self, request: &str) {
        let now = self.now();
        let mut state = self.state();
        if !state.was_hampered(now) {
            state.violate(now, format!("{request} was never answered"));
        }
    }
}

impl World {
    /// Whether the answer to the last request promises the full desired state.
    fn is_complete(&self) -> bool {
        let state = self.state();
        let answer = state.answers.get(&format!("request-{}", state.asked));
        answer.is_some_and(|answer| !answer.reason.contains(INCOMPLETE))
    }

    /// Checks that the lease is free once every request is answered and no invocation is at work.
    fn require_free_lease(&self, payload: &Value) {
        let now = self.now();
        let mut state = self.state();
        let request = payload["RequestId"].as_str().unwrap_or_default();
        let is_answered = state
            .answers
            .contains_key(&format!("request-{}", state.asked));
        let is_kept =
            state.ledger.lease.as_ref().is_some_and(|(holder, ends)| {
                matches!(holder, Holder::Setup { .. }) && *ends > now
            });
        let can_write = !state.faults.rates.contains_key("dynamodb") && !state.was_hampered(now);
        let is_idle = state.setups_at_work == 0 && state.deleting_since.is_none();
        // A crashed invocation keeps its lease until that expires.
        let is_lost = state
            .setup_crashed_at
            .is_some_and(|at| self.since(at) < LONGEST_LEASE);
        if is_answered && is_kept && can_write && is_idle && !is_lost {
            state.violate(
                now,
                format!("setup has answered {request} and keeps the lease"),
            );
        }
    }

    /// Checks that an update that began then has restored every StackSet that was edited by hand.
    fn require_restored(&self, wishes: &Wishes, began: Timestamp) {
        let now = self.now();
        let mut state = self.state();
        let resource = wishes.names().resource;
        let edited = state
            .stack_sets
            .values()
            .filter(|kept| kept.ours && kept.set.name.ends_with(&resource))
            .filter(|kept| kept.edited_at.is_some_and(|edited_at| edited_at < began));
        let names: Vec<String> = edited.map(|kept| kept.set.name.clone()).collect();
        if !names.is_empty() {
            state.violate(
                now,
                format!("an update left {names:?} as somebody had edited them"),
            );
        }
    }
}

/// Creates the main stack; `deleted_after` deletes it during its creation.
pub(crate) async fn launch(
    world: &World,
    mut wishes: Wishes,
    deleted_after: Option<Duration>,
) -> Result<(), String> {
    let now = world.now();
    {
        let mut state = world.state();
        wishes.vendor = state.options.vendor;
        state.highest_limit = wishes.limit;
        state.permissions_settle_at = now + SignedDuration::from_secs(state.options.settles as i64);
        state.wishes = vec![wishes.clone()];
        if !wishes.monitor_existing {
            let ids: Vec<_> = state.organization.get().keys().copied().collect();
            state.at_launch = ids.into_iter().map(|id| (id, AtLaunch::Yes)).collect();
        }
        state.say(now, || format!("create with {wishes:?}"));
    }
    match world
        .ask("Create", &wishes.properties(), None, deleted_after)
        .await
    {
        Ended::Success => Ok(()),
        Ended::Cancelled => {
            delete(world).await;
            Ok(())
        }
        Ended::Failed(why) => Err(why),
        Ended::Unanswered => Err("no answer".into()),
    }
}

/// Processes administrators' requests, one at a time, until the stack is deleted.
pub(crate) async fn administer(world: World) {
    loop {
        let next = world.state().requests.pop_front();
        match next {
            Some(StackRequest::Update(wishes)) => {
                world.state().idle = false;
                update(&world, *wishes).await;
            }
            Some(StackRequest::Delete) => {
                world.state().idle = false;
                delete(&world).await;
                world.state().idle = true;
                return;
            }
            None => {
                world.state().idle = true;
                world.simulation().sleep(Duration::from_secs(30)).await;
            }
        }
    }
}

pub(crate) async fn update(world: &World, next: Wishes) {
    let now = world.now();
    let (old, cancelled_after) = {
        let mut state = world.state();
        state.keep_evidence(now);
        state.say(now, || format!("update to {next:?}"));
        state.wishes.push(next.clone());
        state.highest_limit = state.highest_limit.max(next.limit);
        (state.wish().clone(), state.next_cancelled_after.take())
    };
    let (new_properties, old_properties) = (next.properties(), old.properties());
    if new_properties == old_properties {
        // No property changed, so CloudFormation does not call setup.
        world.state().wishes = vec![next];
        return;
    }
    let ended = world
        .ask(
            "Update",
            &new_properties,
            Some(&old_properties),
            cancelled_after,
        )
        .await;
    if ended == Ended::Success {
        if world.is_complete() {
            world.require_restored(&next, now);
        }
        return settle(world, next, Some(now));
    }
    world.say(|| format!("the update ended with {ended:?}; it is rolled back"));
    let passes = |why: &str| {
        let is_key_good = {
            let secrets = &world.state().secrets;
            secrets.key_works && secrets.key_revoked_at < Some(now)
        };
        why.contains(QUEUE_COOLS_DOWN) || is_key_good && why.contains(TOKEN_REFUSED)
    };
    if matches!(&ended, Ended::Failed(why) if passes(why)) {
        let now = world.now();
        let text = format!("an update failed for what passes by itself: {ended:?}");
        world.state().violate(now, text);
    }
    if next.monitor_existing {
        // Setup may have finished before it failed, and so have enrolled them.
        let at_launch = &mut world.state().at_launch;
        at_launch
            .values_mut()
            .for_each(|one| *one = AtLaunch::Perhaps);
    }
    world.state().rolls_back = true;
    let mut tries = 0;
    while tries < TRIES {
        let began = world.now();
        let ended = world
            .ask("Update", &old_properties, Some(&new_properties), None)
            .await;
        if ended == Ended::Success {
            return settle(world, old, Some(began));
        }
        let now = world.now();
        {
            let mut state = world.state();
            let was_hampered = state.was_hampered(now);
            tries += usize::from(!was_hampered);
            // Without a record a rollback is an ordinary update.
            if !was_hampered && state.ledger_emptied.is_none() {
                state.violate(
                    now,
                    format!("the rollback of an update ended with {ended:?}"),
                );
            }
        }
        world.say(|| "the rollback is continued".into());
        world.simulation().sleep(Duration::from_secs(600)).await;
    }
    settle(world, old, None);
}

pub(crate) async fn delete(world: &World) {
    let now = world.now();
    let before = safety::watched(&world.state());
    let properties = {
        let mut state = world.state();
        state.say(now, || "the stack is deleted".into());
        state.keep_evidence(now);
        state.deleting_since = Some(now);
        // The account function's triggers are deleted before setup is called.
        state.queue.close();
        state.wish().properties()
    };
    let mut tries = 0;
    while tries < TRIES {
        let began = world.now();
        let ended = world.ask("Delete", &properties, None, None).await;
        if ended == Ended::Success {
            let mut state = world.state();
            state.deleted = true;
            let secrets = &state.secrets;
            let is_refused = !secrets.key_works || secrets.key_revoked_at >= Some(began);
            let answer = state.answers.get(&format!("request-{}", state.asked));
            state.registrations_stay =
                is_refused && answer.is_some_and(|answer| answer.reason.contains(" refuses "));
            let stood = state.ledger.recorded.success.is_some() || state.ledger_emptied.is_some();
            state.keeps = state.wish().retain && stood;
            let after = safety::watched(&state);
            let lost = before.difference(&after).copied();
            let lost: Vec<AccountId> = lost.filter(|id| !state.may_go(now, id)).collect();
            if state.keeps && !lost.is_empty() {
                let text = format!("RetainProtection is Yes, and no longer watched are {lost:?}");
                state.violate(now, text);
            }
            state.found_left = crate::oracle::leftovers(&state);
            return;
        }
        tries += usize::from(!world.state().was_hampered(world.now()));
        world.say(|| format!("the deletion ended with {ended:?}; it is tried again"));
        world.simulation().sleep(Duration::from_secs(1200)).await;
    }
}

fn settle(world: &World, reached: Wishes, success_of: Option<Timestamp>) {
    let now = world.now();
    let mut state = world.state();
    state.keep_evidence(now);
    state.say(now, || "the stack is complete".into());
    state.rolls_back = false;
    let emptied = state.ledger_emptied.take_if(|at| success_of > Some(*at));
    // Until an update has succeeded, passes do nothing.
    state.needs_update |= state.ledger_emptied.is_some();
    if emptied.is_some() && !reached.monitor_existing {
        // No record says any more which accounts existed at launch.
        let ids: Vec<_> = state.organization.get().keys().copied().collect();
        let perhaps = ids.into_iter().map(|id| (id, AtLaunch::Perhaps));
        state.at_launch.extend(perhaps);
    }
    if reached.monitor_existing {
        state.at_launch.clear();
    }
    // Without a record of the newest request, an older one may still be carried out.
    let may_come_yet = state.ledger_emptied.is_some();
    state
        .wishes
        .retain(|wishes| may_come_yet && *wishes != reached);
    state.wishes.insert(0, reached);
}
