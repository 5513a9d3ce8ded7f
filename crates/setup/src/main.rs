//! The setup function's entry point.

use lambda_runtime::Error;
use towerhook_runtime::{boot, environment};
use towerhook_setup::Setup;

fn main() -> Result<(), Error> {
    boot::run(async {
        let setup = Setup::connect(&environment::process).await?;
        boot::serve(|event| setup.handle(event)).await
    })
}
