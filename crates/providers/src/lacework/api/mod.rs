//! The API, version 2.
//!
//! Source of the paths, headers and objects: the vendor's `go-sdk` and Terraform provider, and
//! responses of the real service recorded in their repositories. Where no source exists, the
//! comment at the decision says so.

mod pages;
mod profile;
#[doc(hidden)]
pub mod reading;
mod registrations;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tokens;
mod wire;

use std::fmt;

use jiff::Timestamp;
use reqwest::StatusCode;
use towerhook_core::{
    Result,
    model::{
        self, ApiKey, Created, Profile, Registration, RegistrationKind, RegistrationSpec, Store,
        Token,
    },
    ports::{RegistryReads, RegistryWrites, TokenIssuer},
};
use url::Url;

pub use tokens::LaceworkTokens;

use crate::{
    HttpClient,
    api::{
        answer::Answer,
        client::{Call, Client, Dialect, TokenSource},
    },
};

/// One Lacework tenant, accessed with an access token.
pub struct LaceworkApi<T>(Client<T>);

impl<T> fmt::Debug for LaceworkApi<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const DIALECT: Dialect = Dialect {
    vendor: "LaceworkApi",
    path: &["api", "v2"],
    authorize: |request, token| request.bearer_auth(token),
    refuses_token,
    throttled_for: None,
};

/// 401 or 403. The API returns 403 for an unknown path, too, which is excluded.
fn refuses_token(answer: &Answer) -> bool {
    let unknown_path = answer.message.to_lowercase().contains("unrecognized url");
    matches!(
        answer.status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    ) && !unknown_path
}

/// The call about one sub-account, or about the organization's own objects.
fn scoped<'a>(call: Call<'a>, store: Option<&'a Store>, organization: bool) -> Call<'a> {
    let scope = match store {
        _ if organization => Some(("Org-Access", "true")),
        Some(store) => Some(("Account-Name", store.as_str())),
        None => None,
    };
    Call {
        headers: scope.into_iter().collect(),
        ..call
    }
}

impl<T: TokenSource> LaceworkApi<T> {
    /// The tenant at `url`, of which only scheme, host and port are used. Nothing is sent over
    /// plain HTTP to another machine.
    pub fn new(http: HttpClient, url: Url, tokens: T) -> Self {
        Self(Client::new(http, url, tokens, &DIALECT))
    }
}

/// Setup uses both the issuer and the client with its tokens.
impl<T: TokenSource> TokenIssuer for LaceworkApi<T> {
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token> {
        tokens::issue(&self.0.http, &self.0.url, key, now).await
    }
}

impl<T: TokenSource> RegistryReads for LaceworkApi<T> {
    fn host(&self) -> String {
        model::host(&self.0.url)
    }

    async fn profile(&self) -> Result<Profile> {
        profile::profile(self).await
    }

    async fn registrations(
        &self,
        store: Option<&Store>,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        registrations::list(self, store, false, kind).await
    }

    async fn organization_registrations(
        &self,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        registrations::list(self, None, true, kind).await
    }
}

impl<T: TokenSource> RegistryWrites for LaceworkApi<T> {
    async fn create(&self, store: Option<&Store>, spec: &RegistrationSpec) -> Result<Created> {
        registrations::create(self, store, spec).await
    }

    async fn update(
        &self,
        existing: &Registration,
        spec: &RegistrationSpec,
        enabled: bool,
    ) -> Result<Created> {
        registrations::update(self, existing, spec, enabled).await
    }

    async fn delete(&self, existing: &Registration) -> Result<()> {
        registrations::delete(self, existing).await
    }
}
