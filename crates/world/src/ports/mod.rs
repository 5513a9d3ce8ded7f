//! Core's ports over one shared world.

mod cloud_formation;
mod ledger;
mod messages;
mod organization;
mod paced;
mod registry;
mod secrets;

use ledger::LONGEST_LEASE;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{ErrorKind, Result, ledger::Holder, ports::Clock};

pub use secrets::CANARY;
pub(crate) use secrets::keep_fresh;

use crate::{World, cost::PassCost, faults, faults::Fault, state::State};

/// How often IAM refuses a permission that was just granted, in per mille.
const UNSETTLED: u32 = 400;

/// All ports, for one caller. A clone is the same caller.
#[derive(Debug, Clone)]
pub struct Ports {
    pub(crate) world: World,
    pub(crate) caller: Rc<Caller>,
}

/// The caller and its faults.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The owner's name in the lease.
    pub(crate) name: String,
    /// The host that its environment names.
    pub(crate) host: &'static str,
    pub(crate) began: Timestamp,
    /// It crashes after this many steps; a call has two.
    crash: Cell<Option<u32>>,
    crashed: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    /// The longest latency of a call, in milliseconds.
    latency: u64,
    token: RefCell<Option<String>>,
    /// Its name in the ledger, once it has asked for the lease.
    holder: RefCell<Option<Holder>>,
    /// Its writes and failed calls, with their times.
    done: RefCell<BTreeMap<String, Vec<Timestamp>>>,
    /// The cost of its calls.
    cost: Cell<PassCost>,
}

/// The most identical writes in a minute.
const WRITES_A_MINUTE: usize = 30;
/// The most failed calls of setup in a minute: several attempts for one account after another.
const FAILURES_A_MINUTE: usize = 120;

impl Ports {
    /// The ports for a caller with this name in the lease.
    pub fn new(world: &World, name: &str) -> Self {
        Self::with(world, name, None, 200)
    }

    pub(crate) fn with(world: &World, name: &str, crash: Option<u32>, latency: u64) -> Self {
        Self {
            world: world.clone(),
            caller: Rc::new(Caller {
                name: name.to_owned(),
                host: world.state().environment_host,
                began: world.now(),
                crash: Cell::new(crash),
                crashed: Cell::new(false),
                waker: RefCell::default(),
                latency,
                token: RefCell::default(),
                holder: RefCell::default(),
                done: RefCell::default(),
                cost: Cell::default(),
            }),
        }
    }

    /// The virtual time.
    pub fn now(&self) -> Timestamp {
        self.world.now()
    }

    /// The caller as a pass, which is what it is in the ledger unless it is setup.
    fn pass(&self) -> Holder {
        Holder::Pass(self.caller.name.clone())
    }

    /// Resolves if and when the caller crashes.
    pub(crate) async fn crash(&self) {
        poll_fn(|context| {
            *self.caller.waker.borrow_mut() = Some(context.waker().clone());
            if self.caller.crashed.get() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// A point at which other tasks run, and at which the caller may crash.
    async fn step(&self) {
        let simulation = self.world.simulation();
        simulation
            .sleep(simulation.between(1, self.caller.latency))
            .await;
        match self.caller.crash.get() {
            Some(0) => {
                self.caller.crashed.set(true);
                if let Some(waker) = self.caller.waker.borrow_mut().take() {
                    waker.wake();
                }
                std::future::pending::<()>().await;
            }
            Some(steps) => self.caller.crash.set(Some(steps - 1)),
            None => {}
        }
    }

    /// One call: other tasks run before and after it, and every fault can occur.
    async fn call<T>(
        &self,
        operation: &'static str,
        effect: impl FnOnce(&mut State, Timestamp) -> Result<T>,
    ) -> Result<T> {
        let pace = self.before(operation).await?;
        let world = &self.world;
        let (fault, result) = {
            self.count(operation);
            let mut state = world.state();
            if state.faults.are_hampering() {
                state.last_hampered = Some(world.now());
            }
            let is_unsettled = self.caller.name.starts_with("setup-")
                && state.permissions_settle_at > world.now()
                && !operation.starts_with("registry:")
                && !operation.starts_with("s3:")
                && world.simulation().chance(UNSETTLED);
            match state.faults.strike(world.simulation(), operation) {
                _ if is_unsettled => (None, Err(faults::error(operation, ErrorKind::Denied))),
                _ if state.deleted && operation.starts_with("dynamodb:") => {
                    (None, Err(faults::error(operation, ErrorKind::NotFound)))
                }
                Some(Fault::Refused(kind)) => {
                    state.say(world.now(), || {
                        format!("{} {operation}: {kind:?}", self.caller.name)
                    });
                    (None, Err(faults::error(operation, kind)))
                }
                fault => (fault, effect(&mut state, world.now())),
            }
        };
        if result.is_err() && self.caller.name.starts_with("setup-") {
            let (now, what) = (world.now(), format!("{operation}, which fails"));
            self.require_pause(&mut world.state(), now, what, FAILURES_A_MINUTE);
        }
        self.after(pace).await;
        if fault == Some(Fault::LostReply) {
            world.say(|| format!("{} {operation}: the reply was lost", self.caller.name));
            return Err(faults::error(operation, ErrorKind::Unavailable));
        }
        result
    }

    /// The time whose state a listing shows.
    fn listed_at(&self) -> Timestamp {
        let lag = self.world.state().faults.lag;
        let lag = self.world.simulation().between(0, lag.as_millis() as u64);
        self.now() - SignedDuration::try_from(lag).unwrap_or_default()
    }

    /// Records a write, and a violation if another invocation holds the lease.
    fn write(&self, state: &mut State, now: Timestamp, what: impl Fn() -> String) {
        state.writes += 1;
        state.say(now, || format!("{} {}", self.caller.name, what()));
        self.require_pause(state, now, what(), WRITES_A_MINUTE);
        let holder = self.holder();
        if matches!(holder, Holder::Setup { .. }) {
            let own = self.caller.name.clone();
            let writer = state.writers.entry(holder.clone()).or_insert(own).clone();
            if writer != self.caller.name {
                let text = format!("{} writes under the lease of {writer}", self.caller.name);
                state.violate(now, text);
            }
        }
        let other = state.ledger.lease.as_ref();
        let other = other.filter(|(other, until)| *other != holder && *until > now);
        let lately = |at: Timestamp| now.duration_since(at) < LONGEST_LEASE;
        let is_lost = state.lease_lost_at.is_some_and(lately);
        if let Some((other, _)) = other.filter(|_| !is_lost && !self.is_overtaken(state)) {
            let text = format!(
                "{} wrote while {other:?} had the lease: {}",
                self.caller.name,
                what()
            );
            state.violate(now, text);
        }
    }

    fn holder(&self) -> Holder {
        let holder = self.caller.holder.borrow().clone();
        holder.unwrap_or_else(|| self.pass())
    }

    /// Whether a newer request has taken over; a call sent before that may still take effect.
    fn is_overtaken(&self, state: &State) -> bool {
        match self.holder() {
            Holder::Setup { admitted, .. } => state.ledger.newest > Some(admitted) || state.deleted,
            Holder::Pass(_) => false,
        }
    }

    /// Records a violation if the caller repeats the same action without a backoff.
    fn require_pause(&self, state: &mut State, now: Timestamp, what: String, at_most: usize) {
        const WITHIN: SignedDuration = SignedDuration::from_secs(60);
        let mut done = self.caller.done.borrow_mut();
        let times = done.entry(what.clone()).or_default();
        times.retain(|at| now.duration_since(*at) < WITHIN);
        times.push(now);
        if times.len() > at_most {
            times.clear();
            let text = format!("{} repeats without a pause: {what}", self.caller.name);
            state.violate(now, text);
        }
    }
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        self.world.now()
    }

    async fn sleep(&self, time: Duration) {
        self.world.simulation().sleep(time).await;
    }
}
