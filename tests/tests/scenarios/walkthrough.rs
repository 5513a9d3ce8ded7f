//! The commands of the walkthrough, in its order, print what the page shows.

use std::path::PathBuf;
use std::process::Output;

use regex_lite::{Captures, Regex};
use towerhook_package::workspace_root;
use towerhook_tests::python::boto3;
use towerhook_tests::scene::{Scene, until};

use crate::operator::{command, towerhook};

/// The accounts of the page's sandbox.
const ACCOUNTS: usize = 5;
/// Those that are watched.
const ENROLLED: [&str; 4] = ["Audit", "Log Archive", "production-1", "development-1"];
/// The account that is broken and mended.
const BROKEN: &str = "production-1";

fn page() -> PathBuf {
    workspace_root().join("docs/walkthrough.md")
}

/// A block of the page: the commands behind its prompts, and all of it.
#[derive(Debug)]
struct Block {
    start: usize,
    end: usize,
    commands: Vec<String>,
}

/// The blocks with a prompt, without those of the terminal where the sandbox runs.
fn blocks(text: &str) -> Vec<Block> {
    let pattern = Regex::new(r"(?s)```text\n(\$ .*?)```").unwrap();
    let blocks = pattern.captures_iter(text).map(|found| {
        let block = found.get(1).unwrap();
        let lines = block.as_str().lines();
        let commands = lines.filter_map(|line| line.strip_prefix("$ "));
        Block {
            start: block.start(),
            end: block.end(),
            commands: commands.map(str::to_owned).collect(),
        }
    });
    blocks.collect()
}

/// Where a cell goes on in the next line.
const WRAP: &str = r"(?: *│\n│ *)?";
/// The digits of a registration's id on the page.
const HEX: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDE";

/// Ids, times and ports that are the same in every run, and rows in the order of those ids.
struct Same {
    ids: Vec<(String, String)>,
    patterns: Vec<(Regex, &'static str)>,
}

impl Same {
    fn of(scene: &Scene) -> Self {
        let mut accounts = scene.sandbox.landing_zone.accounts().to_vec();
        accounts.sort_by(|one, other| one.name.cmp(&other.name));
        let ids = (2..).zip(&accounts).map(|(number, account)| {
            let fixed = format!("{:012}", number * 111_111_111_111_u64);
            (account.id.clone(), fixed)
        });
        let patterns = [
            (r"20\d\d-\d\d-\d\d \d\d:\d\d UTC", "2026-01-11 12:00 UTC"),
            (r"127\.0\.0\.1:\d{5}", "127.0.0.1:41000"),
            (r"\b\d{3} invocations", "996 invocations"),
        ];
        Self {
            ids: ids.collect(),
            patterns: patterns
                .map(|(pattern, instead)| (Regex::new(pattern).unwrap(), instead))
                .into(),
        }
    }

    /// What a run prints, as the page shows it.
    fn shown(&self, printed: &str) -> String {
        let mut text = printed.to_owned();
        for (id, fixed) in &self.ids {
            text = spelled(&text, id.chars().map(String::from), fixed);
        }
        text = spelled(&text, HEX.chars().map(|_| "[0-9A-F]".to_owned()), HEX);
        for (pattern, instead) in &self.patterns {
            text = pattern.replace_all(&text, *instead).into_owned();
        }
        sorted(&text)
    }

    /// A command of the page, with this run's ids.
    fn run(&self, shown: &str) -> String {
        let mut text = shown.to_owned();
        for (id, fixed) in &self.ids {
            text = text.replace(fixed, id);
        }
        text
    }
}

/// The text with other characters for these, even where a cell breaks them.
fn spelled(text: &str, characters: impl Iterator<Item = String>, instead: &str) -> String {
    let pattern = characters.collect::<Vec<_>>().join(WRAP);
    let replace = |found: &Captures<'_>| {
        let mut fresh = instead.chars();
        let spell = |one: char| match one {
            one if one.is_ascii_alphanumeric() => fresh.next().unwrap_or(one),
            one => one,
        };
        found[0].chars().map(spell).collect::<String>()
    };
    let pattern = Regex::new(&pattern).unwrap();
    pattern.replace_all(text, replace).into_owned()
}

/// The rows of a table of accounts, each with its lines, in the order of the ids.
fn sorted(text: &str) -> String {
    let rows = Regex::new(r"(?m)(^│ \d{12} .*\n(?:^│ [^\d\n].*\n|^│  .*\n)*)+").unwrap();
    let row = Regex::new(r"(?m)^│ \d{12} .*\n(?:^│ [^\d\n].*\n|^│  .*\n)*").unwrap();
    let in_order = |found: &Captures<'_>| {
        let mut rows: Vec<_> = row.find_iter(&found[0]).map(|one| one.as_str()).collect();
        rows.sort_unstable();
        rows.concat()
    };
    rows.replace_all(text, in_order).into_owned()
}

/// Runs a command of the page, and returns what it prints.
async fn printed(scene: &Scene, line: &str) -> String {
    let text = |output: Output| {
        let both = [output.stdout, output.stderr].concat();
        String::from_utf8(both).unwrap()
    };
    if let Some(line) = line.strip_prefix("cargo towerhook ") {
        let line = line.strip_suffix(" --sandbox").unwrap_or(line);
        if line.starts_with("status") {
            scene.await_enrolled(&ENROLLED).await;
            scene.settle().await;
        }
        return text(towerhook(&scene.sandbox, line).await);
    }
    let words = line
        .strip_prefix("aws ")
        .unwrap_or_else(|| panic!("{line} is neither"));
    let python = boto3().await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/aws_command.py");
    let mut arguments = vec![script];
    arguments.extend(words.split(' '));
    let mut run = command(&scene.sandbox, python.to_str().unwrap(), &arguments);
    let region = scene.sandbox.running().region.clone();
    let output = run
        .env("AWS_DEFAULT_REGION", region)
        .output()
        .await
        .unwrap();
    let told = text(output);
    assert!(told.is_empty(), "{line}: {told}");
    if line.contains("delete-stack-instances") {
        until("the account's stack is gone", async || {
            scene.instance(BROKEN).is_none()
        })
        .await;
    }
    told
}

#[tokio::test]
async fn the_commands_of_the_walkthrough_print_what_it_shows() {
    let scene = Scene::open(ACCOUNTS, &[], &[]).await;
    scene.await_enrolled(&ENROLLED).await;
    scene.settle().await;
    let same = Same::of(&scene);
    let text = std::fs::read_to_string(page()).unwrap();
    let mut fresh = String::new();
    let mut copied = 0;
    for block in blocks(&text) {
        fresh.push_str(&text[copied..block.start]);
        for line in &block.commands {
            let printed = printed(&scene, &same.run(line)).await;
            fresh.push_str(&format!("$ {line}\n{}", same.shown(&printed)));
        }
        copied = block.end;
    }
    fresh.push_str(&text[copied..]);
    let is_wanted = std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always");
    if is_wanted {
        std::fs::write(page(), &fresh).unwrap();
    }
    assert!(
        text == fresh || is_wanted,
        "docs/walkthrough.md is out of date: INSTA_UPDATE=always writes it\n{fresh}"
    );
    scene.sandbox.shutdown().await.unwrap();
}

#[test]
fn an_id_is_replaced_where_a_cell_breaks_it() {
    let broken = "│ topic   arn:1234567890 │\n│         12:topic     │";
    let id = "123456789012";
    let fixed = spelled(broken, id.chars().map(String::from), "222222222222");
    assert_eq!(
        fixed,
        "│ topic   arn:2222222222 │\n│         22:topic     │"
    );
}

#[test]
fn rows_are_sorted_with_their_lines_and_other_lines_stay() {
    let table = "┌──┐\n│ 222222222222   b │\n│ active           │\n│ 111111111111   a │\n│ closed           │\n└──┘\n";
    let sorted = sorted(table);
    let lines: Vec<_> = sorted.lines().collect();
    assert_eq!(lines[1], "│ 111111111111   a │");
    assert_eq!(lines[2], "│ closed           │");
    assert_eq!(lines[4], "│ active           │");
    assert_eq!((lines[0], lines[5]), ("┌──┐", "└──┘"));
}
