use std::process::ExitCode;

use crate::{arguments::Command, bench, demo, event, operate, package, sandbox, shell, steer};

/// Runs a command, and returns how the process is to end.
pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    if !has_processes(&command) {
        // A reader that has seen enough, such as `head`, ends the command in silence.
        sigpipe::reset();
    }
    match command {
        Command::Demo(arguments) => demo::run(&arguments).await,
        Command::Sandbox(arguments) => sandbox::run(&arguments).await,
        Command::Event(arguments) => event::run(&arguments).await,
        Command::Redrive(arguments) => steer::redrive(&arguments).await,
        Command::Doctor(arguments) => operate::doctor(&arguments).await,
        Command::Status(arguments) => operate::status(&arguments).await,
        Command::Plan(arguments) => operate::plan(&arguments).await,
        Command::Report(arguments) => operate::report(&arguments).await,
        Command::Compare(arguments) => steer::compare(&arguments).await,
        Command::Approve(arguments) => steer::approve(&arguments).await,
        Command::Launch(arguments) => steer::launch(&arguments).await,
        Command::Update(arguments) => steer::update(&arguments).await,
        Command::Delete(arguments) => steer::delete(&arguments).await,
        Command::Completions(arguments) => shell::completions(&arguments),
        Command::Man(arguments) => shell::man(&arguments),
        Command::Package(arguments) => package::run(&arguments).await,
        Command::Publish(arguments) => package::publish::run(&arguments).await,
        Command::Compose => package::compose(),
        Command::Bench(arguments) => bench::run(&arguments).await,
        Command::BenchScaleOne(arguments) => bench::scale_one(&arguments),
    }
}

/// Whether it starts processes of its own, whose pipes may close while it goes on.
fn has_processes(command: &Command) -> bool {
    matches!(
        command,
        Command::Demo(_)
            | Command::Sandbox(_)
            | Command::Package(_)
            | Command::Bench(_)
            | Command::BenchScaleOne(_)
    )
}
