//! The measured programs, built as they ship but with symbols.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use towerhook_package::{FUNCTIONS, executables, target_directory};

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
/// unstripped: symbols are not loaded, so they affect neither time nor memory, and they attribute the
/// bytes to crates. Cargo's own progress goes to standard error.
///
/// # Errors
/// When cargo cannot be run or fails, or does not say where a binary is.
pub async fn build() -> anyhow::Result<Binaries> {
    let target = target_directory()?.join("towerhook/bench");
    // In one build, since the floors enable no feature of any crate that the functions do not.
    let packages = FUNCTIONS.map(|(_, package)| package);
    let packages = packages.into_iter().chain([FLOORS]);
    let cargo = move || {
        executables(&target, packages, |command| {
            command
                .args(["--release", "--locked"])
                .env("CARGO_PROFILE_RELEASE_STRIP", "none");
        })
    };
    let mut built = tokio::task::spawn_blocking(cargo).await??;
    let names = FUNCTIONS.map(|(name, _)| name);
    let paths = names.into_iter().chain([BARE, BARE_CALL]).map(|name| {
        let path = built.remove(name);
        let path = path.with_context(|| format!("cargo did not say where {name} is"))?;
        Ok((name, path))
    });
    Ok(Binaries(paths.collect::<anyhow::Result<_>>()?))
}
