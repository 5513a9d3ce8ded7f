//! What the functions are compiled from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use cargo_metadata::{Metadata, MetadataCommand};
use serde::Deserialize;
use spdx::Expression;

use crate::lambda::Processor;
use crate::{FUNCTIONS, without_package_variables, workspace_root};

/// A crate's name and version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CrateId {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// A crate that a function is compiled from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crate {
    /// The SPDX expression of its licence.
    pub(crate) license: String,
    /// The SHA-256 of its package, as the lock file has it; none for a crate of this workspace.
    pub(crate) checksum: Option<String>,
    /// Where its sources are.
    pub(crate) folder: PathBuf,
    /// The crates that it uses itself.
    pub(crate) dependencies: BTreeSet<CrateId>,
}

/// The crates of the functions, in order.
pub(crate) type Inventory = BTreeMap<CrateId, Crate>;

/// The crates that the functions are compiled from for a processor: normal dependencies, with the features
/// that a build of the functions alone has. The code that procedural macros write is in the functions, so
/// those count, too.
pub(crate) fn read(processor: Processor) -> anyhow::Result<Inventory> {
    let root = workspace_root();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command
        .current_dir(&root)
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "depth"])
        .args(["--format", "{p}", "--target", processor.target()]);
    for (_, package) in FUNCTIONS {
        command.args(["--package", package]);
    }
    without_package_variables(&mut command);
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", cargo.display()))?;
    ensure!(
        output.status.success(),
        "cargo cannot list the dependencies: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).context("cargo does not answer with text")?;
    let metadata = MetadataCommand::new()
        .current_dir(&root)
        .other_options(["--locked".to_owned()])
        .exec()
        .context("cargo cannot describe the dependencies")?;
    let lock = root.join("Cargo.lock");
    let lock = std::fs::read_to_string(&lock)
        .with_context(|| format!("cannot read {}", lock.display()))?;
    inventory(&tree, &metadata, &lock)
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

fn inventory(tree: &str, metadata: &Metadata, lock: &str) -> anyhow::Result<Inventory> {
    let lock: Lock = toml::from_str(lock).context("the lock file cannot be read")?;
    let checksums: BTreeMap<_, _> = lock
        .package
        .into_iter()
        .map(
            |Locked {
                 name,
                 version,
                 checksum,
             }| (CrateId { name, version }, checksum),
        )
        .collect();
    let mut packages: BTreeMap<CrateId, _> = BTreeMap::new();
    for package in &metadata.packages {
        let id = CrateId {
            name: package.name.to_string(),
            version: package.version.to_string(),
        };
        packages.insert(id, package);
    }
    let mut inventory = Inventory::new();
    for (id, dependencies) in edges(tree)? {
        let shown = format!("{} {}", id.name, id.version);
        let package = packages.get(&id);
        let package = package.with_context(|| format!("cargo does not describe {shown}"))?;
        let license = package.license.as_deref().unwrap_or_default();
        let license = Expression::canonicalize(license)
            .with_context(|| format!("the licence of {shown} is no SPDX expression"))?
            .unwrap_or_else(|| license.to_owned());
        ensure!(!license.is_empty(), "{shown} has no licence");
        let checksum = checksums
            .get(&id)
            .with_context(|| format!("the lock file does not have {shown}"))?;
        let folder = package.manifest_path.parent();
        let one = Crate {
            license,
            checksum: checksum.clone(),
            folder: folder.context("a crate is in no folder")?.into(),
            dependencies,
        };
        inventory.insert(id, one);
    }
    Ok(inventory)
}

/// The dependencies of each crate in what `cargo tree --prefix depth` prints. It shows those of a crate
/// where the crate is first, and marks it everywhere else.
fn edges(tree: &str) -> anyhow::Result<BTreeMap<CrateId, BTreeSet<CrateId>>> {
    let mut edges: BTreeMap<CrateId, BTreeSet<CrateId>> = BTreeMap::new();
    let mut above: Vec<CrateId> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let (depth, id) = entry(line).with_context(|| format!("cargo tree says {line:?}"))?;
        ensure!(depth <= above.len(), "{line:?} is below nothing");
        above.truncate(depth);
        if let Some(user) = above.last() {
            edges.entry(user.clone()).or_default().insert(id.clone());
        }
        edges.entry(id.clone()).or_default();
        above.push(id);
    }
    Ok(edges)
}

fn entry(line: &str) -> Option<(usize, CrateId)> {
    let name = line.find(|letter: char| !letter.is_ascii_digit())?;
    let (depth, rest) = line.split_at(name);
    let mut words = rest.split_whitespace();
    let id = CrateId {
        name: words.next()?.to_owned(),
        version: words.next()?.strip_prefix('v')?.to_owned(),
    };
    Some((depth.parse().ok()?, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::{ARM64, X86_64};

    fn id(name: &str, version: &str) -> CrateId {
        CrateId {
            name: name.to_owned(),
            version: version.to_owned(),
        }
    }

    #[test]
    fn a_tree_says_who_uses_whom() {
        let tree = "0setup v0.1.0 (/clone)\n1serde v1.0.0\n2derive v1.0.0 (proc-macro)\n1http v2.0.0\n\
                    2serde v1.0.0 (*)\n\n0auth v0.1.0 (/clone)\n1http v2.0.0 (*)\n";
        let edges = edges(tree).unwrap();
        assert_eq!(edges.len(), 5);
        let serde = id("serde", "1.0.0");
        assert_eq!(edges[&serde], [id("derive", "1.0.0")].into());
        assert_eq!(edges[&id("http", "2.0.0")], [serde.clone()].into());
        assert_eq!(
            edges[&id("setup", "0.1.0")],
            [serde, id("http", "2.0.0")].into()
        );
        assert!(edges[&id("derive", "1.0.0")].is_empty());
        for odd in ["serde v1\n", "0serde 1\n", "1serde v1\n"] {
            assert!(super::edges(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn the_functions_are_made_of_what_they_link_and_nothing_else() {
        let inventory = read(ARM64).unwrap();
        let names: BTreeSet<_> = inventory.keys().map(|id| id.name.as_str()).collect();
        for linked in [
            "towerhook-setup",
            "towerhook-core",
            "rustls",
            "ring",
            "tokio",
        ] {
            assert!(names.contains(linked), "{linked}");
        }
        // Of the tests, of the command and of build scripts.
        for other in ["proptest", "clap", "towerhook-sandbox", "cc"] {
            assert!(!names.contains(other), "{other}");
        }
        for (id, one) in &inventory {
            let is_ours = id.name.starts_with("towerhook-");
            assert_eq!(one.checksum.is_none(), is_ours, "{}", id.name);
            assert!(one.folder.join("Cargo.toml").exists(), "{}", id.name);
            assert!(!one.license.contains('/'), "{}", one.license);
            let known = |other| inventory.contains_key(other);
            assert!(one.dependencies.iter().all(known), "{}", id.name);
        }
        assert_eq!(inventory, read(ARM64).unwrap());
        assert!(read(X86_64).unwrap().len() > 100);
    }
}
