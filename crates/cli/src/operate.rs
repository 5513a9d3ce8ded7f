//! `doctor`, `status`, `plan` and `report`: what an operator sees of an organization.

mod deployment;
mod doctor;
mod history;
pub(crate) mod tables;

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use serde::Serialize;
use towerhook_aws::SdkConfig;
use towerhook_core::counted;
use towerhook_operate::{
    Comparison, Detail, Organization, Status, asff, csv, ocsf, page_over_time,
};
use towerhook_runtime::clock;

pub(crate) use self::{
    deployment::Deployment,
    doctor::{before_launch, doctor, zips},
};
use crate::{
    arguments,
    operator::{operator, readable},
    terminal::{
        progress,
        width::{self, say},
    },
};

/// Something is not as it should be. An error is 1, as everywhere.
const PENDING: u8 = 2;

pub(crate) async fn status(arguments: &arguments::Status) -> anyhow::Result<ExitCode> {
    let config = operator(&arguments.target).await?;
    let stack = &arguments.target.stack;
    if let Some(id) = arguments.account {
        let deployment = Deployment::find(&config, stack).await?;
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
    let status = Status::of(&organization(&config, stack).await?);
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
        say(&status.in_words());
    }
    let is_under = |percent| status.is_under(percent);
    Ok(pending_if(arguments.fail_under.is_some_and(is_under)))
}

pub(crate) async fn plan(arguments: &arguments::Plan) -> anyhow::Result<ExitCode> {
    let config = operator(&arguments.target).await?;
    let comparison = Comparison::of(&organization(&config, &arguments.target.stack).await?);
    if arguments.json {
        print_json(&comparison)?;
    } else {
        print!("{}", tables::comparison(&comparison));
        tell(&comparison.notes);
        say(&comparison.counts.in_words());
    }
    let undecided = comparison.undecided();
    anyhow::ensure!(
        undecided == 0,
        "{} could not be compared, since not everything could be read",
        counted(undecided, "account")
    );
    Ok(pending_if(
        arguments.detailed_exitcode && comparison.has_changes(),
    ))
}

pub(crate) async fn report(arguments: &arguments::Report) -> anyhow::Result<ExitCode> {
    // Before anything else, since it may be a mistake of the caller's.
    let days = match &arguments.history {
        Some(folder) => history::read(folder)?,
        None => Vec::new(),
    };
    let config = operator(&arguments.target).await?;
    let status = Status::of(&organization(&config, &arguments.target.stack).await?);
    if let Some(file) = &arguments.html {
        write(file, page_over_time(&status, &days)?.as_bytes())?;
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
    if let Some(file) = &arguments.ocsf {
        write(file, &ocsf(&status)?)?;
    }
    if let Some(file) = &arguments.asff {
        write(file, &asff(&status)?)?;
    }
    tell(&status.notes);
    say(&status.in_words());
    Ok(ExitCode::SUCCESS)
}

/// Reads the whole organization, which can take a minute, and says so on a terminal.
pub(crate) async fn organization(config: &SdkConfig, stack: &str) -> anyhow::Result<Organization> {
    let bar = progress::spinner("reading the organization");
    let read = async {
        let deployment = Deployment::find(config, stack).await?;
        let provider = deployment.vendor.provider();
        let (aws, registry) = (&deployment.aws, &deployment.registry);
        let read = Organization::read(provider, aws, registry, clock::now()).await;
        read.map_err(readable)
    };
    let read = read.await;
    progress::clear(bar);
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

pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Notes beside an output that has no place for them.
fn warn(notes: &[String]) {
    for note in notes {
        width::note(note);
    }
}

fn tell(notes: &[String]) {
    for note in notes {
        say(note);
    }
}
