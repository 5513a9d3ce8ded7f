//! Adapters from the core's SaaS port to the vendors' APIs, and the functions' only HTTP client.
//!
//! Each vendor is a module of its own: [`lacework`]. An adapter translates one operation into one
//! call and back; what to do about an outcome is the core's decision.

mod http;
pub mod lacework;
pub mod presigned;

pub use reqwest::Client as HttpClient;

pub use http::{HttpClientError, TIMEOUT, UnsafeUrl, http_client};
