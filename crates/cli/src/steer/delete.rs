use std::process::ExitCode;

use towerhook_aws::{Aws, StackAdministrator};
use towerhook_core::ports::{MainStackReads, MainStackWrites, StackInspection as _};
use towerhook_operate::launch::{Following, Goal, Removal};

use super::{Found, conclude, follow, tell, token};
use crate::arguments::Delete;
use crate::operator::{inspection, operator, readable};
use crate::terminal::ask;

/// Says what goes with the main stack and what stays, deletes it, and follows that until it is gone.
pub(crate) async fn delete(arguments: &Delete) -> anyhow::Result<ExitCode> {
    let name = &arguments.target.stack;
    let config = operator(&arguments.target).await?;
    let stacks = Aws::new(&config, StackAdministrator);
    let Found { stack, form } = Found::of(&stacks, name).await?;
    let made = inspection(&config)?.resources(&stack.id).await;
    let made = made.map_err(readable)?;
    let Removal { goes, stays } = Removal::of(&form, &stack, &made);
    eprintln!("These go with the stack {name}:");
    tell(&goes);
    eprintln!("What stays:");
    tell(&stays);
    if !arguments.yes {
        ask::confirm_by_name("The stack's name, to delete it", name)?;
    }
    let last_event = stacks.last_event(&stack.id).await.map_err(readable)?;
    stacks.delete(&stack.id, &token()).await.map_err(readable)?;
    let following = Following::new(Goal::Delete, &stack.id, last_event);
    follow::to_the_end(&config, &stacks, following, None).await?;
    let words = format!("the stack {name} is deleted");
    conclude(arguments.json, &words, &stack.id, "DELETE_COMPLETE")?;
    Ok(ExitCode::SUCCESS)
}
