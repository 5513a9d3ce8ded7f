use std::{collections::VecDeque, rc::Rc};

use jiff::Timestamp;

/// The number of earlier versions that are kept.
const KEPT: usize = 24;

/// A value with its history, where listings lag.
#[derive(Debug, Clone)]
pub(crate) struct Versioned<T> {
    current: Rc<T>,
    /// Earlier versions, each with the time at which it was replaced.
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

    /// The current value.
    pub(crate) fn get(&self) -> &T {
        &self.current
    }

    /// The value at a time.
    pub(crate) fn at(&self, time: Timestamp) -> Rc<T> {
        let then = self.past.iter().find(|(replaced, _)| *replaced > time);
        Rc::clone(then.map_or(&self.current, |(_, value)| value))
    }

    /// All values since a time, latest first.
    pub(crate) fn since(&self, time: Timestamp) -> impl Iterator<Item = &T> {
        let past = self.past.iter().rev();
        let past = past.take_while(move |(replaced, _)| *replaced >= time);
        std::iter::once(&*self.current).chain(past.map(|(_, value)| &**value))
    }

    /// Changes the value. The previous one stays readable by its time.
    pub(crate) fn change(&mut self, now: Timestamp) -> &mut T {
        // Of several changes at the same time, only the last is visible.
        if self.lags && self.past.back().is_none_or(|(replaced, _)| *replaced < now) {
            self.past.push_back((now, Rc::clone(&self.current)));
            if self.past.len() > KEPT {
                self.past.pop_front();
            }
        }
        Rc::make_mut(&mut self.current)
    }
}
