//! The API, version 3.0, as far as Cloud Account Management of AWS accounts needs it.
//!
//! Source of the paths, headers and objects: the vendor's Terraform provider
//! `terraform-provider-vision-one` and its `vision-one-mcp-server`, and the page "Connect an AWS
//! account manually". Where no source exists, the comment at the decision says so.

mod accounts;
mod profile;
mod wire;

use std::{fmt, time::Duration};

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

use crate::{
    HttpClient,
    api::{
        client::{self, Client, Dialect, TokenSource},
        keys::{self, Check, VerifiedKeys},
    },
};

/// What every account is to have.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The features that are switched on, by their ids, such as `cloud-sentry`.
    pub features: Vec<String>,
    /// The instance of Server & Workload Protection, required by a tenant that has one.
    pub workload_instance: Option<String>,
}

/// One tenant, accessed with a key that was verified.
pub struct VisionOneApi<T> {
    client: Client<T>,
    settings: Settings,
}

impl<T> fmt::Debug for VisionOneApi<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}

const DIALECT: Dialect = Dialect {
    vendor: "VisionOneApi",
    path: &["v3.0"],
    authorize: |request, key| request.bearer_auth(key),
    // A 403 is of the key's role, which another key of the same role has, too.
    refuses_token: |answer| answer.status == StatusCode::UNAUTHORIZED,
    // Limits are measured over a minute.
    throttled_for: Some(Duration::from_secs(60)),
};

/// The path of the accounts.
const ACCOUNTS: [&str; 2] = ["cam", "awsAccounts"];

const CHECK: Check = Check {
    operation: "vision-one:VerifyApiKey",
    dialect: &DIALECT,
    call: |http, url| {
        let endpoint = client::endpoint(&DIALECT, url, &ACCOUNTS);
        http.get(accounts::with_top(endpoint, SMALLEST_PAGE))
    },
    items: "items",
};

/// The smallest page that the API has.
const SMALLEST_PAGE: &str = "25";

/// Verifies the keys of the tenant at `url`, of which only scheme, host and port are used.
pub fn verified_keys(http: HttpClient, url: Url) -> VerifiedKeys {
    VerifiedKeys::new(http, url, &CHECK)
}

impl<T: TokenSource> VisionOneApi<T> {
    /// The tenant at `url`, of which only scheme, host and port are used. Nothing is sent over
    /// plain HTTP to another machine.
    pub fn new(http: HttpClient, url: Url, settings: Settings, tokens: T) -> Self {
        Self {
            client: Client::new(http, url, tokens, &DIALECT),
            settings,
        }
    }
}

/// Setup uses both the issuer and the client with its tokens.
impl<T: TokenSource> TokenIssuer for VisionOneApi<T> {
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token> {
        keys::issue(&self.client.http, &self.client.url, &CHECK, key, now).await
    }
}

impl<T: TokenSource> RegistryReads for VisionOneApi<T> {
    fn host(&self) -> String {
        model::host(&self.client.url)
    }

    async fn profile(&self) -> Result<Profile> {
        profile::profile(&self.client).await
    }

    /// A row is always an account's.
    async fn registrations(
        &self,
        _store: Option<&Store>,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        match kind {
            RegistrationKind::Account => accounts::list(&self.client).await,
            RegistrationKind::Feed => Ok(Vec::new()),
        }
    }
}

impl<T: TokenSource> RegistryWrites for VisionOneApi<T> {
    async fn create(&self, _store: Option<&Store>, spec: &RegistrationSpec) -> Result<Created> {
        accounts::create(&self.client, &self.settings, spec).await
    }

    /// A row cannot be disabled, and nobody asks for that.
    async fn update(
        &self,
        existing: &Registration,
        spec: &RegistrationSpec,
        _enabled: bool,
    ) -> Result<Created> {
        accounts::update(&self.client, &self.settings, existing, spec).await
    }

    async fn delete(&self, existing: &Registration) -> Result<()> {
        accounts::delete(&self.client, existing).await
    }
}

#[cfg(test)]
mod tests;
