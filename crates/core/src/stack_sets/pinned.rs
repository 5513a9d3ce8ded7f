/// A template whose parameters accept only these values. The account function may override an
/// instance's parameters, and with another principal a role would trust an outsider.
///
/// Parameters without a given value stay as they are, and so does a text that is not a template.
pub(super) fn pinned<'a>(template: &str, value_of: impl Fn(&str) -> Option<&'a String>) -> String {
    let mut text = String::with_capacity(template.len());
    let (mut in_parameters, mut value, mut is_replaced) = (false, None, false);
    for line in template.split_inclusive('\n') {
        let content = line.trim();
        let depth = line.len() - line.trim_start().len();
        let (key, _) = content.split_once(':').unwrap_or((content, ""));
        match depth {
            _ if content.is_empty() => {}
            0 => (in_parameters, value) = (key == "Parameters", None),
            2 if in_parameters => value = value_of(key),
            _ => {}
        }
        // CloudFormation refuses a default that is not the allowed value.
        is_replaced = match depth {
            4 => value.is_some() && ["AllowedValues", "Default"].contains(&key),
            _ => is_replaced && depth > 4,
        };
        if !is_replaced {
            text.push_str(line);
        }
        if let (4, Some(value)) = (depth, value) {
            let value = quoted(value);
            match key {
                "Type" => text.push_str(&format!("    AllowedValues: [{value}]\n")),
                "Default" => text.push_str(&format!("    Default: {value}\n")),
                _ => {}
            }
        }
    }
    text
}

/// A YAML scalar for any text: a JSON string is valid YAML.
fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const TEMPLATE: &str = "\
Parameters:
  Principal:
    Type: String
    Description: Who may assume the role.
    AllowedPattern: ^arn
  Names:
    Type: String
    Default: Generated
    AllowedValues:
      - Generated
      - Vendor
    ConstraintDescription: must be one of them.
  Token:
    Type: String
    Default: ''
Resources:
  Principal:
    Type: AWS::IAM::Role
";

    fn with(values: &[(&str, &str)]) -> String {
        let values: BTreeMap<String, String> = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        pinned(TEMPLATE, |name| values.get(name))
    }

    #[test]
    fn a_parameter_takes_the_one_value_that_it_was_given() {
        let text = with(&[("Principal", "arn:aws:iam::1:root"), ("Names", "Vendor")]);
        assert_eq!(
            text,
            "\
Parameters:
  Principal:
    Type: String
    AllowedValues: [\"arn:aws:iam::1:root\"]
    Description: Who may assume the role.
    AllowedPattern: ^arn
  Names:
    Type: String
    AllowedValues: [\"Vendor\"]
    Default: \"Vendor\"
    ConstraintDescription: must be one of them.
  Token:
    Type: String
    Default: ''
Resources:
  Principal:
    Type: AWS::IAM::Role
"
        );
        assert_eq!(with(&[]), TEMPLATE);
    }

    #[test]
    fn a_value_stays_one_value_whatever_it_holds() {
        let text = with(&[("Principal", "a\"]\n    NoEcho: false\nResources: {}")]);
        assert_eq!(text.lines().count(), TEMPLATE.lines().count() + 1);
        assert!(text.contains(r#"["a\"]\n    NoEcho: false\nResources: {}"]"#));
    }
}
