use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display, Write},
};

use serde::{Deserialize, Serialize};

use crate::Error;

/// How many resources that could not be deleted one invocation names to the next.
const HANDED_ON: usize = 20;

/// The progress of a request.
#[derive(Debug, Default)]
pub struct Progress {
    last: RefCell<String>,
    made_something: Cell<bool>,
    trouble: RefCell<Option<String>>,
    removal: Cell<Removal>,
    left_behind: RefCell<BTreeSet<String>>,
    left_undone: RefCell<BTreeSet<String>>,
    restores: Cell<bool>,
    looked: Cell<bool>,
    remarks: RefCell<Vec<String>>,
    attributes: RefCell<BTreeMap<&'static str, String>>,
}

/// The progress of a removal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// The registrations.
    #[serde(alias = "integrations")]
    pub registrations: Tally,
    /// The stacks of the StackSets.
    pub stacks: Tally,
}

/// Counts of deleted and remaining objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Deleted.
    pub removed: usize,
    /// Remaining.
    pub left: usize,
}

impl Tally {
    fn now_left(&mut self, left: usize) {
        let gone = self.left.saturating_sub(left);
        self.removed = self.removed.saturating_add(gone);
        self.left = left;
    }

    fn total(self) -> usize {
        self.removed.saturating_add(self.left)
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.removed, self.total())
    }
}

impl Progress {
    /// The progress of a request that an earlier invocation handed over.
    pub fn resumed(removal: Removal, left_behind: BTreeSet<String>) -> Self {
        let progress = Self::default();
        progress.begin_making();
        progress.removal.set(removal);
        progress.left_behind.replace(left_behind);
        progress
    }

    /// Notes the step that begins now.
    pub fn begin(&self, step: &dyn Display) {
        *self.last.borrow_mut() = step.to_string();
    }

    /// Notes that resources of ours may exist from now on.
    pub fn begin_making(&self) {
        self.made_something.set(true);
    }

    /// Notes a failure that is being retried, or that it is over.
    pub(super) fn trouble(&self, error: Option<&Error>) {
        *self.trouble.borrow_mut() = error.map(Error::chain);
    }

    /// Notes what remains to be deleted.
    pub(super) fn left(&self, registrations: usize, stacks: usize) {
        let mut removal = self.removal.get();
        removal.registrations.now_left(registrations);
        removal.stacks.now_left(stacks);
        self.removal.set(removal);
    }

    /// Notes a resource of ours that could not be deleted.
    pub(super) fn leave_behind(&self, what: String) {
        self.left_behind.borrow_mut().insert(what);
    }

    /// Notes a resource that could not be restored.
    pub(super) fn leave_undone(&self, what: String) {
        self.left_undone.borrow_mut().insert(what);
    }

    /// Notes whether the request restores a former success, which is never refused.
    pub(super) fn restores(&self, restores: bool) {
        self.restores.set(restores);
    }

    /// Whether the request restores a former success.
    pub(super) fn is_restoring(&self) -> bool {
        self.restores.get()
    }

    /// Whether something could not be restored.
    pub(super) fn is_incomplete(&self) -> bool {
        !self.left_undone.borrow().is_empty()
    }

    /// The progress of a removal, for the next invocation.
    pub fn removal(&self) -> Removal {
        self.removal.get()
    }

    /// Notes that everything was read once. Whether it was before, also by an earlier invocation.
    pub(super) fn look(&self) -> bool {
        self.looked.replace(true)
    }

    /// Whether everything was read once, for the next invocation.
    pub(super) fn has_looked(&self) -> bool {
        self.looked.get()
    }

    /// What could not be deleted, for the next invocation: at most as much as an answer has room for.
    pub(super) fn left_behind(&self) -> BTreeSet<String> {
        let all = self.left_behind.borrow();
        all.iter().take(HANDED_ON).cloned().collect()
    }

    /// Notes a warning for the administrator.
    pub fn remark(&self, sentence: String) {
        self.remarks.borrow_mut().push(sentence);
    }

    /// Notes what a success returns.
    pub(super) fn return_attributes(&self, attributes: BTreeMap<&'static str, String>) {
        self.attributes.replace(attributes);
    }

    /// What a success returns.
    pub(super) fn attributes(&self) -> BTreeMap<&'static str, String> {
        self.attributes.borrow().clone()
    }

    /// The note for the administrator of a successful request: the remarks, and the resources that
    /// could not be deleted.
    pub fn note(&self) -> Option<String> {
        let mut sentences = self.remarks.borrow().clone();
        let left_behind = self.left_behind.borrow();
        if !left_behind.is_empty() {
            let all: Vec<&str> = left_behind.iter().map(String::as_str).collect();
            sentences.push(format!("These stay: {}.", all.join("; ")));
        }
        let left_undone = self.left_undone.borrow();
        if !left_undone.is_empty() {
            let all: Vec<&str> = left_undone
                .iter()
                .map(|one| one.trim_end_matches('.'))
                .collect();
            let all = all.join("; ");
            sentences.push(format!("Not restored until the next update: {all}."));
        }
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }

    /// The last step that began.
    pub fn last(&self) -> String {
        let last = self.last.borrow();
        if last.is_empty() {
            "reading the landing zone".into()
        } else {
            last.clone()
        }
    }

    /// A summary of the progress, understandable on its own.
    pub fn summary(&self) -> String {
        let mut text = self.last();
        let Removal {
            registrations,
            stacks,
        } = self.removal.get();
        if registrations.total() > 0 || stacks.total() > 0 {
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "; removed {registrations} registrations and {stacks} stacks"
            );
        }
        if let Some(trouble) = &*self.trouble.borrow() {
            let trouble: String = trouble.chars().take(500).collect();
            let _ = write!(text, "; it waited because {trouble}");
        }
        text
    }

    /// Whether resources of ours may exist.
    pub fn made_something(&self) -> bool {
        self.made_something.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_an_event_brings_may_be_any() {
        let most = Tally {
            removed: usize::MAX,
            left: usize::MAX,
        };
        let removal = Removal {
            registrations: most,
            stacks: most,
        };
        let progress = Progress::resumed(removal, BTreeSet::new());
        progress.left(0, 0);
        assert_eq!(progress.removal().stacks.removed, usize::MAX);
        assert!(progress.summary().contains("; removed "));
    }

    #[test]
    fn what_is_removed_is_counted_across_invocations() {
        let first = Progress::default();
        first.left(5, 3);
        first.left(2, 3);
        let second = Progress::resumed(first.removal(), BTreeSet::new());
        second.begin(&"delete registration x");
        second.left(1, 3);
        assert_eq!(
            second.summary(),
            "delete registration x; removed 4 of 5 registrations and 0 of 3 stacks"
        );
        assert!(second.made_something());
        let stacks_only = Progress::default();
        stacks_only.left(0, 3);
        stacks_only.left(0, 1);
        let summary = stacks_only.summary();
        assert!(
            summary.ends_with("0 of 0 registrations and 2 of 3 stacks"),
            "{summary}"
        );
        assert!(!Progress::default().made_something());
        let nothing = Progress::default().summary();
        assert!(!nothing.contains("removed"), "{nothing}");
    }
}
