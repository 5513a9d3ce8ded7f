use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Scope;
use crate::{retry::REQUEUE, stack_sets::Operation};

/// A StackSet operation that a message waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Await {
    /// The operation.
    #[serde(flatten)]
    pub operation: Operation,
    /// How often it was still running.
    #[serde(default)]
    pub looks: u32,
}

/// The accounts that wait for an operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Awaiting {
    /// How often it was still running.
    pub looks: u32,
    /// The accounts to reconcile after it has ended.
    pub scope: Scope,
}

impl Awaiting {
    /// After this many looks the accounts are reconciled even if the operation is still running: a
    /// pass merges copies of a message, and a look does not.
    const MOST: u32 = 3;

    /// Whether another look is due before the accounts are reconciled anyway.
    pub(crate) fn has_looks_left(&self) -> bool {
        self.looks < Self::MOST
    }

    /// The same after another look.
    pub(crate) fn after_a_look(self) -> Self {
        let looks = self.looks + 1;
        Self { looks, ..self }
    }

    /// How long until the next look. Looks become rare quickly, because an event tells of the end: they
    /// are for one that was lost.
    pub(crate) fn delay(&self) -> Duration {
        REQUEUE.delay(2 * self.looks)
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.looks = self.looks.max(other.looks);
        self.scope = std::mem::take(&mut self.scope).merge(other.scope);
    }
}
