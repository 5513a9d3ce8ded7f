//! The API key and the access tokens made with it.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::time;
use crate::providers::http::answer::{Answer, ApiError, Handled};

/// Seconds a token lives when the request does not say.
const DEFAULT_LIFETIME: u64 = 3600;
/// Seconds that a request can ask for at most.
const MAX_LIFETIME: u64 = 86_400;

/// The status for a key or a token that is not accepted. Clients have been written for either;
/// which of the two the service sends is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RefusalStatus {
    /// 401.
    #[default]
    Unauthorized,
    /// 403.
    Forbidden,
}

impl RefusalStatus {
    /// The message's wording is the simulator's own.
    pub(super) fn error(self, message: &str) -> ApiError {
        let status = match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
        };
        ApiError::new(status, message)
    }
}

#[derive(Debug)]
pub(super) struct Tokens {
    keys: BTreeMap<String, SecretString>,
    pub(super) refusal: RefusalStatus,
    /// Cuts the lifetime of new tokens, whatever was asked for.
    pub(super) longest: Option<Duration>,
    live: BTreeMap<String, Live>,
    /// Every token that was ever given out.
    pub(super) issued: Vec<SecretString>,
}

/// A token that was not revoked.
#[derive(Debug)]
struct Live {
    expires_at: Timestamp,
    /// The key that it was made with.
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenRequest {
    key_id: Option<String>,
    expiry_time: Option<Value>,
}

impl Tokens {
    pub(super) fn new(key_id: String, secret: SecretString) -> Self {
        Self {
            keys: [(key_id, secret)].into(),
            refusal: RefusalStatus::default(),
            longest: None,
            live: BTreeMap::new(),
            issued: Vec::new(),
        }
    }

    /// `POST access/tokens`. `secret` is the `X-LW-UAKS` header.
    pub(super) fn create(&mut self, secret: Option<&str>, body: &Value, now: Timestamp) -> Handled {
        let request: TokenRequest = serde_json::from_value(body.clone())
            .map_err(|_| ApiError::bad_request("keyId must be a string"))?;
        let key_id = request
            .key_id
            .ok_or_else(|| ApiError::bad_request("keyId is required"))?;
        let lifetime = match request.expiry_time {
            None => DEFAULT_LIFETIME,
            Some(value) => value
                .as_u64()
                .filter(|seconds| (1..=MAX_LIFETIME).contains(seconds))
                .ok_or_else(|| {
                    ApiError::bad_request("expiryTime must be a number from 1 to 86400")
                })?,
        };
        let good = self.keys.get(&key_id).map(ExposeSecret::expose_secret);
        if good.is_none() || secret != good {
            return Err(self.refusal.error("Invalid access key or secret key"));
        }
        let lifetime = Duration::from_secs(lifetime);
        let lifetime = self
            .longest
            .map_or(lifetime, |longest| longest.min(lifetime));
        let expires_at = now + lifetime;
        let token = format!("_{}", Uuid::new_v4().simple());
        self.live.retain(|_, live| live.expires_at > now);
        self.live.insert(token.clone(), Live { expires_at, key_id });
        self.issued.push(token.clone().into());
        Ok(Answer::created(
            json!({ "expiresAt": time::text(expires_at), "token": token }),
        ))
    }

    /// Accepts the token raw or after `Bearer`, as the service does.
    pub(super) fn check(
        &self,
        authorization: Option<&str>,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let text = authorization.unwrap_or_default().trim();
        let token = match text.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => text,
        };
        match self.live.get(token) {
            Some(live) if live.expires_at > now => Ok(()),
            Some(_) => Err(self.refusal.error("Access token has expired")),
            None => Err(self.refusal.error("Invalid access token")),
        }
    }

    pub(super) fn revoke_all(&mut self) {
        self.live.clear();
    }

    pub(super) fn replace_key(&mut self, key_id: String, secret: SecretString) {
        self.keys = [(key_id, secret)].into();
    }

    pub(super) fn add_key(&mut self, key_id: String, secret: SecretString) {
        self.keys.insert(key_id, secret);
    }

    pub(super) fn revoke_key(&mut self, key_id: &str) {
        self.keys.remove(key_id);
        self.live.retain(|_, live| live.key_id != key_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::new("KEY".to_owned(), SecretString::from("_secret"))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn token(handled: Handled) -> String {
        handled.unwrap().body.unwrap()["token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn a_token_lives_for_as_long_as_was_asked() {
        let mut tokens = tokens();
        let now = at("2026-01-01T00:00:00Z");
        let answer = tokens
            .create(
                Some("_secret"),
                &json!({"keyId": "KEY", "expiryTime": 60}),
                now,
            )
            .unwrap();
        assert_eq!(answer.status, StatusCode::CREATED);
        let body = answer.body.unwrap();
        assert_eq!(body["expiresAt"], "2026-01-01T00:01:00.000Z");
        assert_eq!(body.as_object().unwrap().len(), 2);
        let token = body["token"].as_str().unwrap();
        for header in [
            token.to_owned(),
            format!("Bearer {token}"),
            format!("bearer  {token}"),
        ] {
            assert_eq!(
                tokens.check(Some(&header), at("2026-01-01T00:00:59Z")),
                Ok(())
            );
        }
        let expired = tokens
            .check(Some(token), at("2026-01-01T00:01:00Z"))
            .unwrap_err();
        assert_eq!(expired.status, StatusCode::UNAUTHORIZED);
    }

    #[test]
    fn the_lifetime_defaults_to_an_hour_and_is_at_most_a_day() {
        let mut tokens = tokens();
        let now = at("2026-01-01T00:00:00Z");
        let body = tokens
            .create(Some("_secret"), &json!({"keyId": "KEY"}), now)
            .unwrap()
            .body
            .unwrap();
        assert_eq!(body["expiresAt"], "2026-01-01T01:00:00.000Z");
        for bad in [
            json!(0),
            json!(86_401),
            json!("3600"),
            json!(-1),
            json!(1.5),
        ] {
            let refused = tokens
                .create(
                    Some("_secret"),
                    &json!({"keyId": "KEY", "expiryTime": bad}),
                    now,
                )
                .unwrap_err();
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}");
        }
        tokens.longest = Some(Duration::from_secs(5));
        let body = tokens
            .create(Some("_secret"), &json!({"keyId": "KEY"}), now)
            .unwrap()
            .body
            .unwrap();
        assert_eq!(body["expiresAt"], "2026-01-01T00:00:05.000Z");
    }

    #[test]
    fn another_key_another_secret_and_no_secret_are_refused_alike() {
        let mut tokens = tokens();
        let now = at("2026-01-01T00:00:00Z");
        for (key, secret) in [
            ("OTHER", Some("_secret")),
            ("KEY", Some("_other")),
            ("KEY", None),
        ] {
            let refused = tokens
                .create(secret, &json!({"keyId": key}), now)
                .unwrap_err();
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        }
        tokens.refusal = RefusalStatus::Forbidden;
        let refused = tokens
            .create(None, &json!({"keyId": "KEY"}), now)
            .unwrap_err();
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }

    #[test]
    fn a_replaced_key_makes_no_more_tokens_and_revoked_tokens_are_refused() {
        let mut tokens = tokens();
        let now = at("2026-01-01T00:00:00Z");
        let old = token(tokens.create(Some("_secret"), &json!({"keyId": "KEY"}), now));
        tokens.replace_key("KEY2".to_owned(), SecretString::from("_secret2"));
        assert_eq!(tokens.check(Some(&old), now), Ok(()));
        assert!(
            tokens
                .create(Some("_secret"), &json!({"keyId": "KEY"}), now)
                .is_err()
        );
        let new = token(tokens.create(Some("_secret2"), &json!({"keyId": "KEY2"}), now));
        tokens.revoke_all();
        assert!(tokens.check(Some(&old), now).is_err());
        assert!(tokens.check(Some(&new), now).is_err());
        assert!(tokens.check(None, now).is_err());
    }

    #[test]
    fn a_revoked_key_takes_its_own_tokens_with_it() {
        let mut tokens = tokens();
        let now = at("2026-01-01T00:00:00Z");
        tokens.add_key("KEY2".to_owned(), SecretString::from("_secret2"));
        let old = token(tokens.create(Some("_secret"), &json!({"keyId": "KEY"}), now));
        let new = token(tokens.create(Some("_secret2"), &json!({"keyId": "KEY2"}), now));
        tokens.revoke_key("KEY");
        assert!(tokens.check(Some(&old), now).is_err());
        assert_eq!(tokens.check(Some(&new), now), Ok(()));
        let request = json!({"keyId": "KEY"});
        assert!(tokens.create(Some("_secret"), &request, now).is_err());
    }

    #[test]
    fn the_secret_cannot_be_printed() {
        assert!(!format!("{:?}", tokens()).contains("_secret"));
    }
}
