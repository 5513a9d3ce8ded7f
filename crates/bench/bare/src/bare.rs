//! The floor of a cold start: `lambda_runtime`, and nothing of ours.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(lambda_runtime::run(service_fn(
        async |event: LambdaEvent<Value>| Ok::<_, Error>(event.payload),
    )))
}
