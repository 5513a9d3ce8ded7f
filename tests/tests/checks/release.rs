//! The version stands in one place, the workspace's manifest: everything else that names a release names that one.

use std::fs;
use std::path::{Path, PathBuf};

use fancy_regex::Regex;

use crate::templates::template::{MAINS, Template, text};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What names a release: folders in buckets and modules, and the commands of releasing.
const NAMED: &str = r"(?:towerhook/|--version |version=)v?(\d+\.\d+\.\d+)";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files below a folder, by their ends.
fn files(folder: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ends));
        } else if ends.iter().any(|end| path.to_str().unwrap().ends_with(end)) {
            found.push(path);
        }
    }
    found
}

/// The releases that a text names.
fn named(text: &str) -> Vec<String> {
    let pattern = Regex::new(NAMED).unwrap();
    let found = pattern.captures_iter(text);
    found.map(|one| one.unwrap()[1].to_owned()).collect()
}

#[test]
fn documents_examples_modules_and_templates_name_this_release() {
    let root = root();
    let mut all = vec![root.join("README.md")];
    for folder in ["docs", "examples", "terraform", "templates"] {
        all.extend(files(&root.join(folder), &[".md", ".yml", ".yaml", ".tf"]));
    }
    let mut found = 0;
    for file in all {
        for version in named(&fs::read_to_string(&file).unwrap()) {
            assert_eq!(version, VERSION, "{}", file.display());
            found += 1;
        }
    }
    assert!(found >= 12, "{found}");
    assert_eq!(
        named("s3://b/towerhook/1.2.3/x, --version 4.5.6"),
        ["1.2.3", "4.5.6"]
    );
}

#[test]
fn the_templates_are_of_this_release() {
    for name in MAINS {
        let Template { body, .. } = Template::load(name);
        assert_eq!(
            text(&body["Mappings"]["Towerhook"]["Release"]["Version"]),
            VERSION
        );
        let prefix = text(&body["Parameters"]["ArtifactPrefix"]["Default"]);
        assert_eq!(prefix, format!("towerhook/{VERSION}/"));
    }
    // Their fragments have a slot for it.
    for fragment in files(&root().join("templates/engine"), &[".yml"]) {
        let text = fs::read_to_string(&fragment).unwrap();
        assert!(!text.contains(VERSION), "{}", fragment.display());
    }
}

#[test]
fn the_changelog_begins_with_what_is_next_or_with_this_release() {
    let text = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let sections: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("## "))
        .collect();
    let this = format!("## [{VERSION}] - ");
    let position = sections
        .iter()
        .position(|section| section.starts_with(&this));
    let is_next = sections[0] == "## [Unreleased]";
    // The version of a release that is being prepared has no section yet.
    assert!(is_next || position == Some(0), "{sections:?}");
    assert!(
        position.is_none_or(|position| position <= 1),
        "{sections:?}"
    );
}
