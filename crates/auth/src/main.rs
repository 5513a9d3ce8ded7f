//! The auth function's entry point.

use lambda_runtime::Error;
use towerhook_auth::Auth;
use towerhook_runtime::{boot, environment};

fn main() -> Result<(), Error> {
    boot::run(async {
        let auth = Auth::connect(&environment::process).await?;
        boot::serve(|event| auth.handle(event)).await
    })
}
