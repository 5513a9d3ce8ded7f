use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// Text that is never printed: an API secret, a token, a pre-signed URL.
///
/// It does not implement `Serialize`; [`SecretText::expose`] returns the text.
#[derive(Clone)]
pub struct SecretText(SecretString);

impl SecretText {
    /// The text itself, for the code that sends it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self(text.to_owned().into())
    }
}

impl<'de> serde::Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_the_text() {
        assert_eq!(
            format!("{:?}", Some(SecretText::from("canary"))),
            "Some([redacted])"
        );
    }
}
