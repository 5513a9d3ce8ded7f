use std::path::PathBuf;

use clap::Args;
use towerhook_sandbox::Name;

#[derive(Debug, Args)]
#[command(
    // What clap writes is longer than a line, and wraps nowhere.
    override_usage = "cargo towerhook publish [OPTIONS] --version VERSION\n       \
                      --bucket-prefix PREFIX --regions REGIONS",
    after_help = "\
Exit codes: 0 published, or shown; 1 error.

Examples:
  cargo towerhook publish --version 0.1.0 --bucket-prefix acme-towerhook \\
      --regions eu-west-1 --dry-run
  cargo towerhook publish --version 0.1.0 --bucket-prefix acme-towerhook \\
      --regions eu-west-1,us-east-1"
)]
pub(crate) struct Publish {
    /// The release, which must be this clone's.
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: String,
    /// The beginning of the buckets' names: each is called PREFIX-REGION.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) bucket_prefix: String,
    /// The Regions, with commas between them.
    #[arg(long, value_name = "REGIONS", value_delimiter = ',', required = true)]
    pub(crate) regions: Vec<String>,
    /// The folder that `package` has written.
    #[arg(long, value_name = "FOLDER", default_value = "dist")]
    pub(crate) input: PathBuf,
    /// Make buckets that do not exist: private, and keeping the versions of their objects.
    #[arg(long)]
    pub(crate) make_buckets: bool,
    /// Show what would be uploaded, without a call of AWS.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Publish to the running sandbox, or of several to the one with this name.
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        require_equals = true,
        conflicts_with = "dry_run"
    )]
    pub(crate) sandbox: Option<Option<Name>>,
}
