//! The access token's life cycle: it is renewed well before its expiry.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::{
    Result,
    model::Token,
    ports::{Keys, TokenIssuer, Tokens},
    provider::Credential,
    time::later,
};

/// The longest token, in characters: the limit of a stack parameter, which our template's pattern
/// repeats.
///
/// Source: docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html.
const LONGEST: usize = 4096;

/// The largest clock skew between two functions.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// Whether a text can be a token: a header and a stack parameter can hold it.
pub fn is_usable(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a token should be replaced: less than a third of its `lifetime`, as it was requested, is
/// left, or it was issued for another version of the key.
pub fn needs_refresh(
    token: Option<&Token>,
    key_version: &str,
    lifetime: SignedDuration,
    now: Timestamp,
) -> bool {
    let lasts = |ends| lasts_for(ends, lifetime / 3, lifetime, now);
    token.is_none_or(|token| token.key_version != key_version || !lasts(token.expires_at))
}

/// Whether a token with this expiry outlives a StackSet operation, including those before it in the
/// queue.
pub fn outlasts_an_operation(ends: Timestamp, lifetime: SignedDuration, now: Timestamp) -> bool {
    lasts_for(ends, SignedDuration::from_hours(1), lifetime, now)
}

/// Whether a token lasts this long. No token lives longer than requested, so a later expiry is not
/// believed.
fn lasts_for(
    ends: Timestamp,
    least: SignedDuration,
    lifetime: SignedDuration,
    now: Timestamp,
) -> bool {
    (least..=lifetime + CLOCKS_DIFFER).contains(&ends.duration_since(now))
}

/// The age below which a refused token is not replaced: then the key's user lacks a permission, and
/// a new token would be refused, too. This allows at most 72 tokens a day. A secret has a hundred
/// versions, and those younger than a day are not deleted.
///
/// Source: docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html.
pub const YOUNG: SignedDuration = SignedDuration::from_mins(20);

/// Why a token is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Occasion {
    /// The schedule.
    Schedule,
    /// The SaaS refused the stored token.
    Refused,
}

/// The result of checking a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Whether it was due, and so renewed.
    pub renewed: bool,
    /// When the stored token expires.
    pub expires_at: Timestamp,
}

/// Renews the token if it is due. A key that is used as it is is verified
/// in any case. `lifetime` is what is requested for every token of the vendor.
///
/// # Errors
///
/// A secret could not be read or written, or the SaaS issued no token.
pub async fn renew(
    secrets: &(impl Keys + Tokens),
    issuer: &impl TokenIssuer,
    credential: Credential,
    occasion: Occasion,
    lifetime: SignedDuration,
    now: Timestamp,
) -> Result<Checked> {
    let stored = secrets.token().await?;
    let key = secrets.key().await?;
    let is_old = match occasion {
        Occasion::Schedule => false,
        Occasion::Refused => stored
            .as_ref()
            .is_none_or(|token| !is_young(token, lifetime, now)),
    };
    let due = is_old || needs_refresh(stored.as_ref(), &key.version, lifetime, now);
    let kept = stored.filter(|_| !due).map(|token| token.expires_at);
    let expires_at = match (kept, credential) {
        (Some(expires_at), Credential::Exchanged(_) | Credential::None) => expires_at,
        (kept, _) => {
            let token = issuer.issue(&key, now).await?;
            if due {
                secrets.store_token(&token).await?;
            }
            kept.unwrap_or(token.expires_at)
        }
    };
    Ok(Checked {
        renewed: due,
        expires_at,
    })
}

fn is_young(token: &Token, lifetime: SignedDuration, now: Timestamp) -> bool {
    let issued_at = later(token.expires_at, -lifetime);
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

    const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

    #[test]
    fn a_token_is_renewed_when_a_third_is_left_or_the_key_changed() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let token = |hours| Token {
            token: "t".into(),
            expires_at: now + SignedDuration::from_hours(hours),
            key_version: "v1".into(),
        };
        assert!(needs_refresh(None, "v1", LIFETIME, now));
        assert!(needs_refresh(Some(&token(7)), "v1", LIFETIME, now));
        assert!(!needs_refresh(Some(&token(9)), "v1", LIFETIME, now));
        assert!(needs_refresh(Some(&token(24)), "v2", LIFETIME, now));
    }

    #[test]
    fn a_stored_token_that_ends_in_2999_is_replaced_and_given_to_no_stack() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let token = |expires_at: &str| Token {
            token: "t".into(),
            expires_at: expires_at.parse().unwrap(),
            key_version: "v1".into(),
        };
        let endless = token("2999-01-01T00:00:00Z");
        assert!(needs_refresh(Some(&endless), "v1", LIFETIME, now));
        assert!(!outlasts_an_operation(endless.expires_at, LIFETIME, now));
        // Just issued, by a function whose clock is ahead.
        let new = token("2026-01-02T00:00:10Z");
        assert!(!needs_refresh(Some(&new), "v1", LIFETIME, now));
        assert!(outlasts_an_operation(new.expires_at, LIFETIME, now));
    }

    #[test]
    fn a_token_is_what_a_header_and_a_stack_can_hold() {
        let longest = "x".repeat(4096);
        for usable in ["_opaque", "a.b-c+d/e==", &longest] {
            assert!(is_usable(usable));
        }
        let longer = "x".repeat(4097);
        for odd in [
            "", "abc\ndef", "abc def", "abc\0", "\u{e4}", "\u{7f}", &longer,
        ] {
            assert!(!is_usable(odd), "{odd:?}");
        }
    }

    #[test]
    fn a_token_that_was_made_moments_ago_is_not_what_is_refused() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let token = |minutes| Token {
            token: "t".into(),
            expires_at: now + LIFETIME - SignedDuration::from_mins(minutes),
            key_version: "v1".into(),
        };
        assert!(is_young(&token(0), LIFETIME, now) && is_young(&token(19), LIFETIME, now));
        assert!(!is_young(&token(20), LIFETIME, now) && !is_young(&token(900), LIFETIME, now));
        let ends_at = |expires_at| Token {
            expires_at,
            ..token(0)
        };
        let [first, last] = [Timestamp::MIN, Timestamp::MAX].map(ends_at);
        assert!(!is_young(&first, LIFETIME, now) && is_young(&last, LIFETIME, now));
    }
}
