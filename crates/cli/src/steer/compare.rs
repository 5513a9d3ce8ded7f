use std::process::ExitCode;
use std::time::Duration;

use towerhook_operate::{Status, ask_for_comparison, await_comparison};
use towerhook_runtime::clock::{self, SystemClock};

use super::redrive::queues_of;
use crate::arguments::Compare;
use crate::operate::{Deployment, organization, print_json};
use crate::operator::{operator, readable};
use crate::terminal::{progress, width::say};

/// Asks for a comparison of the whole organization, and waits for its end on demand.
pub(crate) async fn compare(arguments: &Compare) -> anyhow::Result<ExitCode> {
    let target = &arguments.target;
    let config = operator(target).await?;
    let queues = queues_of(&config, &target.stack).await?;
    let asked = clock::now();
    ask_for_comparison(&queues).await.map_err(readable)?;
    if !arguments.wait {
        say("a comparison of the whole organization is asked for");
        return Ok(ExitCode::SUCCESS);
    }
    let ledger = Deployment::find(&config, &target.stack).await?.aws;
    let limit = Duration::from_secs(u64::from(arguments.timeout) * 60);
    let bar = progress::spinner("the whole organization is compared");
    let compared = await_comparison(&ledger, &SystemClock, asked, limit).await;
    progress::clear(bar);
    compared.map_err(readable)?;
    let status = Status::of(&organization(&config, &target.stack).await?);
    if arguments.json {
        print_json(&status)?;
    } else {
        say(&status.in_words());
    }
    Ok(ExitCode::SUCCESS)
}
