//! The `towerhook` command: for a landing zone on this machine, and for a real one.

#![allow(clippy::print_stdout, reason = "a command speaks to its user")]
mod arguments;
mod bench;
mod demo;
mod display;
mod event;
mod operate;
mod operator;
mod package;
mod run;
mod sandbox;
mod shell;
mod steer;
mod table;
mod terminal;

use std::process::ExitCode;

use arguments::Arguments;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr);
    log.with_env_filter(filter).init();
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let done = run::run(arguments.command).await;
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
