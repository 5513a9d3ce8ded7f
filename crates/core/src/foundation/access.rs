use crate::model::{SecretText, Token};

/// What a request may ask of the vendor.
#[derive(Debug)]
pub(super) enum Access {
    /// Anything, with this new token.
    Granted(Token),
    /// Nothing, since the vendor refuses the key: its registrations are unknown.
    Refused,
    /// Nothing, since the request does not depend on it.
    Unneeded,
}

impl Access {
    /// The token, for stacks that delete their registrations with themselves.
    pub(super) fn token(&self) -> Option<&SecretText> {
        match self {
            Self::Granted(token) => Some(&token.token),
            Self::Refused | Self::Unneeded => None,
        }
    }

    /// Whether the vendor refuses the key.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self, Self::Refused)
    }
}
