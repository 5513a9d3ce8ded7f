use std::process::ExitCode;

use towerhook_aws::{Aws, StackAdministrator};
use towerhook_operate::launch::{change, values_for};

use super::{Found, conclude, token, updated};
use crate::arguments::Update;
use crate::operator::operator;
use crate::terminal::ask;

/// Changes some parameters of the main stack, and follows that until it is complete.
pub(crate) async fn update(arguments: &Update) -> anyhow::Result<ExitCode> {
    let name = &arguments.target.stack;
    let config = operator(&arguments.target).await?;
    let stacks = Aws::new(&config, StackAdministrator);
    let Found { stack, form } = Found::of(&stacks, name).await?;
    let (values, secrets) = values_for(&form, &arguments.changes)?;
    let secrets = ask::secrets(&secrets, arguments.secret.secret_file.as_deref())?;
    let request = change(&form, &stack, &token(), &values, &secrets)?;
    let (words, status) = if updated(&config, &stacks, &request).await? {
        (format!("the stack {name} is updated"), "UPDATE_COMPLETE")
    } else {
        (
            format!("nothing changes in the stack {name}"),
            stack.status.as_str(),
        )
    };
    conclude(arguments.json, &words, &stack.id, status)?;
    Ok(ExitCode::SUCCESS)
}
