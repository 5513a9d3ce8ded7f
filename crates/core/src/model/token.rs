use jiff::Timestamp;

use super::SecretText;

/// An API key of the SaaS, and the secret's version that it was read from.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The key's id.
    pub key_id: String,
    /// The key's secret.
    pub secret: SecretText,
    /// The version id of the secret that holds the key.
    pub version: String,
}

/// A stored access token.
#[derive(Debug, Clone)]
pub struct Token {
    /// The bearer token.
    pub token: SecretText,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The version of the key that it was issued for.
    pub key_version: String,
}
