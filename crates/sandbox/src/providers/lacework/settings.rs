use std::time::Duration;

use super::store::DuplicateScope;
use crate::providers::http::fault::Faults;

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
    pub(super) faults: Faults,
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
            faults: Faults::default(),
            hanging_creates: 0,
            hang: Duration::ZERO,
        }
    }
}

impl Settings {
    /// Uses up one hanging create.
    pub(super) fn take_hang(&mut self) -> Option<Duration> {
        self.hanging_creates = self.hanging_creates.checked_sub(1)?;
        Some(self.hang)
    }
}
