use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::planted::{Fault, planted};

/// After this many comparisons of the whole organization in a row without a successful read, a
/// source is reported to an administrator.
const ROUNDS: u32 = 3;

/// A source that a comparison reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The accounts of the organization.
    Accounts,
    /// Control Tower's enabled baselines.
    Baselines,
    /// The instances of the member StackSet.
    Instances,
    /// The members' registrations.
    #[serde(alias = "integrations")]
    Registrations,
    /// The trail and what its registration depends on.
    Trail,
    /// The ledger.
    Ledger,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accounts => "the organization's accounts",
            Self::Baselines => "Control Tower's baselines",
            Self::Instances => "the member StackSet's instances",
            Self::Registrations => "the accounts' registrations",
            Self::Trail => "the trail, its stacks and its registration",
            Self::Ledger => "the ledger",
        })
    }
}

/// The sources that could not be read in the last comparisons of the whole organization.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unreadable(BTreeMap<Source, Trouble>);

/// How long a source has been unreadable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Trouble {
    rounds: u32,
    since: Timestamp,
}

impl Unreadable {
    /// The state after another comparison, given whether each source was read.
    pub fn after(&self, readings: &BTreeMap<Source, bool>, now: Timestamp) -> Self {
        let mut next = self.0.clone();
        for (source, is_read) in readings {
            if *is_read {
                next.remove(source);
                continue;
            }
            let trouble = next.entry(*source).or_insert(Trouble {
                rounds: 0,
                since: now,
            });
            trouble.rounds = trouble.rounds.saturating_add(1);
        }
        Self(next)
    }

    /// The sources to report to an administrator, and since when each is unreadable.
    pub fn lasting(&self) -> impl Iterator<Item = (Source, Timestamp)> {
        let lasting = self
            .0
            .iter()
            .filter(|(_, trouble)| trouble.rounds >= ROUNDS && !planted(Fault::UnreadIsSilent));
        lasting.map(|(source, trouble)| (*source, trouble.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_fails_three_rounds_in_a_row_lasts_until_it_is_read() {
        let now = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        let round = |known: &Unreadable, is_read, hour| {
            known.after(&[(Source::Instances, is_read)].into(), now(hour))
        };
        let twice = round(&round(&Unreadable::default(), false, 0), false, 1);
        assert_eq!(twice.lasting().count(), 0);
        let thrice = round(&twice, false, 2);
        let lasting: Vec<_> = thrice.lasting().collect();
        assert_eq!(lasting, [(Source::Instances, now(0))]);
        assert_eq!(
            round(&round(&twice, true, 2), false, 3).lasting().count(),
            0
        );
        assert_eq!(round(&thrice, true, 3), Unreadable::default());
        let other = thrice.after(&[(Source::Trail, true)].into(), now(3));
        assert_eq!(
            other.lasting().count(),
            1,
            "what was not asked stays as it was"
        );
    }
}
