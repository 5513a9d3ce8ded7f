//! The account function's entry point.

use lambda_runtime::Error;
use towerhook_account::Account;
use towerhook_runtime::{boot, environment};

fn main() -> Result<(), Error> {
    boot::run(async {
        let account = Account::connect(&environment::process).await?;
        boot::serve(|event| account.handle(event)).await
    })
}
