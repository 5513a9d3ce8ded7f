//! Lines and tables that fit into the terminal, or into 80 columns where there is none.

use std::io::IsTerminal;

use super::columns::width;
use crate::table::printable;

/// Words on lines, all but the first indented by these spaces. What has no space stays whole, and so
/// does a command between backticks, to be copied. Nothing can control the terminal.
pub(crate) fn wrapped(words: &str, indent: &str) -> String {
    lines(words, indent, 0)
}

/// Words on lines that are all indented by these spaces, as [`wrapped`] breaks them.
pub(crate) fn indented(words: &str, indent: &str) -> String {
    format!("{indent}{}", lines(words, indent, indent.len()))
}

/// Words on lines, of which the first begins at this column.
fn lines(words: &str, indent: &str, column: usize) -> String {
    let most = usize::from(width());
    let mut text = String::new();
    let mut used = column;
    for word in whole(&printable(words)) {
        let length = word.chars().count();
        if !text.is_empty() && used + 1 + length > most {
            text.push('\n');
            text.push_str(indent);
            used = indent.len();
        } else if !text.is_empty() {
            text.push(' ');
            used += 1;
        }
        text.push_str(&word);
        used += length;
    }
    text
}

/// The words, with what is between backticks as one of them.
fn whole(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_quoted = false;
    for word in text.split(' ') {
        match words.last_mut() {
            Some(last) if is_quoted => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
        is_quoted ^= word.matches('`').count() % 2 == 1;
    }
    words
}

/// Prints a sentence of the result.
pub(crate) fn say(words: &str) {
    println!("{}", wrapped(words, ""));
}

/// Prints a sentence beside the result.
pub(crate) fn note(words: &str) {
    eprintln!("{}", wrapped(words, ""));
}

/// Prints why a command ends: whole on one line in a log, and wrapped on a terminal.
pub(crate) fn complain(error: &anyhow::Error) {
    let words = format!("error: {error:#}");
    if std::io::stderr().is_terminal() {
        let lines = words.lines().map(|line| wrapped(line, ""));
        eprintln!("{}", lines.collect::<Vec<_>>().join("\n"));
    } else {
        eprintln!("{words}");
    }
}

/// The widest line, in columns.
#[cfg(test)]
pub(crate) fn widest(text: &str) -> usize {
    let widths = text.lines().map(|line| line.chars().count());
    widths.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_none_is_lost_or_broken() {
        let long = "word ".repeat(40);
        let lines = wrapped(long.trim_end(), "   ");
        assert!(widest(&lines) <= 80 && widest(&lines) > 70, "{lines}");
        let mut rest = lines.lines().skip(1);
        assert!(rest.all(|line| line.starts_with("   word")), "{lines}");
        assert_eq!(lines.matches("word").count(), 40);
        let all = indented(long.trim_end(), "   ");
        assert!(widest(&all) <= 80, "{all}");
        assert!(all.lines().all(|line| line.starts_with("   word")), "{all}");
        let arn = "x".repeat(100);
        assert_eq!(wrapped(&format!("a {arn} b"), ""), format!("a\n{arn}\nb"));
        assert_eq!(wrapped("\u{1b}[2J", ""), r"\u{1b}[2J");
        let command = "`cargo towerhook redrive --return`";
        let told = wrapped(&format!("{} {command} returns it", "x".repeat(60)), "  ");
        assert!(
            told.ends_with(&format!("\n  {command} returns it")),
            "{told}"
        );
    }
}
