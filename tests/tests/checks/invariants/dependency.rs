//! Checks the rules of `deny.toml` against cargo's own view of all dependencies.

use std::collections::BTreeSet;
use std::fs;

use cargo_metadata::semver::VersionReq;
use cargo_metadata::{Metadata, MetadataCommand};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

use crate::invariants::root;

/// The supported keys: any other would be a rule that no test enforces.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Licenses {
    allow: BTreeSet<String>,
    unused_allowed_license: Denied,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Bans {
    multiple_versions: Allowed,
    wildcards: Denied,
    allow_wildcard_paths: bool,
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ban {
    /// `name`, or `name@versions`.
    #[serde(rename = "crate")]
    spec: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Sources {
    unknown_registry: Denied,
    unknown_git: Denied,
}

/// The only level that the tests enforce.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Denied {
    Deny,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Allowed {
    Allow,
}

fn deny() -> Deny {
    toml::from_str(&fs::read_to_string(root().join("deny.toml")).unwrap()).unwrap()
}

/// Every package that the lock file names, whatever the platform.
fn locked() -> Metadata {
    MetadataCommand::new()
        .current_dir(root())
        // Not offline: a build fetches only what its own platform needs.
        .other_options(vec!["--locked".to_owned()])
        .exec()
        .unwrap()
}

/// The packages whose licence is not among the allowed ones.
fn refused(packages: &Metadata, allow: &BTreeSet<String>) -> Vec<String> {
    let packages = packages.packages.iter();
    packages
        .filter(|package| {
            let license = package.license.as_deref().unwrap_or_default();
            !Expression::parse_mode(license, ParseMode::LAX).is_ok_and(|license| {
                license.evaluate(|requirement| allow.contains(&requirement.to_string()))
            })
        })
        .map(|package| format!("{} {:?}", package.name, package.license))
        .collect()
}

#[test]
fn every_license_is_allowed_and_each_that_is_allowed_is_needed() {
    let Licenses {
        allow,
        unused_allowed_license,
    } = deny().licenses;
    assert_eq!(unused_allowed_license, Denied::Deny);
    let packages = locked();
    assert_eq!(refused(&packages, &allow), Vec::<String>::new());
    for license in &allow {
        let mut fewer = allow.clone();
        fewer.remove(license);
        assert!(!refused(&packages, &fewer).is_empty(), "{license}");
    }
}

#[test]
fn nothing_that_is_banned_is_among_the_dependencies() {
    let Bans {
        multiple_versions,
        wildcards,
        allow_wildcard_paths,
        deny,
    } = deny().bans;
    assert_eq!(multiple_versions, Allowed::Allow);
    assert_eq!(wildcards, Denied::Deny);
    assert!(allow_wildcard_paths);
    let packages = locked();
    let mut found = Vec::new();
    for Ban { spec, reason } in &deny {
        assert!(!reason.is_empty(), "{spec}");
        let (name, versions) = spec.split_once('@').unwrap_or((spec, "*"));
        let versions = VersionReq::parse(versions).unwrap();
        let banned = packages
            .packages
            .iter()
            .filter(|package| package.name.as_str() == name && versions.matches(&package.version));
        found.extend(
            banned.map(|package| format!("{} {}: {reason}", package.name, package.version)),
        );
    }
    assert_eq!(found, Vec::<String>::new());
    for package in packages.workspace_packages() {
        for dependency in &package.dependencies {
            let is_pinned = dependency.req != VersionReq::STAR || dependency.path.is_some();
            assert!(is_pinned, "{}: {}", package.name, dependency.name);
        }
    }
}

#[test]
fn every_dependency_comes_from_crates_io_or_is_of_this_workspace() {
    let Sources {
        unknown_registry,
        unknown_git,
    } = deny().sources;
    assert_eq!(
        [unknown_registry, unknown_git],
        [Denied::Deny, Denied::Deny]
    );
    let packages = locked();
    let members: BTreeSet<_> = packages.workspace_members.iter().collect();
    for package in &packages.packages {
        let is_known = match &package.source {
            Some(source) => source.is_crates_io(),
            None => members.contains(&package.id),
        };
        assert!(is_known, "{} of {:?}", package.name, package.source);
    }
}
