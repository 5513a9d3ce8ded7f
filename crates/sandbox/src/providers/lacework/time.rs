//! How the service writes a time.

use jiff::Timestamp;

/// The Python library reads no other notation: three decimals are a must.
pub(super) fn text(at: Timestamp) -> String {
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_even_on_a_full_second() {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(text(at), "2026-01-01T00:00:00.000Z");
    }
}
