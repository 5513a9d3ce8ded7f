//! Who the service is toward AWS: a subject of its own OpenID Connect provider.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;

use super::jwt;

/// How long a token is valid.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The tenant's place in the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its business id.
    pub business_id: String,
    /// The word for its Region, such as `us`.
    pub region: String,
}

impl Tenant {
    /// The host of the OpenID Connect provider of its Region.
    #[must_use]
    pub fn oidc_host(&self) -> String {
        format!("cloudaccounts-{}.xdr.trendmicro.com", self.region)
    }

    /// The subject of its tokens.
    #[must_use]
    pub fn subject(&self) -> String {
        let (region, id) = (&self.region, &self.business_id);
        format!("urn:visionone:identity:{region}:{id}:account/{id}")
    }

    /// The identity provider that an account must have.
    #[must_use]
    pub fn provider_arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:oidc-provider/{}", self.oidc_host())
    }
}

/// The audience of tokens for an account, which its identity provider must name as a client.
pub(super) fn audience(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

/// The tokens that the service has for AWS, the last one for each account.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    last: BTreeMap<String, Token>,
    issued: usize,
}

#[derive(Debug)]
struct Token {
    text: SecretString,
    expires: Timestamp,
}

impl Tokens {
    /// A token for an account that is valid now. AWS would refuse one that has expired; the
    /// emulator would not.
    pub(super) fn fresh(&mut self, tenant: &Tenant, account: &str, now: Timestamp) -> SecretString {
        if let Some(token) = self.last.get(account)
            && now < token.expires
        {
            return token.text.clone();
        }
        let expires = now + LIFETIME;
        let text = jwt::token(&json!({
            "iss": format!("https://{}", tenant.oidc_host()),
            "aud": audience(account),
            "sub": tenant.subject(),
            "iat": now.as_second(),
            "exp": expires.as_second(),
        }));
        let token = Token {
            text: text.clone(),
            expires,
        };
        self.last.insert(account.to_owned(), token);
        self.issued += 1;
        text
    }

    pub(super) fn issued(&self) -> usize {
        self.issued
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_token_is_for_one_account_and_never_used_after_it_has_expired() {
        let tenant = Tenant {
            business_id: "b".to_owned(),
            region: "eu".to_owned(),
        };
        let mut tokens = Tokens::default();
        let now = Timestamp::UNIX_EPOCH;
        let one = tokens.fresh(&tenant, "111122223333", now);
        let expected = json!({
            "iss": "https://cloudaccounts-eu.xdr.trendmicro.com",
            "aud": "arn:aws:iam::111122223333:root",
            "sub": "urn:visionone:identity:eu:b:account/b",
            "iat": 0, "exp": 300,
        });
        assert_eq!(jwt::claims(&one), expected);
        let same = tokens.fresh(&tenant, "111122223333", now + Duration::from_secs(299));
        assert_eq!(one.expose_secret(), same.expose_secret());
        let next = tokens.fresh(&tenant, "111122223333", now + LIFETIME);
        assert_eq!(jwt::claims(&next)["exp"], 600);
        let other = tokens.fresh(&tenant, "444455556666", now);
        assert_eq!(jwt::claims(&other)["aud"], "arn:aws:iam::444455556666:root");
        assert_eq!(tokens.issued(), 3);
    }
}
