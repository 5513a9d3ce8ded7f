use std::process::ExitCode;

use anyhow::Context;
use towerhook_aws::{Aws, Queues, connect_as_operator};
use towerhook_core::dead_letters::{Described, Fate, redrive};
use towerhook_sandbox::{Running, STACK_NAME};

use crate::{
    arguments::Redrive,
    operator::{endpoint, operator, readable},
    table,
};

pub(crate) async fn run(arguments: &Redrive) -> anyhow::Result<ExitCode> {
    let config = operator(&arguments.target).await?;
    let stack = &arguments.target.stack;
    let queues = Aws::<Queues>::queues_of(&config, stack)
        .await
        .map_err(readable)
        .with_context(|| {
            format!(
                "the queues of the stack {stack} cannot be found; this needs credentials of the \
                 management account and Control Tower's home Region"
            )
        })?;
    let letters = redrive(&queues, arguments.return_all)
        .await
        .map_err(readable)
        .context(
            "the dead-letter queue could not be worked through; the command can be repeated",
        )?;
    print(&letters, arguments.return_all);
    Ok(ExitCode::SUCCESS)
}

/// Returns all messages in a sandbox's dead-letter queue, and describes each in a line.
pub(crate) async fn all_of(running: Running) -> anyhow::Result<Vec<String>> {
    let config = connect_as_operator(Some(&endpoint(running))).await?;
    let queues = Aws::<Queues>::queues_of(&config, STACK_NAME)
        .await
        .map_err(readable)?;
    let letters = redrive(&queues, true).await.map_err(readable)?;
    Ok(letters.iter().map(ToString::to_string).collect())
}

fn print(letters: &[Described], returned: bool) {
    if letters.is_empty() {
        println!("the dead-letter queue is empty");
        return;
    }
    println!("{}", table::dead_letters(letters));
    let count = |fate| letters.iter().filter(|letter| letter.fate == fate).count();
    let oldest = letters.iter().find_map(|letter| letter.sent_at);
    let since = oldest.map_or_else(String::new, |time| format!(", the oldest of {time:.0}"));
    println!("{} messages in the dead-letter queue{since}", letters.len());
    if returned {
        println!("{} are in the work queue again", count(Fate::Returned));
        if count(Fate::Dropped) > 0 {
            println!(
                "{} were calls by a schedule, which repeats them: removed",
                count(Fate::Dropped)
            );
        }
    } else {
        println!("`cargo towerhook redrive --return` returns them to the work queue");
    }
}
