use std::time::Duration;

use super::store::DuplicateScope;

/// Answers chosen requests with an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The operation, as [`Simulator::calls`](crate::providers::Simulator::calls) names it, such
    /// as `POST CloudAccounts`; `None` for any.
    pub operation: Option<String>,
    /// How many requests it affects.
    pub times: u32,
    /// HTTP status of the answer.
    pub status: u16,
    /// Whether the operation takes effect first, so that only the answer is lost.
    pub after_effect: bool,
}

/// The behaviours that a test can choose. All take effect with the next request.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) propagation_delay: Duration,
    pub(super) state_delay: Duration,
    pub(super) mask_external_ids: bool,
    pub(super) empty_search_is_no_content: bool,
    pub(super) page_size: usize,
    pub(super) duplicates: DuplicateScope,
    pub(super) refusing: Option<String>,
    pub(super) faults: Vec<Fault>,
    pub(super) hanging_creates: u32,
    pub(super) hang: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            propagation_delay: Duration::ZERO,
            state_delay: Duration::from_secs(2),
            mask_external_ids: false,
            empty_search_is_no_content: false,
            page_size: 5000,
            duplicates: DuplicateScope::default(),
            refusing: None,
            faults: Vec::new(),
            hanging_creates: 0,
            hang: Duration::ZERO,
        }
    }
}

impl Settings {
    /// Uses up one of the faults that are set for the operation.
    pub(super) fn take_fault(&mut self, label: &str) -> Option<Fault> {
        let index = self.faults.iter().position(|fault| {
            fault.times > 0
                && fault
                    .operation
                    .as_deref()
                    .is_none_or(|wanted| wanted == label)
        })?;
        self.faults[index].times -= 1;
        let taken = self.faults[index].clone();
        self.faults.retain(|fault| fault.times > 0);
        Some(taken)
    }

    /// Uses up one hanging create.
    pub(super) fn take_hang(&mut self) -> Option<Duration> {
        self.hanging_creates = self.hanging_creates.checked_sub(1)?;
        Some(self.hang)
    }
}
