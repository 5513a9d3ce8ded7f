//! Parses lists of OUs in parameters.

use std::fmt;

use super::{OuId, Store};

/// One OU of a list, as written and as parsed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitName {
    text: String,
    name: Option<String>,
    means: Means,
}

/// The meaning of an OU's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// The OU with this id.
    Id(OuId),
    /// An OU with the last name, below OUs with the other names, outermost first; never empty.
    Path(Vec<String>),
}

/// An OU, and its accounts' store, if the entry names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitEntry {
    /// The OU.
    pub unit: UnitName,
    /// The text after `=`.
    pub store: Option<Store>,
}

/// An invalid list of OUs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{why} in {entry:?}. Write units as Name, Parent/Name or ou-..., separated by commas; put a name \
     that holds a comma, a slash, an equals sign or a parenthesis in double quotes"
)]
pub struct ParseUnitsError {
    entry: String,
    why: &'static str,
}

impl UnitName {
    /// The parsed meaning.
    pub fn means(&self) -> &Means {
        &self.means
    }

    /// The OU's own name, if the list gives one, also in addition to its id.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Parses a list: `Production, Workloads/Blue, ou-ab12-11112222, Staging (ou-ab12-33334444)`, each
/// optionally followed by `=store`.
///
/// # Errors
///
/// The first invalid entry, and the reason.
pub fn parse_units(text: &str) -> Result<Vec<UnitEntry>, ParseUnitsError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut entries = Vec::new();
    for entry in split(&tokens(text)?, ',') {
        entries.push(parse_entry(entry).map_err(|why| wrong(entry, why))?);
    }
    Ok(entries)
}

/// A character that may be syntax, or one in quotes that never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Plain(char),
    Quoted(char),
}

impl Token {
    fn char(self) -> char {
        match self {
            Self::Plain(c) | Self::Quoted(c) => c,
        }
    }
}

/// In double quotes every character stands for itself, and two quotes stand for one.
fn tokens(text: &str) -> Result<Vec<Token>, ParseUnitsError> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => {
                chars.next();
                tokens.push(Token::Quoted('"'));
            }
            ('"', _) => quoted = !quoted,
            (c, true) => tokens.push(Token::Quoted(c)),
            (c, false) => tokens.push(Token::Plain(c)),
        }
    }
    if quoted {
        return Err(wrong(&tokens, "a quotation mark is missing"));
    }
    Ok(tokens)
}

fn split(tokens: &[Token], at: char) -> impl Iterator<Item = &[Token]> {
    tokens.split(move |token| *token == Token::Plain(at))
}

fn wrong(entry: &[Token], why: &'static str) -> ParseUnitsError {
    let entry: String = entry.iter().map(|token| token.char()).take(100).collect();
    ParseUnitsError {
        entry: entry.trim().to_owned(),
        why,
    }
}

/// The name with its quotes, without which it might mean another OU.
fn as_written(unit: &[Token]) -> String {
    let is_quoted = |token: &Token| matches!(token, Token::Quoted(_));
    let runs = unit.chunk_by(|one, next| is_quoted(one) == is_quoted(next));
    let written = runs.map(|run| {
        let chars: String = run.iter().map(|token| token.char()).collect();
        if run.first().is_some_and(is_quoted) {
            format!("\"{}\"", chars.replace('"', "\"\""))
        } else {
            chars
        }
    });
    written.collect::<String>().trim().to_owned()
}

/// The text without surrounding blanks; blanks in quotes stay.
fn text(tokens: &[Token]) -> String {
    let blank = |token: &Token| matches!(token, Token::Plain(c) if c.is_whitespace());
    let start = tokens.iter().position(|token| !blank(token));
    let end = tokens.iter().rposition(|token| !blank(token));
    match (start, end) {
        (Some(start), Some(end)) => tokens[start..=end]
            .iter()
            .map(|token| token.char())
            .collect(),
        _ => String::new(),
    }
}

fn parse_entry(entry: &[Token]) -> Result<UnitEntry, &'static str> {
    let mut halves = split(entry, '=');
    let unit = halves.next().unwrap_or_default();
    let store = halves.next().map(text);
    if halves.next().is_some() {
        return Err("there is more than one equals sign");
    }
    if store.as_ref().is_some_and(String::is_empty) {
        return Err("there is nothing after the equals sign");
    }
    Ok(UnitEntry {
        unit: parse_unit(unit)?,
        store: store.map(Store::from),
    })
}

fn parse_unit(unit: &[Token]) -> Result<UnitName, &'static str> {
    let whole = text(unit);
    if whole.is_empty() {
        return Err("a unit is missing");
    }
    let is_quoted = unit.iter().any(|token| matches!(token, Token::Quoted(_)));
    if let Some(id) = unit_id(&whole).filter(|_| !is_quoted) {
        return Ok(UnitName {
            text: as_written(unit),
            name: None,
            means: Means::Id(id),
        });
    }
    if let Some(open) = unit.iter().rposition(|token| *token == Token::Plain('(')) {
        let inside = text(&unit[open + 1..]);
        let id = inside.strip_suffix(')').and_then(|id| unit_id(id.trim()));
        let name = Some(text(&unit[..open])).filter(|name| !name.is_empty());
        return Ok(UnitName {
            text: as_written(unit),
            name,
            means: Means::Id(id.ok_or("the text in parentheses is not a unit's id")?),
        });
    }
    let names: Vec<String> = split(unit, '/').map(text).collect();
    if names.iter().any(String::is_empty) {
        return Err("a name between slashes is missing");
    }
    Ok(UnitName {
        text: as_written(unit),
        name: names.last().cloned(),
        means: Means::Path(names),
    })
}

/// `ou-`, 4 to 32 letters or digits, a hyphen, and 8 to 32 letters or digits. A root's id is not
/// accepted, because an OU's name may look like one.
///
/// Source: the pattern of `OrganizationalUnitId` in the API of AWS Organizations.
fn unit_id(text: &str) -> Option<OuId> {
    let (root, own) = text.strip_prefix("ou-")?.split_once('-')?;
    let is_part = |part: &str, least: usize| {
        (least..=32).contains(&part.len())
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    (is_part(root, 4) && is_part(own, 8)).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(Means, Option<String>)> {
        let entries = parse_units(text).unwrap().into_iter();
        entries
            .map(|entry| (entry.unit.means, entry.store.map(String::from)))
            .collect()
    }

    fn path(names: &[&str]) -> Means {
        Means::Path(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn id(text: &str) -> Means {
        Means::Id(text.parse().unwrap())
    }

    #[test]
    fn a_name_is_shown_as_it_is_written_so_that_two_units_never_look_alike() {
        for text in [
            r#""Ops/West""#,
            "Ops/West",
            r#"A"=""B""#,
            "Blue (ou-ab12-11112222)",
            "ou-ab12-11112222",
            r#""ou-ab12-11112222""#,
        ] {
            let entries = parse_units(&format!(" {text} ")).unwrap();
            assert_eq!(entries[0].unit.to_string(), text);
        }
    }

    #[test]
    fn every_way_to_write_a_unit_is_understood() {
        assert_eq!(read(" "), []);
        assert_eq!(
            read("Production, Workloads/Blue ,ou-ab12-11112222,Old name (ou-ab12-33334444)"),
            [
                (path(&["Production"]), None),
                (path(&["Workloads", "Blue"]), None),
                (id("ou-ab12-11112222"), None),
                (id("ou-ab12-33334444"), None),
            ]
        );
    }

    #[test]
    fn a_unit_has_the_name_that_stands_beside_its_id() {
        let name = |text: &str| {
            let entries = parse_units(text).unwrap();
            entries[0].unit.name().map(str::to_owned)
        };
        assert_eq!(
            name("Old name (ou-ab12-33334444)").as_deref(),
            Some("Old name")
        );
        assert_eq!(name("Top/Blue").as_deref(), Some("Blue"));
        assert_eq!(name("ou-ab12-33334444"), None);
    }

    #[test]
    fn a_unit_may_go_to_a_store_of_another_name() {
        assert_eq!(
            read("Production=prod, ou-ab12-11112222 = Blue-1"),
            [
                (path(&["Production"]), Some("prod".into())),
                (id("ou-ab12-11112222"), Some("blue-1".into())),
            ]
        );
    }

    #[test]
    fn quotes_hold_what_would_mean_something() {
        assert_eq!(
            read(r#""R&D, Ops/West = (old)"=rnd,"a ""b"" c",Top/"x/y""#),
            [
                (path(&["R&D, Ops/West = (old)"]), Some("rnd".into())),
                (path(&[r#"a "b" c"#]), None),
                (path(&["Top", "x/y"]), None),
            ]
        );
        assert_eq!(
            read(r#"r-labs,ou-team,"ou-ab12-11112222""#),
            ["r-labs", "ou-team", "ou-ab12-11112222"].map(|name| (path(&[name]), None))
        );
    }

    #[test]
    fn a_wrong_entry_is_named_with_what_is_wrong_in_it() {
        for (text, entry, why) in [
            ("Production,,Development", "", "a unit is missing"),
            ("Production,", "", "a unit is missing"),
            ("A, Top//Blue", "Top//Blue", "between slashes"),
            ("Blue (west)", "Blue (west)", "not a unit's id"),
            ("Blue=", "Blue=", "nothing after"),
            ("Blue=a=b", "Blue=a=b", "more than one"),
            ("\"Blue", "Blue", "quotation mark"),
        ] {
            let error = parse_units(text).unwrap_err();
            assert_eq!(error.entry, entry, "{text}");
            let words = error.to_string();
            assert!(
                words.contains(why) && words.contains("Write units as"),
                "{words}"
            );
        }
    }
}
