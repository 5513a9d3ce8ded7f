use std::{
    collections::{BTreeMap, BTreeSet},
    task::Waker,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// `VisibilityTimeout` of the work queue.
pub(crate) const VISIBILITY: SignedDuration = SignedDuration::from_secs(1080);
/// `maxReceiveCount` of the work queue.
const RECEIVES: u32 = 5;
/// `BatchSize` of the event source mapping.
const BATCH: usize = 10;

/// The account function's queue and its dead-letter queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    messages: BTreeMap<u64, Kept>,
    dead: BTreeMap<u64, Dead>,
    number: u64,
    wakers: Vec<Waker>,
    /// Whether the event source mapping is gone, so that no function starts any more.
    closed: bool,
}

#[derive(Debug)]
struct Dead {
    body: String,
    visible_at: Timestamp,
}

#[derive(Debug)]
struct Kept {
    body: String,
    visible_at: Timestamp,
    receives: u32,
    /// Whether SQS delivers a message once more that is delivered already. It ends by itself.
    is_copy: bool,
}

/// A message as the function receives it.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) number: u64,
    pub(crate) body: String,
}

impl Queue {
    pub(crate) fn send(&mut self, now: Timestamp, body: String, delay: Duration) {
        let delay = SignedDuration::try_from(delay).unwrap_or_default();
        self.number += 1;
        let kept = Kept {
            body,
            visible_at: now + delay,
            receives: 0,
            is_copy: false,
        };
        self.messages.insert(self.number, kept);
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }

    /// Puts a message into the dead-letter queue.
    pub(crate) fn bury(&mut self, now: Timestamp, body: String) {
        self.number += 1;
        let visible_at = now;
        self.dead.insert(self.number, Dead { body, visible_at });
    }

    /// How many messages are in the dead-letter queue.
    pub(crate) fn dead_count(&self) -> usize {
        self.dead.len()
    }

    /// Removes the event source mapping.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// When the next message becomes visible.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let messages = self.messages.values().filter(|_| !self.closed);
        messages.map(|kept| kept.visible_at).min()
    }

    /// Whether the queue is empty and no message is in flight.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Registers for a wake-up on new messages.
    pub(crate) fn listen(&mut self, waker: &Waker) {
        self.wakers.push(waker.clone());
    }

    /// Receives a batch, in any order; `twice` selects the messages that are duplicated.
    pub(crate) fn receive(
        &mut self,
        now: Timestamp,
        order: &mut fastrand::Rng,
        mut twice: impl FnMut(&mut fastrand::Rng) -> bool,
    ) -> Vec<Received> {
        let ready = |kept: &&u64| !self.closed && self.messages[kept].visible_at <= now;
        let mut numbers: Vec<u64> = self.messages.keys().filter(ready).copied().collect();
        order.shuffle(&mut numbers);
        numbers.truncate(BATCH);
        let mut batch = Vec::new();
        for number in numbers {
            let Some(kept) = self.messages.get_mut(&number) else {
                continue;
            };
            if kept.receives >= RECEIVES {
                if let Some(kept) = self.messages.remove(&number)
                    && !kept.is_copy
                {
                    let body = kept.body;
                    let visible_at = now;
                    self.dead.insert(number, Dead { body, visible_at });
                }
                continue;
            }
            kept.receives += 1;
            kept.visible_at = now + VISIBILITY;
            let received = Received {
                number,
                body: kept.body.clone(),
            };
            if !kept.is_copy && twice(order) {
                self.number += 1;
                let copy = Kept {
                    body: kept.body.clone(),
                    visible_at: now + SignedDuration::from_secs(1),
                    receives: kept.receives,
                    is_copy: true,
                };
                self.messages.insert(self.number, copy);
            }
            batch.push(received);
        }
        batch
    }

    /// Deletes the handled messages; those in `failed` return after the visibility timeout.
    pub(crate) fn handled(&mut self, batch: &[Received], failed: &BTreeSet<u64>) {
        for received in batch
            .iter()
            .filter(|received| !failed.contains(&received.number))
        {
            self.messages.remove(&received.number);
        }
    }

    /// Receives messages of the dead-letter queue, which are hidden until `until`.
    pub(crate) fn dead_letters(&mut self, now: Timestamp, until: Timestamp) -> Vec<(u64, String)> {
        const AT_ONCE: usize = 10;
        let visible = self
            .dead
            .iter_mut()
            .filter(|(_, dead)| dead.visible_at <= now);
        visible
            .take(AT_ONCE)
            .map(|(number, dead)| {
                dead.visible_at = until;
                (*number, dead.body.clone())
            })
            .collect()
    }

    /// Deletes a message of the dead-letter queue, or makes it visible again.
    pub(crate) fn settle_dead(&mut self, now: Timestamp, number: u64, keep: bool) {
        if !keep {
            self.dead.remove(&number);
        } else if let Some(dead) = self.dead.get_mut(&number) {
            dead.visible_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_always_delivered_twice_becomes_one_dead_letter() {
        let mut queue = Queue::default();
        let mut random = fastrand::Rng::with_seed(1);
        let mut now = Timestamp::UNIX_EPOCH;
        queue.send(now, "body".into(), Duration::ZERO);
        let mut deliveries = 0;
        while let Some(next) = queue.next() {
            now = now.max(next);
            let batch = queue.receive(now, &mut random, |_| true);
            let failed = batch.iter().map(|received| received.number).collect();
            queue.handled(&batch, &failed);
            deliveries += batch.len();
        }
        assert_eq!(queue.dead_count(), 1);
        // The message itself five times, and each copy until it has been received as often.
        assert_eq!(deliveries, 5 + (4 + 3 + 2 + 1));
    }
}
