use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Unreadable;
use crate::{lifecycle::Parked, policy::Deployment};

/// An invocation that holds the lease, or asks for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A pass of the account function, by its invocation.
    Pass(String),
    /// An invocation of setup. A newer request of CloudFormation takes the lease from an older one.
    Setup {
        /// When the request that it carries out was first seen.
        admitted: Timestamp,
        /// Distinguishes invocations for the same request.
        invocation: String,
    },
}

/// How many requests of CloudFormation a ledger remembers. CloudFormation sends one request of a
/// stack at a time, and repeats it for some hours at most.
pub const REMEMBERED: usize = 20;

/// The time at which a request seen at `seen` counts as first seen: in whole milliseconds and
/// unique, so that the time shows which of two requests is newer.
pub fn admitted(known: &[(String, Timestamp)], seen: Timestamp) -> Timestamp {
    let whole = seen.as_millisecond();
    let taken: BTreeSet<i64> = known.iter().map(|(_, at)| at.as_millisecond()).collect();
    let free = (whole..).find(|at| !taken.contains(at));
    free.and_then(|at| Timestamp::from_millisecond(at).ok())
        .unwrap_or(seen)
}

impl Holder {
    /// Whether this holder takes the lease from `other` before that one's lease ends.
    pub fn supersedes(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Setup { admitted, .. },
                Self::Setup {
                    admitted: theirs, ..
                },
            ) => admitted > theirs,
            _ => false,
        }
    }
}

/// The result of asking for the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// The caller holds it.
    Taken(Box<Taken>),
    /// The caller does not get it.
    Refused(LeaseState),
    /// Another invocation for the same request of CloudFormation holds it.
    Shared,
    /// The caller never gets it: a newer request of CloudFormation has held it.
    Overtaken,
}

/// The state that a new lease holder gets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// The deployment of the last request that succeeded, if there is one.
    pub deployment: Option<Deployment>,
    /// The work parked while the lease was not available.
    pub parked: Vec<Parked>,
    /// The sources that could not be read in the last comparisons.
    pub unreadable: Unreadable,
    /// When the last comparison of the whole organization began that ran to its end.
    pub compared: Option<Timestamp>,
    /// How many other passes have taken the lease since it was last released: none of them
    /// finished.
    pub unfinished: usize,
    /// Whether the lease was taken from an older request of CloudFormation that was still running,
    /// whose last call may still take effect. Also set if the caller already holds the lease,
    /// because the first response may have been lost.
    pub superseded: bool,
}

/// Why the lease is not available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// Another invocation holds it.
    Held,
    /// It is free, but cools down or is reserved until then; a past time is no obstacle.
    Free {
        /// The end of the cooldown or the reservation.
        not_before: Timestamp,
    },
}

/// The result of parking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parking {
    /// The work is parked.
    Kept {
        /// The state of the lease at this moment.
        lease: LeaseState,
        /// When the first wake-up was sent since the lease was last taken, or released without a pass.
        wake_up_sent_at: Option<Timestamp>,
    },
    /// Nothing was parked: there is no room without merging, or the parked work is no longer what
    /// should have been replaced.
    Refused(Vec<Parked>),
}
