use std::fmt::Display;

/// A count with its noun, such as "1 account" or "12 accounts". The noun is one that an s makes many.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let ending = if count == N::from(1) { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural_and_none_is() {
        assert_eq!(counted(1_usize, "account"), "1 account");
        assert_eq!(counted(0_u64, "account"), "0 accounts");
        assert_eq!(
            counted(12_i64, "StackSet instance"),
            "12 StackSet instances"
        );
    }
}
