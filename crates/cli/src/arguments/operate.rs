use std::path::PathBuf;

use clap::{ArgGroup, Args};
use towerhook_core::model::AccountId;
use towerhook_sandbox::{Name, STACK_NAME, launch::ARTIFACT_PREFIX};

use super::Vendor;

/// Which deployment.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The name of Towerhook's stack, in the account and Region of the AWS credentials.
    #[arg(long, default_value = STACK_NAME, value_name = "NAME")]
    pub(crate) stack: String,
    /// Use the running sandbox, or of several the one with this name.
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
    pub(crate) sandbox: Option<Option<Name>>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 nothing fails; 1 error; 2 something fails.

Examples:
  cargo towerhook doctor --tenant https://YOURS.lacework.net --bucket BUCKET \\
      --prefix towerhook/0.1.0/
  cargo towerhook doctor --provider expel \\
      --tenant 01234567-89ab-cdef-0123-456789abcdef
  cargo towerhook doctor --stack towerhook --json")]
pub(crate) struct Doctor {
    /// The security product; by default that of the stack, or lacework before there is one.
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) provider: Option<Vendor>,
    /// The tenant before there is a stack: the URL of its API, or for expel its organization's GUID.
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// The bucket with the functions' zips; by default the stack's.
    #[arg(long, value_name = "BUCKET")]
    pub(crate) bucket: Option<String>,
    /// The folder in it, as ArtifactPrefix takes it.
    #[arg(long, value_name = "PREFIX", requires = "bucket", default_value = ARTIFACT_PREFIX)]
    pub(crate) prefix: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("format"),
    after_help = "\
Exit codes: 0 shown; 1 error; 2 fewer accounts are watched than --fail-under asks for.

Examples:
  cargo towerhook status
  cargo towerhook status --account 111122223333
  cargo towerhook status --fail-under 100 --csv > status.csv"
)]
pub(crate) struct Status {
    /// Show this account alone, with everything that the ledger remembers of it.
    #[arg(long, value_name = "ID", conflicts_with_all = ["fail_under", "csv", "markdown"])]
    pub(crate) account: Option<AccountId>,
    /// End with exit code 2 if less than this percentage of the accounts in scope is watched.
    #[arg(long, value_name = "PERCENT", value_parser = percentage)]
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

fn percentage(text: &str) -> Result<u8, &'static str> {
    let number = text.parse().ok().filter(|number| *number <= 100);
    number.ok_or("must be a percentage from 0 to 100")
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 compared; 1 error, or accounts that could not be compared; with \
--detailed-exitcode 2 if anything is not as it should be.

Examples:
  cargo towerhook plan
  cargo towerhook plan --json --detailed-exitcode")]
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
    // What clap writes is longer than a line, and wraps nowhere.
    override_usage = "cargo towerhook report [OPTIONS]\n       \
                      <--html|--csv|--json|--ocsf|--asff> <FILE>...",
    after_help = "\
Exit codes: 0 all files are written; 1 error.

Examples:
  cargo towerhook report --html report.html
  cargo towerhook report --html report.html --csv report.csv
  cargo towerhook report --html report.html --history coverage
  cargo towerhook report --ocsf findings.json --asff findings.jsonl"
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
    /// Write an OCSF Compliance Finding for each account in scope.
    #[arg(long, value_name = "FILE", group = "files")]
    pub(crate) ocsf: Option<PathBuf>,
    /// Write a finding for AWS Security Hub for each account in scope. Each line is the input of one
    /// call of BatchImportFindings.
    #[arg(long, value_name = "FILE", group = "files")]
    pub(crate) asff: Option<PathBuf>,
    /// Show the coverage over time on the page, from the dated copies in this folder:
    /// YYYY-MM-DD/coverage.json.
    #[arg(long, value_name = "FOLDER", requires = "html")]
    pub(crate) history: Option<PathBuf>,
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
            ("towerhook doctor --provider expel --sandbox --json", true),
            ("towerhook status --sandbox=blue", true),
            ("towerhook status --sandbox=../blue", false),
            ("towerhook status --sandbox blue", false),
            ("towerhook event event.json --sandbox=blue", true),
            ("towerhook event event.json --sandbox blue", false),
            ("towerhook doctor --bucket zips --prefix v/1/", true),
            ("towerhook doctor --prefix v/1/", false),
            ("towerhook report", false),
            ("towerhook report --csv a.csv --html a.html", true),
            ("towerhook report --ocsf a.json --asff a.jsonl", true),
            ("towerhook report --html a.html --history coverage", true),
            ("towerhook report --csv a.csv --history coverage", false),
        ] {
            assert_eq!(is_accepted(line), accepted, "{line}");
        }
    }

    #[test]
    fn who_asks_for_no_percentage_is_told_what_one_is() {
        for (value, accepted) in [("0", true), ("100", true), ("101", false), ("abc", false)] {
            let line = ["towerhook", "status", "--fail-under", value];
            let refusal = Arguments::try_parse_from(line).err();
            assert_eq!(refusal.is_none(), accepted, "{value}");
            let told = refusal.map(|refusal| refusal.to_string());
            let is_told = |told: &str| told.contains("must be a percentage from 0 to 100");
            assert!(told.as_deref().is_none_or(is_told), "{told:?}");
        }
    }
}
