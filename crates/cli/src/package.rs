use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use tokio::process::Command;
use towerhook_sandbox::functions::{
    FUNCTIONS, package_variables, target_directory, workspace_root,
};
use towerhook_sandbox::python::virtual_environment;

use crate::arguments::{Architectures, Package};

/// cargo-lambda and zig, with hashes.
const REQUIREMENTS: &str = include_str!("../cargo-lambda.txt");

/// The settings that are passed to cargo-lambda, below the workspace's root.
const SETTINGS: &str = "cargo-lambda.toml";

/// What a function's zip may have at most, in bytes: a cold start reads all of it.
const LIMIT: u64 = 4_000_000;

/// The minor version of glibc 2 in provided.al2023.
const GLIBC: u32 = 34;

/// A processor that Lambda offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Processor {
    /// As the template's parameter names it; also the context in [`SETTINGS`].
    name: &'static str,
    /// Rust's target.
    target: &'static str,
    /// `e_machine` in the header of an ELF file.
    machine: u16,
}

const ARM64: Processor = Processor {
    name: "arm64",
    target: "aarch64-unknown-linux-gnu",
    machine: 183,
};

const X86_64: Processor = Processor {
    name: "x86_64",
    target: "x86_64-unknown-linux-gnu",
    machine: 62,
};

pub(crate) async fn run(arguments: &Package) -> anyhow::Result<ExitCode> {
    let processors: &[Processor] = match arguments.arch {
        Architectures::X86_64 => &[X86_64],
        Architectures::Arm64 => &[ARM64],
        Architectures::Both => &[ARM64, X86_64],
    };
    let root = workspace_root();
    let towerhook = target_directory()?.join("towerhook");
    println!("installing cargo-lambda and zig, unless they are there");
    let python = virtual_environment(&towerhook.join("cargo-lambda"), REQUIREMENTS).await?;
    for processor in processors {
        println!("building for {}", processor.name);
        add_target(processor).await?;
        let built = towerhook.join("lambda").join(processor.name);
        build(&root, &python, processor, &built).await?;
        let folder = arguments.output.join(processor.name);
        for (function, _) in FUNCTIONS {
            let zip = built.join(function).join("bootstrap.zip");
            check(&zip, processor).with_context(|| format!("{} is not fit", zip.display()))?;
            copy(&zip, &folder, &format!("{function}.zip"))?;
        }
    }
    let templates = root.join("templates");
    for entry in std::fs::read_dir(&templates).context("there are no templates")? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".yml") {
            copy(&entry.path(), &arguments.output.join("templates"), &name)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Rust's standard library for the processor. A toolchain without rustup must have it already.
async fn add_target(processor: &Processor) -> anyhow::Result<()> {
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
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => println!(
            "there is no rustup: the toolchain must have the target {}",
            processor.target
        ),
        Err(error) => return Err(error).context("cannot run rustup"),
    }
    Ok(())
}

async fn build(
    root: &Path,
    python: &Path,
    processor: &Processor,
    output: &Path,
) -> anyhow::Result<()> {
    // What an earlier build left would be taken for this one's.
    if output.exists() {
        std::fs::remove_dir_all(output)?;
    }
    let programs = python.parent().context("Python is in no folder")?;
    let mut path = vec![programs.to_owned()];
    path.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let mut command = Command::new(programs.join("cargo-lambda"));
    for name in package_variables() {
        command.env_remove(name);
    }
    let status = command
        .current_dir(root)
        .args(["lambda", "build", "--global", SETTINGS])
        .args(["--context", processor.name])
        .arg("--lambda-dir")
        .arg(output)
        .env("PATH", std::env::join_paths(path)?)
        .env("CARGO_ZIGBUILD_PYTHON_PATH", python)
        // Flags for this machine's processor would end up in the functions.
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

/// Whether Lambda can run what is in the zip.
fn check(zip: &Path, processor: &Processor) -> anyhow::Result<()> {
    let size = zip
        .metadata()
        .context("cargo-lambda did not make it")?
        .len();
    ensure!(
        size < LIMIT,
        "it has {size} bytes, and {LIMIT} are the limit"
    );
    let mut archive = zip::ZipArchive::new(File::open(zip)?)?;
    let mut file = archive.by_name("bootstrap")?;
    ensure!(
        file.unix_mode().is_some_and(|mode| mode & 0o111 == 0o111),
        "its bootstrap is not executable"
    );
    let mut binary = Vec::new();
    file.read_to_end(&mut binary)?;
    check_binary(&binary, processor)
}

fn check_binary(binary: &[u8], processor: &Processor) -> anyhow::Result<()> {
    let machine = match binary {
        [0x7f, b'E', b'L', b'F', rest @ ..] if rest.len() > 15 => {
            u16::from_le_bytes([rest[14], rest[15]])
        }
        _ => bail!("its bootstrap is not a Linux program"),
    };
    ensure!(
        machine == processor.machine,
        "its bootstrap is not for {}",
        processor.name
    );
    let needed = newest_glibc(binary);
    ensure!(
        needed <= GLIBC,
        "its bootstrap needs glibc 2.{needed}, and Lambda has 2.{GLIBC}"
    );
    Ok(())
}

/// The newest version of glibc 2 that a symbol of the binary asks for.
fn newest_glibc(binary: &[u8]) -> u32 {
    const MARK: &[u8] = b"GLIBC_2.";
    binary
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, window)| *window == MARK)
        .filter_map(|(at, _)| {
            let digits: String = binary[at + MARK.len()..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .map(|byte| char::from(*byte))
                .collect();
            digits.parse().ok()
        })
        .max()
        .unwrap_or(0)
}

fn copy(from: &Path, folder: &Path, name: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let to: PathBuf = folder.join(name);
    let bytes =
        std::fs::copy(from, &to).with_context(|| format!("cannot write {}", to.display()))?;
    println!("{:>9} bytes  {}", bytes, to.display());
    Ok(())
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
        check_binary(&program(183, symbols), &ARM64).unwrap();
        assert_eq!(newest_glibc(symbols), 34);
    }

    #[test]
    fn what_lambda_cannot_run_is_refused() {
        let refused = |binary: &[u8]| check_binary(binary, &ARM64).unwrap_err().to_string();
        assert!(refused(b"#!/bin/sh").contains("not a Linux program"));
        assert!(refused(&program(62, b"")).contains("not for arm64"));
        assert!(refused(&program(183, b"GLIBC_2.39\0")).contains("needs glibc 2.39"));
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
