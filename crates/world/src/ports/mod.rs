//! The core's ports over one shared world.

mod cloud_formation;
mod ledger;
mod messages;
mod organization;
mod paced;
mod saas;
mod secrets;

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{ErrorKind, Result};

pub(crate) use cloud_formation::in_progress;
pub(crate) use saas::integration;
pub use secrets::CANARY;
pub(crate) use secrets::keep_fresh;

use crate::{World, faults, faults::Fault, scale::PassCost, state::State};

/// All ports, as one caller sees them. A clone is the same caller.
#[derive(Debug, Clone)]
pub struct Ports {
    pub(crate) world: World,
    pub(crate) caller: Rc<Caller>,
}

/// Who calls, and what befalls it.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The owner's name in the lease.
    pub(crate) name: String,
    pub(crate) began: Timestamp,
    /// After so many steps it is no more; a call has two.
    crash: Cell<Option<u32>>,
    crashed: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    /// How long a call takes at most, in milliseconds.
    latency: u64,
    token: RefCell<Option<String>>,
    /// What its calls came to.
    cost: Cell<PassCost>,
}

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
                began: world.now(),
                crash: Cell::new(crash),
                crashed: Cell::new(false),
                waker: RefCell::default(),
                latency,
                token: RefCell::default(),
                cost: Cell::default(),
            }),
        }
    }

    /// The virtual time.
    pub fn now(&self) -> Timestamp {
        self.world.now()
    }

    /// Ends when the caller is to crash, and never otherwise.
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

    /// A point at which others go on, and at which the caller may be no more.
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

    /// One call: others go on before and after it, and it may go wrong in every way.
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
            match state.faults.strike(world.simulation(), operation) {
                Some(Fault::Refused(kind)) => {
                    state.say(world.now(), || {
                        format!("{} {operation}: {kind:?}", self.caller.name)
                    });
                    (None, Err(faults::error(operation, kind)))
                }
                fault => (fault, effect(&mut state, world.now())),
            }
        };
        self.after(pace).await;
        if fault == Some(Fault::LostReply) {
            world.say(|| format!("{} {operation}: the reply was lost", self.caller.name));
            return Err(faults::error(operation, ErrorKind::Unavailable));
        }
        result
    }

    /// A time at which a listing may have been made that is answered now.
    fn listed_at(&self) -> Timestamp {
        let lag = self.world.state().faults.lag;
        let lag = self.world.simulation().between(0, lag.as_millis() as u64);
        self.now() - SignedDuration::try_from(lag).unwrap_or_default()
    }

    /// Notes a write, which nobody may make while somebody else holds the lease.
    fn write(&self, state: &mut State, now: Timestamp, what: impl Fn() -> String) {
        state.writes += 1;
        state.say(now, || format!("{} {}", self.caller.name, what()));
        if let Some((holder, until)) = &state.ledger.lease
            && *holder != self.caller.name
            && *until > now
        {
            let holder = holder.clone();
            let name = &self.caller.name;
            state.violate(
                now,
                format!("{name} wrote while {holder} had the lease: {}", what()),
            );
        }
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        self.world.simulation().sleep(time).await;
    }
}
