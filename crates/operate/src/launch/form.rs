use fancy_regex::Regex;
use serde::Deserialize;
use serde_yaml_ng::{Mapping, Value};

/// The parameter with the bucket of the functions and templates.
pub const BUCKET: &str = "ArtifactBucket";
/// The parameter with their folder in it.
pub const PREFIX: &str = "ArtifactPrefix";

/// What a main template asks for, and what it makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Its parameters, in its order.
    pub fields: Vec<Field>,
    /// Its resources, in its order.
    pub resources: Vec<Resource>,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its name in words.
    pub label: String,
    /// What it is for.
    pub description: String,
    /// Its value if none is given.
    pub default: Option<String>,
    /// The values that it can have; empty for any.
    pub allowed: Vec<String>,
    /// Whether its value is never shown or written.
    pub is_secret: bool,
    pattern: Option<String>,
    constraint: Option<String>,
}

/// A resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its logical id.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Whether it stays when the stack is deleted.
    pub is_retained: bool,
}

/// A text that is not a template.
#[derive(Debug, thiserror::Error)]
pub enum NoForm {
    /// It is not YAML.
    #[error("the template cannot be parsed")]
    Malformed(#[source] serde_yaml_ng::Error),
    /// A parameter is not one.
    #[error("the template's parameter {0} cannot be parsed")]
    Parameter(String, #[source] serde_yaml_ng::Error),
}

/// A value that a parameter cannot have. The value is not repeated: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {constraint}")]
pub struct Unfit {
    name: String,
    constraint: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Declared {
    #[serde(default)]
    description: String,
    default: Option<Value>,
    #[serde(default)]
    allowed_values: Vec<Value>,
    allowed_pattern: Option<String>,
    constraint_description: Option<String>,
    #[serde(default)]
    no_echo: bool,
}

impl Form {
    /// Reads the form of a template.
    ///
    /// # Errors
    ///
    /// The template is not YAML, or a parameter is malformed.
    pub fn read(template: &str) -> Result<Self, NoForm> {
        let template: Value = serde_yaml_ng::from_str(template).map_err(NoForm::Malformed)?;
        let labels = &template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterLabels"];
        let fields = entries(&template["Parameters"]).map(|(name, declared)| {
            let label = labels[name]["default"].as_str().unwrap_or(name);
            field(name, label, declared)
        });
        let resources = entries(&template["Resources"]).map(|(name, resource)| Resource {
            name: name.to_owned(),
            kind: resource["Type"].as_str().unwrap_or_default().to_owned(),
            is_retained: resource["DeletionPolicy"]
                .as_str()
                .is_some_and(|policy| policy.starts_with("Retain")),
        });
        Ok(Self {
            resources: resources.collect(),
            fields: fields.collect::<Result<_, _>>()?,
        })
    }

    /// The parameter with this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

fn entries(section: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = section.as_mapping().into_iter().flat_map(Mapping::iter);
    entries.filter_map(|(name, value)| Some((name.as_str()?, value)))
}

fn field(name: &str, label: &str, declared: &Value) -> Result<Field, NoForm> {
    let Declared {
        description,
        default,
        allowed_values,
        allowed_pattern,
        constraint_description,
        no_echo,
    } = serde_yaml_ng::from_value(declared.clone())
        .map_err(|error| NoForm::Parameter(name.to_owned(), error))?;
    Ok(Field {
        name: name.to_owned(),
        label: label.to_owned(),
        description: description.trim().to_owned(),
        default: default.as_ref().map(text),
        allowed: allowed_values.iter().map(text).collect(),
        is_secret: no_echo,
        pattern: allowed_pattern,
        constraint: constraint_description,
    })
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(is) => is.to_string(),
        _ => String::new(),
    }
}

impl Field {
    /// Whether a launch has to name its value.
    pub fn is_required(&self) -> bool {
        self.default.is_none()
    }

    /// Whether it can have this value. CloudFormation checks the same, later.
    ///
    /// # Errors
    ///
    /// It cannot; the error says what it must be.
    pub fn check(&self, value: &str) -> Result<(), Unfit> {
        let is_allowed = self.allowed.is_empty() || self.allowed.iter().any(|one| one == value);
        let matches = |pattern: &String| {
            // What this library cannot decide is left to CloudFormation.
            let regex = Regex::new(&format!("^(?:{pattern})$"));
            regex.is_ok_and(|regex| !regex.is_match(value).unwrap_or(true))
        };
        if is_allowed && !self.pattern.as_ref().is_some_and(matches) {
            return Ok(());
        }
        let constraint = self.constraint.clone();
        Err(Unfit {
            name: self.name.clone(),
            constraint: constraint.unwrap_or_else(|| "has another form".to_owned()),
        })
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::Form;

    /// A template with every kind of parameter.
    pub(crate) const TEMPLATE: &str = "
Metadata:
  AWS::CloudFormation::Interface:
    ParameterLabels:
      Url: {default: Address}
Parameters:
  Url:
    Type: String
    Description: Where it is.
    AllowedPattern: ^https://[a-z.]+$
    ConstraintDescription: must begin with https://.
  Key:
    Type: String
    NoEcho: true
    AllowedPattern: ^[a-z]+$
    ConstraintDescription: must be letters.
  Days:
    Type: Number
    Default: 90
    AllowedValues: [30, 90]
    ConstraintDescription: must be 30 or 90.
  RetainProtection:
    Type: String
    Description: Whether roles stay.
    Default: 'No'
    AllowedValues: ['Yes', 'No']
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties: {Name: !Ref Url}
  Boundary:
    Type: AWS::IAM::ManagedPolicy
    DeletionPolicy: RetainExceptOnCreate
";

    pub(crate) fn form() -> Form {
        Form::read(TEMPLATE).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::form, *};

    #[test]
    fn a_form_is_what_its_template_says() {
        let form = form();
        let names: Vec<_> = form.fields.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["Url", "Key", "Days", "RetainProtection"]);
        let [url, key, days, _] = &form.fields[..] else {
            panic!("{names:?}")
        };
        assert_eq!(
            (url.label.as_str(), url.description.as_str()),
            ("Address", "Where it is.")
        );
        assert!(url.is_required() && !url.is_secret);
        assert!(key.is_required() && key.is_secret);
        assert_eq!(
            (key.label.as_str(), days.default.as_deref()),
            ("Key", Some("90"))
        );
        assert_eq!(days.allowed, ["30", "90"]);
        let retained: Vec<_> = form.resources.iter().map(|one| one.is_retained).collect();
        assert_eq!(retained, [false, true]);
        assert_eq!(form.resources[0].kind, "AWS::DynamoDB::Table");
    }

    #[test]
    fn a_value_is_checked_in_the_templates_own_words_and_not_repeated() {
        let form = form();
        let check = |name: &str, value: &str| form.field(name).unwrap().check(value);
        assert_eq!(check("Url", "https://acme.example"), Ok(()));
        let unfit = check("Url", "acme").unwrap_err();
        assert_eq!(unfit.to_string(), "Url must begin with https://.");
        assert_eq!(check("Days", "30"), Ok(()));
        let unfit = check("Days", "31").unwrap_err();
        assert_eq!(unfit.to_string(), "Days must be 30 or 90.");
        let unfit = check("Key", "CANARY").unwrap_err();
        assert!(!format!("{unfit:?}").contains("CANARY"));
    }

    #[test]
    fn a_text_that_is_no_template_is_refused() {
        assert!(Form::read("{").is_err());
        let malformed = Form::read("Parameters: {Url: {AllowedValues: 1}}").unwrap_err();
        assert!(malformed.to_string().contains("Url"));
    }
}
