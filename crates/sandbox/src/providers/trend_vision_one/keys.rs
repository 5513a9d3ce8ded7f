//! The tenant's API keys.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use uuid::Uuid;

use super::answer::ApiError;
use super::jwt;

/// How long a key is valid: the console's default.
const LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the role of an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Permission {
    /// See, add, change and remove cloud accounts.
    #[default]
    Full,
    /// Nothing with cloud accounts.
    None,
}

#[derive(Debug)]
struct Key {
    text: SecretString,
    permission: Permission,
    expires: Timestamp,
}

#[derive(Debug)]
pub(super) struct Keys {
    business_id: String,
    held: Vec<Key>,
}

impl Keys {
    pub(super) fn new(business_id: String) -> Self {
        Self {
            business_id,
            held: Vec::new(),
        }
    }

    /// A new key. The service's are tokens whose claim `cid` is the tenant's business id, in the
    /// console and in the subject of the tenant's web identities.
    pub(super) fn issue(&mut self, permission: Permission, now: Timestamp) -> SecretString {
        let expires = now + LIFETIME;
        let text = jwt::token(&json!({
            "cid": self.business_id,
            "cpid": "svp",
            "ppid": "cus",
            "it": now.as_second(),
            "et": expires.as_second(),
            "id": Uuid::new_v4().to_string(),
            "tokenUse": "customer",
        }));
        self.held.push(Key {
            text: text.clone(),
            permission,
            expires,
        });
        text
    }

    pub(super) fn revoke(&mut self, text: &SecretString) {
        let text = text.expose_secret();
        self.held.retain(|key| key.text.expose_secret() != text);
    }

    /// The permission of the key in an `Authorization` header.
    ///
    /// # Errors
    /// When it holds no key that is valid now.
    pub(super) fn check(
        &self,
        authorization: Option<&str>,
        now: Timestamp,
    ) -> Result<Permission, ApiError> {
        let given = authorization.and_then(|value| value.strip_prefix("Bearer "));
        self.held
            .iter()
            .find(|key| given == Some(key.text.expose_secret()) && now < key.expires)
            .map(|key| key.permission)
            .ok_or_else(ApiError::invalid_credentials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_the_tenant_and_is_valid_for_a_year() {
        let now = Timestamp::UNIX_EPOCH;
        let mut keys = Keys::new("tenant".to_owned());
        let key = keys.issue(Permission::Full, now);
        assert_eq!(jwt::claims(&key)["cid"], "tenant");
        let header = format!("Bearer {}", key.expose_secret());
        assert_eq!(keys.check(Some(&header), now), Ok(Permission::Full));
        for wrong in [None, Some(key.expose_secret()), Some("Bearer x"), Some("")] {
            assert_eq!(keys.check(wrong, now), Err(ApiError::invalid_credentials()));
        }
        assert!(keys.check(Some(&header), now + LIFETIME).is_err());
        keys.revoke(&key);
        assert!(keys.check(Some(&header), now).is_err());
    }
}
