//! A single-threaded executor with a simulated clock and seeded choices.
//!
//! Time passes only when no task can run, so an hour costs nothing, and every run is determined by
//! its seed.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The clock, the random source and the tasks of one simulated world. A clone is the same
/// simulation.
#[derive(Clone)]
pub struct Simulation(Rc<Inner>);

struct Inner {
    now: Cell<Timestamp>,
    timers: RefCell<BTreeMap<(Timestamp, u64), Waker>>,
    timer: Cell<u64>,
    spawned: RefCell<Vec<Task>>,
    dice: RefCell<Rng>,
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Simulation at {}", self.now())
    }
}

#[derive(Default)]
struct Ready(AtomicBool);

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Simulation {
    /// A simulation that begins at `now` and is determined by `seed`.
    pub fn new(seed: u64, now: Timestamp) -> Self {
        Self(Rc::new(Inner {
            now: Cell::new(now),
            timers: RefCell::default(),
            timer: Cell::default(),
            spawned: RefCell::default(),
            dice: RefCell::new(Rng::with_seed(seed)),
        }))
    }

    /// The virtual time.
    pub fn now(&self) -> Timestamp {
        self.0.now.get()
    }

    /// A seeded choice.
    pub fn roll<T>(&self, choose: impl FnOnce(&mut Rng) -> T) -> T {
        choose(&mut self.0.dice.borrow_mut())
    }

    /// True with this probability, in per mille.
    pub fn chance(&self, per_mille: u32) -> bool {
        per_mille > 0 && self.roll(|dice| dice.u32(0..1000) < per_mille)
    }

    /// A random duration between the two, in milliseconds.
    pub fn between(&self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.roll(|dice| dice.u64(least..=most)))
    }

    /// Waits until this time.
    pub fn sleep_until(&self, until: Timestamp) -> impl Future<Output = ()> + use<> {
        Sleep {
            simulation: self.clone(),
            until,
            timer: None,
        }
    }

    /// Waits this long.
    pub fn sleep(&self, time: Duration) -> impl Future<Output = ()> + use<> {
        let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        self.sleep_until(self.now() + time)
    }

    /// Starts a concurrent task.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.0.spawned.borrow_mut().push(Box::pin(task));
    }

    /// Runs all tasks until `main` is done; the others are dropped then.
    ///
    /// # Panics
    ///
    /// On a deadlock: when all tasks wait without a timer.
    pub fn run<T: 'static>(&self, main: impl Future<Output = T> + 'static) -> T {
        let result = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&result);
        self.spawn(async move {
            let value = main.await;
            *slot.borrow_mut() = Some(value);
        });
        let mut tasks: Vec<(Task, Arc<Ready>)> = Vec::new();
        loop {
            for task in self.0.spawned.borrow_mut().drain(..) {
                tasks.push((task, Arc::new(Ready(AtomicBool::new(true)))));
            }
            let ready: Vec<usize> = (0..tasks.len())
                .filter(|index| tasks[*index].1.0.load(Ordering::Relaxed))
                .collect();
            if ready.is_empty() {
                self.pass_time();
                continue;
            }
            let index = ready[self.roll(|dice| dice.usize(0..ready.len()))];
            let (task, flag) = &mut tasks[index];
            flag.0.store(false, Ordering::Relaxed);
            let waker = Waker::from(Arc::clone(flag));
            if task
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
            {
                drop(tasks.swap_remove(index));
            }
            if let Some(value) = result.borrow_mut().take() {
                self.0.spawned.borrow_mut().clear();
                return value;
            }
        }
    }

    fn pass_time(&self) {
        let first = self.0.timers.borrow_mut().pop_first();
        let ((time, _), waker) = first.expect("everything waits for nothing");
        self.0.now.set(time.max(self.now()));
        waker.wake();
    }
}

struct Sleep {
    simulation: Simulation,
    until: Timestamp,
    timer: Option<(Timestamp, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.simulation.now() >= self.until {
            return Poll::Ready(());
        }
        let inner = Rc::clone(&self.simulation.0);
        let until = self.until;
        let key = *self.timer.get_or_insert_with(|| {
            inner.timer.set(inner.timer.get() + 1);
            (until, inner.timer.get())
        });
        let waker = context.waker().clone();
        inner.timers.borrow_mut().insert(key, waker);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = &self.timer {
            self.simulation.0.timers.borrow_mut().remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(seed: u64) -> Vec<usize> {
        let simulation = Simulation::new(seed, Timestamp::UNIX_EPOCH);
        let seen = Rc::new(RefCell::new(Vec::new()));
        for n in 0..4 {
            let (inner, seen) = (simulation.clone(), Rc::clone(&seen));
            simulation.spawn(async move {
                for _ in 0..3 {
                    inner.sleep(inner.between(0, 20)).await;
                    seen.borrow_mut().push(n);
                }
            });
        }
        let clock = simulation.clone();
        simulation.run(async move { clock.sleep(Duration::from_secs(3600)).await });
        assert_eq!(simulation.now().as_second(), 3600);
        seen.take()
    }

    #[test]
    fn a_seed_is_an_order_and_another_one_another() {
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        assert_eq!(order(3).len(), 12);
    }
}
