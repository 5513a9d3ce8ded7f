//! The runtime code that the three functions share: settings from the environment, telemetry,
//! clients, the deadline, and the Lambda runtime's entry point.

pub mod boot;
pub mod clock;
pub mod environment;
pub mod metrics;
pub mod random;
pub mod tokens;

pub use towerhook_aws as aws;
pub use towerhook_providers as providers;
