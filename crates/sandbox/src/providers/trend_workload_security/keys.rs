//! The API keys: two kinds, each with a header of its own.

use axum::http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};

use crate::providers::http::answer::ApiError;

const LEGACY_HEADER: &str = "api-secret-key";
const CLOUD_ONE_HEADER: &str = "authorization";
const CLOUD_ONE_SCHEME: &str = "ApiKey ";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Legacy,
    CloudOne,
}

impl Kind {
    /// By the key's beginning, as keys in public examples have it.
    fn of(key: &str) -> Self {
        if key.starts_with("tmc") {
            Self::CloudOne
        } else {
            Self::Legacy
        }
    }
}

/// A valid key.
#[derive(Debug)]
struct Key {
    text: SecretString,
    may_write: bool,
}

/// The valid keys.
#[derive(Debug)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    /// All may do everything.
    pub(super) fn new(keys: Vec<SecretString>) -> Self {
        let may_write = true;
        let keys = keys.into_iter().map(|text| Key { text, may_write });
        Self(keys.collect())
    }

    pub(super) fn add(&mut self, key: SecretString) {
        self.0.push(Key {
            text: key,
            may_write: true,
        });
    }

    pub(super) fn revoke(&mut self, key: &str) {
        self.0.retain(|known| known.text.expose_secret() != key);
    }

    pub(super) fn knows(&self, key: &str) -> bool {
        let mut known = self.0.iter();
        known.any(|known| known.text.expose_secret() == key)
    }

    pub(super) fn set_may_write(&mut self, key: &str, may_write: bool) {
        let mut known = self.0.iter_mut();
        if let Some(known) = known.find(|known| known.text.expose_secret() == key) {
            known.may_write = may_write;
        }
    }

    /// Whether the request's key may write.
    ///
    /// # Errors
    /// When it has no valid key, or not under the header of its kind, or two keys.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<bool, ApiError> {
        let header = |name: &str| headers.get(name).map(|value| value.to_str().ok());
        let (kind, given) = match (header(LEGACY_HEADER), header(CLOUD_ONE_HEADER)) {
            (Some(Some(key)), None) => (Kind::Legacy, key),
            (None, Some(Some(value))) => {
                let key = value.strip_prefix(CLOUD_ONE_SCHEME);
                (Kind::CloudOne, key.ok_or_else(invalid)?)
            }
            _ => return Err(invalid()),
        };
        let mut known = self.0.iter();
        let found = known.find(|known| known.text.expose_secret() == given);
        found
            .filter(|_| Kind::of(given) == kind)
            .map(|known| known.may_write)
            .ok_or_else(invalid)
    }
}

fn invalid() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "Invalid API Key")
}
