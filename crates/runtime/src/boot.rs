//! The way into the Lambda runtime.

use std::future::Future;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use tracing::{Instrument, Level};
use tracing_subscriber::{filter::Targets, prelude::*};

/// Starts telemetry and a single-threaded executor, and runs a function until Lambda ends it.
///
/// One thread is enough: an invocation only waits for the network.
///
/// # Errors
///
/// The error that `function` returns, such as an invalid environment. It is logged once, here.
pub fn run(function: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    init_tracing();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(function).inspect_err(|error| {
        tracing::error!(
            error = towerhook_core::chain(error.as_ref()),
            "function cannot start"
        );
    })
}

/// Serves a function's invocations until Lambda ends it. Each line that an invocation logs has its
/// request id.
///
/// # Errors
///
/// The Lambda runtime does not answer.
pub async fn serve<E, R, F>(handle: impl Fn(LambdaEvent<E>) -> F) -> Result<(), Error>
where
    E: for<'de> Deserialize<'de>,
    R: Serialize,
    F: Future<Output = Result<R, Error>>,
{
    let traced = |event: LambdaEvent<E>| {
        let request_id = event.context.request_id.clone();
        let span = tracing::info_span!("invocation", request_id);
        // Boxed: within the runtime's future it would nest deeper than the compiler's limit.
        Box::pin(handle(event)).instrument(span)
    };
    lambda_runtime::run(service_fn(traced)).await
}

/// Logs JSON lines with a top-level `level` and an RFC 3339 `timestamp`, the format that Lambda's
/// log level filter reads. The level is Lambda's own setting.
fn init_tracing() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok();
    let level = level
        .and_then(|level| level.parse().ok())
        .unwrap_or(Level::INFO);
    // Below the warning level, the SDK and the HTTP client may log headers and bodies.
    let filter = Targets::new()
        .with_default(Level::WARN)
        .with_target("towerhook", level);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_filter(filter);
    let _ = tracing_subscriber::registry().with(lines).try_init();
}
