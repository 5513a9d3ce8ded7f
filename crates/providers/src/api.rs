use towerhook_core::{
    Error, ErrorKind, Result,
    model::{
        self, ApiKey, Created, Profile, Registration, RegistrationKind, RegistrationSpec, Store,
        Token,
    },
    ports::{RegistryReads, RegistryWrites, TokenIssuer},
};
use url::Url;

use crate::lacework::api::{LaceworkApi, TokenSource};

/// The API of a function's vendor.
#[derive(Debug)]
pub enum Api<T> {
    /// Lacework's.
    Lacework(Box<LaceworkApi<T>>),
    /// None is used. The tenant's URL stays, which a deployment is bound to.
    Unused(Url),
}

const UNUSED: &str = "this vendor is told of no account";

fn unused<T>(operation: &'static str) -> Result<T> {
    Err(Error::new(operation, ErrorKind::Invalid, UNUSED).of_registry())
}

impl<T: TokenSource> TokenIssuer for Api<T> {
    async fn issue(&self, key: &ApiKey, now: jiff::Timestamp) -> Result<Token> {
        match self {
            Self::Lacework(api) => api.issue(key, now).await,
            Self::Unused(_) => unused("registry:CreateToken"),
        }
    }
}

impl<T: TokenSource> RegistryReads for Api<T> {
    fn host(&self) -> String {
        match self {
            Self::Lacework(api) => api.host(),
            Self::Unused(url) => model::host(url),
        }
    }

    async fn profile(&self) -> Result<Profile> {
        match self {
            Self::Lacework(api) => api.profile().await,
            Self::Unused(_) => Ok(Profile::default()),
        }
    }

    async fn registrations(
        &self,
        store: Option<&Store>,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        match self {
            Self::Lacework(api) => api.registrations(store, kind).await,
            Self::Unused(_) => Ok(Vec::new()),
        }
    }

    async fn organization_registrations(
        &self,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        match self {
            Self::Lacework(api) => api.organization_registrations(kind).await,
            Self::Unused(_) => Ok(Vec::new()),
        }
    }
}

impl<T: TokenSource> RegistryWrites for Api<T> {
    async fn create(&self, store: Option<&Store>, spec: &RegistrationSpec) -> Result<Created> {
        match self {
            Self::Lacework(api) => api.create(store, spec).await,
            Self::Unused(_) => unused("registry:CreateRegistration"),
        }
    }

    async fn update(
        &self,
        existing: &Registration,
        spec: &RegistrationSpec,
        enabled: bool,
    ) -> Result<Created> {
        match self {
            Self::Lacework(api) => api.update(existing, spec, enabled).await,
            Self::Unused(_) => unused("registry:UpdateRegistration"),
        }
    }

    async fn delete(&self, existing: &Registration) -> Result<()> {
        match self {
            Self::Lacework(api) => api.delete(existing).await,
            Self::Unused(_) => unused("registry:DeleteRegistration"),
        }
    }
}
