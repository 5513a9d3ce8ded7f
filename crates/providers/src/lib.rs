//! Adapters from the engine's registry port to the vendors' APIs.
//!
//! Each vendor is a module of its own: [`lacework`]. An adapter translates one operation into one
//! call and back; core decides what to do about the outcome.

mod body;
#[cfg(test)]
mod flood;
mod http;
pub mod lacework;
pub mod presigned;

pub use towerhook_http::Client as HttpClient;

pub use http::{TIMEOUT, http_client};

/// A vendor with a module here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// [`lacework`].
    Lacework,
}

impl Provider {
    /// Every provider, by its name in the functions' settings.
    pub const KNOWN: [(&str, Self); 1] = [("lacework", Self::Lacework)];
}
