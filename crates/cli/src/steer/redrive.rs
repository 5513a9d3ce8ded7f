use std::process::ExitCode;

use anyhow::Context;
use towerhook_aws::{Aws, Queues, SdkConfig, connect_as_operator};
use towerhook_core::dead_letters::{self, Described, Fate, Wish};
use towerhook_sandbox::{Running, STACK_NAME};

use crate::{
    arguments::Redrive,
    operator::{endpoint, not_found, operator, readable},
    table,
    terminal::ask,
};

/// Shows the messages of the dead-letter queue, and returns or drops them on demand.
pub(crate) async fn redrive(arguments: &Redrive) -> anyhow::Result<ExitCode> {
    let config = operator(&arguments.target).await?;
    let queues = queues_of(&config, &arguments.target.stack).await?;
    let wish = if arguments.return_all {
        Wish::Return
    } else {
        Wish::Show
    };
    let letters = worked_through(&queues, wish).await?;
    print(&letters, arguments);
    if arguments.drop && !letters.is_empty() {
        if !arguments.yes {
            ask::confirm("Delete these messages?")?;
        }
        let shown = letters.iter().map(|letter| letter.id.clone()).collect();
        let letters = worked_through(&queues, Wish::Drop { shown: &shown }).await?;
        println!("{} are dropped", count(&letters, Fate::Dropped));
        match count(&letters, Fate::Kept) {
            0 => {}
            others => println!("{others} have come since, and stay"),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The queues of a stack.
pub(super) async fn queues_of(config: &SdkConfig, stack: &str) -> anyhow::Result<Aws<Queues>> {
    Aws::<Queues>::queues_of(config, stack)
        .await
        .map_err(readable)
        .with_context(|| not_found(&format!("the queues of the stack {stack} cannot be found")))
}

/// Returns all messages in a sandbox's dead-letter queue, and describes each in a line.
pub(crate) async fn return_all(running: Running) -> anyhow::Result<Vec<String>> {
    let config = connect_as_operator(Some(&endpoint(running))).await?;
    let queues = Aws::<Queues>::queues_of(&config, STACK_NAME)
        .await
        .map_err(readable)?;
    let letters = dead_letters::redrive(&queues, Wish::Return)
        .await
        .map_err(readable)?;
    Ok(letters.iter().map(ToString::to_string).collect())
}

async fn worked_through(queues: &Aws<Queues>, wish: Wish<'_>) -> anyhow::Result<Vec<Described>> {
    dead_letters::redrive(queues, wish)
        .await
        .map_err(readable)
        .context("the dead-letter queue could not be worked through; the command can be repeated")
}

fn count(letters: &[Described], fate: Fate) -> usize {
    letters.iter().filter(|letter| letter.fate == fate).count()
}

fn print(letters: &[Described], arguments: &Redrive) {
    if letters.is_empty() {
        println!("the dead-letter queue is empty");
        return;
    }
    println!("{}", table::dead_letters(letters));
    let oldest = letters.iter().find_map(|letter| letter.sent_at);
    let since = oldest.map_or_else(String::new, |time| format!(", the oldest of {time:.0}"));
    println!("{} messages in the dead-letter queue{since}", letters.len());
    if arguments.return_all {
        let returned = count(letters, Fate::Returned);
        println!("{returned} are in the work queue again");
        match count(letters, Fate::Dropped) {
            0 => {}
            calls => println!("{calls} were calls by a schedule, which repeats them: removed"),
        }
    } else if !arguments.drop {
        println!("`cargo towerhook redrive --return` returns them to the work queue");
    }
}
