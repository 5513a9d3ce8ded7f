//! What changes something: requests to CloudFormation about the main stack, and messages in its queues.

mod approve;
mod compare;
mod delete;
mod follow;
mod launch;
mod redrive;
mod release;
mod update;

pub(crate) use approve::approve;
pub(crate) use compare::compare;
pub(crate) use delete::delete;
pub(crate) use launch::launch;
pub(crate) use redrive::{redrive, return_all};
pub(crate) use update::update;

use anyhow::Context;
use serde_json::json;
use towerhook_aws::{Aws, SdkConfig, StackAdministrator};
use towerhook_core::ports::{MainStack, MainStackReads, MainStackWrites, StackRequest};
use towerhook_operate::launch::{Following, Form, Goal};
use towerhook_runtime::clock;

use crate::operate::print_json;
use crate::operator::{not_found, readable};
use crate::terminal::width::{say, wrapped};

/// The main stack and what its template asks for.
struct Found {
    stack: MainStack,
    form: Form,
}

impl Found {
    async fn of(stacks: &Aws<StackAdministrator>, name: &str) -> anyhow::Result<Self> {
        let stack = stacks.main_stack(name).await.map_err(readable)?;
        let stack = stack.with_context(|| not_found(name))?;
        let template = stacks.template(&stack.id).await.map_err(readable)?;
        let form = Form::read(&template).map_err(readable)?;
        Ok(Self { stack, form })
    }
}

/// Tells each sentence as a point of a list, beside the result.
fn tell(sentences: &[String]) {
    for sentence in sentences {
        eprintln!("  {}", wrapped(&format!("- {sentence}"), "    "));
    }
}

/// Makes a repeated call of CloudFormation harmless.
fn token() -> String {
    format!("towerhook-{}", clock::now().as_millisecond())
}

/// Sends an update and follows it. False if nothing would change.
async fn updated(
    config: &SdkConfig,
    stacks: &Aws<StackAdministrator>,
    request: &StackRequest,
) -> anyhow::Result<bool> {
    let id = &request.stack;
    let last_event = stacks.last_event(id).await.map_err(readable)?;
    if !stacks.update(request).await.map_err(readable)? {
        return Ok(false);
    }
    let following = Following::new(Goal::Update, id, last_event);
    follow::to_the_end(config, stacks, following, None).await?;
    Ok(true)
}

/// The end of a request, in words or as JSON.
fn conclude(is_json: bool, words: &str, id: &str, status: &str) -> anyhow::Result<()> {
    if is_json {
        let end = json!({"format_version": 1, "stack_id": id, "status": status});
        return print_json(&end);
    }
    say(words);
    Ok(())
}
