use std::collections::BTreeMap;

use anyhow::Context;
use object::{Object, ObjectSection, ObjectSymbol, SectionKind};
use rustc_demangle::demangle;
use serde::Serialize;

use super::crates::crate_of;

/// Sections that are shown together, or by a shorter name.
const SECTIONS: [(&str, &[&str]); 5] = [
    (".text", &[".text"]),
    (".rodata", &[".rodata"]),
    (
        "unwinding",
        &[".eh_frame", ".eh_frame_hdr", ".gcc_except_table"],
    ),
    (".data.rel.ro", &[".data.rel.ro"]),
    (".rela.dyn", &[".rela.dyn"]),
];

/// How many crates are shown by name.
const LARGEST: usize = 15;

/// The name of the rest.
const OTHER: &str = "other";

/// The bytes that are loaded from a program's file, broken down in two ways.
#[derive(Debug, Clone, Serialize)]
pub struct Composition {
    /// All of it.
    pub bytes: u64,
    /// By section.
    pub sections: Vec<Part>,
    /// By crate: the largest, and the rest of those with a symbol.
    pub crates: Vec<Part>,
    /// Without a symbol: literals, tables, unwinding and relocations.
    pub without_symbol: u64,
}

/// A part of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The section or the crate.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
}

/// Attributes the bytes of a program to sections and crates.
///
/// # Errors
/// When it is not a program with a symbol table.
pub(super) fn composition(program: &[u8]) -> anyhow::Result<Composition> {
    let file = object::File::parse(program).context("it is not a program")?;
    let mut sections = Vec::new();
    let mut loaded = Vec::new();
    for section in file.sections() {
        let (_, in_file) = section.file_range().unwrap_or_default();
        if section.address() > 0 && in_file > 0 && section.kind() != SectionKind::Metadata {
            sections.push((group(section.name()?), in_file));
            loaded.push(section.index());
        }
    }
    let symbols = file.symbols().filter(|symbol| {
        symbol
            .section_index()
            .is_some_and(|section| loaded.contains(&section))
    });
    let mut largest_at = BTreeMap::new();
    for symbol in symbols {
        // Several names may share their bytes.
        let entry: &mut (u64, &str) = largest_at.entry(symbol.address()).or_default();
        *entry = (*entry).max((symbol.size(), symbol.name()?));
    }
    anyhow::ensure!(!largest_at.is_empty(), "it has no symbols");
    let by_crate = largest_at.into_values().map(|(bytes, name)| {
        let name = format!("{:#}", demangle(name));
        (crate_of(&name).to_owned(), bytes)
    });
    let crates = summed(by_crate);
    let sections = summed(sections.into_iter());
    let bytes = sections.iter().map(|part| part.bytes).sum();
    let named: u64 = crates.iter().map(|part| part.bytes).sum();
    Ok(Composition {
        bytes,
        sections: with_rest_last(sections, SECTIONS.len() + 1),
        crates: with_rest_last(crates, LARGEST),
        without_symbol: u64::saturating_sub(bytes, named),
    })
}

fn group(section: &str) -> String {
    SECTIONS
        .iter()
        .find(|(_, members)| members.contains(&section))
        .map_or(OTHER, |(name, _)| name)
        .to_owned()
}

/// The bytes of each name, largest first.
fn summed(parts: impl Iterator<Item = (String, u64)>) -> Vec<Part> {
    let mut sums = BTreeMap::new();
    for (name, bytes) in parts {
        *sums.entry(name).or_default() += bytes;
    }
    let mut sums: Vec<_> = sums
        .into_iter()
        .map(|(name, bytes)| Part { name, bytes })
        .collect();
    sums.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    sums
}

/// The first `count` parts, followed by the sum of the others.
fn with_rest_last(parts: Vec<Part>, count: usize) -> Vec<Part> {
    let (mut shown, rest): (Vec<_>, Vec<_>) = parts
        .into_iter()
        .enumerate()
        .partition(|(at, part)| *at < count && part.name != OTHER);
    let bytes = rest.iter().map(|(_, part)| part.bytes).sum();
    if bytes > 0 {
        let name = OTHER.to_owned();
        shown.push((count, Part { name, bytes }));
    }
    shown.into_iter().map(|(_, part)| part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, bytes: u64) -> Part {
        let name = name.to_owned();
        Part { name, bytes }
    }

    #[test]
    fn the_largest_come_first_and_the_rest_last() {
        let parts = [("a", 1), ("b", 5), ("a", 2), (OTHER, 9), ("c", 1)];
        let summed = summed(
            parts
                .map(|(name, bytes)| (name.to_owned(), bytes))
                .into_iter(),
        );
        assert_eq!(summed[1..3], [part("b", 5), part("a", 3)]);
        assert_eq!(
            with_rest_last(summed, 2),
            [part("b", 5), part(OTHER, 13)],
            "the rest takes one of the places"
        );
    }

    #[test]
    fn a_program_is_the_sum_of_its_parts() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let composition = composition(&program).unwrap();
        let sum = |parts: &[Part]| parts.iter().map(|part| part.bytes).sum::<u64>();
        assert_eq!(sum(&composition.sections), composition.bytes);
        assert_eq!(
            sum(&composition.crates) + composition.without_symbol,
            composition.bytes
        );
        assert!(composition.crates.len() <= LARGEST + 1);
        assert!(composition.crates.iter().any(|part| part.name == "core"));
    }

    #[test]
    fn a_file_that_is_no_program_is_refused() {
        assert!(composition(b"#!/bin/sh").is_err());
    }
}
