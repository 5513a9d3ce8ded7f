//! The API, version 1, as far as connectors to AWS accounts need it.
//!
//! Source of the paths, headers and objects: the vendor's Python client `deep-security-api`
//! 20.0.463, and its guides at automation.trendmicro.com and cloudone.trendmicro.com. Where no
//! source exists, the comment at the decision says so.

mod connectors;
mod wire;

use std::{fmt, time::Duration};

use jiff::Timestamp;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::json;
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
        client::{self, Client, Dialect, TokenSource, hidden},
        keys::{self, Check, VerifiedKeys},
    },
};

/// One tenant, accessed with a key that was verified.
pub struct WorkloadSecurityApi<T>(Client<T>);

impl<T> fmt::Debug for WorkloadSecurityApi<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const DIALECT: Dialect = Dialect {
    vendor: "WorkloadSecurityApi",
    path: &["api"],
    authorize,
    refuses_token: |answer| answer.status == StatusCode::UNAUTHORIZED,
    throttled_for: Some(Duration::from_secs(60)),
};

const CHECK: Check = Check {
    operation: "workload-security:VerifyApiKey",
    dialect: &DIALECT,
    call: |http, url| {
        let endpoint = client::endpoint(&DIALECT, url, &["awsconnectors", "search"]);
        http.post(endpoint).json(&json!({ "maxItems": 1 }))
    },
    items: "awsConnectors",
};

/// Verifies the keys of the tenant at `url`, of which only scheme, host and port are used.
pub fn verified_keys(http: HttpClient, url: Url) -> VerifiedKeys {
    VerifiedKeys::new(http, url, &CHECK)
}

/// Keys of Cloud One begin so; those of Workload Security itself and of Deep Security do not.
///
/// Source: keys in public examples of the vendor's users. The vendor documents both headers, at
/// cloudone.trendmicro.com/docs/workload-security/api-send-request, and no form of the keys.
const CLOUD_ONE: &str = "tmc";

/// Every call has its key in the header of its kind, and the version of the API.
fn authorize(request: RequestBuilder, key: &str) -> RequestBuilder {
    let request = request.header("api-version", "v1");
    let (name, value) = if key.starts_with(CLOUD_ONE) {
        ("Authorization", hidden(&format!("ApiKey {key}")))
    } else {
        ("api-secret-key", hidden(key))
    };
    match value {
        Ok(value) => request.header(name, value),
        // No key that was verified; the manager refuses a request without one.
        Err(_) => request,
    }
}

impl<T: TokenSource> WorkloadSecurityApi<T> {
    /// The tenant at `url`, of which only scheme, host and port are used. Nothing is sent over
    /// plain HTTP to another machine.
    pub fn new(http: HttpClient, url: Url, tokens: T) -> Self {
        Self(Client::new(http, url, tokens, &DIALECT))
    }
}

/// Setup uses both the issuer and the client with its tokens.
impl<T: TokenSource> TokenIssuer for WorkloadSecurityApi<T> {
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token> {
        keys::issue(&self.0.http, &self.0.url, &CHECK, key, now).await
    }
}

impl<T: TokenSource> RegistryReads for WorkloadSecurityApi<T> {
    fn host(&self) -> String {
        model::host(&self.0.url)
    }

    async fn profile(&self) -> Result<Profile> {
        connectors::profile(&self.0).await
    }

    /// A connector is always an account's.
    async fn registrations(
        &self,
        _store: Option<&Store>,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        match kind {
            RegistrationKind::Account => connectors::list(&self.0).await,
            RegistrationKind::Feed => Ok(Vec::new()),
        }
    }
}

impl<T: TokenSource> RegistryWrites for WorkloadSecurityApi<T> {
    async fn create(&self, _store: Option<&Store>, spec: &RegistrationSpec) -> Result<Created> {
        connectors::create(&self.0, spec).await
    }

    /// A connector cannot be disabled, and nobody asks for that.
    async fn update(
        &self,
        existing: &Registration,
        spec: &RegistrationSpec,
        _enabled: bool,
    ) -> Result<Created> {
        connectors::update(&self.0, existing, spec).await
    }

    async fn delete(&self, existing: &Registration) -> Result<()> {
        connectors::delete(&self.0, existing).await
    }
}

#[cfg(test)]
mod tests;
