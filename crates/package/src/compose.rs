//! The composer of main templates. Each provider's folder below `templates` has a `composition.yml`,
//! which lists the fragments of its main template and the words that stand for slots in them.
//!
//! It works on text, so that comments survive: a fragment is split at its top-level headings, and the
//! bodies under the same heading are joined in the order of the list.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use regex_lite::{Captures, Regex};
use serde::Deserialize;

/// The headings of a template, in the order in which they are written.
const HEADINGS: [&str; 9] = [
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Rules",
    "Conditions",
    "Resources",
    "Outputs",
];

/// The heading whose entries are long enough to be set apart by blank lines.
const SPACED: &str = "Resources";

/// A provider's `composition.yml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Composition {
    /// The composed file, below `templates`.
    template: String,
    /// The fragments in order, below `templates`.
    fragments: Vec<String>,
    /// What the provider has. A line between `# <if NAME>` and `# <end NAME>` stays with this feature
    /// only, and one after `# <unless NAME>` without it only.
    features: BTreeSet<String>,
    /// The text for each `<slot>` in the fragments.
    words: BTreeMap<String, String>,
}

/// A main template composed from its fragments.
#[derive(Debug)]
pub struct Composed {
    /// Where it is committed.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// The provider's folder.
    pub module: String,
}

/// Composes the main template of every provider below the folder of templates.
///
/// # Errors
/// When a file cannot be read, or the fragments do not fit together.
pub fn compose_all(templates: &Path) -> anyhow::Result<Vec<Composed>> {
    let mut composed = Vec::new();
    for entry in fs::read_dir(templates).context("there are no templates")? {
        let file = entry?.path().join("composition.yml");
        if file.is_file() {
            composed.push(
                compose_one(templates, &file)
                    .with_context(|| format!("cannot compose what {} says", file.display()))?,
            );
        }
    }
    Ok(composed)
}

fn compose_one(templates: &Path, file: &Path) -> anyhow::Result<Composed> {
    let composition: Composition = serde_yaml_ng::from_str(&fs::read_to_string(file)?)?;
    let mut fragments = Vec::new();
    for name in &composition.fragments {
        let text = fs::read_to_string(templates.join(name))
            .with_context(|| format!("cannot read the fragment {name}"))?;
        fragments.push((name.as_str(), text));
    }
    let folder = file.parent().and_then(Path::file_name);
    Ok(Composed {
        path: templates.join(&composition.template),
        text: compose(&fragments, &composition.features, &composition.words)?,
        module: folder
            .context("it is in no folder")?
            .to_string_lossy()
            .into_owned(),
    })
}

fn compose(
    fragments: &[(&str, String)],
    features: &BTreeSet<String>,
    words: &BTreeMap<String, String>,
) -> anyhow::Result<String> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut unused: BTreeSet<&str> = words.keys().map(String::as_str).collect();
    for (name, text) in fragments {
        let text = choose(text, features).with_context(|| (*name).to_owned())?;
        let text = fill(&text, words, &mut unused).with_context(|| (*name).to_owned())?;
        for (heading, section) in split(&text).with_context(|| (*name).to_owned())? {
            let joined = sections.entry(heading.clone()).or_default();
            joined
                .add(section)
                .with_context(|| format!("{name} gives {heading} a second time"))?;
        }
    }
    ensure!(unused.is_empty(), "no fragment has a slot for {unused:?}");
    let text = write(&sections);
    // The parser refuses a key that a mapping has twice, at every depth.
    serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&text)
        .context("the fragments make no template together")?;
    Ok(text)
}

/// The lines that these features leave. A part of a fragment that depends on a feature ends before
/// another begins.
fn choose(text: &str, features: &BTreeSet<String>) -> anyhow::Result<String> {
    let marker = Regex::new("^ *# <(if|unless|end) ([a-z-]+)>$")?;
    let mut chosen = String::new();
    // The feature of the current part, and whether the part stays.
    let mut part: Option<(String, bool)> = None;
    for line in text.lines() {
        let Some(found) = marker.captures(line) else {
            if part.as_ref().is_none_or(|(_, stays)| *stays) {
                chosen += &format!("{line}\n");
            }
            continue;
        };
        let feature = found[2].to_owned();
        part = match (&found[1], part) {
            ("end", Some((begun, _))) if begun == feature => None,
            ("if", None) => Some((feature.clone(), features.contains(&feature))),
            ("unless", None) => Some((feature.clone(), !features.contains(&feature))),
            _ => bail!("{:?} stands where it cannot", line.trim()),
        };
    }
    ensure!(part.is_none(), "the part of {part:?} does not end");
    Ok(chosen)
}

/// The text with a word in place of each `<slot>`. The further lines of a word are indented to where
/// the slot begins.
fn fill<'a>(
    text: &str,
    words: &'a BTreeMap<String, String>,
    unused: &mut BTreeSet<&'a str>,
) -> anyhow::Result<String> {
    let slot = Regex::new("<([a-z-]+)>")?;
    let mut unknown = BTreeSet::new();
    let mut filled = String::new();
    for line in text.split_inclusive('\n') {
        filled += &slot.replace_all(line, |found: &Captures<'_>| {
            let Some((name, word)) = words.get_key_value(&found[1]) else {
                unknown.insert(found[0].to_owned());
                return String::new();
            };
            unused.remove(name.as_str());
            let column = found.get(0).map_or(0, |slot| slot.start());
            word.replace('\n', &format!("\n{}", " ".repeat(column)))
        });
    }
    ensure!(unknown.is_empty(), "there is no word for {unknown:?}");
    Ok(filled)
}

/// What stands under one heading.
#[derive(Debug, Default)]
struct Section {
    /// The comment above the heading.
    above: String,
    /// The heading's own value, on its line.
    value: String,
    /// What is indented below it, of each fragment.
    bodies: Vec<String>,
}

impl Section {
    /// Adds the same heading of a further fragment.
    fn add(&mut self, more: Self) -> anyhow::Result<()> {
        let is_new = self.value.is_empty() && self.bodies.is_empty();
        let is_mapping = self.value.is_empty() && more.value.is_empty();
        ensure!(is_new || is_mapping, "its value is no mapping");
        self.above += &more.above;
        self.value += &more.value;
        self.bodies.extend(more.bodies);
        Ok(())
    }
}

/// The sections of a fragment by heading.
fn split(text: &str) -> anyhow::Result<Vec<(String, Section)>> {
    let mut sections: Vec<(String, Section)> = Vec::new();
    let mut above = String::new();
    for line in text.lines() {
        if line.starts_with('#') {
            above += &format!("{line}\n");
        } else if line.is_empty() || line.starts_with(' ') {
            ensure!(above.is_empty(), "a comment at the margin has no heading");
            let (_, section) = sections.last_mut().context("it has no heading")?;
            section.bodies[0] += &format!("{line}\n");
        } else {
            let (heading, value) = line.split_once(':').context("a line has no heading")?;
            if !HEADINGS.contains(&heading) {
                bail!("no template has the heading {heading}");
            }
            let section = Section {
                above: std::mem::take(&mut above),
                value: value.to_owned(),
                bodies: vec![String::new()],
            };
            sections.push((heading.to_owned(), section));
        }
    }
    for (_, section) in &mut sections {
        section
            .bodies
            .iter_mut()
            .for_each(|body| *body = body.trim_matches('\n').to_owned());
        section.bodies.retain(|body| !body.is_empty());
    }
    Ok(sections)
}

fn write(sections: &BTreeMap<String, Section>) -> String {
    let mut text = String::new();
    for heading in HEADINGS {
        let Some(section) = sections.get(heading) else {
            continue;
        };
        let Section {
            above,
            value,
            bodies,
        } = section;
        let between = if heading == SPACED { "\n\n" } else { "\n" };
        text += &format!("{above}{heading}:{value}\n");
        // A section of one line is followed by the next without a blank line.
        if !bodies.is_empty() {
            text += &format!("{}\n\n", bodies.join(between));
        }
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace_root;

    fn composed(fragments: &[&str], words: &[(&str, &str)]) -> anyhow::Result<String> {
        let fragments: Vec<_> = fragments
            .iter()
            .map(|one| ("one", one.to_string()))
            .collect();
        let words = words.iter().map(|(a, b)| (a.to_string(), b.to_string()));
        let features = ["here".to_owned()].into();
        compose(&fragments, &features, &words.collect())
    }

    fn refusal(fragments: &[&str], words: &[(&str, &str)]) -> String {
        format!("{:#}", composed(fragments, words).unwrap_err())
    }

    #[test]
    fn the_committed_templates_are_what_their_fragments_compose() {
        let composed = compose_all(&workspace_root().join("templates")).unwrap();
        assert!(!composed.is_empty());
        for Composed { path, text, .. } in composed {
            assert!(
                fs::read_to_string(&path).unwrap_or_default() == text,
                "{} is out of date: change its fragments only, and `cargo towerhook compose` \
                 writes it",
                path.display()
            );
        }
    }

    #[test]
    fn no_fragment_is_left_out_and_the_engine_names_no_provider() {
        let templates = workspace_root().join("templates");
        let folders: Vec<_> = fs::read_dir(&templates)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect();
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let providers: Vec<_> = folders
            .iter()
            .filter(|folder| folder.join("composition.yml").exists())
            .map(|folder| name(folder))
            .collect();
        let listed: BTreeSet<String> = providers
            .iter()
            .flat_map(|provider| {
                let file = templates.join(provider).join("composition.yml");
                let text = fs::read_to_string(file).unwrap();
                serde_yaml_ng::from_str::<Composition>(&text)
                    .unwrap()
                    .fragments
            })
            .collect();
        for folder in &folders {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let fragment = format!("{}/{}", name(folder), name(&path));
                if name(&path) != "composition.yml" {
                    assert!(
                        listed.contains(&fragment),
                        "{fragment} is in no composition"
                    );
                }
                let text = fs::read_to_string(&path).unwrap().to_lowercase();
                for provider in &providers {
                    let names_it = name(folder) == "engine" && text.contains(provider.as_str());
                    assert!(!names_it, "{fragment} names {provider}");
                }
            }
        }
    }

    #[test]
    fn bodies_of_a_heading_are_joined_in_order_and_comments_survive() {
        let first = "# Why.\nResources:\n  # One.\n  A: 1\n\nOutputs:\n  A: 1\n";
        let second =
            "Description: short\n\nResources:\n  B: 2 # Two.\n\n  C: 3\n\nOutputs:\n  B: 2\n";
        let text = "Description: short\n\
                    # Why.\nResources:\n  # One.\n  A: 1\n\n  B: 2 # Two.\n\n  C: 3\n\n\
                    Outputs:\n  A: 1\n  B: 2\n";
        assert_eq!(composed(&[first, second], &[]).unwrap(), text);
    }

    #[test]
    fn a_key_given_twice_is_refused() {
        let refused = refusal(&["Resources:\n  A: 1\n", "Resources:\n  A: 2\n"], &[]);
        assert!(
            refused.contains("duplicate entry with key \"A\""),
            "{refused}"
        );
        let refused = refusal(&["Description: a\n", "Description: b\n"], &[]);
        assert!(
            refused.contains("gives Description a second time"),
            "{refused}"
        );
    }

    #[test]
    fn a_slot_is_filled_with_its_word_at_its_indentation() {
        let fragment = "Outputs:\n  - <statement>\n  - <name>'s\n";
        let words = [("statement", "Sid: A\nEffect: B"), ("name", "Vendor")];
        assert_eq!(
            composed(&[fragment], &words).unwrap(),
            "Outputs:\n  - Sid: A\n    Effect: B\n  - Vendor's\n"
        );
    }

    #[test]
    fn a_part_stays_with_its_feature_only_or_without_it_only() {
        let fragment = "Outputs:\n  # <if here>\n  A: 1\n  # <end here>\n  # <if else>\n  B: 2\n  \
                        # <end else>\n  # <unless here>\n  C: 3\n  # <end here>\n  # <unless else>\n  \
                        D: 4\n  # <end else>\n";
        assert_eq!(
            composed(&[fragment], &[]).unwrap(),
            "Outputs:\n  A: 1\n  D: 4\n"
        );
        for odd in [
            "  # <if here>\n",
            "  # <end here>\n",
            "  # <if a>\n  # <if b>\n",
        ] {
            refusal(&[&format!("Outputs:\n  A: 1\n{odd}")], &[]);
        }
    }

    #[test]
    fn a_slot_without_a_word_and_a_word_without_a_slot_are_refused() {
        assert!(refusal(&["Outputs:\n  A: <b>\n"], &[]).contains("no word for {\"<b>\"}"));
        assert!(refusal(&["Outputs:\n  A: b\n"], &[("b", "c")]).contains("no fragment has a slot"));
    }

    #[test]
    fn a_line_outside_the_headings_of_a_template_is_refused() {
        assert!(refusal(&["Resource:\n  A: 1\n"], &[]).contains("the heading Resource"));
        assert!(refusal(&["  A: 1\n"], &[]).contains("it has no heading"));
        assert!(refusal(&["Outputs:\n# Astray.\n  A: 1\n"], &[]).contains("no heading"));
    }
}
