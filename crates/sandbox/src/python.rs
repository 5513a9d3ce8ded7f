//! Virtual environments for the Python programs that the sandbox and its tests run.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use tokio::process::Command;

/// The oldest Python that the pinned packages are resolved for.
const OLDEST: (u32, u32) = (3, 11);

/// Names to look for, the user's own choice first.
const INTERPRETERS: [&str; 6] = [
    "python3",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python",
];

/// A virtual environment in `directory` that holds exactly the packages of `requirements`, a
/// requirements file with hashes. One that was made from the same text is used again; another
/// is recreated. When several processes ask at once, one of them does the work. Returns the path
/// of its Python.
///
/// # Errors
/// When no Python 3.11 or later is found, or pip cannot install the packages.
pub async fn virtual_environment(directory: &Path, requirements: &str) -> anyhow::Result<PathBuf> {
    let python = directory.join("bin/python");
    let mark = directory.join("requirements.sha256");
    let digest = hex_digest(requirements);
    let parent = directory
        .parent()
        .context("a virtual environment needs a directory of its own")?;
    tokio::fs::create_dir_all(parent).await?;
    let _lock = lock(directory.with_extension("lock")).await?;
    if python.exists() && tokio::fs::read_to_string(&mark).await.ok() == Some(digest.clone()) {
        return Ok(python);
    }

    let interpreter = interpreter().await?;
    tracing::info!(directory = %directory.display(), "making a virtual environment");
    run(Command::new(interpreter)
        .args(["-m", "venv", "--clear"])
        .arg(directory))
    .await
    .context("the virtual environment cannot be made (on Debian and Ubuntu: apt-get install python3-venv)")?;
    let file = directory.join("requirements.txt");
    tokio::fs::write(&file, requirements).await?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--require-hashes"])
        .args(["--disable-pip-version-check", "--no-deps", "--requirement"])
        .arg(&file))
    .await
    .context("pip cannot install the pinned packages")?;
    tokio::fs::write(&mark, digest).await?;
    Ok(python)
}

/// The lock is held as long as the file is open.
async fn lock(path: PathBuf) -> anyhow::Result<File> {
    tokio::task::spawn_blocking(move || {
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        file.lock()
            .with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(file)
    })
    .await?
}

async fn interpreter() -> anyhow::Result<&'static str> {
    let mut found = Vec::new();
    for name in INTERPRETERS {
        let Ok(output) = Command::new(name).arg("--version").output().await else {
            continue;
        };
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match version(&text) {
            Some(version) if version >= OLDEST => return Ok(name),
            Some(_) => found.push(text),
            None => {}
        }
    }
    let (major, minor) = OLDEST;
    if found.is_empty() {
        bail!("the emulator needs Python {major}.{minor} or later, and no python3 was found");
    }
    bail!(
        "the emulator needs Python {major}.{minor} or later; found {}",
        found.join(", ")
    )
}

/// Major and minor from what `python --version` prints.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("Python ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().await?;
    if !output.status.success() {
        bail!(
            "{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

fn hex_digest(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("Python 3.9.18"), Some((3, 9)));
        assert!(version("Python 3.9.18").unwrap() < OLDEST);
        assert!(version("Python 3.14.0rc1").unwrap() > OLDEST);
        assert_eq!(version("pyenv: command not found"), None);
    }
}
