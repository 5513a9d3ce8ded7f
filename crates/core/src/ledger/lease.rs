use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Unreadable;
use crate::{lifecycle::Parked, policy::Deployment};

/// Who holds the lease, or asks for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A pass of the account function, by its invocation.
    Pass(String),
    /// An invocation of setup. A newer request of CloudFormation takes the lease from an older one.
    Setup {
        /// When the request that it carries out was first seen.
        admitted: Timestamp,
        /// Tells apart two invocations for the same request.
        invocation: String,
    },
}

/// How many requests of CloudFormation a ledger remembers. CloudFormation makes one of a stack at a time,
/// and repeats none for longer than some hours.
pub const REMEMBERED: usize = 20;

/// When a request counts as first seen that came at `seen`: in whole milliseconds, and never together
/// with another one, so that the time tells which of two is the newer one.
pub fn admitted(known: &[(String, Timestamp)], seen: Timestamp) -> Timestamp {
    let whole = seen.as_millisecond();
    let taken: BTreeSet<i64> = known.iter().map(|(_, at)| at.as_millisecond()).collect();
    let free = (whole..).find(|at| !taken.contains(at));
    free.and_then(|at| Timestamp::from_millisecond(at).ok())
        .unwrap_or(seen)
}

impl Holder {
    /// Whether this one takes the lease from `other` although that has not ended.
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

/// What came of asking for the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// It is the asker's.
    Taken(Box<Taken>),
    /// The asker does not get it.
    Refused(LeaseState),
    /// Another invocation for the same request of CloudFormation has it.
    Shared,
    /// The asker never gets it: a newer request of CloudFormation had it.
    Overtaken,
}

/// What comes with the lease.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// The deployment of the last request that succeeded, if there is one.
    pub deployment: Option<Deployment>,
    /// What was parked while somebody else had the lease.
    pub parked: Vec<Parked>,
    /// The sources that could not be read of late.
    pub unreadable: Unreadable,
    /// How many other passes have taken it since it was last given back: none of them came to an end.
    pub unfinished: usize,
    /// Whether it was taken from an older request of CloudFormation that was still at work: a call of
    /// that one may land yet. So it counts where the holder has it already, too: the answer that told may
    /// be lost.
    pub superseded: bool,
}

/// Why the lease is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// Somebody else holds it.
    Held,
    /// It is free, but cools down or is reserved until then; a time that has passed is no obstacle.
    Free {
        /// The end of the cooldown or the reservation.
        not_before: Timestamp,
    },
}

/// What came of parking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parking {
    /// It is kept.
    Kept {
        /// How the lease stands at this moment.
        lease: LeaseState,
        /// When the first wake-up was sent since the lease was last taken, or given back without a pass.
        called_at: Option<Timestamp>,
    },
    /// It is not kept: so much is parked that it must be merged first, or what is parked is no longer
    /// what should have been replaced.
    Refused(Vec<Parked>),
}
