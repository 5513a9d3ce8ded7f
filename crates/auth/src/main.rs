//! The auth function's entry point.

use lambda_runtime::{Error, service_fn};
use towerhook_auth::Auth;
use towerhook_runtime::{boot, environment};

fn main() -> Result<(), Error> {
    boot::run(async {
        let auth = Auth::connect(&environment::process).await?;
        lambda_runtime::run(service_fn(|event| auth.handle(event))).await
    })
}
