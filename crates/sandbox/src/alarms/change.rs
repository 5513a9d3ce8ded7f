use std::fmt;

use jiff::Timestamp;

use super::{AlarmState, Verdict, Verdicts};

/// An alarm that has gone off, or is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When it was found.
    pub at: Timestamp,
    /// The alarm's name.
    pub alarm: String,
    /// What it is now, and why.
    pub verdict: Verdict,
}

impl fmt::Display for Change {
    /// One line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { state, reason } = &self.verdict;
        let at = self.at.strftime("%H:%M:%S");
        write!(formatter, "{at} {state} {}: {reason}", self.alarm)
    }
}

/// What has changed between two evaluations, the later of which was made `at` this time. An alarm that was
/// not there before was in no alarm.
pub fn changes(before: &Verdicts, after: &Verdicts, at: Timestamp) -> Vec<Change> {
    let state_before = |alarm: &String| before.get(alarm).map_or(AlarmState::Ok, |one| one.state);
    let changed = after
        .iter()
        .filter(|(alarm, verdict)| verdict.state != state_before(alarm));
    changed
        .map(|(alarm, verdict)| Change {
            at,
            alarm: alarm.clone(),
            verdict: verdict.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(all: &[(&str, AlarmState)]) -> Verdicts {
        let verdict = |state| Verdict {
            state,
            reason: "Passes less than 1".to_owned(),
        };
        let all = all.iter();
        all.map(|(name, state)| ((*name).to_owned(), verdict(*state)))
            .collect()
    }

    #[test]
    fn each_change_is_told_once_in_a_line() {
        use AlarmState::{Alarm, Ok};
        let at: Timestamp = "2026-01-11T12:00:05Z".parse().unwrap();
        let steps = [
            verdicts(&[]),
            verdicts(&[("new", Ok), ("off", Alarm)]),
            verdicts(&[("new", Alarm), ("off", Alarm)]),
            verdicts(&[("new", Ok)]),
            verdicts(&[]),
        ];
        let told: Vec<Vec<String>> = steps
            .windows(2)
            .map(|pair| changes(&pair[0], &pair[1], at))
            .map(|told| told.iter().map(Change::to_string).collect())
            .collect();
        let line = |words: &str| vec![format!("12:00:05 {words}: Passes less than 1")];
        let expected = [line("ALARM off"), line("ALARM new"), line("OK new"), vec![]];
        assert_eq!(told, expected);
    }
}
