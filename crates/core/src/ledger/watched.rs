//! Since when an account has been watched, and when it was not.

use jiff::Timestamp;

use super::{Gap, GapCause, Reason, Record};

impl Record {
    /// Since when the account has been watched without a gap.
    pub fn watched_since(&self) -> Option<Timestamp> {
        let ended = self.gap.map(|gap| gap.until);
        self.since
            .map(|since| ended.map_or(since, |at| since.max(at)))
    }

    /// Whether it is enrolled and the vendor cannot read it.
    fn is_blind(&self) -> bool {
        self.since.is_some() && self.reason.as_ref().is_some_and(Reason::is_blind)
    }

    /// Whether it was watched when it was last looked at, as far as is known.
    fn is_seen(&self) -> bool {
        self.since.is_some() && self.unlisted_at.is_none() && !self.is_blind()
    }

    /// When it was last found to be watched, if it was not any more at `now`: by the comparison that
    /// began at `compared`, or by its enrollment.
    pub(crate) fn last_seen(&self, compared: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let seen = self.seen_at.or(self.watched_since().max(compared));
        seen.unwrap_or(now).min(now)
    }

    /// The record as it follows at `now` on the one before: it notes when a gap may have begun, and
    /// a gap of the vendor's reading that has ended.
    pub(crate) fn following(
        mut self,
        before: Option<&Self>,
        compared: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        if !self.is_seen() {
            self.seen_at = self.since.map(|_| self.last_seen(compared, now));
            return self;
        }
        let is_noted = self.gap.is_some_and(|gap| gap.until == now);
        if let Some(before) = before.filter(|before| before.is_blind() && !is_noted) {
            self.gap = Some(Gap {
                from: before.last_seen(None, now),
                until: now,
                cause: GapCause::Unread,
            });
        }
        self.seen_at = None;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn enrolled() -> Record {
        Record {
            since: Some(at(100)),
            ..Record::default()
        }
    }

    fn blind() -> Record {
        Record {
            reason: Some(Reason::Unreadable("AccessDenied".into())),
            ..enrolled()
        }
    }

    #[test]
    fn a_gap_reaches_from_the_last_comparison_that_saw_the_account_to_the_first_that_does_again() {
        let lost = blind().following(Some(&enrolled()), Some(at(500)), at(600));
        assert_eq!(lost.seen_at, Some(at(500)));
        let still = Record {
            seen_at: lost.seen_at,
            ..blind()
        };
        let still = still.following(Some(&lost), Some(at(600)), at(700));
        assert_eq!(
            still.seen_at,
            Some(at(500)),
            "later comparisons did not see it"
        );
        let found = Record {
            reason: None,
            ..still.clone()
        };
        let found = found.following(Some(&still), Some(at(700)), at(800));
        let gap = Gap {
            from: at(500),
            until: at(800),
            cause: GapCause::Unread,
        };
        assert_eq!((found.gap, found.seen_at), (Some(gap), None));
        assert_eq!(found.watched_since(), Some(at(800)));
        assert_eq!(
            found.since,
            Some(at(100)),
            "it has been enrolled all the time"
        );
        let again = found
            .clone()
            .following(Some(&found), Some(at(800)), at(900));
        assert_eq!(again, found);
    }

    #[test]
    fn a_list_that_lacked_an_account_once_is_no_gap() {
        let unlisted = Record {
            unlisted_at: Some(at(600)),
            ..enrolled()
        };
        let unlisted = unlisted.following(Some(&enrolled()), None, at(600));
        assert_eq!(unlisted.seen_at, Some(at(100)), "its enrollment saw it");
        let listed = enrolled().following(Some(&unlisted), Some(at(600)), at(700));
        assert_eq!((listed.gap, listed.seen_at), (None, None));
    }

    #[test]
    fn an_account_that_leaves_has_nothing_to_be_seen() {
        let left = Record {
            since: None,
            seen_at: Some(at(500)),
            ..blind()
        };
        assert_eq!(left.following(Some(&blind()), None, at(600)).seen_at, None);
    }
}
