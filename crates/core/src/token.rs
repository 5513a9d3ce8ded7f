//! The access token's life: 24 hours, renewed well before its end.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::{
    Result,
    ports::{Keys, Token, TokenIssuer, Tokens},
};

/// What the SaaS grants at most, and what we ask for.
///
/// Source: docs.lacework.net/api/api-access-keys-and-tokens (`expiryTime`).
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Whether a token should be replaced: less than a third of its life is left, or it was made with
/// another version of the key.
pub fn needs_refresh(token: Option<&Token>, key_version: &str, now: Timestamp) -> bool {
    token.is_none_or(|token| token.key_version != key_version || !lasts(token, now))
}

/// Whether a token works for another third of its life, as one does that is looked after.
pub fn lasts(token: &Token, now: Timestamp) -> bool {
    token.expires_at.duration_since(now) >= LIFETIME / 3
}

/// Whether a token that ends then works for as long as a StackSet operation may take, with those before it.
pub fn outlasts_an_operation(ends: Timestamp, now: Timestamp) -> bool {
    ends.duration_since(now) >= SignedDuration::from_hours(1)
}

/// A token this young that is refused is not the reason: the key's user may not do what was asked, and
/// another token would be refused alike. So there are 72 a day at most: a secret has a hundred versions, and
/// none goes that is younger than a day.
///
/// Source: docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html.
pub const YOUNG: SignedDuration = SignedDuration::from_mins(20);

/// Why a token is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Occasion {
    /// The schedule.
    Schedule,
    /// The SaaS refused the stored token.
    Refused,
}

/// Renews the token if that is due, and says whether it was.
///
/// # Errors
///
/// A secret could not be read or written, or the SaaS gave no token.
pub async fn renew(
    secrets: &(impl Keys + Tokens),
    issuer: &impl TokenIssuer,
    occasion: Occasion,
    now: Timestamp,
) -> Result<bool> {
    let stored = secrets.token().await?;
    let key = secrets.key().await?;
    let is_old = match occasion {
        Occasion::Schedule => false,
        Occasion::Refused => stored.as_ref().is_none_or(|token| !is_young(token, now)),
    };
    let due = is_old || needs_refresh(stored.as_ref(), &key.version, now);
    if due {
        let token = issuer.issue(&key, now).await?;
        secrets.store_token(&token).await?;
    }
    Ok(due)
}

fn is_young(token: &Token, now: Timestamp) -> bool {
    let issued_at = token.expires_at - LIFETIME;
    now.duration_since(issued_at) < YOUNG
}

/// Gets a new token and stores it.
///
/// # Errors
///
/// The key could not be read, the SaaS refused it, or the token could not be stored.
pub async fn refresh(
    secrets: &(impl Keys + Tokens),
    issuer: &impl TokenIssuer,
    now: Timestamp,
) -> Result<Token> {
    let key = secrets.key().await?;
    let token = issuer.issue(&key, now).await?;
    secrets.store_token(&token).await?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_when_a_third_is_left_or_the_key_changed() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let token = |hours| Token {
            token: "t".into(),
            expires_at: now + SignedDuration::from_hours(hours),
            key_version: "v1".into(),
        };
        assert!(needs_refresh(None, "v1", now));
        assert!(needs_refresh(Some(&token(7)), "v1", now));
        assert!(!needs_refresh(Some(&token(9)), "v1", now));
        assert!(needs_refresh(Some(&token(24)), "v2", now));
    }

    #[test]
    fn a_token_that_was_made_moments_ago_is_not_what_is_refused() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let token = |minutes| Token {
            token: "t".into(),
            expires_at: now + LIFETIME - SignedDuration::from_mins(minutes),
            key_version: "v1".into(),
        };
        assert!(is_young(&token(0), now) && is_young(&token(19), now));
        assert!(!is_young(&token(20), now) && !is_young(&token(900), now));
    }
}
