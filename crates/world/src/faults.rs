use std::{collections::BTreeMap, time::Duration};

use towerhook_core::{Error, ErrorKind};

use crate::{cost::is_registry, simulation::Simulation};

/// Failure rates of one service's calls, in per mille.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    /// Throttled.
    pub throttled: u32,
    /// Failed without a response and without effect.
    pub unavailable: u32,
    /// Carried out, but the response was lost.
    pub lost: u32,
    /// Refused, because another operation is running.
    pub conflict: u32,
}

impl Rates {
    /// A service that answers no calls.
    pub(crate) const DOWN: Self = Self {
        throttled: 0,
        unavailable: 1000,
        lost: 0,
        conflict: 0,
    };
}

/// The current faults.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// By service, as the part of an operation's name before the colon.
    pub rates: BTreeMap<&'static str, Rates>,
    /// How old a listing may be.
    pub lag: Duration,
    /// How much longer than usual a StackSet operation may take.
    pub slow_operations: Duration,
    /// How often a stack operation fails in an account, in per mille.
    pub failing_instances: u32,
    /// How often a message is delivered twice, in per mille.
    pub duplicates: u32,
    /// How often an event is lost, in per mille.
    pub lost_events: u32,
    /// The longest delay of an event.
    pub late_events: Duration,
}

/// The fault of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Refused(ErrorKind),
    LostReply,
}

impl Faults {
    /// Whether a service that setup depends on is mostly down.
    pub(crate) fn are_hampering(&self) -> bool {
        ["dynamodb", "lambda", "s3"].iter().any(|service| {
            let rates = self.rates.get(service);
            rates.is_some_and(|rates| rates.throttled + rates.unavailable + rates.lost >= 400)
        })
    }

    pub(crate) fn strike(&self, simulation: &Simulation, operation: &str) -> Option<Fault> {
        let service = operation.split(':').next()?;
        let rates = self.rates.get(service)?;
        let die = simulation.roll(|dice| dice.u32(0..1000));
        let throttled = ErrorKind::Throttled { retry_after: None };
        let is_start = service == "cloudformation"
            && !operation.contains("List")
            && !operation.contains("Describe");
        let mut bound = 0;
        for (rate, fault) in [
            (rates.throttled, Fault::Refused(throttled)),
            (rates.unavailable, Fault::Refused(ErrorKind::Unavailable)),
            (rates.lost, Fault::LostReply),
            (
                if is_start { rates.conflict } else { 0 },
                Fault::Refused(ErrorKind::Conflict),
            ),
        ] {
            bound += rate;
            if die < bound {
                return Some(fault);
            }
        }
        None
    }
}

pub(crate) fn error(operation: &'static str, kind: ErrorKind) -> Error {
    let words = match kind {
        ErrorKind::Throttled { .. } => "Rate exceeded",
        ErrorKind::Conflict => "another operation is in progress",
        ErrorKind::Unavailable => "no answer",
        ErrorKind::Unauthorized => "the token was refused",
        ErrorKind::Denied => "not authorized",
        ErrorKind::NotFound => "not found",
        ErrorKind::Invalid => "invalid",
        ErrorKind::Superseded => "superseded",
    };
    let error = Error::new(operation, kind, words);
    if is_registry(operation) {
        error.of_registry()
    } else {
        error
    }
}
