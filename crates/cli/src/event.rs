use std::process::ExitCode;

use anyhow::Context;
use serde_json::Value;
use towerhook_package::target_directory;
use towerhook_sandbox::Running;
use towerhook_sandbox::landing_zone::events;

use crate::arguments::Event;

pub(crate) async fn run(arguments: &Event) -> anyhow::Result<ExitCode> {
    let file = arguments.file.display();
    let text =
        std::fs::read_to_string(&arguments.file).with_context(|| format!("cannot read {file}"))?;
    let event: Value =
        serde_json::from_str(&text).with_context(|| format!("{file} is not JSON"))?;
    let name = arguments.sandbox.as_ref().and_then(Option::as_ref);
    let running = Running::find(&target_directory()?, name)?;
    events::put(&running.client()?, &event)
        .await
        .with_context(|| format!("the sandbox at {} did not take the event", running.endpoint))?;
    println!("the event is on the bus of {}", running.management_account);
    Ok(ExitCode::SUCCESS)
}
