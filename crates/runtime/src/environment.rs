//! Reads a function's settings from its environment, and reports all errors together.

use std::{cell::RefCell, str::FromStr};

/// All errors in a function's environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the function's environment is wrong: {}", .0.join("; "))]
pub struct WrongEnvironment(Vec<String>);

/// Reads variables and collects the errors.
pub struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    wrong: RefCell<Vec<String>>,
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("wrong", &self.wrong)
            .finish_non_exhaustive()
    }
}

impl Reader<'_> {
    /// A variable that must hold a `T`. Errors do not show the value: it may be a secret.
    pub fn get<T: FromStr>(&self, name: &str) -> Option<T> {
        let Some(text) = (self.lookup)(name).filter(|text| !text.is_empty()) else {
            self.wrong.borrow_mut().push(format!("{name} is not set"));
            return None;
        };
        self.parse(name, &text)
    }

    /// A variable that must hold a `kind`, as `parse` reads it.
    pub fn get_by<T>(
        &self,
        name: &str,
        kind: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = parse(&self.get::<String>(name)?);
        if value.is_none() {
            let wrong = format!("{name} is no {kind}");
            self.wrong.borrow_mut().push(wrong);
        }
        value
    }

    /// A variable that may be absent or empty.
    pub fn optional<T: FromStr>(&self, name: &str) -> Option<T> {
        let text = (self.lookup)(name).filter(|text| !text.is_empty())?;
        self.parse(name, &text)
    }

    /// The items of a variable that may be absent or empty, separated by commas.
    pub fn list(&self, name: &str) -> Vec<String> {
        let text: String = self.optional(name).unwrap_or_default();
        let items = text.split(',').map(str::trim);
        items
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// A variable that must be set if it is `wanted`, and is not read otherwise.
    pub fn get_if<T: FromStr>(&self, wanted: bool, name: &str) -> Option<Option<T>> {
        if wanted {
            self.get(name).map(Some)
        } else {
            Some(None)
        }
    }

    /// A variable that must name one of `known`. Returns the value paired with that name.
    pub fn one_of<T: Copy>(&self, name: &str, known: &[(&str, T)]) -> Option<T> {
        let text: String = self.get(name)?;
        let found = known.iter().find(|(known, _)| *known == text);
        if found.is_none() {
            let known: Vec<_> = known.iter().map(|(known, _)| *known).collect();
            let wrong = format!("{name} must be one of: {}", known.join(", "));
            self.wrong.borrow_mut().push(wrong);
        }
        found.map(|(_, value)| *value)
    }

    fn parse<T: FromStr>(&self, name: &str, text: &str) -> Option<T> {
        let value = text.parse().ok();
        if value.is_none() {
            let kind = std::any::type_name::<T>()
                .rsplit("::")
                .next()
                .unwrap_or_default();
            self.wrong.borrow_mut().push(format!("{name} is no {kind}"));
        }
        value
    }
}

/// Reads settings with `read`, which asks for every variable before it gives up.
///
/// # Errors
///
/// All missing or invalid variables.
pub fn read<T>(
    lookup: &dyn Fn(&str) -> Option<String>,
    read: impl FnOnce(&Reader<'_>) -> Option<T>,
) -> Result<T, WrongEnvironment> {
    let reader = Reader {
        lookup,
        wrong: RefCell::default(),
    };
    let settings = read(&reader);
    let wrong = reader.wrong.into_inner();
    settings
        .filter(|_| wrong.is_empty())
        .ok_or(WrongEnvironment(wrong))
}

/// The process's environment, for [`read`].
pub fn process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_is_reported_together() {
        let lookup = |name: &str| (name == "COUNT").then(|| "many".to_owned());
        let settings = read(&lookup, |reader| {
            let (count, name) = (reader.get::<u32>("COUNT"), reader.get::<String>("NAME"));
            Some((count?, name?))
        });
        let wrong = settings.unwrap_err().to_string();
        assert!(
            wrong.contains("COUNT is no u32") && wrong.contains("NAME is not set"),
            "{wrong}"
        );
    }

    #[test]
    fn a_name_that_is_not_known_is_answered_with_those_that_are() {
        let known = [("red", 1), ("green", 2)];
        let of = |text: &'static str| {
            let lookup = move |_: &str| Some(text.to_owned());
            read(&lookup, |reader| reader.one_of("COLOUR", &known))
        };
        assert_eq!(of("green").unwrap(), 2);
        // Names are case-sensitive.
        for text in ["blue", "Green"] {
            let wrong = of(text).unwrap_err().to_string();
            assert!(
                wrong.ends_with(": COLOUR must be one of: red, green"),
                "{wrong}"
            );
        }
        let wrong = of("").unwrap_err().to_string();
        assert!(wrong.ends_with(": COLOUR is not set"), "{wrong}");
    }
}
