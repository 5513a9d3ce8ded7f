//! The page about adding a provider lists the files of the smallest one as they are.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use regex_lite::Regex;

use super::{pages::ends_with, root};

/// The smallest provider, as its files and folders are named.
const SMALLEST: &str = "expel";
/// Where its own files can be.
const FOLDERS: [&str; 4] = ["crates", "docs/providers", "templates", "tests/tests"];
const HEADING: &str = "| file | lines |\n|---|---|\n";

/// The files below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// The provider's own files, and the lines elsewhere that name it.
fn table() -> String {
    let root = root();
    let mut all = Vec::new();
    for folder in FOLDERS {
        files(&root.join(folder), &mut all);
    }
    all.sort();
    let name = |path: &PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
    let (own, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|path| name(path).contains(SMALLEST));
    let mut table = HEADING.to_owned();
    for path in &own {
        writeln!(table, "| `{}` | {} |", name(path), lines(path)).unwrap();
    }
    table += "\nEach of these has a line or two about it:\n\n| file | lines |\n|---|---|\n";
    // The compiler asks for each once the vendor is in its list.
    let variant = Regex::new(r"\b(Vendor|Provider|Self)::Expel\b|^    Expel,").unwrap();
    for path in others
        .iter()
        .filter(|path| name(path).starts_with("crates/"))
    {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let named = text.lines().filter(|line| variant.is_match(line)).count();
        if named > 0 {
            writeln!(table, "| `{}` | {named} |", name(path)).unwrap();
        }
    }
    table
}

#[test]
fn the_page_about_adding_a_provider_lists_the_smallest_as_it_is() {
    ends_with("docs/providers/adding.md", HEADING, &table());
}
