use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::workspace_root;

/// The compiler of this workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// Its version, such as `1.95.0`.
    pub(crate) release: String,
    /// The commit that it was built from.
    pub(crate) commit: String,
    /// The folder that it is installed in.
    pub(crate) sysroot: PathBuf,
}

impl Toolchain {
    /// Asks the compiler that cargo would run.
    pub(crate) fn installed() -> anyhow::Result<Self> {
        let (release, commit) = named(&rustc(&["--version", "--verbose"])?)?;
        let sysroot = rustc(&["--print", "sysroot"])?.trim().into();
        Ok(Self {
            release,
            commit,
            sysroot,
        })
    }
}

fn rustc(arguments: &[&str]) -> anyhow::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc)
        .args(arguments)
        .current_dir(workspace_root())
        .output()
        .with_context(|| format!("cannot run {}", rustc.display()))?;
    ensure!(output.status.success(), "rustc fails on {arguments:?}");
    String::from_utf8(output.stdout).context("rustc does not answer with text")
}

/// The release and the commit in what `rustc -vV` says.
fn named(version: &str) -> anyhow::Result<(String, String)> {
    let value = |key: &str| {
        let mut lines = version.lines();
        lines
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
            .map(str::to_owned)
            .with_context(|| format!("rustc says no {key}"))
    };
    Ok((value("release")?, value("commit-hash")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_says_its_release_and_commit() {
        let version =
            "rustc 1.95.0 (5980 2026)\nbinary: rustc\ncommit-hash: 5980abc\nrelease: 1.95.0\n";
        assert_eq!(
            named(version).unwrap(),
            ("1.95.0".to_owned(), "5980abc".to_owned())
        );
        let refused = named("release: 1.95.0\n").unwrap_err().to_string();
        assert!(refused.contains("commit-hash"), "{refused}");
    }

    #[test]
    fn the_installed_compiler_is_found() {
        let toolchain = Toolchain::installed().unwrap();
        assert!(toolchain.sysroot.join("lib/rustlib").is_dir());
        assert!(toolchain.release.starts_with("1."), "{toolchain:?}");
    }
}
