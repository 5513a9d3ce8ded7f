//! The licences of what is in the functions, whose texts have to be passed on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, ensure};
use spdx::{Expression, LicenseItem};

use super::inventory::{CrateId, Inventory};

/// How the names of files with a licence or a notice begin.
const NAMES: [&str; 6] = [
    "license",
    "licence",
    "copying",
    "copyright",
    "notice",
    "unlicense",
];

const LINE: &str =
    "--------------------------------------------------------------------------------";

/// A third-party crate with the texts of its licences.
#[derive(Debug, Clone)]
struct Notice {
    id: CrateId,
    license: String,
    texts: Vec<String>,
}

/// The licences of all crates that are not of this workspace.
pub(crate) fn notices(inventory: &Inventory) -> anyhow::Result<String> {
    let mut notices = Vec::new();
    for (id, one) in inventory {
        if one.checksum.is_none() {
            continue;
        }
        let mut texts = texts_in(&one.folder)
            .with_context(|| format!("cannot read the licences of {}", id.name))?;
        if texts.is_empty() {
            texts = standard_texts(&one.license)
                .with_context(|| format!("{} comes without its licence", id.name))?;
        }
        notices.push(Notice {
            id: id.clone(),
            license: one.license.clone(),
            texts,
        });
    }
    Ok(write(&notices))
}

/// The texts of a crate's licences and notices, by the files' names.
fn texts_in(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut texts = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let lower = name.to_lowercase();
        let is_source = lower.ends_with(".rs");
        if path.is_file() && !is_source && NAMES.iter().any(|one| lower.starts_with(one)) {
            let text = std::fs::read(&path)?;
            let text = String::from_utf8_lossy(&text).replace("\r\n", "\n");
            texts.insert(name.into_owned(), text.trim().to_owned());
        }
    }
    Ok(texts
        .into_values()
        .filter(|text| !text.is_empty())
        .collect())
}

/// The texts as SPDX has them, for a crate that was published without.
fn standard_texts(license: &str) -> anyhow::Result<Vec<String>> {
    let expression = Expression::parse(license)
        .map_err(|error| anyhow::anyhow!("{license} is no SPDX expression: {error}"))?;
    let ids = expression
        .requirements()
        .filter_map(|one| match one.req.license {
            LicenseItem::Spdx { id, .. } => Some(id),
            LicenseItem::Other { .. } => None,
        });
    let texts: Vec<_> = ids.map(|id| id.text().trim().to_owned()).collect();
    ensure!(!texts.is_empty(), "SPDX has no text for {license}");
    Ok(texts)
}

/// The crates, and each text once with the crates that have it.
fn write(notices: &[Notice]) -> String {
    let mut page =
        "The functions of Towerhook contain these crates from crates.io, under the licences named \
                    with\nthem. The texts follow.\n\n"
            .to_owned();
    let mut users: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for Notice { id, license, texts } in notices {
        let shown = format!("{} {}", id.name, id.version);
        let _ = writeln!(page, "{shown}: {license}");
        for text in texts {
            let users = users.entry(text).or_default();
            if !users.contains(&shown) {
                users.push(shown.clone());
            }
        }
    }
    // By the first crate that has it, which a change of another crate does not move.
    let mut texts: Vec<_> = users
        .into_iter()
        .map(|(text, users)| (users, text))
        .collect();
    texts.sort();
    for (users, text) in texts {
        let _ = write!(page, "\n{LINE}\n{}:\n\n{text}\n", users.join(", "));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda::ARM64;
    use crate::release::inventory;

    fn notice(name: &str, texts: &[&str]) -> Notice {
        Notice {
            id: CrateId {
                name: name.to_owned(),
                version: "1.0.0".to_owned(),
            },
            license: "MIT".to_owned(),
            texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    #[test]
    fn every_crate_is_listed_and_every_text_is_once() {
        let notices = [
            notice("a", &["Mine."]),
            notice("b", &["Ours."]),
            notice("c", &["Ours."]),
        ];
        let page = write(&notices);
        for line in [
            "a 1.0.0: MIT\n",
            "c 1.0.0: MIT\n",
            "b 1.0.0, c 1.0.0:\n\nOurs.\n",
        ] {
            assert!(page.contains(line), "{page}");
        }
        assert_eq!(page.matches("Ours.").count(), 1);
        assert_eq!(page, write(&notices));
        assert_ne!(page, write(&notices[1..]));
    }

    #[test]
    fn only_files_with_a_licence_or_a_notice_are_read() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("LICENSE-MIT", "Permission\r\nis granted\n"),
            ("NOTICE", "By us."),
            ("license.rs", "fn main() {}"),
            ("README.md", "Read."),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let texts = texts_in(folder.path()).unwrap();
        assert_eq!(texts, ["Permission\nis granted", "By us."]);
    }

    #[test]
    fn a_crate_without_a_text_gets_the_standard_ones() {
        let texts = standard_texts("MIT OR Apache-2.0").unwrap();
        assert_eq!(texts.len(), 2);
        assert!(texts[0].contains("Permission is hereby granted"));
        assert!(texts[1].contains("Apache License"));
        assert!(standard_texts("mine").is_err());
    }

    #[test]
    fn the_licences_of_the_functions_are_found() {
        let page = notices(&inventory::read(ARM64).unwrap()).unwrap();
        for crate_of_others in ["\nring ", "\nrustls ", "\ntokio "] {
            assert!(page.contains(crate_of_others), "{crate_of_others}");
        }
        assert!(!page.contains("\ntowerhook-"));
        let holder = "Copyright 2015-2025 Brian Smith";
        assert!(page.contains(holder) || page.contains("Brian Smith"));
    }
}
