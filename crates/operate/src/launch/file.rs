use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Form;

/// Values of parameters by name. None is secret.
pub type Values = BTreeMap<String, String>;

/// More than any launch needs.
const LARGEST: usize = 256 * 1024;

/// A file that has no parameters for this form.
#[derive(Debug, thiserror::Error)]
pub enum NoParameters {
    /// It is too large to be one.
    #[error("it is larger than {LARGEST} bytes")]
    TooLarge,
    /// It has another form.
    #[error(
        "it is not a list of {{\"ParameterKey\": ..., \"ParameterValue\": ...}}, as the AWS CLI \
         takes it"
    )]
    Malformed(#[source] serde_json::Error),
    /// It names a parameter twice.
    #[error("it has {0} twice")]
    Twice(String),
    /// The template has no such parameter.
    #[error("the template has no parameter {0}")]
    Unknown(String),
    /// Secrets are kept nowhere.
    #[error(
        "it has the secret {0}, which no file may hold: remove it there, and change it if others \
         may have read the file"
    )]
    Secret(String),
}

/// One parameter, as the AWS CLI takes it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry {
    parameter_key: String,
    parameter_value: String,
}

/// The values in a file of parameters.
///
/// # Errors
///
/// It has another form, or names something that the template does not ask for, or a secret.
pub fn parameters_in(text: &str, form: &Form) -> Result<Values, NoParameters> {
    if text.len() > LARGEST {
        return Err(NoParameters::TooLarge);
    }
    let entries: Vec<Entry> = serde_json::from_str(text).map_err(NoParameters::Malformed)?;
    let mut values = Values::new();
    for Entry {
        parameter_key: name,
        parameter_value: value,
    } in entries
    {
        match form.field(&name) {
            None => return Err(NoParameters::Unknown(name)),
            Some(field) if field.is_secret => return Err(NoParameters::Secret(name)),
            Some(_) => {}
        }
        if values.insert(name.clone(), value).is_some() {
            return Err(NoParameters::Twice(name));
        }
    }
    Ok(values)
}

/// A file of parameters, which the AWS CLI takes, too.
pub fn to_file(values: &Values) -> String {
    let entries: Vec<_> = values
        .iter()
        .map(|(name, value)| Entry {
            parameter_key: name.clone(),
            parameter_value: value.clone(),
        })
        .collect();
    serde_json::to_string_pretty(&entries).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::{super::form::testing::form, *};

    fn refused(text: &str) -> String {
        parameters_in(text, &form()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let values = Values::from([("Url".to_owned(), "https://a".to_owned())]);
        let text = to_file(&values);
        assert!(text.contains(r#""ParameterKey": "Url""#), "{text}");
        assert_eq!(parameters_in(&text, &form()).unwrap(), values);
    }

    #[test]
    fn a_file_with_a_secret_or_with_something_unknown_is_refused() {
        let entry =
            |name: &str| format!(r#"{{"ParameterKey": "{name}", "ParameterValue": "canary"}}"#);
        let secret = refused(&format!("[{}]", entry("Key")));
        assert!(
            secret.contains("secret Key") && !secret.contains("canary"),
            "{secret}"
        );
        let unknown = refused(&format!("[{}]", entry("Other")));
        assert_eq!(unknown, "the template has no parameter Other");
        let twice = refused(&format!("[{},{}]", entry("Url"), entry("Url")));
        assert_eq!(twice, "it has Url twice");
        assert!(refused("{}").contains("ParameterKey"));
        assert!(refused(&" ".repeat(LARGEST + 1)).contains("larger"));
    }
}
