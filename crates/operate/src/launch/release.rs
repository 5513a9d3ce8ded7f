use std::collections::BTreeMap;

use towerhook_core::ports::MainStack;

use super::{BUCKET, Form, PREFIX, Refused, Values};

/// What the parameters end with that name the version of a zip.
const VERSION: &str = "ObjectVersion";

/// Adds the values with which a stack takes its functions from another place. A zip's version is one
/// of the old place, so it goes, unless another is named.
///
/// # Errors
///
/// The place is named by a parameter, too.
pub fn take_from(
    place: (Option<&str>, &str),
    form: &Form,
    stack: &MainStack,
    values: &mut Values,
) -> Result<(), Refused> {
    let (bucket, prefix) = place;
    for (name, value) in [(BUCKET, bucket), (PREFIX, Some(prefix))] {
        let Some(value) = value else { continue };
        if values.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Refused::Twice(name.to_owned()));
        }
    }
    let pinned = form.fields.iter().filter(|field| {
        let has = stack.parameters.get(&field.name);
        field.name.ends_with(VERSION) && has.is_some_and(|value| !value.is_empty())
    });
    for field in pinned {
        let newest = field.default.clone().unwrap_or_default();
        values.entry(field.name.clone()).or_insert(newest);
    }
    Ok(())
}

/// What comes and goes when a stack moves from one form to another, each in a sentence.
pub fn differences(old: &Form, new: &Form, stack: &MainStack, values: &Values) -> Vec<String> {
    let mut sentences = Vec::new();
    for field in &new.fields {
        let name = &field.name;
        let had = stack.parameters.get(name);
        let given = values.get(name);
        sentences.extend(match (had, given) {
            _ if field.is_secret => had.is_none().then(|| format!("the secret {name} comes")),
            (Some(had), Some(given)) if had != given => Some(format!(
                "{name} becomes {}; it was {}",
                shown(given),
                shown(had)
            )),
            (Some(_), _) => None,
            (None, Some(given)) => Some(format!("{name} comes, with {}", shown(given))),
            (None, None) => {
                let default = field.default.as_deref().unwrap_or_default();
                Some(format!("{name} comes, with its default {}", shown(default)))
            }
        });
    }
    for field in &old.fields {
        if new.field(&field.name).is_none() {
            let was = stack
                .parameters
                .get(&field.name)
                .filter(|_| !field.is_secret);
            let was = was.map_or_else(String::new, |was| format!("; it was {}", shown(was)));
            sentences.push(format!("{} goes{was}", field.name));
        }
    }
    let kinds = |form: &Form| -> BTreeMap<String, String> {
        let resources = form.resources.iter();
        let named = resources.map(|one| (one.name.clone(), one.kind.clone()));
        named.collect()
    };
    let (before, after) = (kinds(old), kinds(new));
    let lacks = |all: &BTreeMap<String, String>, name: &str, kind: &str| {
        all.get(name).is_none_or(|other| other != kind)
    };
    for (name, kind) in &after {
        if lacks(&before, name, kind) {
            sentences.push(format!("the resource {name} comes ({kind})"));
        }
    }
    for (name, kind) in &before {
        if lacks(&after, name, kind) {
            sentences.push(format!("the resource {name} goes ({kind})"));
        }
    }
    sentences
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "nothing" } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "
Parameters:
  ArtifactBucket: {Type: String}
  ArtifactPrefix: {Type: String, Default: p/1/}
  SetupObjectVersion: {Type: String, Default: ''}
  AuthObjectVersion: {Type: String, Default: ''}
  Gone: {Type: String, Default: x}
  Key: {Type: String, NoEcho: true}
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Topic: {Type: AWS::SNS::Topic}
";
    const NEW: &str = "
Parameters:
  ArtifactBucket: {Type: String}
  ArtifactPrefix: {Type: String, Default: p/2/}
  SetupObjectVersion: {Type: String, Default: ''}
  AuthObjectVersion: {Type: String, Default: ''}
  Hours: {Type: Number, Default: 3}
  Url: {Type: String}
  Other: {Type: String, NoEcho: true}
Resources:
  Table: {Type: AWS::DynamoDB::GlobalTable}
";

    fn stack() -> MainStack {
        let parameters = [
            ("ArtifactBucket", "zips"),
            ("ArtifactPrefix", "p/1/"),
            ("SetupObjectVersion", "abc"),
            ("AuthObjectVersion", ""),
            ("Gone", "canary"),
            ("Key", "****"),
        ];
        let owned = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        MainStack {
            parameters: owned.into(),
            ..MainStack::default()
        }
    }

    #[test]
    fn functions_come_from_the_new_place_without_a_version_of_the_old_one() {
        let form = Form::read(NEW).unwrap();
        let mut values = Values::new();
        take_from((None, "p/2/"), &form, &stack(), &mut values).unwrap();
        let expected = [("ArtifactPrefix", "p/2/"), ("SetupObjectVersion", "")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(values, Values::from(expected));
        let mut named = Values::from([("SetupObjectVersion".to_owned(), "def".to_owned())]);
        take_from((Some("more"), "p/2/"), &form, &stack(), &mut named).unwrap();
        assert_eq!(named["SetupObjectVersion"], "def");
        assert_eq!(named["ArtifactBucket"], "more");
        let twice = take_from((None, "p/3/"), &form, &stack(), &mut named);
        assert_eq!(twice, Err(Refused::Twice("ArtifactPrefix".into())));
    }

    #[test]
    fn what_comes_and_goes_is_said_and_no_secret() {
        let (old, new) = (Form::read(OLD).unwrap(), Form::read(NEW).unwrap());
        let mut values = Values::from([("Url".to_owned(), "https://a".to_owned())]);
        take_from((None, "p/2/"), &new, &stack(), &mut values).unwrap();
        assert_eq!(
            differences(&old, &new, &stack(), &values),
            [
                "ArtifactPrefix becomes p/2/; it was p/1/",
                "SetupObjectVersion becomes nothing; it was abc",
                "Hours comes, with its default 3",
                "Url comes, with https://a",
                "the secret Other comes",
                "Gone goes; it was canary",
                "Key goes",
                "the resource Table comes (AWS::DynamoDB::GlobalTable)",
                "the resource Table goes (AWS::DynamoDB::Table)",
                "the resource Topic goes (AWS::SNS::Topic)",
            ]
        );
        let same = differences(&old, &old, &stack(), &Values::new());
        assert!(same.is_empty(), "{same:?}");
    }
}
