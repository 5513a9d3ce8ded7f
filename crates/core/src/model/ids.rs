use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Text that is not a valid identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct ParseIdError {
    text: String,
    expected: &'static str,
}

impl ParseIdError {
    pub(super) fn new(text: &str, expected: &'static str) -> Self {
        // Bounded, because the text is untrusted.
        Self {
            text: text.chars().take(64).collect(),
            expected,
        }
    }
}

/// An AWS account's id: 12 digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId([u8; 12]);

impl AccountId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for AccountId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let digits: [u8; 12] = text
            .as_bytes()
            .try_into()
            .map_err(|_| ParseIdError::new(text, "a 12-digit AWS account id"))?;
        if digits.iter().all(u8::is_ascii_digit) {
            Ok(Self(digits))
        } else {
            Err(ParseIdError::new(text, "a 12-digit AWS account id"))
        }
    }
}

/// An organizational unit's or the root's id: `ou-abcd-12345678` or `r-abcd`.
///
/// Pattern: the Organizations API's `ParentId`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OuId(String);

impl OuId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OuId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let rest = text.strip_prefix("ou-").or_else(|| text.strip_prefix("r-"));
        let valid = rest.is_some_and(|rest| {
            (4..=65).contains(&rest.len())
                && rest
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        });
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseIdError::new(text, "an organizational unit's id"))
        }
    }
}

macro_rules! text_conversions {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;

            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.as_str().to_owned()
            }
        }
    )+};
}

text_conversions!(AccountId, OuId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_twelve_digits() {
        assert_eq!(
            "012345678901".parse::<AccountId>().unwrap().as_str(),
            "012345678901"
        );
        for text in [
            "",
            "12345678901",
            "1234567890123",
            "12345678901x",
            "１２３４",
        ] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_ou_id_is_an_ou_or_a_root() {
        assert!("ou-ab12-11112222".parse::<OuId>().is_ok());
        assert!("r-ab12".parse::<OuId>().is_ok());
        for text in ["ou-", "o-abcdefghij", "ou-AB12-11112222", "Sandbox"] {
            assert!(text.parse::<OuId>().is_err(), "{text}");
        }
    }
}
