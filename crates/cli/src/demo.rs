use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use console::style;
use towerhook_package::local::{self, FunctionZips, Profile};
use towerhook_package::target_directory;
use towerhook_sandbox::Options;
use towerhook_sandbox::chaos::random_seed;
use towerhook_sandbox::story::{Adversity, Report, Story, Telling};

use crate::arguments::Demo;
use crate::display::Display;
use crate::{steer, table};

/// How many of each function's last errors are shown when the story fails.
const ERRORS: usize = 5;

pub(crate) async fn run(arguments: &Demo) -> anyhow::Result<ExitCode> {
    let display = Display::new();
    let (zips, took) = build(arguments.profile(), &display).await?;
    let mut options = Options::below(&target_directory()?);
    options.accounts = usize::from(arguments.accounts);
    options.provider = arguments.provider.provider();
    let listen = |telling: Telling<'_>| display.hear(telling);
    let opened = Story::open(options, &listen).await;
    let mut story = opened.inspect_err(|_| display.rest())?;
    story.preface("functions built", took);
    if arguments.chaos {
        story = story.under(Adversity {
            seed: arguments.seed.unwrap_or_else(random_seed),
            redrive: Box::new(|running| Box::pin(steer::return_all(running))),
        });
    }
    let told = story.tell(&zips, &listen).await;
    display.rest();

    let report = story.report();
    println!("\n{}", table::accounts(story.accounts()));
    println!("\n{}", table::chapters(&report.chapters));
    let summary = summary(&report, story.sandbox.simulator.title());
    let is_good = told.is_ok() && report.is_good();
    let summary = style(summary);
    let summary = if is_good {
        summary.green()
    } else {
        summary.red()
    };
    println!("\n{summary}");
    println!("\nunlike AWS:\n{}", table::gaps(story.sandbox.template()));
    if let Some(file) = &arguments.json {
        write(&report, file)?;
    }
    if let Err(error) = &told {
        explain(&story, error);
    }
    story.sandbox.shutdown().await?;
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Builds the functions, and shows cargo's own progress.
pub(crate) async fn build(
    profile: Profile,
    display: &Display,
) -> anyhow::Result<(FunctionZips, Duration)> {
    let start = Instant::now();
    display.hear(Telling::Chapter("functions built"));
    display.rest();
    let zips = tokio::task::spawn_blocking(move || local::build(profile)).await??;
    for (name, path) in zips.named() {
        let megabytes = path.metadata()?.len() as f64 / 1e6;
        display.hear(Telling::Fact(&format!("{name}: {megabytes:.1} MB")));
    }
    display.hear(Telling::End(start.elapsed()));
    Ok((zips, start.elapsed()))
}

fn summary(report: &Report, saas: &str) -> String {
    let calls = |calls: &std::collections::BTreeMap<String, u64>| calls.values().sum::<u64>();
    let left = match report.left_after_delete {
        Some(0) => "nothing left after the deletion".to_owned(),
        Some(left) => format!("{left} items left, lost or changed after the deletion"),
        None => "the stack was not deleted".to_owned(),
    };
    format!(
        "{} of {} accounts enrolled, {left}\n{} calls of AWS, {} of {saas}; {:.1} s",
        report.enrolled,
        report.accounts,
        calls(&report.aws_calls),
        calls(&report.saas_calls),
        report.seconds,
    )
}

fn write(report: &Report, file: &Path) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(report)? + "\n";
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Prints why the story failed, and where the logs are.
fn explain(story: &Story, error: &anyhow::Error) {
    eprintln!("\n{} {error:#}", style("error:").red().for_stderr());
    let logs = story.sandbox.function_logs();
    let errors = logs.last_errors(ERRORS);
    if !errors.is_empty() {
        eprintln!("\nthe functions' last errors:");
        for line in errors {
            eprintln!("  {line}");
        }
    }
    eprintln!(
        "\nlogs of the functions: {}\nlog of the emulator: {}",
        logs.directory().display(),
        story.sandbox.emulator.log().display()
    );
}
