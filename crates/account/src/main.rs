//! The account function's entry point.

use lambda_runtime::{Error, service_fn};
use towerhook_account::Account;
use towerhook_runtime::{boot, environment};

fn main() -> Result<(), Error> {
    boot::run(async {
        let account = Account::connect(&environment::process).await?;
        lambda_runtime::run(service_fn(|event| account.handle(event))).await
    })
}
