//! The commands that the pages show: in blocks of the shell, behind a prompt, and in a line of text.

use std::path::{Path, PathBuf};

use anyhow::Context;
use regex_lite::Regex;

/// A command that a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The page, from the workspace's folder, and the line.
    pub at: String,
    /// The program and its arguments, without what the shell does with its output.
    pub words: Vec<String>,
    /// Whether it is mentioned in a line of text, where arguments may be left out.
    pub is_mention: bool,
}

/// The command and its arguments, after `cargo` if that runs it.
pub fn of_towerhook(words: &[String]) -> Option<&[String]> {
    let words = match words {
        [first, rest @ ..] if first == "cargo" => rest,
        all => all,
    };
    let (first, rest) = words.split_first()?;
    (first == "towerhook").then_some(rest)
}

/// All commands of all pages, in order.
///
/// # Errors
/// When a page cannot be read, or a command has quotation marks without an end.
pub fn shown(workspace: &Path) -> anyhow::Result<Vec<Shown>> {
    let mut shown = Vec::new();
    for page in pages(workspace)? {
        let text = std::fs::read_to_string(&page)
            .with_context(|| format!("cannot read {}", page.display()))?;
        let name = page.strip_prefix(workspace).unwrap_or(&page);
        shown.extend(in_page(&name.display().to_string(), &text)?);
    }
    Ok(shown)
}

/// The pages: those beside this workspace's manifest, and all in these folders.
fn pages(workspace: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = vec![workspace.to_owned()];
    let mut pages = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_ours = ["docs", "examples", "terraform"].contains(&&*name);
            if path.is_dir() && (folder != workspace || is_ours) {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    Ok(pages)
}

fn in_page(page: &str, text: &str) -> anyhow::Result<Vec<Shown>> {
    let mention = Regex::new(r"`((?:cargo )?towerhook [^`]+|aws [^`]+)`")?;
    let mut shown = Vec::new();
    let mut block: Option<&str> = None;
    let mut begun = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        let at = format!("{page}:{number}");
        let line = line.trim();
        if let Some(language) = line.strip_prefix("```") {
            block = block.is_none().then_some(language);
            continue;
        }
        let command = match block {
            Some("sh") => Some(line),
            Some(_) => line.strip_prefix("$ "),
            None => {
                for found in mention.captures_iter(line) {
                    let words = words(&found[1].replace("\\|", "|")).with_context(|| at.clone())?;
                    shown.extend(words.into_iter().map(|words| Shown {
                        at: at.clone(),
                        words,
                        is_mention: true,
                    }));
                }
                None
            }
        };
        let Some(command) = command else { continue };
        begun.push_str(command.trim_end_matches('\\'));
        if command.ends_with('\\') {
            continue;
        }
        let words = words(&std::mem::take(&mut begun)).with_context(|| at.clone())?;
        shown.extend(words.into_iter().map(|words| Shown {
            at: at.clone(),
            words,
            is_mention: false,
        }));
    }
    Ok(shown)
}

/// The commands of a line.
fn words(line: &str) -> anyhow::Result<Vec<Vec<String>>> {
    // What another command writes is read from a descriptor.
    let line = Regex::new(r"<\([^)]*\)")?.replace_all(line, "/dev/fd/3");
    let all = shlex::split(&line).with_context(|| format!("no end of a quotation: {line}"))?;
    let commands = all.split(|word| ["|", "&&", ";"].contains(&word.as_str()));
    let commands = commands.map(|words| {
        // Where its input and output go.
        let is_redirected = |word: &String| word.starts_with(['<', '>']);
        let end = words.iter().position(is_redirected);
        words[..end.unwrap_or(words.len())].to_vec()
    });
    Ok(commands.filter(|words| !words.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_in_blocks_behind_prompts_and_in_text() {
        let page = "
Say `cargo towerhook status`, or `aws s3 ls`; `cargo test` is neither.

   ```sh
   aws s3 cp a \\
     'b c' # why
   towerhook launch --secret-file <(pass acme) > log
   ```
```text
$ cargo towerhook plan | jq .held
0 to enroll
```
```json
{}
```
";
        let found = in_page("p.md", page).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|one| format!("{} {} {}", one.at, one.words.join("_"), one.is_mention))
            .collect();
        assert_eq!(
            found,
            [
                "p.md:2 cargo_towerhook_status true",
                "p.md:2 aws_s3_ls true",
                "p.md:6 aws_s3_cp_a_b c false",
                "p.md:7 towerhook_launch_--secret-file_/dev/fd/3 false",
                "p.md:10 cargo_towerhook_plan false",
                "p.md:10 jq_.held false",
            ]
        );
        let towerhook = ["cargo", "towerhook", "plan"].map(str::to_owned);
        assert_eq!(of_towerhook(&towerhook).unwrap(), ["plan"]);
        assert_eq!(of_towerhook(&["cargo".to_owned(), "test".to_owned()]), None);
        assert!(in_page("p.md", "```sh\necho 'a\n```").is_err());
    }
}
