use std::process::ExitCode;

use crate::arguments::Package;

pub(crate) async fn run(_: &Package) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
