//! The header `TMV1-Filter`: which accounts a page shows.
//!
//! `state eq 'managed' and not (contains(name, 'lab') or featureId eq 'cloud-sentry')`, with `not`
//! before `and` before `or`.

use std::collections::VecDeque;

/// Characters that a filter may have.
const LONGEST: usize = 254;

/// What a filter sees of an account.
#[derive(Debug, Clone)]
pub(super) struct Row<'a> {
    pub(super) name: &'a str,
    pub(super) state: &'a str,
    pub(super) id: &'a str,
    pub(super) features: Vec<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filter {
    Equals(Field, String),
    Contains(Field, String),
    Not(Box<Filter>),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    State,
    Id,
    Feature,
}

impl Field {
    fn parse(word: &str) -> Result<Self, String> {
        Ok(match word {
            "name" => Self::Name,
            "state" => Self::State,
            "id" => Self::Id,
            "featureId" => Self::Feature,
            _ => return Err(format!("the filter has no field {word}")),
        })
    }

    fn any(self, row: &Row<'_>, matches: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Name => matches(row.name),
            Self::State => matches(row.state),
            Self::Id => matches(row.id),
            Self::Feature => row.features.iter().any(|feature| matches(feature)),
        }
    }
}

impl Filter {
    /// # Errors
    /// One sentence about what is wrong with the text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > LONGEST {
            return Err(format!("the filter has more than {LONGEST} characters"));
        }
        let mut tokens = tokens(text)?;
        let filter = alternatives(&mut tokens)?;
        match tokens.pop_front() {
            None => Ok(filter),
            Some(token) => Err(format!("the filter cannot go on with {token:?}")),
        }
    }

    pub(super) fn shows(&self, row: &Row<'_>) -> bool {
        match self {
            Self::Equals(field, value) => field.any(row, |held| held == value),
            Self::Contains(field, part) => field.any(row, |held| held.contains(part.as_str())),
            Self::Not(filter) => !filter.shows(row),
            Self::And(one, other) => one.shows(row) && other.shows(row),
            Self::Or(one, other) => one.shows(row) || other.shows(row),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Comma,
}

fn tokens(text: &str) -> Result<VecDeque<Token>, String> {
    let mut tokens = VecDeque::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' | ',' => {
                tokens.push_back(match first {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    _ => Token::Comma,
                });
                1
            }
            '\'' => {
                let inside = &rest[1..];
                let end = inside.find('\'').ok_or("a text in the filter has no end")?;
                tokens.push_back(Token::Text(inside[..end].to_owned()));
                end + 2
            }
            _ => {
                let end = rest.find(|next: char| !next.is_ascii_alphanumeric());
                let word = &rest[..end.unwrap_or(rest.len())];
                if word.is_empty() {
                    return Err(format!("the filter has an odd {first:?}"));
                }
                tokens.push_back(Token::Word(word.to_owned()));
                word.len()
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn is_word(token: Option<&Token>, word: &str) -> bool {
    matches!(token, Some(Token::Word(found)) if found == word)
}

fn alternatives(tokens: &mut VecDeque<Token>) -> Result<Filter, String> {
    let mut filter = conjunction(tokens)?;
    while is_word(tokens.front(), "or") {
        tokens.pop_front();
        filter = Filter::Or(Box::new(filter), Box::new(conjunction(tokens)?));
    }
    Ok(filter)
}

fn conjunction(tokens: &mut VecDeque<Token>) -> Result<Filter, String> {
    let mut filter = condition(tokens)?;
    while is_word(tokens.front(), "and") {
        tokens.pop_front();
        filter = Filter::And(Box::new(filter), Box::new(condition(tokens)?));
    }
    Ok(filter)
}

fn condition(tokens: &mut VecDeque<Token>) -> Result<Filter, String> {
    match tokens.pop_front() {
        Some(Token::Word(word)) if word == "not" => Ok(Filter::Not(Box::new(condition(tokens)?))),
        Some(Token::Open) => {
            let filter = alternatives(tokens)?;
            expect(tokens, &Token::Close)?;
            Ok(filter)
        }
        Some(Token::Word(word)) if word == "contains" => {
            expect(tokens, &Token::Open)?;
            let field = match tokens.pop_front() {
                Some(Token::Word(word)) => Field::parse(&word)?,
                other => return Err(unexpected(other.as_ref())),
            };
            expect(tokens, &Token::Comma)?;
            let part = value(tokens)?;
            expect(tokens, &Token::Close)?;
            Ok(Filter::Contains(field, part))
        }
        Some(Token::Word(word)) => {
            let field = Field::parse(&word)?;
            expect(tokens, &Token::Word("eq".to_owned()))?;
            Ok(Filter::Equals(field, value(tokens)?))
        }
        other => Err(unexpected(other.as_ref())),
    }
}

fn value(tokens: &mut VecDeque<Token>) -> Result<String, String> {
    match tokens.pop_front() {
        Some(Token::Text(text)) => Ok(text),
        other => Err(unexpected(other.as_ref())),
    }
}

fn expect(tokens: &mut VecDeque<Token>, wanted: &Token) -> Result<(), String> {
    match tokens.pop_front() {
        Some(found) if found == *wanted => Ok(()),
        other => Err(unexpected(other.as_ref())),
    }
}

fn unexpected(token: Option<&Token>) -> String {
    token.map_or_else(
        || "the filter ends too early".to_owned(),
        |token| format!("the filter cannot go on with {token:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(text: &str) -> bool {
        let row = Row {
            name: "lab one",
            state: "managed",
            id: "111122223333",
            features: vec!["cloud-sentry", "cloud-response"],
        };
        Filter::parse(text).unwrap().shows(&row)
    }

    #[test]
    fn the_documented_examples_are_understood() {
        assert!(shows("state eq 'managed' or state eq 'outdated'"));
        let both = "state eq 'managed' and (contains(name, 'lab') or contains(id, '123'))";
        assert!(shows(both));
        assert!(shows("featureId eq 'cloud-response'"));
        assert!(!shows("not featureId eq 'cloud-sentry'"));
        assert!(!shows("name eq 'lab'"));
    }

    #[test]
    fn not_binds_before_and_and_and_before_or() {
        assert!(shows("state eq 'managed' or id eq '1' and id eq '2'"));
        assert!(!shows("(state eq 'managed' or id eq '1') and id eq '2'"));
        assert!(!shows("not state eq 'managed' and id eq '111122223333'"));
        assert!(shows("not (state eq 'failed' or not id eq '111122223333')"));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for odd in [
            "",
            "state",
            "state eq managed",
            "state ne 'managed'",
            "roleArn eq 'r'",
            "state eq 'managed",
            "(state eq 'managed'",
            "state eq 'managed')",
            "contains(name 'lab')",
            "state eq 'managed' and",
            "state = 'managed'",
            "名 eq 'x'",
        ] {
            assert!(Filter::parse(odd).is_err(), "{odd}");
        }
        let long = format!("name eq '{}'", "n".repeat(254));
        assert!(Filter::parse(&long).unwrap_err().contains("254"));
        assert!(Filter::parse(&format!("name eq '{}'", "é".repeat(244))).is_ok());
    }
}
