//! The vendors, each in a folder of its own: [`lacework`].
//!
//! A vendor has two halves. The pure one is a [`Provider`]: names, rules, words. With the feature
//! `api` comes its API: an adapter translates one operation of the engine's registry port into one
//! call and back, and core decides what to do about the outcome.

#[cfg(feature = "api")]
mod body;
#[cfg(any(all(test, feature = "api"), feature = "testing"))]
pub mod flood;
#[cfg(feature = "api")]
pub mod http;
pub mod lacework;

#[cfg(feature = "api")]
pub use http::{TIMEOUT, http_client};
use towerhook_core::provider::Provider;
#[cfg(feature = "api")]
pub use towerhook_http::Client as HttpClient;

/// A vendor with a module here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// [`lacework`].
    Lacework,
}

impl Vendor {
    /// Every vendor, by its name in the functions' settings.
    pub const KNOWN: [(&str, Self); 1] = [("lacework", Self::Lacework)];

    /// Its rules.
    pub fn provider(self) -> &'static dyn Provider {
        match self {
            Self::Lacework => &lacework::Lacework,
        }
    }
}
