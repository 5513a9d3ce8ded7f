use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;
use towerhook_operate::launch::Change;

use super::{Target, Vendor};

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 asked for, and with --wait compared; 1 error, or not ended in time.

Examples:
  cargo towerhook compare
  cargo towerhook compare --wait
  cargo towerhook compare --wait --json | jq .coverage")]
pub(crate) struct Compare {
    /// Wait until a comparison that began after this request has ended, and show what it found.
    #[arg(long)]
    pub(crate) wait: bool,
    /// How many minutes to wait at most.
    #[arg(
        long,
        value_name = "MINUTES",
        default_value_t = 30,
        requires = "wait",
        value_parser = clap::value_parser!(u16).range(1..=720)
    )]
    pub(crate) timeout: u16,
    /// Print the status of all accounts as JSON, as `status --json` does.
    #[arg(long, requires = "wait")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 approved, and the stack is updated; 1 error, or another digest awaits approval.

Examples:
  cargo towerhook plan
  cargo towerhook approve 0f1e2d3c4b5a")]
pub(crate) struct Approve {
    /// The digest of the offboardings that await approval, as `plan` shows it.
    #[arg(value_name = "DIGEST")]
    pub(crate) digest: String,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 shown, returned or dropped; 1 error, or not confirmed.

Examples:
  cargo towerhook redrive
  cargo towerhook redrive --return
  cargo towerhook redrive --drop --yes")]
pub(crate) struct Redrive {
    /// Return the messages to the work queue, once their cause is fixed.
    #[arg(long = "return", conflicts_with = "drop")]
    pub(crate) return_all: bool,
    /// Delete the messages after showing them. Whatever they told of is found by the next comparison
    /// of the whole organization.
    #[arg(long)]
    pub(crate) drop: bool,
    /// Do not ask before deleting.
    #[arg(long, requires = "drop", conflicts_with = "return_all")]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The functions and templates have to be in the bucket already, as the README says. What the template \
asks for and has no default, is asked for here, and written to the file of parameters; the vendor's \
secret never is. CloudFormation goes on when this command is interrupted.

Exit codes: 0 the stack is complete; 1 error, or the launch failed and was rolled back.

Examples:
  cargo towerhook launch --provider lacework --bucket acme-towerhook
  cargo towerhook launch --provider lacework --parameters acme.json
  cargo towerhook launch --parameters acme.json --secret-file <(pass acme)")]
pub(crate) struct Launch {
    /// The security product.
    #[arg(long, value_enum, value_name = "NAME", default_value_t = Vendor::Lacework)]
    pub(crate) provider: Vendor,
    /// The bucket with the functions and templates, in the same Region.
    #[arg(long, value_name = "BUCKET")]
    pub(crate) bucket: Option<String>,
    /// Their folder in the bucket, with a slash at its end; by default that of this release.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// A file of parameters, as the AWS CLI takes it. It is written if it does not exist; by default
    /// it is called STACK.parameters.json.
    #[arg(long, value_name = "FILE")]
    pub(crate) parameters: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) secret: SecretSource,
    /// Launch even if `doctor`'s checks find that something is missing.
    #[arg(long)]
    pub(crate) skip_checks: bool,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// Where a secret comes from that is not typed in.
#[derive(Debug, Args)]
pub(crate) struct SecretSource {
    /// A file or descriptor (`-`, /dev/fd/3) with the vendor's secret. Without it, the variable
    /// TOWERHOOK_SECRET is read, and else the terminal asks for it.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Everything that is not named keeps its value, and the stack its template. With --prefix the stack \
moves to this command's release; what comes and goes is shown before. CloudFormation goes on when \
this command is interrupted.

Exit codes: 0 updated, or nothing changes; 1 error, not confirmed, or the update was rolled back.

Examples:
  cargo towerhook update OffboardLimitPercent=20
  cargo towerhook update LaceworkAccessKeyId=ACME_1234 LaceworkSecretKey
  cargo towerhook update --prefix towerhook/0.1.0/")]
pub(crate) struct Update {
    /// A parameter and its new value; a secret one is named alone, and its value asked for.
    #[arg(value_name = "KEY=VALUE", required_unless_present = "prefix")]
    pub(crate) changes: Vec<Change>,
    /// Move to this command's release, whose functions and templates are in this folder of the
    /// bucket; it has a slash at its end.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// Another bucket with them, in the same Region; by default the stack's.
    #[arg(long, value_name = "BUCKET", requires = "prefix")]
    pub(crate) bucket: Option<String>,
    /// Do not ask before the stack moves.
    #[arg(long, requires = "prefix")]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) secret: SecretSource,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 deleted; 1 error, not confirmed, or the deletion failed.

Examples:
  cargo towerhook delete
  cargo towerhook delete --yes --json")]
pub(crate) struct Delete {
    /// Do not ask for the stack's name first.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Print the result as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 printed; 1 error.

Examples:
  cargo towerhook completions bash > towerhook.bash
  cargo towerhook completions zsh > ~/.zfunc/_towerhook")]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 all pages are written; 1 error.

Examples:
  cargo towerhook man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// The folder for the pages, which is made if it does not exist.
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use crate::arguments::Arguments;
    use crate::terminal::width::widest;

    #[test]
    fn what_cannot_go_together_is_refused() {
        for (line, accepted) in [
            ("towerhook compare --wait --timeout 5 --json", true),
            ("towerhook compare --timeout 5", false),
            ("towerhook compare --json", false),
            ("towerhook approve", false),
            ("towerhook redrive --drop --yes", true),
            ("towerhook redrive --return --drop", false),
            ("towerhook redrive --return --yes", false),
            ("towerhook launch --sandbox", true),
            ("towerhook launch --secret canary", false),
            ("towerhook update", false),
            ("towerhook update A=b C", true),
            ("towerhook update --prefix v/2/ --yes", true),
            ("towerhook update --prefix v/2/ --bucket zips A=b", true),
            ("towerhook update --bucket zips A=b", false),
            ("towerhook update A=b --yes", false),
            ("towerhook launch --skip-checks", true),
            ("towerhook delete --yes --stack acme", true),
            ("towerhook completions tcsh", false),
        ] {
            let parsed = Arguments::try_parse_from(line.split(' '));
            assert_eq!(parsed.is_ok(), accepted, "{line}");
        }
    }

    #[test]
    fn the_help_of_every_command_fits_into_80_columns() {
        let mut all = Arguments::command().term_width(80);
        all.build();
        let commands: Vec<_> = all.get_subcommands().cloned().collect();
        for command in std::iter::once(all).chain(commands) {
            let name = command.get_name().to_owned();
            let help = command.term_width(80).render_long_help().to_string();
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
        }
    }

    /// A command of the examples, without what the shell does with it.
    fn words(example: &str) -> Vec<String> {
        let example = example.replace("<(pass acme)", "/dev/fd/3");
        let words = example.split_whitespace();
        let words = words.take_while(|word| !["|", ">"].contains(word));
        words.skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn the_help_of_every_command_has_exit_codes_and_examples_that_it_takes() {
        for command in Arguments::command().get_subcommands() {
            if command.is_hide_set() {
                continue;
            }
            let name = command.get_name();
            let after = command.get_after_help().map(ToString::to_string);
            let after = after.unwrap_or_else(|| panic!("{name}: nothing after its help"));
            assert!(after.contains("Exit codes: 0"), "{name}: {after}");
            let (_, examples) = after.split_once("Examples:\n").unwrap();
            for line in examples.lines() {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
            for example in examples.replace("\\\n", "").lines() {
                assert!(
                    example.starts_with("  cargo towerhook "),
                    "{name}: {example}"
                );
                Arguments::try_parse_from(words(example))
                    .unwrap_or_else(|why| panic!("{example}: {why}"));
            }
        }
    }

    #[test]
    fn help_is_80_columns_wide_where_there_is_no_terminal() {
        let help = Arguments::try_parse_from(["towerhook", "sandbox", "--help"]);
        let help = help.unwrap_err().to_string();
        assert!(widest(&help) <= 80, "{help}");
    }
}
