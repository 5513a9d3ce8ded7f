use std::path::PathBuf;

use clap::{ArgGroup, Args};
use towerhook_core::model::AccountId;
use towerhook_sandbox::STACK_NAME;

/// Which deployment.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The name of Towerhook's stack, in the account and Region of the AWS credentials.
    #[arg(long, default_value = STACK_NAME, value_name = "NAME")]
    pub(crate) stack: String,
    /// Use the running sandbox.
    #[arg(long)]
    pub(crate) sandbox: bool,
}

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("format"),
    after_help = "\
Exit codes: 0 shown; 1 error; 2 fewer accounts are watched than --fail-under asks for.

Examples:
  towerhook status
  towerhook status --account 111122223333
  towerhook status --fail-under 100 --csv > status.csv"
)]
pub(crate) struct Status {
    /// Show this account alone, with everything that the ledger remembers of it.
    #[arg(long, value_name = "ID", conflicts_with_all = ["fail_under", "csv", "markdown"])]
    pub(crate) account: Option<AccountId>,
    /// End with exit code 2 if less than this percentage of the accounts in scope is watched.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) fail_under: Option<u8>,
    /// Print JSON.
    #[arg(long, group = "format")]
    pub(crate) json: bool,
    /// Print CSV.
    #[arg(long, group = "format")]
    pub(crate) csv: bool,
    /// Print a table in Markdown.
    #[arg(long, group = "format")]
    pub(crate) markdown: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 compared; 1 error, or accounts that could not be compared; with --detailed-exitcode 2
if anything is not as it should be.

Examples:
  towerhook plan
  towerhook plan --json --detailed-exitcode")]
pub(crate) struct Plan {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// End with exit code 2 if anything is not as it should be.
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("files").required(true).multiple(true),
    after_help = "\
Exit codes: 0 all files are written; 1 error.

Examples:
  towerhook report --html report.html
  towerhook report --html report.html --csv report.csv --json report.json"
)]
pub(crate) struct Report {
    /// Write a page of HTML that needs no network.
    #[arg(long, value_name = "FILE", group = "files")]
    pub(crate) html: Option<PathBuf>,
    /// Write CSV.
    #[arg(long, value_name = "FILE", group = "files")]
    pub(crate) csv: Option<PathBuf>,
    /// Write JSON.
    #[arg(long, value_name = "FILE", group = "files")]
    pub(crate) json: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::arguments::Arguments;

    fn is_accepted(line: &str) -> bool {
        Arguments::try_parse_from(line.split(' ')).is_ok()
    }

    #[test]
    fn one_format_at_a_time_and_a_report_needs_a_file() {
        for (line, accepted) in [
            ("towerhook status --json", true),
            ("towerhook status --json --csv", false),
            ("towerhook status --fail-under 100 --csv", true),
            ("towerhook status --fail-under 101", false),
            ("towerhook status --account 111122223333 --json", true),
            ("towerhook status --account 1", false),
            ("towerhook status --account 111122223333 --csv", false),
            ("towerhook plan --detailed-exitcode --sandbox", true),
            ("towerhook report", false),
            ("towerhook report --csv a.csv --html a.html", true),
        ] {
            assert_eq!(is_accepted(line), accepted, "{line}");
        }
    }
}
