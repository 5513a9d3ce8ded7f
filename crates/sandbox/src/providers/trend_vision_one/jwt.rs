//! JSON Web Tokens, as far as nobody looks at their signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde_json::{Value, json};

/// Bytes of an RS256 signature with a key of 2048 bits.
const SIGNATURE: usize = 256;

/// A token with these claims. Its signature is noise, which also makes every token another one.
pub(super) fn token(claims: &Value) -> SecretString {
    let header = json!({ "typ": "JWT", "alg": "RS256" }).to_string();
    let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
        .take(SIGNATURE)
        .collect();
    let parts = [header.into_bytes(), claims.to_string().into_bytes(), noise];
    parts
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".")
        .into()
}

#[cfg(test)]
pub(super) fn claims(token: &SecretString) -> Value {
    use secrecy::ExposeSecret as _;
    let part = token.expose_secret().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_token_carries_its_claims_and_is_like_no_other() {
        let one = token(&json!({"sub": "someone"}));
        let other = token(&json!({"sub": "someone"}));
        assert_eq!(claims(&one), json!({"sub": "someone"}));
        assert_eq!(one.expose_secret().split('.').count(), 3);
        assert_ne!(one.expose_secret(), other.expose_secret());
    }
}
