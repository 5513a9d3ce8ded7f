//! The vendors' APIs behind one type, and what their clients have in common.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod client;
pub mod http;
pub(crate) mod json;
pub(crate) mod keys;
pub(crate) mod pages;
#[cfg(test)]
pub(crate) mod testing;

use towerhook_core::{
    Error, ErrorKind, Result,
    model::{
        self, ApiKey, Created, Profile, Registration, RegistrationKind, RegistrationSpec, Store,
        Token,
    },
    ports::{RegistryReads, RegistryWrites, TokenIssuer},
};
use towerhook_http::Client as HttpClient;
use url::Url;

pub use client::TokenSource;
pub use keys::VerifiedKeys;

use crate::{
    Vendor,
    lacework::api::{LaceworkApi, LaceworkTokens},
    trend_vision_one::{
        self,
        api::{Settings, VisionOneApi},
    },
    trend_workload_security::{self, api::WorkloadSecurityApi},
};

/// A vendor's tenant, and what the accounts that it is told of are to have there.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The tenant's URL.
    pub url: Url,
    /// The vendor's features that are switched on for each account, by the vendor's ids.
    pub features: Vec<String>,
    /// The tenant's instance of a workload product that each account is connected to.
    pub workload_instance: Option<String>,
}

impl From<Url> for Tenant {
    fn from(url: Url) -> Self {
        Self {
            url,
            features: Vec::new(),
            workload_instance: None,
        }
    }
}

/// The API of a function's vendor.
#[derive(Debug)]
pub enum Api<T> {
    /// Lacework's.
    Lacework(Box<LaceworkApi<T>>),
    /// Vision One's.
    TrendVisionOne(Box<VisionOneApi<T>>),
    /// Workload Security's.
    TrendWorkloadSecurity(Box<WorkloadSecurityApi<T>>),
    /// None is used. The tenant's URL stays, which a deployment is bound to.
    Unused(Url),
}

impl<T: TokenSource> Api<T> {
    /// The vendor's tenant.
    pub fn new(vendor: Vendor, http: HttpClient, tenant: impl Into<Tenant>, tokens: T) -> Self {
        let Tenant {
            url,
            features,
            workload_instance,
        } = tenant.into();
        match vendor {
            Vendor::Expel => Self::Unused(url),
            Vendor::Lacework => Self::Lacework(Box::new(LaceworkApi::new(http, url, tokens))),
            Vendor::TrendVisionOne => {
                let settings = Settings {
                    features,
                    workload_instance,
                };
                let api = VisionOneApi::new(http, url, settings, tokens);
                Self::TrendVisionOne(Box::new(api))
            }
            Vendor::TrendWorkloadSecurity => {
                let api = WorkloadSecurityApi::new(http, url, tokens);
                Self::TrendWorkloadSecurity(Box::new(api))
            }
        }
    }
}

/// Gets what a function's vendor takes as an access token.
#[derive(Debug)]
pub enum Issuer {
    /// Lacework's tokens, for a key.
    Lacework(LaceworkTokens),
    /// The key itself, verified.
    VerifiedKeys(VerifiedKeys),
    /// There is neither key nor token.
    Unused,
}

impl Issuer {
    /// The issuer of the tenant at this URL.
    pub fn new(vendor: Vendor, http: HttpClient, url: Url) -> Self {
        match vendor {
            Vendor::Expel => Self::Unused,
            Vendor::Lacework => Self::Lacework(LaceworkTokens::new(http, url)),
            Vendor::TrendVisionOne => {
                Self::VerifiedKeys(trend_vision_one::api::verified_keys(http, url))
            }
            Vendor::TrendWorkloadSecurity => {
                Self::VerifiedKeys(trend_workload_security::api::verified_keys(http, url))
            }
        }
    }
}

impl TokenIssuer for Issuer {
    async fn issue(&self, key: &ApiKey, now: jiff::Timestamp) -> Result<Token> {
        match self {
            Self::Lacework(tokens) => tokens.issue(key, now).await,
            Self::VerifiedKeys(keys) => keys.issue(key, now).await,
            Self::Unused => unused("registry:CreateToken"),
        }
    }
}

const UNUSED: &str = "this vendor is told of no account";

fn unused<T>(operation: &'static str) -> Result<T> {
    Err(Error::new(operation, ErrorKind::Invalid, UNUSED).of_registry())
}

/// Asks the vendor's API; without one, the answer is what follows `else`.
macro_rules! ask {
    ($self:ident, $api:ident => $call:expr, else $url:pat => $unused:expr) => {
        match $self {
            Self::Lacework($api) => $call,
            Self::TrendVisionOne($api) => $call,
            Self::TrendWorkloadSecurity($api) => $call,
            Self::Unused($url) => $unused,
        }
    };
}

impl<T: TokenSource> TokenIssuer for Api<T> {
    async fn issue(&self, key: &ApiKey, now: jiff::Timestamp) -> Result<Token> {
        let operation = "registry:CreateToken";
        ask!(self, api => api.issue(key, now).await, else _ => unused(operation))
    }
}

impl<T: TokenSource> RegistryReads for Api<T> {
    fn host(&self) -> String {
        ask!(self, api => api.host(), else url => model::host(url))
    }

    async fn profile(&self) -> Result<Profile> {
        ask!(self, api => api.profile().await, else _ => Ok(Profile::default()))
    }

    async fn registrations(
        &self,
        store: Option<&Store>,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        ask!(self, api => api.registrations(store, kind).await, else _ => Ok(Vec::new()))
    }

    async fn organization_registrations(
        &self,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        ask!(self, api => api.organization_registrations(kind).await, else _ => Ok(Vec::new()))
    }
}

impl<T: TokenSource> RegistryWrites for Api<T> {
    async fn create(&self, store: Option<&Store>, spec: &RegistrationSpec) -> Result<Created> {
        let operation = "registry:CreateRegistration";
        ask!(self, api => api.create(store, spec).await, else _ => unused(operation))
    }

    async fn update(
        &self,
        existing: &Registration,
        spec: &RegistrationSpec,
        enabled: bool,
    ) -> Result<Created> {
        let operation = "registry:UpdateRegistration";
        ask!(self, api => api.update(existing, spec, enabled).await, else _ => unused(operation))
    }

    async fn delete(&self, existing: &Registration) -> Result<()> {
        let operation = "registry:DeleteRegistration";
        ask!(self, api => api.delete(existing).await, else _ => unused(operation))
    }
}
