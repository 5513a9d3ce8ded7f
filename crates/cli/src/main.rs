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
    // The SDK logs as an error what it then retries.
    let usual = "error,aws_smithy_runtime=off";
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr);
    log.with_env_filter(filter).init();
    let done = match Arguments::read() {
        Ok(arguments) => run::run(arguments.command).await,
        Err(code) => Ok(code),
    };
    done.unwrap_or_else(|error| {
        terminal::width::complain(&error);
        ExitCode::FAILURE
    })
}
