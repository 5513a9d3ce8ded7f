//! What accompanies the zips of a release: digests, bills of materials, the licences of others and where the
//! release comes from. The same sources give the same bytes.

mod bill;
mod inventory;
mod notices;
mod provenance;
mod sums;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::lambda::{Processor, REQUIREMENTS, SETTINGS};
use crate::toolchain::Toolchain;
use crate::workspace_root;
use provenance::{Origin, provenance};
use sums::sums;
#[cfg(test)]
pub(crate) use sums::write as write_sums;
pub(crate) use sums::{digest, parse as parse_sums};

/// The bill of materials, in the folder of each processor.
const BILL: &str = "bom.cdx.json";
/// The licences of others.
const NOTICES: &str = "THIRD-PARTY-NOTICES";
/// Where the release comes from.
const PROVENANCE: &str = "provenance.json";
/// The digests of all other files.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// Writes what accompanies a release into its folder and answers the files' names. `files` are the zips and
/// the templates that are there already, each as its path with slashes in it.
///
/// # Errors
/// When cargo, rustc or git fail, a licence has no text, or a file cannot be read or written.
pub fn describe(
    folder: &Path,
    processors: &[Processor],
    files: &BTreeSet<String>,
) -> anyhow::Result<Vec<String>> {
    let release = env!("CARGO_PKG_VERSION");
    let mut made = BTreeMap::new();
    let mut all = inventory::Inventory::new();
    for processor in processors {
        let crates = inventory::read(*processor)?;
        let bill = bill::bill(&crates, processor.name, release)?;
        made.insert(format!("{}/{BILL}", processor.name), bill);
        all.extend(crates);
    }
    made.insert(NOTICES.to_owned(), notices::notices(&all)?);
    let mut outputs = sums(folder, files)?;
    outputs.extend(
        made.iter()
            .map(|(name, text)| (name.clone(), digest(text.as_bytes()))),
    );
    let statement = provenance(&origin(processors)?, &outputs);
    outputs.insert(PROVENANCE.to_owned(), digest(statement.as_bytes()));
    made.insert(PROVENANCE.to_owned(), statement);
    made.insert(SUMS.to_owned(), sums::write(&outputs));
    for (name, text) in &made {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("cannot create {}", parent.display()))?;
        }
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(made.into_keys().collect())
}

fn origin(processors: &[Processor]) -> anyhow::Result<Origin> {
    let root = workspace_root();
    let mut pins = sums(&root, &["Cargo.lock".to_owned(), SETTINGS.to_owned()])?;
    pins.insert(
        "crates/package/cargo-lambda.txt".to_owned(),
        digest(REQUIREMENTS.as_bytes()),
    );
    let toolchain = Toolchain::installed()?;
    let commit = git(&["rev-parse", "HEAD"])?;
    let changes = git(&["status", "--porcelain"])?;
    Ok(Origin {
        commit: commit.map(|commit| commit.trim().to_owned()),
        is_changed: changes.is_some_and(|changes| !changes.is_empty()),
        release: env!("CARGO_PKG_VERSION").to_owned(),
        rustc: (toolchain.release, toolchain.commit),
        processors: processors.iter().map(|one| one.name).collect(),
        pins,
    })
}

/// What git says of the workspace; none where it is in no clone, or where git is not installed.
fn git(arguments: &[&str]) -> anyhow::Result<Option<String>> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(workspace_root())
        .output();
    match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8(output.stdout).context("git does not answer with text")?;
            Ok(Some(text))
        }
        Ok(_) => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("cannot run git"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::{ARM64, X86_64};

    fn release(processors: &[Processor]) -> (tempfile::TempDir, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let files = ["arm64/auth.zip", "templates/expel.template.yml"];
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        let files = files.map(str::to_owned).into();
        let made = describe(folder.path(), processors, &files).unwrap();
        (folder, made)
    }

    #[test]
    fn a_release_in_another_folder_has_the_same_bytes() {
        let (one, made) = release(&[ARM64, X86_64]);
        let (two, _) = release(&[ARM64, X86_64]);
        assert_eq!(
            made,
            [
                "SHA256SUMS",
                "THIRD-PARTY-NOTICES",
                "arm64/bom.cdx.json",
                "provenance.json",
                "x86_64/bom.cdx.json"
            ]
        );
        let root = workspace_root();
        for name in made {
            let [one, two] =
                [&one, &two].map(|folder| std::fs::read_to_string(folder.path().join(&name)));
            let one = one.unwrap();
            assert_eq!(one, two.unwrap(), "{name}");
            assert!(!one.contains(root.to_str().unwrap()), "{name}");
        }
    }

    #[test]
    fn the_sums_are_those_of_every_other_file() {
        let (folder, made) = release(&[ARM64]);
        let text = std::fs::read_to_string(folder.path().join(SUMS)).unwrap();
        let mut named = BTreeSet::new();
        for line in text.lines() {
            let (sum, name) = line.split_once("  ").unwrap();
            let bytes = std::fs::read(folder.path().join(name)).unwrap();
            assert_eq!(sum, digest(&bytes), "{name}");
            named.insert(name);
        }
        let others = made.iter().map(String::as_str).filter(|name| *name != SUMS);
        let mut expected: BTreeSet<_> = others.collect();
        expected.extend(["arm64/auth.zip", "templates/expel.template.yml"]);
        assert_eq!(named, expected);
    }
}
