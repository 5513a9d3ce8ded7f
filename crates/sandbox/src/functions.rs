//! The three functions, built for this machine and zipped as Lambda wants them.
//!
//! The sandbox runs the code that ships: it starts the binaries that cargo builds and never links
//! them.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The functions by name, each with its package, whose binary has the function's name.
pub const FUNCTIONS: [(&str, &str); 3] = [
    ("setup", "towerhook-setup"),
    ("account", "towerhook-account"),
    ("auth", "towerhook-auth"),
];

/// The sources of the binaries, below the workspace's root.
const SOURCES: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "templates",
    "crates/core",
    "crates/http",
    "crates/aws",
    "crates/saas",
    "crates/runtime",
    "crates/setup",
    "crates/account",
    "crates/auth",
];

/// The level from which on the `zip` crate deflates with Zopfli. Each further one is an iteration
/// more: ten of them take 0.2 % off, and as long again.
const ZOPFLI: i64 = 10;

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

/// The root of the workspace that this was compiled from.
#[must_use]
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Cargo's target folder, found from the program that runs, which cargo has put there.
///
/// # Errors
/// When the running program is not in a target folder.
pub fn target_directory() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("the running program has no path")?;
    program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .map(Path::to_owned)
        .with_context(|| format!("{} is not in a target folder of cargo", program.display()))
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

/// The environment variables that tell the running program which package it belongs to. A cargo
/// that inherits them rebuilds ring and its dependents: ring's build script depends on them.
pub fn package_variables() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        [
            "CARGO_MANIFEST_",
            "CARGO_PKG_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix))
    })
}

/// Compiles the functions for this machine and zips each as a `bootstrap`. Binaries that are newer
/// than everything they are made from are taken as they are, so that after a build of the whole
/// workspace nothing is compiled a second time. Cargo's own progress goes to standard error.
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
        compile(profile, &root, &target)?
    };
    let mut paths = Vec::new();
    for ((name, _), binary) in FUNCTIONS.iter().zip(&binaries) {
        let path = zips.join(format!("{name}.zip"));
        if !newer(&path, modified(binary)?) {
            // It is never downloaded, and compressing in the dev profile takes longer than the
            // rest.
            zip_bootstrap(binary, &path, Packing::Stored)?;
        }
        paths.push(path);
    }
    let [setup, account, auth] = <[PathBuf; 3]>::try_from(paths)
        .map_err(|paths| anyhow::anyhow!("{} zips in place of three", paths.len()))?;
    Ok(FunctionZips {
        setup,
        account,
        auth,
    })
}

fn compile(profile: Profile, root: &Path, target: &Path) -> anyhow::Result<[PathBuf; 3]> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command
        .current_dir(root)
        .arg("build")
        .args(["--message-format", "json-render-diagnostics"])
        .arg("--target-dir")
        .arg(target);
    for name in package_variables() {
        command.env_remove(name);
    }
    for (_, package) in FUNCTIONS {
        command.args(["--package", package]);
    }
    if profile == Profile::Release {
        command.arg("--release");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", cargo.display()))?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut binaries: [Option<PathBuf>; 3] = [None, None, None];
    for line in BufReader::new(output).lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line?) else {
            continue;
        };
        let Some(executable) = message["executable"].as_str() else {
            continue;
        };
        let name = message["target"]["name"].as_str();
        for (slot, (function, _)) in binaries.iter_mut().zip(FUNCTIONS) {
            if name == Some(function) {
                *slot = Some(executable.into());
            }
        }
    }
    let status = child.wait()?;
    ensure!(status.success(), "cargo could not build the functions");
    match binaries {
        [Some(setup), Some(account), Some(auth)] => Ok([setup, account, auth]),
        _ => bail!("cargo did not say where the functions' binaries are"),
    }
}

fn up_to_date(binaries: &[PathBuf], root: &Path) -> anyhow::Result<bool> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for source in SOURCES {
        newest = newest.max(newest_below(&root.join(source))?);
    }
    Ok(binaries.iter().all(|binary| newer(binary, newest)))
}

/// When the file, or the newest file below the folder, was changed.
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

/// The compression of a binary in its zip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// As it is.
    Stored,
    /// In few bytes, which takes half a minute.
    Small,
}

/// Zips a binary as a `bootstrap` that Lambda can run. The same binary makes the same bytes, so
/// that the same code has the same digest in AWS.
///
/// # Errors
/// When the binary cannot be read or the zip cannot be written.
pub fn zip_bootstrap(binary: &Path, path: &Path, packing: Packing) -> anyhow::Result<()> {
    let content =
        std::fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let fresh = path.with_extension("new");
    let mut zip = ZipWriter::new(File::create(&fresh)?);
    let options = SimpleFileOptions::default()
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let options = match packing {
        Packing::Stored => options.compression_method(CompressionMethod::Stored),
        // Zopfli deflates the better the more it sees at once, so it is given no buffer.
        Packing::Small => options
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(ZOPFLI))
            .with_zopfli_buffer(None),
    };
    zip.start_file("bootstrap", options)?;
    zip.write_all(&content)?;
    zip.finish()?;
    std::fs::rename(&fresh, path).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_zip_holds_an_executable_bootstrap_and_is_always_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let binary = directory.path().join("setup");
        let program = b"\x7fELF and so on".repeat(100);
        std::fs::write(&binary, &program).unwrap();
        let mut sizes = Vec::new();
        for packing in [Packing::Stored, Packing::Small] {
            let [one, two] = ["one.zip", "two.zip"].map(|name| directory.path().join(name));
            zip_bootstrap(&binary, &one, packing).unwrap();
            zip_bootstrap(&binary, &two, packing).unwrap();
            assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
            sizes.push(one.metadata().unwrap().len());
            let mut zip = zip::ZipArchive::new(File::open(&one).unwrap()).unwrap();
            assert_eq!(zip.len(), 1);
            let mut file = zip.by_name("bootstrap").unwrap();
            assert_eq!(file.unix_mode().unwrap() & 0o777, 0o755);
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            assert_eq!(content, program);
        }
        assert!(sizes[1] < sizes[0], "{sizes:?}");
    }

    #[test]
    fn a_binary_is_taken_only_when_it_is_newer_than_its_sources() {
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
    fn cargo_is_not_told_of_the_package_that_runs() {
        let names: Vec<_> = package_variables().collect();
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME"] {
            assert!(names.contains(&name.into()), "{names:?}");
        }
        for name in ["CARGO", "CARGO_HOME", "PATH"] {
            assert!(!names.contains(&name.into()), "{names:?}");
        }
    }

    #[test]
    fn the_workspace_and_the_target_folder_are_found() {
        for source in SOURCES {
            assert!(workspace_root().join(source).exists(), "{source}");
        }
        assert!(target_directory().unwrap().join("CACHEDIR.TAG").exists());
    }
}
