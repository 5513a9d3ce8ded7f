use std::{
    cell::{Cell, RefCell},
    fmt::Display,
};

/// How far a request has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    last: RefCell<String>,
    made_something: Cell<bool>,
}

impl Progress {
    /// Notes what begins now.
    pub(crate) fn note(&self, step: &dyn Display) {
        *self.last.borrow_mut() = step.to_string();
    }

    /// Notes that from now on something of ours may exist.
    pub(crate) fn begin_making(&self) {
        self.made_something.set(true);
    }

    /// What was begun last.
    pub(crate) fn last(&self) -> String {
        let last = self.last.borrow();
        if last.is_empty() {
            "reading the landing zone".into()
        } else {
            last.clone()
        }
    }

    /// Whether something of ours may exist.
    pub(crate) fn made_something(&self) -> bool {
        self.made_something.get()
    }
}
