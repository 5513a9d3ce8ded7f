//! The functions as they are uploaded: compiled for Lambda's processors and zipped.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use tokio::process::Command;

use crate::python::virtual_environment;
use crate::toolchain::Toolchain;
use crate::{
    FUNCTIONS, Packing, target_directory, without_package_variables, workspace_root, zip_bootstrap,
};

/// cargo-lambda and zig, with hashes.
pub(crate) const REQUIREMENTS: &str = include_str!("../cargo-lambda.txt");

/// cargo-lambda's settings, below the workspace's root.
pub(crate) const SETTINGS: &str = "cargo-lambda.toml";

/// The minor version of glibc 2 in provided.al2023.
const GLIBC: u32 = 34;

/// A processor that Lambda offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processor {
    /// As the template's parameter names it; also the context in cargo-lambda's settings.
    pub name: &'static str,
    /// Rust's target.
    target: &'static str,
    /// `e_machine` in the header of an ELF file.
    machine: u16,
}

impl Processor {
    /// Rust's target.
    pub(crate) fn target(self) -> &'static str {
        self.target
    }
}

/// The template's default processor.
pub const ARM64: Processor = Processor {
    name: "arm64",
    target: "aarch64-unknown-linux-gnu",
    machine: 183,
};

/// The alternative to [`ARM64`].
pub const X86_64: Processor = Processor {
    name: "x86_64",
    target: "x86_64-unknown-linux-gnu",
    machine: 62,
};

/// A function as it is uploaded.
#[derive(Debug, Clone, Serialize)]
pub struct Packaged {
    /// The function's name.
    pub function: &'static str,
    /// Where the zip is.
    #[serde(skip)]
    pub zip: PathBuf,
    /// The size of the program.
    pub bootstrap_bytes: u64,
    /// The size of the zip.
    pub zip_bytes: u64,
}

/// Compiles the functions for a processor and zips each, below cargo's target folder. `tell` is
/// called with each step; the tools' own progress goes to standard error.
///
/// # Errors
/// When cargo-lambda cannot be installed or fails, or Lambda could not run a binary that it built.
pub async fn build(
    processor: Processor,
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Vec<Packaged>> {
    let towerhook = target_directory()?.join("towerhook");
    tell("installing cargo-lambda and zig, unless they are installed");
    let python = virtual_environment(&towerhook.join("cargo-lambda"), REQUIREMENTS).await?;
    tell(&format!("building for {}", processor.name));
    add_target(processor, tell).await?;
    let folder = towerhook.join("lambda").join(processor.name);
    compile(&python, processor, &folder).await?;
    tell("zipping");
    let zipping = FUNCTIONS.map(|(function, _)| {
        let folder = folder.join(function);
        tokio::task::spawn_blocking(move || pack(function, processor, &folder))
    });
    let mut packages = Vec::new();
    for package in zipping {
        packages.push(package.await??);
    }
    Ok(packages)
}

/// Installs Rust's standard library for the processor. A toolchain without rustup must have it already.
async fn add_target(processor: Processor, tell: &(dyn Fn(&str) + Sync)) -> anyhow::Result<()> {
    let added = Command::new("rustup")
        .args(["target", "add", processor.target])
        .status()
        .await;
    match added {
        Ok(status) => ensure!(
            status.success(),
            "rustup cannot add the target {}",
            processor.target
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => tell(&format!(
            "no rustup found: the toolchain must have the target {}",
            processor.target
        )),
        Err(error) => return Err(error).context("cannot run rustup"),
    }
    Ok(())
}

async fn compile(python: &Path, processor: Processor, output: &Path) -> anyhow::Result<()> {
    // Otherwise the output of an earlier build could pass for this one's.
    if output.exists() {
        std::fs::remove_dir_all(output)?;
    }
    let programs = python.parent().context("Python is in no folder")?;
    let mut path = vec![programs.to_owned()];
    path.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let mut command = Command::new(programs.join("cargo-lambda"));
    without_package_variables(command.as_std_mut());
    let status = command
        .current_dir(workspace_root())
        .args(["lambda", "build", "--global", SETTINGS])
        .args(["--context", processor.name])
        .arg("--config")
        .arg(without_paths(
            &workspace_root(),
            &cargo_home()?,
            &Toolchain::installed()?,
        ))
        .arg("--lambda-dir")
        .arg(output)
        .env("PATH", std::env::join_paths(path)?)
        .env("CARGO_ZIGBUILD_PYTHON_PATH", python)
        // Flags meant for this machine's processor would end up in the functions, and either variable would
        // put those of the settings and of cargo-lambda out of force.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .await
        .context("cannot run cargo-lambda")?;
    ensure!(
        status.success(),
        "cargo-lambda could not build the functions for {}",
        processor.name
    );
    Ok(())
}

/// The setting of cargo that keeps the folders of this machine out of the programs, where messages of panics
/// name source files: a clone in another folder gives the same bytes. It joins the flags that cargo-lambda
/// sets itself, which RUSTFLAGS would replace.
fn without_paths(root: &Path, cargo_home: &Path, toolchain: &Toolchain) -> String {
    // Without this component, the compiler writes the same by itself.
    let library = toolchain.sysroot.join("lib/rustlib/src/rust");
    let flags = [
        (root, "/towerhook".to_owned()),
        (cargo_home, "/cargo".to_owned()),
        (&library, format!("/rustc/{}", toolchain.commit)),
    ]
    .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    format!("build.rustflags={}", serde_json::json!(flags))
}

/// Where cargo keeps the sources of dependencies.
fn cargo_home() -> anyhow::Result<PathBuf> {
    match std::env::var_os("CARGO_HOME") {
        Some(folder) => Ok(folder.into()),
        None => Ok(std::env::home_dir()
            .context("there is no home folder")?
            .join(".cargo")),
    }
}

/// Zips the `bootstrap` in the function's folder after checking that Lambda can run it.
fn pack(function: &'static str, processor: Processor, folder: &Path) -> anyhow::Result<Packaged> {
    let binary = folder.join("bootstrap");
    let content = std::fs::read(&binary)
        .with_context(|| format!("cargo-lambda did not build {}", binary.display()))?;
    check(&content, processor)
        .with_context(|| format!("Lambda cannot run {}", binary.display()))?;
    let zip = folder.join(format!("{function}.zip"));
    zip_bootstrap(&binary, &zip, Packing::Small)?;
    Ok(Packaged {
        function,
        bootstrap_bytes: content.len() as u64,
        zip_bytes: zip.metadata()?.len(),
        zip,
    })
}

/// Checks that Lambda can run the program.
fn check(program: &[u8], processor: Processor) -> anyhow::Result<()> {
    let machine = match program {
        [0x7f, b'E', b'L', b'F', rest @ ..] if rest.len() > 15 => {
            u16::from_le_bytes([rest[14], rest[15]])
        }
        _ => bail!("it is not a Linux program"),
    };
    ensure!(
        machine == processor.machine,
        "it is not for {}",
        processor.name
    );
    let needed = newest_glibc(program);
    ensure!(
        needed <= GLIBC,
        "it needs glibc 2.{needed}, and Lambda has 2.{GLIBC}"
    );
    Ok(())
}

/// The newest version of glibc 2 that a symbol of the program requires.
fn newest_glibc(program: &[u8]) -> u32 {
    const MARK: &[u8] = b"GLIBC_2.";
    program
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, window)| *window == MARK)
        .filter_map(|(at, _)| {
            let digits: String = program[at + MARK.len()..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .map(|byte| char::from(*byte))
                .collect();
            digits.parse().ok()
        })
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(machine: u16, rest: &[u8]) -> Vec<u8> {
        let mut program = vec![0; 18];
        program[..4].copy_from_slice(b"\x7fELF");
        program.extend(machine.to_le_bytes());
        program.extend(rest);
        program
    }

    #[test]
    fn a_program_for_lambda_passes() {
        let symbols = b"..GLIBC_2.17\0GLIBC_2.34\0GLIBC_2.3.4\0";
        check(&program(183, symbols), ARM64).unwrap();
        assert_eq!(newest_glibc(symbols), 34);
    }

    #[test]
    fn a_program_that_lambda_cannot_run_is_refused() {
        let refused = |program: &[u8]| check(program, ARM64).unwrap_err().to_string();
        assert!(refused(b"#!/bin/sh").contains("not a Linux program"));
        assert!(refused(&program(62, b"")).contains("not for arm64"));
        assert!(refused(&program(183, b"GLIBC_2.39\0")).contains("needs glibc 2.39"));
    }

    #[test]
    fn a_packed_function_reports_its_sizes() {
        let folder = tempfile::tempdir().unwrap();
        let binary = program(183, &[0; 1000]);
        std::fs::write(folder.path().join("bootstrap"), &binary).unwrap();
        let packaged = pack("auth", ARM64, folder.path()).unwrap();
        assert_eq!(packaged.bootstrap_bytes, binary.len() as u64);
        assert_eq!(packaged.zip, folder.path().join("auth.zip"));
        assert!((100..500).contains(&packaged.zip_bytes), "{packaged:?}");
    }

    #[test]
    fn the_programs_name_no_folder_of_this_machine() {
        let toolchain = Toolchain {
            release: "1.95.0".to_owned(),
            commit: "5980".to_owned(),
            sysroot: "/rust".into(),
        };
        let setting = without_paths(Path::new("/clone"), Path::new("/home/c"), &toolchain);
        let setting: toml::Table = setting.parse().unwrap();
        let flags = setting["build"]["rustflags"].clone();
        assert_eq!(
            flags.try_into::<Vec<String>>().unwrap(),
            [
                "--remap-path-prefix=/clone=/towerhook",
                "--remap-path-prefix=/home/c=/cargo",
                "--remap-path-prefix=/rust/lib/rustlib/src/rust=/rustc/5980",
            ]
        );
    }

    #[test]
    fn every_package_is_pinned_with_hashes() {
        let pinned = |line: &&str| line.starts_with(|first: char| first.is_ascii_alphabetic());
        for line in REQUIREMENTS.lines().filter(pinned) {
            assert!(line.contains("=="), "{line}");
        }
        for package in ["cargo-lambda==", "ziglang=="] {
            assert!(REQUIREMENTS.contains(package), "{package}");
        }
        assert!(REQUIREMENTS.contains("--hash=sha256:"));
    }
}
