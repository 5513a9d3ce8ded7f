//! Lacework FortiCNAPP, API v2.
//!
//! Source of the paths, headers and objects: the vendor's `go-sdk` and Terraform provider, and
//! answers of the real service that are recorded in their repositories. What is known from
//! nowhere is said where it is decided.

mod answer;
mod client;
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

/// One Lacework tenant, as the holder of an access token sees it.
///
/// It keeps the token that its source gave, and asks again only when that one is refused.
pub struct Lacework<T> {
    http: Client,
    url: Url,
    tokens: T,
    backoff: ExponentialBuilder,
    /// How long a list may take, all its pages and their tries together.
    list_time: Duration,
    /// The token in use. Held while another is got, so that calls wait for it together.
    token: Mutex<Option<client::PresentToken>>,
}

impl<T: TokenSource> Lacework<T> {
    /// The tenant at `url`, of which only scheme, host and port count. Nothing is sent to a URL that is
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

impl<T> std::fmt::Debug for Lacework<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lacework")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

/// The issuer and the client that uses its tokens, as setup has them both.
impl<T: TokenSource> TokenIssuer for Lacework<T> {
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token> {
        tokens::issue(&self.http, &self.url, key, now).await
    }
}

impl<T: TokenSource> RegistryReads for Lacework<T> {
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

impl<T: TokenSource> RegistryWrites for Lacework<T> {
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
