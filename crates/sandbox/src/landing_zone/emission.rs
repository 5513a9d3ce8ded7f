//! Which events of AWS's services reach the bus. AWS delivers on a best-effort basis: an event may
//! be lost or delivered twice.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Lost,
    Doubled,
}

/// What happens to upcoming events, and which were sent so far.
#[derive(Debug, Default)]
pub struct Emission(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    fates: Vec<(String, Fate, u32)>,
    sent: Vec<String>,
}

impl Emission {
    /// Loses the next `times` events of this name, such as `CloseAccount` or `Drift Detected`; `*`
    /// stands for every name.
    pub fn lose(&self, event_name: &str, times: u32) {
        self.state()
            .fates
            .push((event_name.to_owned(), Fate::Lost, times));
    }

    /// Delivers the next `times` events of this name twice; `*` stands for every name.
    pub fn double(&self, event_name: &str, times: u32) {
        self.state()
            .fates
            .push((event_name.to_owned(), Fate::Doubled, times));
    }

    /// Delivers every upcoming event once again.
    pub fn clear(&self) {
        self.state().fates.clear();
    }

    /// The names of the events that reached the bus since this was last asked, in order.
    #[must_use]
    pub fn take_sent(&self) -> Vec<String> {
        std::mem::take(&mut self.state().sent)
    }

    /// The events as they reach the bus.
    pub(super) fn pass(&self, events: Vec<Value>) -> Vec<Value> {
        let mut state = self.state();
        let mut passed = Vec::new();
        for event in events {
            let name = name(&event).to_owned();
            let copies = match state.take(&name) {
                None => 1,
                Some(Fate::Lost) => 0,
                Some(Fate::Doubled) => 2,
            };
            for _ in 0..copies {
                state.sent.push(name.clone());
                passed.push(event.clone());
            }
        }
        passed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, name: &str) -> Option<Fate> {
        let position = self
            .fates
            .iter()
            .position(|(wanted, _, left)| *left > 0 && (wanted == "*" || wanted == name))?;
        let (_, fate, left) = &mut self.fates[position];
        let fate = *fate;
        *left -= 1;
        if *left == 0 {
            self.fates.remove(position);
        }
        Some(fate)
    }
}

/// An event without a CloudTrail record is known by its detail-type.
fn name(event: &Value) -> &str {
    event["detail"]["eventName"]
        .as_str()
        .or_else(|| event["detail-type"].as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(name: &str) -> Value {
        json!({"detail-type": "AWS API Call via CloudTrail", "detail": {"eventName": name}})
    }

    #[test]
    fn events_are_lost_and_doubled_as_often_as_asked() {
        let emission = Emission::default();
        emission.lose("MoveAccount", 1);
        emission.double("CloseAccount", 1);
        let names = ["MoveAccount", "CloseAccount", "CloseAccount", "MoveAccount"];
        let passed = emission.pass(names.iter().map(|name| event(name)).collect());
        assert_eq!(passed.len(), 4);
        let expected = [
            "CloseAccount",
            "CloseAccount",
            "CloseAccount",
            "MoveAccount",
        ];
        assert_eq!(emission.take_sent(), expected);
        assert!(emission.take_sent().is_empty());
    }

    #[test]
    fn every_name_is_meant_by_a_star_until_it_is_taken_back() {
        let emission = Emission::default();
        emission.lose("*", 5);
        let drift = json!({"detail-type": "Drift Detected", "detail": {}});
        assert!(emission.pass(vec![drift.clone(), event("x")]).is_empty());
        emission.clear();
        assert_eq!(emission.pass(vec![drift]).len(), 1);
        assert_eq!(emission.take_sent(), ["Drift Detected"]);
    }
}
