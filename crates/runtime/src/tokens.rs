//! Sources of the SaaS client's token.

use towerhook_core::{
    Error, ErrorKind, Result,
    model::SecretText,
    ports::{Functions, Keys, TokenIssuer, Tokens},
    token,
};
use towerhook_providers::TokenSource;

use crate::clock;

/// The stored token, for a function that never holds the key: when it is refused, the auth function
/// is asked for another one.
#[derive(Debug)]
pub struct StoredTokens<A>(pub A);

impl<A: Tokens + Functions> TokenSource for StoredTokens<A> {
    async fn token(&self) -> Result<SecretText> {
        match self.0.token().await? {
            Some(token) => Ok(token.token),
            None => self.refused().await,
        }
    }

    async fn refused(&self) -> Result<SecretText> {
        self.0.refresh_token().await?;
        let token = self.0.token().await?.ok_or_else(|| {
            let reason = "the auth function stored no token";
            Error::new(
                "secretsmanager:GetSecretValue",
                ErrorKind::Unauthorized,
                reason,
            )
        })?;
        Ok(token.token)
    }
}

/// The stored token, for a function that holds the key and can get another one.
#[derive(Debug)]
pub struct IssuedTokens<A, I> {
    /// Both secrets.
    pub secrets: A,
    /// Issues new tokens.
    pub issuer: I,
}

impl<A: Keys + Tokens, I: TokenIssuer> TokenSource for IssuedTokens<A, I> {
    async fn token(&self) -> Result<SecretText> {
        match self.secrets.token().await? {
            Some(token) if token.expires_at > clock::now() => Ok(token.token),
            _ => self.refused().await,
        }
    }

    async fn refused(&self) -> Result<SecretText> {
        Ok(token::refresh(&self.secrets, &self.issuer, clock::now())
            .await?
            .token)
    }
}
