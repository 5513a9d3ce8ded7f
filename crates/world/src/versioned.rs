use std::{collections::VecDeque, rc::Rc};

use jiff::Timestamp;

/// So many earlier versions are remembered.
const KEPT: usize = 24;

/// A value, and what it was before where listings lag behind.
#[derive(Debug, Clone)]
pub(crate) struct Versioned<T> {
    current: Rc<T>,
    /// Each with the time at which it was replaced.
    past: VecDeque<(Timestamp, Rc<T>)>,
    lags: bool,
}

impl<T: Clone> Versioned<T> {
    pub(crate) fn new(value: T, lags: bool) -> Self {
        Self {
            current: Rc::new(value),
            past: VecDeque::new(),
            lags,
        }
    }

    /// As it is now.
    pub(crate) fn get(&self) -> &T {
        &self.current
    }

    /// As it was at a time.
    pub(crate) fn at(&self, time: Timestamp) -> Rc<T> {
        let then = self.past.iter().find(|(replaced, _)| *replaced > time);
        Rc::clone(then.map_or(&self.current, |(_, value)| value))
    }

    /// What it was at any time since, the latest first.
    pub(crate) fn since(&self, time: Timestamp) -> impl Iterator<Item = &T> {
        let past = self.past.iter().rev();
        let past = past.take_while(move |(replaced, _)| *replaced >= time);
        std::iter::once(&*self.current).chain(past.map(|(_, value)| &**value))
    }

    /// To change it; what it was stays readable by its time.
    pub(crate) fn change(&mut self, now: Timestamp) -> &mut T {
        // Of what changes at one time, only the last is ever seen.
        if self.lags && self.past.back().is_none_or(|(replaced, _)| *replaced < now) {
            self.past.push_back((now, Rc::clone(&self.current)));
            if self.past.len() > KEPT {
                self.past.pop_front();
            }
        }
        Rc::make_mut(&mut self.current)
    }
}
