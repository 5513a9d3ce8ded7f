//! The parameters of a request, read once: the query protocol's form, or JSON.

use std::collections::{BTreeMap, BTreeSet};

use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::answer::ApiError;

/// The parameters of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Parameters {
    /// A form of the query protocol.
    Form(Form),
    /// JSON; an empty body is an empty object.
    Json(Value),
}

impl Parameters {
    /// The form if there is one, and otherwise the JSON body.
    ///
    /// # Errors
    /// When the body is not JSON.
    pub(crate) fn read(form: Option<Form>, body: &[u8]) -> Result<Self, ApiError> {
        match form {
            Some(form) => Ok(Self::Form(form)),
            None if body.is_empty() => Ok(Self::Json(json!({}))),
            None => serde_json::from_slice(body)
                .map(Self::Json)
                .map_err(|_| ApiError::new(400, "SerializationException", "The body is not JSON")),
        }
    }

    /// The names at every depth; all elements of a list share one.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        match self {
            Self::Form(form) => names.extend(form.names().map(without_numbers)),
            Self::Json(value) => collect_names(value, "", &mut names),
        }
        names
    }
}

/// `Tags.member.2.Key` as `Tags.member..Key`.
fn without_numbers(name: &str) -> String {
    let segments = name.split('.');
    let segments = segments.map(|one| {
        if one.bytes().all(|b| b.is_ascii_digit()) {
            ""
        } else {
            one
        }
    });
    segments.collect::<Vec<_>>().join(".")
}

fn collect_names(value: &Value, at: &str, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                let name = format!("{at}.{name}");
                collect_names(inner, &name, names);
                names.insert(name);
            }
        }
        Value::Array(elements) => {
            for inner in elements {
                collect_names(inner, at, names);
            }
        }
        _ => {}
    }
}

/// The parameters of a query-protocol request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// Whether a request has its parameters in a form.
    pub(crate) fn is_in(parts: &Parts) -> bool {
        parts
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"))
    }

    /// The parameters in the query string and in the body.
    pub(crate) fn read(parts: &Parts, body: &[u8]) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes())
            .chain(url::form_urlencoded::parse(body))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The full names, such as `Tags.member.1.Key`, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// All names with their values, in order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.optional(name).ok_or_else(|| {
            ApiError::validation(format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
                 Member must not be null"
            ))
        })
    }

    /// A value that is not empty.
    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|value| value == "true")
    }

    /// `Name.member.1`, `Name.member.2` ...
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        (1..)
            .map_while(|number| self.get(&format!("{name}.member.{number}")))
            .map(str::to_owned)
            .collect()
    }

    /// `Name.member.1.<field>`, `Name.member.2.<field>` ... with some fields of each.
    pub(crate) fn structures<const N: usize>(
        &self,
        name: &str,
        fields: [&str; N],
    ) -> Vec<[Option<&str>; N]> {
        (1..)
            .map(|number| fields.map(|field| self.get(&format!("{name}.member.{number}.{field}"))))
            .take_while(|found| found.iter().any(Option::is_some))
            .collect()
    }

    /// The tags; `None` if the request has no `Tags` at all.
    pub(crate) fn tags(&self) -> Option<BTreeMap<String, String>> {
        let tags: BTreeMap<_, _> = self
            .structures("Tags", ["Key", "Value"])
            .into_iter()
            .map(|[key, value]| {
                (
                    key.unwrap_or_default().to_owned(),
                    value.unwrap_or_default().to_owned(),
                )
            })
            .collect();
        (!tags.is_empty() || self.get("Tags").is_some()).then_some(tags)
    }
}

impl FromIterator<(String, String)> for Form {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(parameters: I) -> Self {
        Self(parameters.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_a_list_share_one_name() {
        let form: Form = ["Tags.member.1.Key", "Tags.member.2.Key", "Name"]
            .map(|name| (name.to_owned(), String::new()))
            .into_iter()
            .collect();
        let names = Parameters::Form(form).names();
        assert_eq!(Vec::from_iter(names), ["Name", "Tags.member..Key"]);
        let body = br#"{"Entries": [{"Id": 1}, {"Id": 2, "Body": ""}]}"#;
        let names = Parameters::read(None, body).unwrap().names();
        assert_eq!(
            Vec::from_iter(names),
            [".Entries", ".Entries.Body", ".Entries.Id"]
        );
    }

    #[test]
    fn no_body_is_an_empty_object_and_a_body_that_is_not_json_is_refused() {
        assert_eq!(Parameters::read(None, b""), Ok(Parameters::Json(json!({}))));
        let refused = Parameters::read(None, b"<xml/>").unwrap_err();
        assert_eq!(refused.code, "SerializationException");
    }
}
