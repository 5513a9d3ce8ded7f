//! The programs that are measured, built as they ship, but with their symbols.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use towerhook_sandbox::functions::{
    FUNCTIONS, package_variables, target_directory, workspace_root,
};

/// The floor of a cold start: the Lambda runtime alone.
pub const BARE: &str = "bare";
/// The floor of a first call: the Lambda runtime and one signed call.
pub const BARE_CALL: &str = "bare-call";

/// The package of the two floors.
const FLOORS: &str = "towerhook-bench-bare";

/// Where each program's binary is.
#[derive(Debug, Clone)]
pub struct Binaries(BTreeMap<&'static str, PathBuf>);

impl Binaries {
    /// A program's binary. Names are [`BARE`], [`BARE_CALL`] and those of [`FUNCTIONS`].
    ///
    /// # Errors
    /// When no program has the name.
    pub fn path(&self, name: &str) -> anyhow::Result<&Path> {
        self.0
            .get(name)
            .map(PathBuf::as_path)
            .with_context(|| format!("{name} is not among the binaries"))
    }

    /// The three functions, in the order of [`FUNCTIONS`], each with its binary.
    pub fn functions(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        FUNCTIONS
            .iter()
            .filter_map(|(name, _)| self.0.get(name).map(|path| (*name, path.as_path())))
    }
}

/// Compiles the three functions and the two floors for this machine, in the profile that ships but
/// unstripped: symbols are not loaded, so they change no time and no memory, and they tell whose the
/// bytes are. Cargo's own progress goes to standard error.
///
/// # Errors
/// When cargo cannot be run or fails, or does not say where a binary is.
pub async fn build() -> anyhow::Result<Binaries> {
    let target = target_directory()?.join("towerhook/bench");
    // Together, since the floors ask for no feature of any crate that the functions do not ask for.
    let packages = FUNCTIONS.map(|(_, package)| package);
    let packages = packages.into_iter().chain([FLOORS]);
    let mut built = executables(cargo_build(&target, packages)).await?;
    let names = FUNCTIONS.map(|(name, _)| name);
    let paths = names.into_iter().chain([BARE, BARE_CALL]).map(|name| {
        let path = built.remove(name);
        let path = path.with_context(|| format!("cargo did not say where {name} is"))?;
        Ok((name, path))
    });
    Ok(Binaries(paths.collect::<anyhow::Result<_>>()?))
}

fn cargo_build<'a>(target: &Path, packages: impl IntoIterator<Item = &'a str>) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace_root())
        .args(["build", "--release", "--locked"])
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(target)
        .env("CARGO_PROFILE_RELEASE_STRIP", "none");
    for package in packages {
        command.args(["--package", package]);
    }
    for name in package_variables() {
        command.env_remove(name);
    }
    command
}

/// Runs cargo and collects the binaries that it names, by target.
async fn executables(mut cargo: Command) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut child = cargo
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot run cargo")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut lines = BufReader::new(output).lines();
    let mut found = BTreeMap::new();
    while let Some(line) = lines.next_line().await? {
        found.extend(built(&line));
    }
    let status = child.wait().await?;
    ensure!(status.success(), "cargo could not build the binaries");
    Ok(found)
}

/// The target's name and its binary, when the line of cargo's output is about one.
fn built(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let name = message["target"]["name"].as_str()?;
    let path = message["executable"].as_str()?;
    Some((name.to_owned(), path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_about_a_binary_name_one() {
        let binary =
            r#"{"reason":"compiler-artifact","target":{"name":"auth"},"executable":"/t/auth"}"#;
        assert_eq!(built(binary), Some(("auth".into(), "/t/auth".into())));
        for line in [
            r#"{"reason":"compiler-artifact","target":{"name":"libc"},"executable":null}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "warning: unused",
        ] {
            assert_eq!(built(line), None, "{line}");
        }
    }
}
