use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::workspace_root;

/// Variables with these prefixes name the package of the running program.
const PACKAGE_VARIABLES: [&str; 4] = [
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_BIN_",
    "CARGO_CRATE_",
];

/// The command without the environment variables that name the running program's package. A cargo
/// that inherits them rebuilds ring and everything above it: ring's build script depends on them.
pub fn without_package_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if PACKAGE_VARIABLES.iter().any(|one| text.starts_with(one)) {
            command.env_remove(name);
        }
    }
}

/// Builds packages of this workspace with cargo and answers where each binary is, by its name. Cargo's
/// own progress goes to standard error. `more` adds arguments and environment to the command.
///
/// # Errors
/// When cargo cannot be run or fails.
pub fn executables<'a>(
    target: &Path,
    packages: impl IntoIterator<Item = &'a str>,
    more: impl FnOnce(&mut Command),
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command
        .current_dir(workspace_root())
        .args(["build", "--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(target);
    for package in packages {
        command.args(["--package", package]);
    }
    without_package_variables(&mut command);
    more(&mut command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", cargo.display()))?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut found = BTreeMap::new();
    for line in BufReader::new(output).lines() {
        found.extend(executable(&line?));
    }
    let status = child.wait()?;
    ensure!(status.success(), "cargo could not build the functions");
    Ok(found)
}

/// The target's name and its binary, if a line of cargo's output reports one.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let name = message["target"]["name"].as_str()?;
    let path = message["executable"].as_str()?;
    Some((name.to_owned(), path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_about_a_binary_names_one() {
        let binary =
            r#"{"reason":"compiler-artifact","target":{"name":"auth"},"executable":"/t/auth"}"#;
        assert_eq!(executable(binary), Some(("auth".into(), "/t/auth".into())));
        for line in [
            r#"{"reason":"compiler-artifact","target":{"name":"libc"},"executable":null}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "warning: unused",
        ] {
            assert_eq!(executable(line), None, "{line}");
        }
    }

    #[test]
    fn cargo_does_not_inherit_the_package_of_the_running_program() {
        let mut command = Command::new("cargo");
        without_package_variables(&mut command);
        let removed: Vec<_> = command.get_envs().map(|(name, _)| name).collect();
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME"] {
            assert!(removed.contains(&name.as_ref()), "{removed:?}");
        }
        for name in ["CARGO", "CARGO_HOME", "PATH"] {
            assert!(!removed.contains(&name.as_ref()), "{removed:?}");
        }
    }
}
