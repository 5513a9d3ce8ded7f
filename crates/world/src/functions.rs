//! The account function on its queue, and the schedule.

use std::{collections::BTreeSet, future::poll_fn, pin::pin, rc::Rc, task::Poll, time::Duration};

use futures::future::{Either, select};
use jiff::SignedDuration;
use towerhook_core::{
    enrollment::{Pass, Reply},
    lifecycle::{Scope, Trigger},
};

use crate::{World, ports::Ports, queue::Received, rounds};

/// The function's timeout.
const TIMEOUT: SignedDuration = SignedDuration::from_secs(180);
/// The longest time until a poller receives a message, in milliseconds: there is no batching
/// window.
const POLL: u64 = 50;
/// The longest latency of an ordinary call, in milliseconds.
const LATENCY: u64 = 300;
/// The largest skew of the function's clock, in milliseconds.
const SKEW: u64 = 2000;
/// The schedule's constant input.
const SCHEDULED: &str = r#"{"towerhook":{"scope":"all","reason":"schedule"}}"#;

/// One of the mapping's two pollers.
pub(crate) async fn poll(world: World) {
    loop {
        message(&world).await;
        let poll = world.simulation().between(0, POLL);
        world.simulation().sleep(poll).await;
        let batch = world.simulation().roll(|dice| {
            let mut state = world.state();
            let duplicates = state.faults.duplicates;
            let twice = |dice: &mut fastrand::Rng| dice.u32(0..1000) < duplicates;
            state.queue.receive(world.now(), dice, twice)
        });
        if !batch.is_empty() {
            invoke(&world, batch).await;
        }
    }
}

/// Resolves when a message can be received.
async fn message(world: &World) {
    loop {
        let next = world.state().queue.next();
        if next.is_some_and(|next| next <= world.now()) {
            return;
        }
        let mut listening = false;
        let news = poll_fn(|context| {
            if listening {
                return Poll::Ready(());
            }
            listening = true;
            world.state().queue.listen(context.waker());
            Poll::Pending
        });
        match next {
            Some(next) => {
                select(pin!(news), pin!(world.simulation().sleep_until(next))).await;
            }
            None => news.await,
        }
    }
}

async fn invoke(world: &World, batch: Vec<Received>) {
    let (name, crash, latency) = {
        let mut state = world.state();
        state.invocations += 1;
        state.at_work += 1;
        let name = format!("pass-{}", state.invocations);
        let crash = state.next_crash.take();
        let latency = state.next_latency.take().unwrap_or(LATENCY);
        (name, crash, latency)
    };
    let ports = Ports::with(world, &name, crash, latency);
    let mut failed = BTreeSet::new();
    let mut scope = Scope::default();
    for received in &batch {
        match Trigger::parse(&received.body) {
            Ok(Trigger::Look { scope: more, .. }) => scope = scope.merge(more),
            Ok(_) => {}
            Err(_) => {
                failed.insert(received.number);
            }
        }
    }
    world.say(|| format!("{name} looks at {scope:?}"));
    let is_round = scope.is_round();
    let down = rounds::down(&world.state().faults);
    let (failing, invocations, ledger_emptied) = {
        let state = world.state();
        let failing = is_round.then(|| rounds::failing(&state, world.now()));
        (
            failing.unwrap_or_default(),
            state.invocations,
            state.ledger_emptied,
        )
    };
    let deadline = world.now() + TIMEOUT;
    let time_left = || Duration::try_from(deadline.duration_since(world.now())).unwrap_or_default();
    let pass = Pass {
        owner: &name,
        time_left,
        clock: &ports,
        provider: world.state().options.vendor.provider(),
        keeps_evidence: false,
    };
    let now = world.now() + skew(world);
    let work = pin!(pass.run(&ports, &ports, scope, now));
    let killed = pin!(world.simulation().sleep_until(deadline));
    let crashed = pin!(ports.crash());
    let ended = select(work, select(killed, crashed)).await;
    world.state().at_work -= 1;
    match ended {
        Either::Left((Ok(reply), _)) => {
            if !matches!(reply, Reply::Nothing | Reply::Busy) {
                world.state().passes.push(ports.cost());
            }
            world.say(|| format!("{name} ended: {:?}", reply.measurements()));
            if is_round {
                let now = world.now();
                let mut state = world.state();
                let still: BTreeSet<_> = rounds::down(&state.faults);
                let throughout = down.intersection(&still).copied().collect();
                rounds::note(&mut state, now, &reply, &throughout);
                let was_alone = state.invocations == invocations
                    && state.idle
                    && state.ledger_emptied == ledger_emptied;
                if matches!(reply, Reply::Done { .. }) && was_alone {
                    rounds::require_reasons(&mut state, now, &failing);
                }
            }
            let mut state = world.state();
            if let Reply::Done { held, .. } = &reply
                && held.is_some()
            {
                state.held.clone_from(held);
            }
            state.replies.push(Rc::new(reply));
        }
        Either::Left((Err(error), _)) => {
            world.say(|| format!("{name} failed: {}", error.chain()));
            failed.extend(batch.iter().map(|received| received.number));
        }
        Either::Right(_) => {
            // No response for the batch: it returns when its visibility timeout ends.
            world.say(|| format!("{name} is no more"));
            world.state().timeouts += 1;
            return;
        }
    }
    world.state().queue.handled(&batch, &failed);
}

/// By how much the function's clock is ahead.
fn skew(world: &World) -> SignedDuration {
    if world.state().options.true_to_scale {
        return SignedDuration::ZERO;
    }
    let skew = world.simulation().between(0, 2 * SKEW);
    SignedDuration::try_from(skew).unwrap_or_default() - SignedDuration::from_millis(SKEW as i64)
}

/// The schedule, once an hour.
pub(crate) async fn schedule(world: World) {
    loop {
        world.simulation().sleep(Duration::from_secs(3600)).await;
        if world.state().deleting_since.is_some() {
            return;
        }
        fire(&world);
    }
}

/// The schedule's message.
pub(crate) fn fire(world: &World) {
    let now = world.now();
    world
        .state()
        .queue
        .send(now, SCHEDULED.to_owned(), Duration::ZERO);
}
