use std::{collections::BTreeMap, str::FromStr};

use towerhook_core::{
    model::SecretText,
    ports::{MainStack, Setting, StackRequest, TemplateSource},
};

use super::{BUCKET, Field, Form, PREFIX, Unfit, Values};

/// The values of secret parameters by name.
pub type Secrets = BTreeMap<String, SecretText>;

/// CloudFormation's limit for a template in a request.
const LARGEST_BODY: usize = 51_200;

/// Why a request is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A value is missing.
    #[error("{0} has no value, and the template has no default for it")]
    Missing(String),
    /// A value is wrong.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The template has no such parameter.
    #[error("the stack's template has no parameter {0}")]
    Unknown(String),
    /// A parameter is named twice.
    #[error("{0} is named twice")]
    Twice(String),
    /// A command line is kept by the shell and shown to everybody on the machine.
    #[error("{0} is secret: name it without a value, and you are asked for it")]
    SecretGiven(String),
    /// Only secrets are asked for.
    #[error("{0} has no value: write {0}=VALUE")]
    NoValue(String),
}

/// A parameter on the command line: `KEY=VALUE`, or `KEY` alone for a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    name: String,
    value: Option<String>,
}

impl FromStr for Change {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once('=') {
            Some((name, value)) => Self {
                name: name.to_owned(),
                value: Some(value.to_owned()),
            },
            None => Self {
                name: text.to_owned(),
                value: None,
            },
        })
    }
}

/// Where CloudFormation gets the template: from the request if it fits, else from the bucket.
pub fn template_source(
    template: &str,
    file: &str,
    region: &str,
    values: &Values,
) -> TemplateSource {
    if template.len() <= LARGEST_BODY {
        return TemplateSource::Body(template.to_owned());
    }
    let value = |name: &str| values.get(name).map_or("", String::as_str);
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    TemplateSource::Url(format!(
        "https://s3.{region}.amazonaws.com{suffix}/{}/{}templates/{file}",
        value(BUCKET),
        value(PREFIX),
    ))
}

/// A launch of a stack of this form.
///
/// # Errors
///
/// A value is missing or wrong.
pub fn launch(
    form: &Form,
    (stack, token): (&str, &str),
    template: TemplateSource,
    values: &Values,
    secrets: &Secrets,
) -> Result<StackRequest, Refused> {
    let mut parameters = BTreeMap::new();
    for field in &form.fields {
        match setting(field, values, secrets)? {
            Some(setting) => {
                parameters.insert(field.name.clone(), setting);
            }
            None if field.is_required() => return Err(Refused::Missing(field.name.clone())),
            None => {}
        }
    }
    Ok(StackRequest {
        stack: stack.to_owned(),
        template,
        parameters,
        token: token.to_owned(),
    })
}

/// What is given for a field, if anything is.
fn setting(field: &Field, values: &Values, secrets: &Secrets) -> Result<Option<Setting>, Refused> {
    if let Some(secret) = secrets.get(&field.name) {
        field.check(secret.expose())?;
        return Ok(Some(Setting::Secret(secret.clone())));
    }
    let Some(value) = values.get(&field.name) else {
        return Ok(None);
    };
    field.check(value)?;
    Ok(Some(Setting::Text(value.clone())))
}

/// The values and the secrets to ask for that these changes name.
///
/// # Errors
///
/// A change names nothing that the form has, or a secret with its value.
pub fn values_for<'a>(
    form: &'a Form,
    changes: &[Change],
) -> Result<(Values, Vec<&'a Field>), Refused> {
    let mut values = Values::new();
    let mut secrets: Vec<&Field> = Vec::new();
    for Change { name, value } in changes {
        let field = form
            .field(name)
            .ok_or_else(|| Refused::Unknown(name.clone()))?;
        if values.contains_key(name) || secrets.contains(&field) {
            return Err(Refused::Twice(name.clone()));
        }
        match value {
            Some(_) if field.is_secret => return Err(Refused::SecretGiven(name.clone())),
            None if field.is_secret => secrets.push(field),
            None => return Err(Refused::NoValue(name.clone())),
            Some(value) => {
                field.check(value)?;
                values.insert(name.clone(), value.clone());
            }
        }
    }
    Ok((values, secrets))
}

/// A change of some parameters of a stack. The others keep their values, as long as the template has
/// them and still takes these; new ones get what is given or their default.
///
/// # Errors
///
/// A value or a secret is wrong or missing.
pub fn change(
    form: &Form,
    (stack, token): (&MainStack, &str),
    template: TemplateSource,
    values: &Values,
    secrets: &Secrets,
) -> Result<StackRequest, Refused> {
    let mut parameters = BTreeMap::new();
    for field in &form.fields {
        let name = &field.name;
        let setting = match (setting(field, values, secrets)?, stack.parameters.get(name)) {
            (Some(setting), _) => setting,
            (None, Some(kept)) => {
                // CloudFormation hides a secret, so it cannot be checked.
                if !field.is_secret {
                    field.check(kept)?;
                }
                Setting::Previous
            }
            (None, None) if field.is_required() => return Err(Refused::Missing(name.clone())),
            (None, None) => continue,
        };
        parameters.insert(name.clone(), setting);
    }
    Ok(StackRequest {
        stack: stack.id.clone(),
        template,
        parameters,
        token: token.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{super::form::testing::form, *};

    fn values(pairs: &[(&str, &str)]) -> Values {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    fn secret(value: &str) -> Secrets {
        [("Key".to_owned(), value.into())].into()
    }

    fn changes(words: &[&str]) -> Vec<Change> {
        words.iter().map(|word| word.parse().unwrap()).collect()
    }

    /// The settings in words; a secret as its length.
    fn told(request: &StackRequest) -> Vec<String> {
        let settings = request
            .parameters
            .iter()
            .map(|(name, setting)| match setting {
                Setting::Text(text) => format!("{name}={text}"),
                Setting::Secret(secret) => format!("{name}:{}", secret.expose().len()),
                Setting::Previous => format!("{name} stays"),
            });
        settings.collect()
    }

    #[test]
    fn a_launch_needs_what_has_no_default_and_checks_every_value() {
        let form = form();
        let ask = |given: &[(&str, &str)], secrets: &Secrets| {
            let body = TemplateSource::Body(String::new());
            launch(&form, ("t", "token"), body, &values(given), secrets)
        };
        let url = ("Url", "https://acme.example");
        let request = ask(&[url], &secret("letters")).unwrap();
        assert_eq!(told(&request), ["Key:7", "Url=https://acme.example"]);
        assert!(!format!("{request:?}").contains("letters"));
        let missing = ask(&[url], &Secrets::new()).unwrap_err();
        assert_eq!(missing, Refused::Missing("Key".into()));
        for (given, key, name) in [
            (&[url, ("Days", "31")][..], "letters", "Days"),
            (&[("Url", "http://")], "letters", "Url"),
            (&[url], "CANARY", "Key"),
        ] {
            let words = ask(given, &secret(key)).unwrap_err().to_string();
            assert!(
                words.starts_with(name) && !words.contains("CANARY"),
                "{words}"
            );
        }
    }

    #[test]
    fn an_update_changes_what_is_named_and_keeps_the_rest() {
        let form = form();
        let stack = MainStack {
            id: "arn".into(),
            status: "CREATE_COMPLETE".into(),
            parameters: values(&[("Url", "https://a"), ("Key", "****"), ("Days", "90")]),
            ..MainStack::default()
        };
        let (named, asked) = values_for(&form, &changes(&["Days=30", "Key"])).unwrap();
        assert_eq!(asked, [form.field("Key").unwrap()]);
        let ask = |values: &Values, secrets: &Secrets| {
            let place = (&stack, "token");
            change(&form, place, TemplateSource::Previous, values, secrets)
        };
        let request = ask(&named, &secret("fresh")).unwrap();
        assert_eq!(told(&request), ["Days=30", "Key:5", "Url stays"]);
        assert_eq!(request.template, TemplateSource::Previous);
        let request = ask(&named, &Secrets::new()).unwrap();
        assert_eq!(told(&request), ["Days=30", "Key stays", "Url stays"]);
    }

    #[test]
    fn another_template_drops_what_it_lacks_and_refuses_a_value_that_it_no_longer_takes() {
        let form = form();
        let ask = |kept: &[(&str, &str)]| {
            let stack = MainStack {
                parameters: values(kept),
                ..MainStack::default()
            };
            let body = TemplateSource::Body(String::new());
            let none = (Values::new(), Secrets::new());
            change(&form, (&stack, "token"), body, &none.0, &none.1)
        };
        let (url, key, gone) = (("Url", "https://a"), ("Key", "****"), ("Gone", "x"));
        assert_eq!(
            told(&ask(&[url, key, gone]).unwrap()),
            ["Key stays", "Url stays"]
        );
        let missing = ask(&[key]).unwrap_err();
        assert_eq!(missing, Refused::Missing("Url".into()));
        let unfit = ask(&[url, key, ("Days", "31")]).unwrap_err();
        assert!(unfit.to_string().starts_with("Days must be"), "{unfit}");
    }

    #[test]
    fn a_secret_with_its_value_and_an_unknown_name_are_refused() {
        let form = form();
        let refused = |words: &[&str]| {
            let refused = values_for(&form, &changes(words)).unwrap_err();
            assert!(!refused.to_string().contains("canary"));
            refused
        };
        assert_eq!(refused(&["Key=canary"]), Refused::SecretGiven("Key".into()));
        assert_eq!(refused(&["Keys=canary"]), Refused::Unknown("Keys".into()));
        assert_eq!(refused(&["Days"]), Refused::NoValue("Days".into()));
        assert_eq!(
            refused(&["Days=30", "Days=90"]),
            Refused::Twice("Days".into())
        );
        assert!(matches!(refused(&["Days=31"]), Refused::Unfit(_)));
        let (named, _) = values_for(&form, &changes(&["Url=https://a.b"])).unwrap();
        assert_eq!(named["Url"], "https://a.b");
    }

    #[test]
    fn a_template_that_is_too_large_for_a_request_is_in_the_bucket() {
        let given = values(&[("ArtifactBucket", "b"), ("ArtifactPrefix", "p/1/")]);
        let of =
            |size: usize, region: &str| template_source(&"x".repeat(size), "t.yml", region, &given);
        assert_eq!(
            of(51_200, "eu-west-1"),
            TemplateSource::Body("x".repeat(51_200))
        );
        let url = |text: &str| TemplateSource::Url(text.to_owned());
        let there = "https://s3.eu-west-1.amazonaws.com/b/p/1/templates/t.yml";
        assert_eq!(of(51_201, "eu-west-1"), url(there));
        let there = "https://s3.cn-north-1.amazonaws.com.cn/b/p/1/templates/t.yml";
        assert_eq!(of(51_201, "cn-north-1"), url(there));
    }
}
