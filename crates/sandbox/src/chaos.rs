//! Faults in the functions' calls and in events: random ones from a seed, and a crash at a chosen
//! call.
//!
//! Gateway and simulator consult it for each call that a function or a command of Towerhook makes,
//! so faults are injected below the retries of the AWS SDK and of the SaaS client. Calls of an
//! administrator or of the sandbox itself never fail.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use fastrand::Rng;
use hyper::header::{HeaderMap, USER_AGENT};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// One call in this many fails.
const CALLS: u32 = 3;
/// One event in this many is lost, and as many are delivered twice.
const EVENTS: u32 = 6;
/// The longest delay of a call, in milliseconds.
const LONGEST_DELAY: u64 = 1000;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    Throttle,
    ServerError,
    Reset,
    LostReply,
    Delay(Duration),
    /// The calling process is killed, before the call takes effect or after.
    Crash(Moment),
}

/// When a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The call takes no effect.
    Before,
    /// The call takes effect, but its answer is never read.
    After,
}

/// The faults injected into calls and events; none at first.
#[derive(Debug, Default)]
pub struct Chaos(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    dice: Option<Rng>,
    calls: u64,
    tally: BTreeMap<&'static str, u64>,
    crash: Option<Crash>,
    crashed_at: Option<String>,
    killed: u64,
    not_killed: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Crash {
    after_calls: u64,
    moment: Moment,
}

impl Chaos {
    /// Makes a third of all calls fail from now on: throttled, answered with an internal error, cut
    /// off before or after they take effect, or delayed. A third of all events is lost or delivered
    /// twice. The same seed makes the same choices in the same order of calls.
    pub fn begin(&self, seed: u64) {
        self.state().dice = Some(Rng::with_seed(seed));
    }

    /// Stops injecting faults.
    pub fn end(&self) {
        self.state().dice = None;
    }

    /// How often each kind of fault was injected so far.
    #[must_use]
    pub fn tally(&self) -> BTreeMap<&'static str, u64> {
        self.state().tally.clone()
    }

    /// How many calls Towerhook's functions and commands made so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Kills the process that makes the call after the next `calls`.
    pub fn crash_after(&self, calls: u64, moment: Moment) {
        let mut state = self.state();
        state.crashed_at = None;
        state.killed = 0;
        state.not_killed = None;
        state.crash = Some(Crash {
            after_calls: calls,
            moment,
        });
    }

    /// Cancels a crash that has not happened yet, and returns the call that crashed since the last
    /// [`Chaos::crash_after`].
    pub fn crashed_at(&self) -> Option<String> {
        let mut state = self.state();
        state.crash = None;
        state.crashed_at.take()
    }

    /// How many processes were killed since the last [`Chaos::crash_after`].
    ///
    /// # Errors
    /// Why the process that was meant to crash was not killed.
    pub fn killed(&self) -> anyhow::Result<u64> {
        let state = self.state();
        match &state.not_killed {
            Some(why) => bail!("cannot kill the caller: {why}"),
            None => Ok(state.killed),
        }
    }

    /// Kills the function that made a call.
    pub(crate) fn crash(&self, caller: anyhow::Result<Caller>) {
        let outcome = caller.and_then(|caller| caller.kill());
        let mut state = self.state();
        match outcome {
            Ok(()) => state.killed += 1,
            Err(error) => state.not_killed = Some(format!("{error:#}")),
        }
    }

    /// The fault for a call, named as `service:Operation`.
    pub(crate) fn call(
        &self,
        headers: &HeaderMap,
        name: impl FnOnce() -> String,
    ) -> Option<Mishap> {
        if !is_ours(headers) {
            return None;
        }
        let mut state = self.state();
        state.calls += 1;
        if let Some(crash) = &mut state.crash {
            if crash.after_calls == 0 {
                let moment = crash.moment;
                state.crash = None;
                state.crashed_at = Some(name());
                return Some(Mishap::Crash(moment));
            }
            crash.after_calls -= 1;
        }
        let dice = state.dice.as_mut()?;
        let (hit, kind, delay) = (
            dice.u32(0..CALLS) == 0,
            dice.u32(0..5),
            dice.u64(1..=LONGEST_DELAY),
        );
        if !hit {
            return None;
        }
        let (mishap, word) = match kind {
            0 => (Mishap::Throttle, "throttled"),
            1 => (Mishap::ServerError, "answered with an internal error"),
            2 => (Mishap::Reset, "cut off before their effect"),
            3 => (Mishap::LostReply, "cut off after their effect"),
            _ => (Mishap::Delay(Duration::from_millis(delay)), "delayed"),
        };
        *state.tally.entry(word).or_default() += 1;
        Some(mishap)
    }

    /// How often an event is delivered.
    pub(crate) fn deliveries(&self) -> usize {
        let mut state = self.state();
        let Some(dice) = &mut state.dice else {
            return 1;
        };
        let (times, word) = match dice.u32(0..EVENTS) {
            0 => (0, "events lost"),
            1 => (2, "events doubled"),
            _ => return 1,
        };
        *state.tally.entry(word).or_default() += 1;
        times
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A seed that is unlikely to repeat; short enough to type.
#[must_use]
pub fn random_seed() -> u64 {
    fastrand::u64(0..1_000_000)
}

/// Whether a function or a command of Towerhook makes the call: both clients send a header.
fn is_ours(headers: &HeaderMap) -> bool {
    let says = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains("towerhook"))
    };
    says(USER_AGENT.as_str()) || says("x-amz-user-agent")
}

/// The function's process at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller(Pid);

impl Caller {
    /// Looks for it while the call waits: later the connection may be gone and its port another
    /// process's. The server's port tells connections apart that leave from the same port.
    ///
    /// # Errors
    /// When no process holds the connection, or one that is no function: no other process on this
    /// machine is ever killed.
    pub(crate) fn find(peer: SocketAddr, server_port: u16) -> anyhow::Result<Self> {
        let process = process_of(peer, server_port)?;
        let program = std::fs::read_link(format!("/proc/{process}/exe"))?;
        anyhow::ensure!(
            program.file_name().is_some_and(|name| name == "bootstrap"),
            "{} is not a function",
            program.display()
        );
        Ok(Self(Pid::from_raw(process)))
    }

    fn kill(self) -> anyhow::Result<()> {
        match kill(self.0, Signal::SIGKILL) {
            // It ended by itself before its call was answered: nothing of it goes on either way.
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The process that holds the local end of a connection, according to Linux.
fn process_of(peer: SocketAddr, server_port: u16) -> anyhow::Result<i32> {
    let connections = std::fs::read_to_string("/proc/net/tcp").context("this is not Linux")?;
    let (local, remote) = (
        format!(":{:04X}", peer.port()),
        format!(":{server_port:04X}"),
    );
    let inode = connections
        .lines()
        .filter_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            // A closed connection lingers under its port, without an inode.
            let inode = fields.get(9).filter(|inode| **inode != "0")?;
            let is_it = fields.get(1)?.ends_with(&local) && fields.get(2)?.ends_with(&remote);
            is_it.then(|| format!("socket:[{inode}]"))
        })
        .next()
        .with_context(|| format!("there is no connection from {peer}"))?;
    let processes = std::fs::read_dir("/proc")?.flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .find(|process| {
            let descriptors = std::fs::read_dir(format!("/proc/{process}/fd"));
            descriptors.into_iter().flatten().flatten().any(|one| {
                std::fs::read_link(one.path()).is_ok_and(|to| to == Path::new(inode.as_str()))
            })
        })
        .with_context(|| format!("no process holds the connection from {peer}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use hyper::header::HeaderValue;

    use super::*;

    fn headers(agent: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        headers
    }

    fn choices(chaos: &Chaos, agent: &'static str) -> Vec<Option<Mishap>> {
        let headers = headers(agent);
        (0..300)
            .map(|_| chaos.call(&headers, || "x:Y".to_owned()))
            .collect()
    }

    #[test]
    fn a_seed_makes_the_same_choices_and_a_third_of_the_calls_go_wrong() {
        let (one, other, third) = (Chaos::default(), Chaos::default(), Chaos::default());
        one.begin(7);
        other.begin(7);
        third.begin(8);
        let found = choices(&one, "aws-sdk-rust app/towerhook");
        assert_eq!(found, choices(&other, "towerhook/0.1.0"));
        assert_ne!(found, choices(&third, "towerhook/0.1.0"));
        let hit = found.iter().flatten().count();
        assert!((70..130).contains(&hit), "{hit}");
        let tally = one.tally();
        assert_eq!(tally.len(), 5, "{tally:?}");
        assert_eq!(tally.values().sum::<u64>(), hit as u64);
        let deliveries: Vec<_> = (0..60).map(|_| one.deliveries()).collect();
        assert!(
            (0..=2).all(|times| deliveries.contains(&times)),
            "{deliveries:?}"
        );
        one.end();
        assert_eq!(choices(&one, "towerhook/0.1.0"), vec![None; 300]);
        assert_eq!(one.deliveries(), 1);
    }

    #[test]
    fn only_towerhooks_own_calls_go_wrong() {
        let chaos = Chaos::default();
        chaos.begin(7);
        chaos.crash_after(0, Moment::Before);
        assert_eq!(choices(&chaos, "aws-cli/2.0"), vec![None; 300]);
        assert_eq!(chaos.crashed_at(), None);
    }

    #[test]
    fn a_crash_comes_once_and_at_the_call_that_was_chosen() {
        let chaos = Chaos::default();
        chaos.crash_after(2, Moment::After);
        let found = choices(&chaos, "towerhook/0.1.0");
        assert_eq!(found[2], Some(Mishap::Crash(Moment::After)));
        assert_eq!(found.iter().flatten().count(), 1);
        assert_eq!(chaos.crashed_at().as_deref(), Some("x:Y"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_caller_is_found_and_spared_where_it_is_no_function() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let peer = stream.local_addr().unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(process_of(peer, port).unwrap(), std::process::id() as i32);
        process_of(peer, port ^ 1).expect_err("a connection to another server is another one");
        let chaos = Chaos::default();
        chaos.crash(Caller::find(peer, port));
        let error = chaos.killed().unwrap_err().to_string();
        assert!(error.contains("is not a function"), "{error}");
        chaos.crash_after(0, Moment::Before);
        assert_eq!(chaos.killed().unwrap(), 0, "the next crash is another one");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_function_that_is_killed_is_counted_and_gone() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("bootstrap");
        std::fs::copy("/bin/bash", &program).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut function = std::process::Command::new(&program)
            .args([
                "-c",
                &format!("exec 3<>/dev/tcp/127.0.0.1/{port}; read <&3"),
            ])
            .spawn()
            .unwrap();
        let (stream, peer) = listener.accept().unwrap();
        let chaos = Chaos::default();
        let caller = Caller::find(peer, port);
        chaos.crash(caller);
        assert_eq!(chaos.killed().unwrap(), 1);
        // It would end well by itself now.
        drop(stream);
        let status = function.wait().unwrap();
        assert_eq!(status.signal(), Some(Signal::SIGKILL as i32));
    }
}
