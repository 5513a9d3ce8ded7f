//! The templates of agents on hosts: one that a StackSet deploys, with the scripts of its documents in it, and
//! one that is launched, with that one in it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use regex_lite::Regex;

/// What the StackSet deploys.
pub const MEMBER: &str = "hosts-member.template.yml";
/// What is launched.
pub const LAUNCHED: &str = "hosts.template.yml";

/// Their sources, in the folder `hosts`.
pub(super) const SOURCES: [&str; 2] = ["member.yml", "hosts.yml"];

/// Composes both from the folder `hosts` below that of the templates: each with its path.
///
/// # Errors
/// When a file cannot be read.
pub fn compose_hosts(templates: &Path) -> anyhow::Result<[(PathBuf, String); 2]> {
    let folder = templates.join("hosts");
    let source = |name: &str| {
        fs::read_to_string(folder.join(name)).with_context(|| format!("cannot read hosts/{name}"))
    };
    let [of_member, of_launched] = SOURCES;
    let member = with_files(&source(of_member)?, &source)?;
    let launched = with_files(&source(of_launched)?, &|name| match name {
        MEMBER => Ok(member.clone()),
        other => source(other),
    })?;
    Ok([
        (templates.join(MEMBER), member),
        (templates.join(LAUNCHED), launched),
    ])
}

/// The text with a file in place of each line `# <file NAME>`, indented as that line.
fn with_files(text: &str, file: &dyn Fn(&str) -> anyhow::Result<String>) -> anyhow::Result<String> {
    let marker = Regex::new("^( *)# <file ([a-z.-]+)>$")?;
    let mut composed = String::new();
    for line in text.lines() {
        let Some(found) = marker.captures(line) else {
            composed += &format!("{line}\n");
            continue;
        };
        for line in file(&found[2])?.lines() {
            let indent = if line.is_empty() { "" } else { &found[1] };
            composed += &format!("{indent}{line}\n");
        }
    }
    Ok(composed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stands_where_it_is_named_and_as_far_in() {
        let text = "a:\n  - |\n    # <file one.sh>\nb: c\n";
        let file = |name: &str| Ok(format!("#!{name}\n\n  x\n"));
        assert_eq!(
            with_files(text, &file).unwrap(),
            "a:\n  - |\n    #!one.sh\n\n      x\nb: c\n"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = compose_hosts(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "cannot read hosts/member.yml");
    }
}
