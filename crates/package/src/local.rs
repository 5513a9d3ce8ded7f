//! The functions built for this machine, as the sandbox runs them: it starts the binaries that cargo
//! builds and never links them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;

use crate::{FUNCTIONS, Packing, executables, target_directory, workspace_root, zip_bootstrap};

/// What the binaries are built from, below the workspace's root.
const SOURCES: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "templates",
    "crates/core",
    "crates/http",
    "crates/aws",
    "crates/providers",
    "crates/runtime",
    "crates/setup",
    "crates/account",
    "crates/auth",
];

/// How the functions are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Cargo's dev profile: quick to compile, large to store.
    #[default]
    Quick,
    /// The profile that ships.
    Release,
}

impl Profile {
    /// The folder below cargo's target folder.
    fn directory(self) -> &'static str {
        match self {
            Self::Quick => "debug",
            Self::Release => "release",
        }
    }
}

/// The zips of the three functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionZips {
    /// `setup.zip`
    pub setup: PathBuf,
    /// `account.zip`
    pub account: PathBuf,
    /// `auth.zip`
    pub auth: PathBuf,
}

impl FunctionZips {
    /// Each zip with the name that the template asks for.
    #[must_use]
    pub fn named(&self) -> [(&'static str, &Path); 3] {
        [
            ("setup.zip", &self.setup),
            ("account.zip", &self.account),
            ("auth.zip", &self.auth),
        ]
    }
}

/// The processor of this machine, as the template's parameter `Architecture` names it.
#[must_use]
pub fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x86_64"
    }
}

/// Compiles the functions for this machine and zips each as a `bootstrap`. Binaries newer than all of
/// their sources are reused, so that nothing is compiled twice after a build of the whole workspace.
/// Cargo's own progress goes to standard error.
///
/// # Errors
/// When cargo cannot be run or fails, or a zip cannot be written.
pub fn build(profile: Profile) -> anyhow::Result<FunctionZips> {
    let root = workspace_root();
    let target = target_directory()?;
    let built = target.join(profile.directory());
    let zips = target.join("towerhook/functions").join(profile.directory());
    std::fs::create_dir_all(&zips)?;
    let lock = File::create(zips.join(".lock"))?;
    lock.lock()
        .with_context(|| format!("cannot lock {}", zips.display()))?;

    let existing = FUNCTIONS.map(|(name, _)| built.join(name));
    let binaries = if up_to_date(&existing, &root)? {
        existing
    } else {
        compile(profile, &target)?
    };
    let mut paths = Vec::new();
    for ((name, _), binary) in FUNCTIONS.iter().zip(&binaries) {
        let path = zips.join(format!("{name}.zip"));
        if !newer(&path, modified(binary)?) {
            // It stays on this machine, and compressing a dev build would take longest of all.
            zip_bootstrap(binary, &path, Packing::Stored)?;
        }
        paths.push(path);
    }
    let [setup, account, auth] = <[PathBuf; 3]>::try_from(paths)
        .map_err(|paths| anyhow::anyhow!("expected three zips, got {}", paths.len()))?;
    Ok(FunctionZips {
        setup,
        account,
        auth,
    })
}

fn compile(profile: Profile, target: &Path) -> anyhow::Result<[PathBuf; 3]> {
    let packages = FUNCTIONS.map(|(_, package)| package);
    let mut built = executables(target, packages, |command| {
        if profile == Profile::Release {
            command.arg("--release");
        }
    })?;
    let [setup, account, auth] = FUNCTIONS.map(|(name, _)| {
        let path = built.remove(name);
        path.with_context(|| format!("cargo did not say where {name} is"))
    });
    Ok([setup?, account?, auth?])
}

fn up_to_date(binaries: &[PathBuf], root: &Path) -> anyhow::Result<bool> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for source in SOURCES {
        newest = newest.max(newest_below(&root.join(source))?);
    }
    Ok(binaries.iter().all(|binary| newer(binary, newest)))
}

/// When the file, or the newest file below the folder, was last modified.
fn newest_below(path: &Path) -> anyhow::Result<SystemTime> {
    let mut newest = modified(path)?;
    if path.is_dir() {
        newest = SystemTime::UNIX_EPOCH;
        for entry in std::fs::read_dir(path)? {
            newest = newest.max(newest_below(&entry?.path())?);
        }
    }
    Ok(newest)
}

fn modified(path: &Path) -> anyhow::Result<SystemTime> {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .with_context(|| format!("cannot read {}", path.display()))
}

fn newer(path: &Path, than: SystemTime) -> bool {
    modified(path).is_ok_and(|changed| changed > than)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_is_reused_only_when_it_is_newer_than_its_sources() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let at = |path: &Path, seconds: u64| {
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_modified(time)
                .unwrap();
        };
        for source in SOURCES {
            let path = root.join(source);
            let file = if source.contains('.') {
                path
            } else {
                std::fs::create_dir_all(path.join("src")).unwrap();
                path.join("src/lib.rs")
            };
            std::fs::write(&file, "").unwrap();
            at(&file, 1000);
        }
        let binary = root.join("setup");
        assert!(
            !up_to_date(std::slice::from_ref(&binary), root).unwrap(),
            "there is none"
        );
        std::fs::write(&binary, "").unwrap();
        at(&binary, 1001);
        assert!(up_to_date(std::slice::from_ref(&binary), root).unwrap());
        at(&root.join("crates/core/src/lib.rs"), 1002);
        assert!(!up_to_date(&[binary], root).unwrap());
    }

    #[test]
    fn every_source_exists() {
        for source in SOURCES {
            assert!(workspace_root().join(source).exists(), "{source}");
        }
    }
}
