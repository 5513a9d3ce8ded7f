//! The vendors, each in a folder of its own: [`expel`], [`lacework`], [`trend_vision_one`] and
//! [`trend_workload_security`].
//!
//! A vendor has two halves. The pure one is a [`Provider`]: names, rules, words. With the feature
//! `api` comes its API: an adapter translates one operation of the engine's registry port into one
//! call and back, and core decides what to do about the outcome.

#[cfg(feature = "api")]
mod api;
pub mod expel;
#[cfg(any(all(test, feature = "api"), feature = "testing"))]
pub mod flood;
mod guid;
mod host_name;
pub mod lacework;
mod mark;
mod traces;
pub mod trend_vision_one;
pub mod trend_workload_security;
mod verified_key;

#[cfg(feature = "api")]
pub use api::{Api, Issuer, Tenant, TokenSource, VerifiedKeys, http};
#[cfg(feature = "api")]
pub use http::{TIMEOUT, http_client, http_client_trusting};
use towerhook_core::provider::{Credential, Provider};
#[cfg(feature = "api")]
pub use towerhook_http::Client as HttpClient;

/// A vendor with a module here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// [`expel`].
    Expel,
    /// [`lacework`].
    Lacework,
    /// [`trend_vision_one`].
    TrendVisionOne,
    /// [`trend_workload_security`].
    TrendWorkloadSecurity,
}

impl Vendor {
    /// Every vendor, by its name in the functions' settings.
    pub const KNOWN: [(&str, Self); 4] = [
        ("expel", Self::Expel),
        ("lacework", Self::Lacework),
        ("trend-vision-one", Self::TrendVisionOne),
        ("trend-workload-security", Self::TrendWorkloadSecurity),
    ];

    /// Its rules.
    pub fn provider(self) -> &'static dyn Provider {
        match self {
            Self::Expel => &expel::Expel,
            Self::Lacework => &lacework::Lacework,
            Self::TrendVisionOne => &trend_vision_one::TrendVisionOne,
            Self::TrendWorkloadSecurity => &trend_workload_security::TrendWorkloadSecurity,
        }
    }

    /// Whether functions prove with a key who they are.
    pub fn has_key(self) -> bool {
        self.provider().credential() != Credential::None
    }
}
