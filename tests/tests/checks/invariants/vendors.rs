//! The engine knows no vendor: none is named in its source, in any letter case.

use std::path::Path;

use towerhook_providers::Vendor;

use super::root;

/// Other names of the vendors and their products, in lower case.
const ALSO: [&str; 9] = [
    "forticnapp",
    "fortinet",
    "lweid",
    "expel",
    "trend micro",
    "cloud one",
    "deep security",
    "workload security",
    "vision one",
];

fn names() -> impl Iterator<Item = &'static str> {
    Vendor::KNOWN.iter().map(|(name, _)| *name).chain(ALSO)
}

/// The lines of a source that name a vendor.
fn lines_that_name_one(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter(|line| {
        let line = line.to_lowercase();
        names().any(|name| line.contains(name))
    })
}

fn named_below(folder: &Path, files: &mut usize) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(named_below(&path, files));
        } else {
            *files += 1;
            let source = std::fs::read_to_string(&path).unwrap();
            let lines = lines_that_name_one(&source);
            found.extend(lines.map(|line| format!("{}: {line}", path.display())));
        }
    }
    found
}

#[test]
fn no_line_of_the_engine_names_a_vendor() {
    let mut files = 0;
    let found = named_below(&root().join("crates/core/src"), &mut files);
    assert_eq!(found, Vec::<String>::new());
    assert!(files > 100, "{files}");

    let broken = "let title = provider.title();\nif name.starts_with(\"LaceWork:\") {\n}";
    let lines: Vec<_> = lines_that_name_one(broken).collect();
    assert_eq!(lines, ["if name.starts_with(\"LaceWork:\") {"]);
}
