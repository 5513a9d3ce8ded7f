//! Adapters from the core's SaaS port to the vendors' APIs, in REST.
//!
//! Each vendor is a module of its own: [`lacework`]. An adapter translates one operation into one
//! call and back; what to do about an outcome is the core's decision.

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
    /// Every provider by the name that the functions' settings have for it.
    pub const KNOWN: [(&str, Self); 1] = [("lacework", Self::Lacework)];
}
