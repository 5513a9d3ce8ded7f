use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;

use crate::{Status, status::FORMAT_VERSION};

/// How much of the organization was watched on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The day, in UTC.
    pub date: Date,
    /// The accounts that were watched.
    pub watched: u64,
    /// The accounts that should have been.
    pub in_scope: u64,
}

/// Why a stored status says nothing about a day.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    /// It is no status.
    #[error("it is not the JSON of a status")]
    Form(#[source] serde_json::Error),
    /// A later release wrote it.
    #[error("its format_version is {0}, which this release does not know: use a newer one")]
    Version(u32),
    /// It lies in the folder of another day.
    #[error("it was read on {0}: put it into the folder of that day")]
    OtherDay(Date),
}

/// What is read of a stored [`Status`].
#[derive(Deserialize)]
struct Stored {
    format_version: u32,
    read_at: Timestamp,
    coverage: Coverage,
}

#[derive(Deserialize)]
struct Coverage {
    watched: u32,
    unwatched: BTreeMap<String, u32>,
}

impl Day {
    /// The day of a status.
    pub(crate) fn of(status: &Status) -> Self {
        Self {
            date: day(status.read_at),
            watched: status.coverage.watched as u64,
            in_scope: status.coverage.in_scope() as u64,
        }
    }

    /// A day by the JSON of the status that was kept for it.
    ///
    /// # Errors
    ///
    /// It is no status, of a later release, or of another day.
    pub fn read(date: Date, json: &[u8]) -> Result<Self, NoEvidence> {
        let stored: Stored = serde_json::from_slice(json).map_err(NoEvidence::Form)?;
        if stored.format_version > FORMAT_VERSION {
            return Err(NoEvidence::Version(stored.format_version));
        }
        let read_on = day(stored.read_at);
        if read_on != date {
            return Err(NoEvidence::OtherDay(read_on));
        }
        let unwatched = stored.coverage.unwatched.values().copied();
        let watched = u64::from(stored.coverage.watched);
        Ok(Self {
            date,
            watched,
            in_scope: watched + unwatched.map(u64::from).sum::<u64>(),
        })
    }

    /// The part that was watched, in thousandths. It is rounded down, so that a gap is never 100 %.
    pub(crate) fn thousandths(&self) -> u64 {
        (self.watched * 1_000)
            .checked_div(self.in_scope)
            .unwrap_or(1_000)
    }
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;

    const DATE: Date = Date::constant(2026, 1, 11);

    #[test]
    fn a_stored_status_gives_the_same_day_as_itself() {
        let status = testing::status(10);
        let json = serde_json::to_vec(&status).unwrap();
        let day = Day::read(DATE, &json).unwrap();
        assert_eq!((day.watched, day.in_scope), (8, 10));
        assert_eq!(day, Day::of(&status));
    }

    #[test]
    fn what_is_no_status_of_that_day_is_refused() {
        let mut status = testing::status(10);
        let refusal = |date, json: &[u8]| Day::read(date, json).unwrap_err().to_string();
        assert!(refusal(DATE, b"{}").contains("not the JSON of a status"));
        let json = serde_json::to_vec(&status).unwrap();
        let other = refusal(Date::constant(2026, 1, 12), &json);
        assert!(other.contains("it was read on 2026-01-11"), "{other}");
        status.format_version += 1;
        let json = serde_json::to_vec(&status).unwrap();
        assert!(refusal(DATE, &json).contains("use a newer one"));
    }

    #[test]
    fn a_gap_is_never_all_of_it_and_nothing_to_watch_is() {
        let day = |watched, in_scope| Day {
            date: DATE,
            watched,
            in_scope,
        };
        assert_eq!(day(9_999, 10_000).thousandths(), 999);
        assert_eq!(day(0, 0).thousandths(), 1_000);
    }
}
