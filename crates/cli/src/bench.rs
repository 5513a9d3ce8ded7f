use std::process::ExitCode;

use anyhow::ensure;
use tokio::process::Command;
use towerhook_bench::budgets::budgets;
use towerhook_bench::report::{Report, bills, write_documentation, write_json};
use towerhook_bench::{
    Section, binaries, cold, cost, enroll, machine, report, scale, size, steady, target,
};
use towerhook_package::{target_directory, workspace_root};

use crate::arguments::{Bench, BenchScaleOne, Part};
use crate::table;

/// How often each program is started: enough for reproducible quartiles.
const STARTS: usize = 40;

/// The sizes of the organizations that a fresh process compares.
const COMPARED: [usize; 4] = [10, 100, 1000, 10_000];

pub(crate) async fn run(arguments: &Bench) -> anyhow::Result<ExitCode> {
    ensure!(
        !arguments.check || arguments.part == Some(Part::Size),
        "--check goes with size only: cargo towerhook bench size --check"
    );
    let budgets = budgets()?;
    let mut report = Report::of_this_machine();
    show(&machine::tables(&report.machine));
    if arguments.includes(Part::Cold) {
        tell("starting each function often");
        let figures = cold::measure(STARTS).await?;
        show(&cold::tables(&figures));
        report.cold = Some(figures);
        tell("comparing organizations of several sizes");
        let figures = steady::measure(&COMPARED).await?;
        show(&steady::tables(&figures));
        report.steady = Some(figures);
    }
    if arguments.includes(Part::Enroll) {
        tell("enrolling new accounts in a sandbox");
        let binaries = binaries::build().await?;
        let figures = enroll::measure(&binaries, &target_directory()?).await?;
        show(&enroll::tables(&figures, &budgets.enroll));
        report.enroll = Some(figures);
    }
    if arguments.includes(Part::Scale) {
        tell("launching in simulated organizations of several sizes");
        let program = std::env::current_exe()?;
        let child = |scale::Size { accounts, limited }| {
            let mut command = Command::new(&program);
            command.args(["bench-scale-one", "--accounts", &accounts.to_string()]);
            command.args(limited.then_some("--limited"));
            command
        };
        let binaries = binaries::build().await?;
        let folder = target_directory()?;
        let figures = scale::measure(&child, &binaries, &folder).await?;
        show(&scale::tables(&figures));
        report.scale = Some(figures);
    }
    if arguments.includes(Part::Size) {
        let processor = arguments.arch.processor();
        let figures = if arguments.check {
            size::measure_packages(processor, &tell).await?
        } else {
            size::measure(processor, &tell).await?
        };
        show(&size::tables(&figures));
        report.size = Some(figures);
    }
    report.cost = bills(&report);
    show(&cost::tables(&report.cost));
    report.targets = report::targets(&report, &budgets)?;
    show(&target::tables(&report.targets));

    if let Some(file) = &arguments.json {
        write_json(&report, file)?;
    }
    if arguments.docs {
        write_documentation(&report, &budgets, &workspace_root())?;
    }
    let mut fate = ExitCode::SUCCESS;
    if let (true, Some(figures)) = (arguments.check, &report.size) {
        for sentence in size::beyond(figures, &budgets)? {
            eprintln!("error: {sentence}");
            fate = ExitCode::FAILURE;
        }
    }
    Ok(fate)
}

/// One launch, in a process of its own, because memory of other launches in the parent would count
/// for it.
pub(crate) fn scale_one(arguments: &BenchScaleOne) -> anyhow::Result<ExitCode> {
    let figures = scale::one(scale::Size {
        accounts: arguments.accounts,
        limited: arguments.limited,
    })?;
    println!("{}", serde_json::to_string(&figures)?);
    Ok(ExitCode::SUCCESS)
}

fn tell(step: &str) {
    eprintln!("{step} ...");
}

fn show(sections: &[Section]) {
    for section in sections {
        println!("\n{}", table::section(section));
    }
}
