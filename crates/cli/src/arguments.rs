mod operate;
mod publish;
#[cfg(test)]
mod shown;
mod steer;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};
use towerhook_package::lambda::{ARM64, Processor, X86_64};
use towerhook_package::local::Profile;
use towerhook_runtime::providers;
use towerhook_sandbox::Name;
use towerhook_sandbox::landing_zone::Version;
use towerhook_sandbox::providers::Provider;

pub(crate) use operate::{Doctor, Plan, Report, Status, Target};
pub(crate) use publish::Publish;
pub(crate) use steer::{Approve, Compare, Completions, Delete, Launch, Man, Redrive, Update};

/// Towerhook on this machine: a landing zone to try it in, and the package to launch in a real one.
#[derive(Debug, Parser)]
#[command(
    name = "towerhook",
    bin_name = "cargo towerhook",
    version,
    max_term_width = 80
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// The arguments of this process; otherwise they have been answered, and it ends so.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|answer| {
            // Without an open output, the exit code alone tells the caller.
            let _ = answer.print();
            // Not clap's own 2: scripts take that for something that is not in order.
            if answer.use_stderr() {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            }
        })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole story: launch, enroll, refresh, update, delete, with nothing left behind.
    Demo(Demo),
    /// Keep a landing zone running until Ctrl-C.
    Sandbox(Sandbox),
    /// Send an event to the running sandbox's bus.
    Event(Event),
    /// Check what a launch needs, and whether a launched stack does its work, without changing
    /// anything; say what mends it.
    Doctor(Doctor),
    /// Show which accounts of an organization are watched, and why others are not.
    Status(Status),
    /// Show what the next comparison of the organization would do, without doing it.
    Plan(Plan),
    /// Write the status of all accounts to files: a page of HTML, CSV or JSON.
    Report(Report),
    /// Compare the whole organization now, without waiting for the schedule.
    Compare(Compare),
    /// Approve offboardings that are held, since they are more than the limit allows.
    Approve(Approve),
    /// Show, return or drop the messages in a stack's dead-letter queue.
    Redrive(Redrive),
    /// Launch the stack, and follow it until it is complete.
    Launch(Launch),
    /// Change parameters of the stack or move it to this release, and follow that until it is complete.
    Update(Update),
    /// Say what goes with the stack and what stays, and delete it.
    Delete(Delete),
    /// Print the completions for a shell.
    Completions(Completions),
    /// Write the man pages, one for each command.
    Man(Man),
    /// Build the functions for Lambda, and put beside them the templates, digests, bills of materials,
    /// licences and provenance.
    Package(Package),
    /// Upload what `package` has written to a bucket for each Region, and print Launch Stack buttons.
    Publish(Publish),
    /// Write the main templates from their fragments in `templates`, after one of them was changed,
    /// and the modules in `terraform`.
    #[command(after_help = "\
Exit codes: 0 all are written; 1 error.

Examples:
  cargo towerhook compose")]
    Compose,
    /// Measure Towerhook's performance: cold starts, enrollments, large organizations, and zip
    /// sizes.
    Bench(Bench),
    /// Launch in one simulated organization and print its figures, in a process of its own.
    #[command(hide = true)]
    BenchScaleOne(BenchScaleOne),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 all is as it should be, and nothing is left; 1 anything else.

Examples:
  cargo towerhook demo --accounts 12
  cargo towerhook demo --provider expel --chaos")]
pub(crate) struct Demo {
    /// Accounts that Control Tower manages at the end of the story: management, Log Archive, Audit,
    /// members, and the one that Account Factory creates. A closed one and an unmanaged one are
    /// added, which must be left alone.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(5..=500))]
    pub(crate) accounts: u16,
    /// The security product.
    #[arg(long, value_enum, value_name = "NAME", default_value_t = Vendor::Lacework)]
    pub(crate) provider: Vendor,
    /// Write the results to this file, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Build the functions in the shipping profile, which takes longer.
    #[arg(long)]
    pub(crate) release: bool,
    /// Let a third of the functions' calls to AWS and the product fail, and lose or duplicate a third
    /// of the events, until the last chapter.
    #[arg(long)]
    pub(crate) chaos: bool,
    /// Replay the faults of an earlier run, which printed its seed.
    #[arg(long, value_name = "N", requires = "chaos")]
    pub(crate) seed: Option<u64>,
}

impl Demo {
    pub(crate) fn profile(&self) -> Profile {
        profile(self.release)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 ended by Ctrl-C; 1 error.

Examples:
  cargo towerhook sandbox --launch --accounts 5
  cargo towerhook sandbox --name blue --provider expel")]
pub(crate) struct Sandbox {
    /// Its name, by which other commands choose it if several run.
    #[arg(long, value_name = "NAME", default_value_t)]
    pub(crate) name: Name,
    /// Accounts that Control Tower manages: management, Log Archive, Audit and members. A closed
    /// one and an unmanaged one are added.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(4..=500))]
    pub(crate) accounts: u16,
    /// The security product.
    #[arg(long, value_enum, value_name = "NAME", default_value_t = Vendor::Lacework)]
    pub(crate) provider: Vendor,
    /// The landing zone's version. In 4.0 the trail has a topic of its own in Log Archive.
    #[arg(long, value_enum, value_name = "VERSION", default_value_t = LandingZone::V3)]
    pub(crate) landing_zone: LandingZone,
    /// Launch the stack in it, too.
    #[arg(long)]
    pub(crate) launch: bool,
    /// Build the functions in the shipping profile, which takes longer.
    #[arg(long)]
    pub(crate) release: bool,
}

impl Sandbox {
    pub(crate) fn profile(&self) -> Profile {
        profile(self.release)
    }
}

/// The security products that a landing zone can be enrolled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Vendor {
    Expel,
    Lacework,
    TrendVisionOne,
    TrendWorkloadSecurity,
}

impl Vendor {
    pub(crate) fn provider(self) -> Provider {
        match self {
            Self::Expel => Provider::Expel,
            Self::Lacework => Provider::Lacework,
            Self::TrendVisionOne => Provider::TrendVisionOne,
            Self::TrendWorkloadSecurity => Provider::TrendWorkloadSecurity,
        }
    }

    /// Its rules and its API.
    pub(crate) fn rules(self) -> providers::Vendor {
        match self {
            Self::Expel => providers::Vendor::Expel,
            Self::Lacework => providers::Vendor::Lacework,
            Self::TrendVisionOne => providers::Vendor::TrendVisionOne,
            Self::TrendWorkloadSecurity => providers::Vendor::TrendWorkloadSecurity,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LandingZone {
    #[value(name = "3.3")]
    V3,
    #[value(name = "4.0")]
    V4,
}

impl LandingZone {
    pub(crate) fn version(self) -> Version {
        match self {
            Self::V3 => Version::V3,
            Self::V4 => Version::V4,
        }
    }
}

fn profile(release: bool) -> Profile {
    if release {
        Profile::Release
    } else {
        Profile::Quick
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 it is on the bus; 1 error, or no such sandbox runs.

Examples:
  cargo towerhook event event.json
  cargo towerhook event event.json --sandbox=blue")]
pub(crate) struct Event {
    /// An event as EventBridge shows it: its source, detail-type and detail are sent.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The running sandbox, or of several the one with this name.
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
    pub(crate) sandbox: Option<Option<Name>>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 everything is written; 1 error.

Examples:
  cargo towerhook package
  cargo towerhook package --arch arm64 --output release")]
pub(crate) struct Package {
    /// The functions' processor architecture.
    #[arg(long, value_enum, default_value_t = Architectures::Both)]
    pub(crate) arch: Architectures,
    /// The output folder.
    #[arg(long, value_name = "FOLDER", default_value = "dist")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Architectures {
    #[value(name = "x86_64")]
    X86_64,
    #[value(name = "arm64")]
    Arm64,
    Both,
}

impl Architectures {
    pub(crate) fn processors(self) -> &'static [Processor] {
        match self {
            Self::X86_64 => &[X86_64],
            Self::Arm64 => &[ARM64],
            Self::Both => &[ARM64, X86_64],
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 measured; 1 error, or with --check a function exceeds its budget.

Examples:
  cargo towerhook bench enroll --json figures.json
  cargo towerhook bench size --check")]
pub(crate) struct Bench {
    /// The parts to measure; all by default.
    #[arg(value_enum)]
    pub(crate) part: Option<Part>,
    /// Write every figure to this file, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Fail when a function exceeds its budget; only with size, of which it measures only what that
    /// needs.
    #[arg(long)]
    pub(crate) check: bool,
    /// Write the figures into the documentation.
    #[arg(long)]
    pub(crate) docs: bool,
    /// The processor architecture of the measured sizes.
    #[arg(long, value_enum, default_value_t = Architecture::Arm64)]
    pub(crate) arch: Architecture,
}

impl Bench {
    /// Whether a part has to be measured.
    pub(crate) fn includes(&self, part: Part) -> bool {
        self.part.is_none_or(|one| one == part)
    }
}

#[derive(Debug, Args)]
pub(crate) struct BenchScaleOne {
    /// Accounts of the organization, besides the landing zone's own.
    #[arg(long)]
    pub(crate) accounts: usize,
    /// Apply the SaaS's rate limit.
    #[arg(long)]
    pub(crate) limited: bool,
}

/// The parts of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Cold starts of the functions, and their memory.
    Cold,
    /// The enrollment of a new account.
    Enroll,
    /// Large organizations.
    Scale,
    /// Sizes of the functions.
    Size,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Architecture {
    #[value(name = "x86_64")]
    X86_64,
    #[value(name = "arm64")]
    Arm64,
}

impl Architecture {
    pub(crate) fn processor(self) -> Processor {
        match self {
            Self::X86_64 => X86_64,
            Self::Arm64 => ARM64,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_landing_zone_too_small_for_the_story_is_refused() {
        assert!(Arguments::try_parse_from(["towerhook", "demo", "--accounts", "4"]).is_err());
        assert!(Arguments::try_parse_from(["towerhook", "demo", "--accounts", "5"]).is_ok());
    }

    #[test]
    fn a_bench_without_a_part_has_them_all() {
        let bench = |words: &[&str]| {
            let words = ["towerhook", "bench"].iter().chain(words);
            match Arguments::parse_from(words).command {
                Command::Bench(bench) => bench,
                other => panic!("{other:?}"),
            }
        };
        assert!(
            Part::value_variants()
                .iter()
                .all(|part| bench(&[]).includes(*part))
        );
        let one = bench(&["size"]);
        assert!(one.includes(Part::Size) && !one.includes(Part::Cold));
    }
}
