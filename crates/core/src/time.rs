//! Saturating arithmetic with untrusted times.

use jiff::{SignedDuration, Timestamp};

/// The time that is `by` later, or earlier if that is negative, limited to the representable range.
/// jiff's own operators panic beyond it, and a stored or received time may have any value.
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_beyond_the_ends() {
        let hour = SignedDuration::from_hours(1);
        assert_eq!(later(Timestamp::UNIX_EPOCH, hour).as_second(), 3600);
        assert_eq!(later(Timestamp::UNIX_EPOCH, -hour).as_second(), -3600);
        assert_eq!(later(Timestamp::MAX, hour), Timestamp::MAX);
        assert_eq!(later(Timestamp::MIN, -hour), Timestamp::MIN);
        assert_eq!(later(Timestamp::MIN, SignedDuration::MAX), Timestamp::MAX);
    }
}
