//! The `towerhook` command: for a landing zone on this machine, and for a real one.

#![allow(clippy::print_stdout, reason = "a command speaks to its user")]
mod arguments;
mod bench;
mod demo;
mod display;
mod event;
mod package;
mod redrive;
mod sandbox;
mod table;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::Parser;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr);
    log.with_env_filter(filter).init();
    let done = match Arguments::parse().command {
        Command::Demo(arguments) => demo::run(&arguments).await,
        Command::Sandbox(arguments) => sandbox::run(&arguments).await,
        Command::Event(arguments) => event::run(&arguments).await,
        Command::Redrive(arguments) => redrive::run(&arguments).await,
        Command::Package(arguments) => package::run(&arguments).await,
        Command::Compose => package::compose(),
        Command::Bench(arguments) => bench::run(&arguments).await,
        Command::BenchScaleOne(arguments) => bench::scale_one(&arguments),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
