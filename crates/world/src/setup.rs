//! Setup: CloudFormation's requests, in the order in which the function carries them out.

use std::{cell::Cell, pin::pin, time::Duration};

use futures::future::{Either, select};
use towerhook_core::{
    chain,
    foundation::{
        Context, Facts, Foundation, Goal, LEASE_OWNER, Progress, Properties, Templates,
        await_lease, converge, inherit, insist, mark_existing, resolve,
    },
    lifecycle::{Message, MessageScope},
    ports::{Accounts, FanOut, LandingZones, Ledger, Saas, Token},
    token,
};

use crate::{
    SUFFIX, World,
    ports::Ports,
    units::{MANAGEMENT, STACK_ID, id},
    wishes::{AtLaunch, Wishes},
};

/// CloudFormation waits an hour.
const LONGEST: Duration = Duration::from_secs(58 * 60);
/// How often Lambda invokes a function with a request, if it ends without an answer.
const INVOCATIONS: usize = 3;
/// How often a Lacework that does not answer is asked for a token.
const KEY_TRIES: u32 = 3;

const TEMPLATES: Templates = Templates {
    log: "the role in Log Archive",
    audit: "the queue in Audit",
    member: "the role in a member",
};

/// Takes up what administrators ask for, one request at a time.
pub(crate) async fn administer(world: World) {
    let mut number = 0;
    loop {
        let next = world.state().requests.pop_front();
        let Some(next) = next else {
            world.state().idle = true;
            world.simulation().sleep(Duration::from_secs(30)).await;
            continue;
        };
        let now = world.now();
        let old = {
            let mut state = world.state();
            state.idle = false;
            state.keep_evidence(now);
            state.say(now, || format!("update to {next:?}"));
            state.wishes.push(next.clone());
            state.highest_limit = state.highest_limit.max(next.limit);
            state.wish().clone()
        };
        number += 1;
        let mut outcome = carry_out(&world, &next, number, false).await;
        let mut reached = next;
        if let Err(why) = outcome {
            world.say(|| format!("the update failed: {why}; it is rolled back"));
            reached = old;
            loop {
                number += 1;
                outcome = carry_out(&world, &reached, number, false).await;
                let Err(why) = outcome else { break };
                world.say(|| format!("the rollback failed: {why}; it is continued"));
                world.simulation().sleep(Duration::from_secs(600)).await;
            }
        }
        settle(&world, reached);
    }
}

/// Creates the main stack.
pub(crate) async fn launch(world: &World, wishes: Wishes) -> Result<(), String> {
    let now = world.now();
    {
        let mut state = world.state();
        state.highest_limit = wishes.limit;
        state.wishes = vec![wishes.clone()];
        if !wishes.monitor_existing {
            let ids: Vec<_> = state.organization.get().keys().copied().collect();
            state.at_launch = ids.into_iter().map(|id| (id, AtLaunch::Yes)).collect();
        }
        state.say(now, || format!("create with {wishes:?}"));
    }
    carry_out(world, &wishes, 0, true).await
}

fn settle(world: &World, reached: Wishes) {
    let now = world.now();
    let mut state = world.state();
    state.keep_evidence(now);
    state.say(now, || "the stack is complete".into());
    if reached.monitor_existing {
        state.at_launch.clear();
    }
    state.wishes = vec![reached];
}

/// One request of CloudFormation, with the invocations that Lambda makes of it.
async fn carry_out(
    world: &World,
    wishes: &Wishes,
    number: usize,
    creates: bool,
) -> Result<(), String> {
    for _ in 0..INVOCATIONS {
        let crash = if creates {
            None
        } else {
            world.state().next_crash.take()
        };
        let ports = Ports::with(world, LEASE_OWNER, crash, 200);
        let request = format!("request-{number}");
        let work = pin!(make(&ports, wishes, &request, creates));
        let late = pin!(world.simulation().sleep(LONGEST));
        let crashed = pin!(ports.crash());
        match select(work, select(late, crashed)).await {
            Either::Left((outcome, _)) => return outcome,
            Either::Right((Either::Left(_), _)) => {
                let _ = ports.release_lease(LEASE_OWNER).await;
                return Err("CloudFormation's hour is nearly over".into());
            }
            Either::Right(_) => {
                world.say(|| "setup is no more".into());
                world.simulation().sleep(Duration::from_secs(60)).await;
            }
        }
    }
    Err("no answer".into())
}

async fn make(ports: &Ports, wishes: &Wishes, request: &str, creates: bool) -> Result<(), String> {
    let said = |error: towerhook_core::Error| error.chain();
    let progress = Progress::default();
    let sleep = async |time| ports.sleep(time).await;
    let properties = Properties::parse(&wishes.properties()).map_err(|error| error.to_string())?;
    let previous = insist(&progress, &sleep, async || ports.deployment().await);
    let previous = previous.await.map_err(said)?;
    let token = check_key(ports, &progress).await.map_err(said)?;
    let facts = facts(ports, &progress).await.map_err(said)?;
    let suffix = insist(&progress, &sleep, async || {
        ports.external_id_suffix(SUFFIX).await
    });
    let context = Context {
        stack_id: STACK_ID.into(),
        partition: "aws".into(),
        region: "us-east-1".into(),
        url_suffix: "amazonaws.com".into(),
        management_account: id(MANAGEMENT),
        external_id_suffix: suffix.await.map_err(said)?,
        adoption: None,
        trail_topics: previous
            .as_ref()
            .map(|previous| previous.trail_topics.clone())
            .unwrap_or_default(),
    };
    let mut foundation =
        resolve(&properties, &facts, &context, &TEMPLATES).map_err(|error| error.to_string())?;
    if let Some(previous) = &previous {
        inherit(&mut foundation.deployment, previous, &facts.profile);
    }
    let taken = insist(&progress, &sleep, async || {
        await_lease(ports, &|| ports.now(), &sleep).await
    });
    if !taken.await.map_err(said)? {
        return Err("a pass has the lease".into());
    }
    let request = (request, &token);
    let outcome = with_lease(ports, &mut foundation, &facts, request, creates, &progress).await;
    let _ = ports.release_lease(LEASE_OWNER).await;
    outcome?;
    let everybody = Message::new(MessageScope::All, 0);
    let published = insist(&progress, &sleep, async || ports.publish(&everybody).await);
    published.await.map_err(said)
}

/// A Lacework that does not answer is asked a few times only.
async fn check_key(ports: &Ports, progress: &Progress) -> towerhook_core::Result<Token> {
    let sleep = async |time| ports.sleep(time).await;
    let left = Cell::new(KEY_TRIES);
    let refreshed = insist(progress, &sleep, async || {
        left.set(left.get().saturating_sub(1));
        match token::refresh(ports, ports, ports.now()).await {
            Err(error) if error.operation.starts_with("lacework:") && left.get() == 0 => {
                Ok(Err(error))
            }
            Err(error) => Err(error),
            Ok(token) => Ok(Ok(token)),
        }
    });
    refreshed.await.and_then(|answer| answer)
}

async fn facts(ports: &Ports, progress: &Progress) -> towerhook_core::Result<Facts> {
    let sleep = async |time| ports.sleep(time).await;
    let (landing_zone, trail, accounts, units, profile) = futures::try_join!(
        insist(progress, &sleep, async || ports.landing_zone().await),
        insist(progress, &sleep, async || ports.trail("trail").await),
        insist(progress, &sleep, async || ports.accounts().await),
        insist(progress, &sleep, async || ports
            .organizational_units()
            .await),
        insist(progress, &sleep, async || ports.profile().await),
    )?;
    Ok(Facts {
        landing_zone,
        trail,
        accounts,
        units,
        profile,
    })
}

async fn with_lease(
    ports: &Ports,
    foundation: &mut Foundation,
    facts: &Facts,
    (request, token): (&str, &Token),
    creates: bool,
    progress: &Progress,
) -> Result<(), String> {
    let said = |error: towerhook_core::Error| error.chain();
    let sleep = async |time| ports.sleep(time).await;
    let recorded = &foundation.deployment;
    let stored = insist(progress, &sleep, async || {
        ports.store_deployment(recorded).await
    });
    stored.await.map_err(said)?;
    let records = insist(progress, &sleep, async || ports.records().await);
    let records = records.await.map_err(said)?;
    let made = records
        .into_values()
        .flat_map(|record| record.guids().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let goal = Goal {
        wanted: Some(foundation),
        retired: &foundation.deployment.retired,
        sub_accounts: &foundation.deployment.sub_accounts,
        organization: foundation.deployment.organization,
        trail_topics: &foundation.deployment.trail_topics,
        made: &made,
        policy: &foundation.deployment.policy,
        token: Some(&token.token),
        request,
    };
    let converged = converge(ports, ports, &goal, progress, &sleep).await;
    converged.map_err(|error| chain(&error))?;
    let deployment = &mut foundation.deployment;
    let marked = insist(progress, &sleep, async || {
        let records = ports.records().await?;
        let monitor_existing = deployment.policy.monitor_existing;
        let changed = mark_existing(records, monitor_existing, creates, &facts.accounts);
        if changed.is_empty() {
            return Ok(());
        }
        ports.store_records(&changed).await
    });
    marked.await.map_err(said)?;
    if !deployment.retired.is_empty() {
        deployment.retired.clear();
        let stored = insist(progress, &sleep, async || {
            ports.store_deployment(deployment).await
        });
        stored.await.map_err(said)?;
    }
    Ok(())
}
