//! What the three functions share at run time: settings from the environment, telemetry, clients,
//! the deadline, and the way into the Lambda runtime.

pub mod boot;
pub mod clock;
pub mod environment;
pub mod metrics;
pub mod random;
pub mod tokens;

pub use towerhook_aws as aws;
pub use towerhook_saas as saas;
