//! Every command that the pages show is one that this program takes.

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use towerhook_package::shown::{of_towerhook, shown};
use towerhook_package::workspace_root;

use super::Arguments;

/// What stands for a value that is not any text.
const PLACEHOLDERS: [(&str, &str); 3] = [("NAME", "lacework"), ("SHELL", "bash"), ("N", "1")];

/// A word of a page as an argument: an example in place of a placeholder, the first of several choices,
/// and no brackets around what is optional.
fn written(word: &str) -> String {
    let word = word.trim_matches(['[', ']']);
    let word = word.split('|').next().unwrap_or_default();
    let value = PLACEHOLDERS.iter().find(|(name, _)| *name == word);
    value.map_or(word, |(_, value)| value).to_owned()
}

/// Whether this is taken. In a line of text, what is required may be left out.
fn is_taken(words: &[String], is_mention: bool) -> Result<(), String> {
    if let ([name], true) = (words, is_mention) {
        let command = Arguments::command();
        let known = command.find_subcommand(name).is_some();
        return known
            .then_some(())
            .ok_or_else(|| format!("no command {name}"));
    }
    let words = words.iter().map(|word| written(word));
    let line = std::iter::once("towerhook".to_owned()).chain(words);
    match Arguments::try_parse_from(line) {
        Err(error) if is_mention && error.kind() == ErrorKind::MissingRequiredArgument => Ok(()),
        parsed => parsed.map(|_| ()).map_err(|error| error.to_string()),
    }
}

#[test]
fn every_command_that_a_page_shows_is_taken() {
    let mut count = 0;
    for one in shown(&workspace_root()).unwrap() {
        let Some(words) = of_towerhook(&one.words) else {
            continue;
        };
        is_taken(words, one.is_mention).unwrap_or_else(|why| panic!("{}: {why}", one.at));
        count += 1;
    }
    assert!(count > 50, "{count}");
    let words = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
    assert!(is_taken(&words("statuses"), true).is_err());
    assert!(is_taken(&words("status --acount 1"), true).is_err());
    assert!(is_taken(&words("report"), false).is_err());
    assert!(is_taken(&words("bench [cold|enroll]"), true).is_ok());
}
