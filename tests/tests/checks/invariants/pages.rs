//! What the pages name exists.

use std::{collections::BTreeSet, fs};

use super::root;

/// Checks that a page ends with a table that is generated, or writes it there when the golden files are
/// written, too.
pub(crate) fn ends_with(page: &str, heading: &str, table: &str) {
    let path = root().join(page);
    let text = fs::read_to_string(&path).unwrap();
    let prose = text.split(heading).next().unwrap();
    let expected = format!("{prose}{table}");
    if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
        return fs::write(&path, expected).unwrap();
    }
    assert!(
        text == expected,
        "{page} is out of date: it says which command rewrites it"
    );
}

/// The texts between backticks.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

/// Paths between backticks on these pages, with their page.
fn named_paths() -> Vec<(&'static str, String)> {
    let pages = [
        (
            "architecture.md",
            include_str!("../../../../docs/architecture.md"),
        ),
        (
            "where-things-are.md",
            include_str!("../../../../docs/where-things-are.md"),
        ),
    ];
    let mut paths = Vec::new();
    for (page, text) in pages {
        for path in quoted(text) {
            let is_path = path.contains('/') && !path.contains([' ', '{', ':', '*']);
            if is_path || path.ends_with(".rs") {
                paths.push((page, path.to_owned()));
            }
        }
    }
    paths
}

#[test]
fn the_pages_lead_to_files_that_exist() {
    let exists = |path: &str| {
        let places = [
            "",
            "crates/",
            "crates/core/src/",
            "crates/core/tests/foundation/",
        ];
        places
            .iter()
            .any(|place| root().join(place).join(path).exists())
    };
    let paths = named_paths();
    assert!(paths.len() > 60, "{}", paths.len());
    let missing: Vec<_> = paths.iter().filter(|(_, path)| !exists(path)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(!exists("enrollment/policy.rs"));
}

#[test]
fn the_tests_that_the_security_page_names_exist() {
    let page = include_str!("../../../../docs/security.md");
    let is_name = |text: &&str| {
        let mut letters = text.chars();
        text.matches('_').count() >= 3
            && letters.all(|c| c.is_ascii_lowercase() || "_0123456789".contains(c))
    };
    let named: BTreeSet<&str> = quoted(page).filter(is_name).collect();
    assert!(named.len() > 20, "{}", named.len());
    let mut tests = String::new();
    let mut folders = vec![
        root().join("crates"),
        root().join("tests"),
        root().join("fuzz"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                tests += &fs::read_to_string(path).unwrap();
            }
        }
    }
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !tests.contains(&format!("fn {name}(")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
