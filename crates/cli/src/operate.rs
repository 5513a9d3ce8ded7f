//! `status`, `plan` and `report`: what an operator sees of an organization.

mod deployment;
mod tables;

use std::{io::IsTerminal, path::Path, process::ExitCode, time::Duration};

use anyhow::Context;
use indicatif::ProgressBar;
use serde::Serialize;
use towerhook_operate::{Comparison, Detail, Organization, Status, csv, page};
use towerhook_runtime::clock;

use self::deployment::Deployment;
use crate::{arguments, operator::readable};

/// Something is not as it should be. An error is 1, as everywhere.
const PENDING: u8 = 2;

pub(crate) async fn status(arguments: &arguments::Status) -> anyhow::Result<ExitCode> {
    if let Some(id) = arguments.account {
        let deployment = Deployment::find(&arguments.target).await?;
        let provider = deployment.vendor.provider();
        let (aws, registry) = (&deployment.aws, &deployment.registry);
        let read = Organization::read_account(provider, aws, registry, id, clock::now());
        let read = read.await.map_err(readable)?;
        let detail = Detail::of(&read, id).context("the account was not read")?;
        if arguments.json {
            print_json(&detail)?;
        } else {
            print!("{}", tables::detail(&detail));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let status = Status::of(&organization(&arguments.target).await?);
    if arguments.json {
        print_json(&status)?;
    } else if arguments.csv {
        warn(&status.notes);
        print!("{}", String::from_utf8_lossy(&csv(&status)?));
    } else if arguments.markdown {
        warn(&status.notes);
        println!("{}\n\n{}", tables::markdown(&status), status.in_words());
    } else {
        println!("{}", tables::status(&status));
        tell(&status.notes);
        println!("{}", status.in_words());
    }
    let is_under = |percent| status.is_under(percent);
    Ok(pending_if(arguments.fail_under.is_some_and(is_under)))
}

pub(crate) async fn plan(arguments: &arguments::Plan) -> anyhow::Result<ExitCode> {
    let comparison = Comparison::of(&organization(&arguments.target).await?);
    if arguments.json {
        print_json(&comparison)?;
    } else {
        print!("{}", tables::comparison(&comparison));
        tell(&comparison.notes);
        println!("{}", comparison.counts.in_words());
    }
    let undecided = comparison.undecided();
    anyhow::ensure!(
        undecided == 0,
        "{undecided} accounts could not be compared, since not everything could be read"
    );
    Ok(pending_if(
        arguments.detailed_exitcode && comparison.has_changes(),
    ))
}

pub(crate) async fn report(arguments: &arguments::Report) -> anyhow::Result<ExitCode> {
    let status = Status::of(&organization(&arguments.target).await?);
    if let Some(file) = &arguments.html {
        write(file, page(&status)?.as_bytes())?;
    }
    if let Some(file) = &arguments.csv {
        write(file, &csv(&status)?)?;
    }
    if let Some(file) = &arguments.json {
        write(
            file,
            (serde_json::to_string_pretty(&status)? + "\n").as_bytes(),
        )?;
    }
    tell(&status.notes);
    println!("{}", status.in_words());
    Ok(ExitCode::SUCCESS)
}

/// Reads the whole organization, which can take a minute, and says so on a terminal.
async fn organization(target: &arguments::Target) -> anyhow::Result<Organization> {
    let bar = std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new_spinner().with_message("reading the organization");
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    });
    let read = async {
        let deployment = Deployment::find(target).await?;
        let provider = deployment.vendor.provider();
        let (aws, registry) = (&deployment.aws, &deployment.registry);
        let read = Organization::read(provider, aws, registry, clock::now()).await;
        read.map_err(readable)
    };
    let read = read.await;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    read
}

fn pending_if(is_pending: bool) -> ExitCode {
    if is_pending {
        ExitCode::from(PENDING)
    } else {
        ExitCode::SUCCESS
    }
}

fn write(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    std::fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))
}

fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Notes beside an output that has no place for them.
fn warn(notes: &[String]) {
    for note in notes {
        eprintln!("{}", crate::table::printable(note));
    }
}

fn tell(notes: &[String]) {
    for note in notes {
        println!("{}", crate::table::printable(note));
    }
}
