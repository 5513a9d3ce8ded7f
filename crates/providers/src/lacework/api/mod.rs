//! The API, version 2.
//!
//! Source of the paths, headers and objects: the vendor's `go-sdk` and Terraform provider, and
//! responses of the real service recorded in their repositories. Where no source exists, the
//! comment at the decision says so.

mod answer;
mod client;
mod endpoint;
mod pages;
mod profile;
#[doc(hidden)]
pub mod reading;
mod registrations;
#[cfg(test)]
mod testing;
mod tokens;
mod wire;

use std::time::Duration;

use backon::ExponentialBuilder;
use futures::lock::Mutex;
use jiff::Timestamp;
use reqwest::Client;
use towerhook_core::{
    Result,
    model::{
        self, ApiKey, Created, Profile, Registration, RegistrationKind, RegistrationSpec, Store,
        Token,
    },
    ports::{RegistryReads, RegistryWrites, TokenIssuer},
};
use url::Url;

pub use tokens::{LaceworkTokens, TokenSource};

use crate::http::BACKOFF;

/// One Lacework tenant, accessed with an access token.
///
/// It keeps the token from its source, and asks for another one only when that is refused.
pub struct LaceworkApi<T> {
    http: Client,
    url: Url,
    tokens: T,
    backoff: ExponentialBuilder,
    /// The timeout of a list, all pages and retries together.
    list_time: Duration,
    /// The token in use. Locked while a new one is fetched, so that concurrent calls wait for it.
    token: Mutex<Option<client::PresentToken>>,
}

impl<T: TokenSource> LaceworkApi<T> {
    /// The tenant at `url`, of which only scheme, host and port are used. Nothing is sent over
    /// plain HTTP to another machine.
    pub fn new(http: Client, url: Url, tokens: T) -> Self {
        Self {
            http,
            url,
            tokens,
            backoff: BACKOFF,
            list_time: pages::LIST_TIME,
            token: Mutex::new(None),
        }
    }
}

impl<T> std::fmt::Debug for LaceworkApi<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LaceworkApi")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

/// Setup uses both the issuer and the client with its tokens.
impl<T: TokenSource> TokenIssuer for LaceworkApi<T> {
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token> {
        tokens::issue(&self.http, &self.url, key, now).await
    }
}

impl<T: TokenSource> RegistryReads for LaceworkApi<T> {
    fn host(&self) -> String {
        model::host(&self.url)
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
