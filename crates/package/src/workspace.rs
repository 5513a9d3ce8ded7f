use std::path::{Path, PathBuf};

use anyhow::Context;

/// The root of the workspace that this was compiled from.
#[must_use]
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Cargo's target folder, found from the running program, which cargo has put there.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_and_the_target_folder_are_found() {
        assert!(workspace_root().join("Cargo.lock").exists());
        assert!(target_directory().unwrap().join("CACHEDIR.TAG").exists());
    }
}
