//! The composer of main templates. Each provider's folder below `templates` has a `composition.yml`,
//! which lists the fragments of its main template and the words that stand for slots in them.
//!
//! It works on text, so that comments survive: a fragment is split at its top-level headings, and the
//! bodies under the same heading are joined in the order of the list.

pub mod hosts;

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

/// The slot that is filled with the release, which every composition has.
const RELEASE: &str = "release";

/// The feature of templates that know where their release is published.
const PUBLISHED: &str = "published";

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
    /// The provider's product.
    pub title: String,
}

/// Composes the main template of every provider below the folder of templates.
///
/// # Errors
/// When a file cannot be read, or the fragments do not fit together.
pub fn compose_all(templates: &Path) -> anyhow::Result<Vec<Composed>> {
    compose_each(templates, None)
}

/// Composes them as they are published: with this fragment, which says where the zips are, so that a launch
/// need not.
///
/// # Errors
/// As [`compose_all`].
pub fn compose_published(templates: &Path, fragment: &str) -> anyhow::Result<Vec<Composed>> {
    compose_each(templates, Some(fragment))
}

fn compose_each(templates: &Path, published: Option<&str>) -> anyhow::Result<Vec<Composed>> {
    let mut composed = Vec::new();
    for entry in fs::read_dir(templates).context("there are no templates")? {
        let file = entry?.path().join("composition.yml");
        if file.is_file() {
            composed.push(
                compose_one(templates, &file, published)
                    .with_context(|| format!("cannot compose what {} says", file.display()))?,
            );
        }
    }
    // A folder lists its files in any order.
    composed.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(composed)
}

fn compose_one(templates: &Path, file: &Path, published: Option<&str>) -> anyhow::Result<Composed> {
    let mut composition: Composition = serde_yaml_ng::from_str(&fs::read_to_string(file)?)?;
    let mut fragments = Vec::new();
    for name in &composition.fragments {
        let text = fs::read_to_string(templates.join(name))
            .with_context(|| format!("cannot read the fragment {name}"))?;
        fragments.push((name.as_str(), text));
    }
    if let Some(fragment) = published {
        composition.features.insert(PUBLISHED.to_owned());
        fragments.push((PUBLISHED, fragment.to_owned()));
    }
    let words = &mut composition.words;
    words.insert(RELEASE.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let folder = file.parent().and_then(Path::file_name);
    Ok(Composed {
        path: templates.join(&composition.template),
        text: compose(&fragments, &composition.features, &composition.words)?,
        module: folder
            .context("it is in no folder")?
            .to_string_lossy()
            .into_owned(),
        title: composition
            .words
            .get("title")
            .context("it has no title")?
            .clone(),
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
mod tests;
