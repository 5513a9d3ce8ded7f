//! CloudFormation's validation of a template before it makes anything.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

use super::Inner;
use crate::gateway::answer::ApiError;
use crate::gateway::parameters::Form;
use crate::gateway::route::Call;

/// The most characters of a template that is sent inline.
const TEMPLATE_LIMIT: usize = 51_200;

impl Inner {
    /// Refuses a malformed template, unacknowledged capabilities, and parameters that are unknown
    /// or have no value.
    pub(super) async fn check_template(
        &self,
        call: &Call,
        template: &str,
        parameters: &BTreeMap<String, String>,
        capabilities: &[String],
    ) -> Result<(), ApiError> {
        let answer = self
            .upstream
            .account(&call.account)
            .in_region(&call.region)
            .query(
                "cloudformation",
                "ValidateTemplate",
                "2010-05-15",
                &[("TemplateBody", template)],
            )
            .await?;
        let named = "CAPABILITY_NAMED_IAM";
        let missing: Vec<_> = answer
            .members("ValidateTemplateResult/Capabilities")
            .map(|capability| capability.text.as_str())
            .filter(|needed| {
                !capabilities
                    .iter()
                    .any(|given| given == needed || (*needed == "CAPABILITY_IAM" && given == named))
            })
            .collect();
        if !missing.is_empty() {
            return Err(ApiError::new(
                400,
                "InsufficientCapabilitiesException",
                format!("Requires capabilities : [{}]", missing.join(", ")),
            ));
        }
        check_parameters(template, parameters)
    }
}

/// The template in a request, if there is one.
pub(super) fn template(form: &Form) -> Result<Option<String>, ApiError> {
    if form.optional("TemplateURL").is_some() {
        return Err(ApiError::validation(
            "The sandbox's StackSets take TemplateBody, not TemplateURL",
        ));
    }
    let body = form.optional("TemplateBody");
    if let Some(body) = body
        && body.len() > TEMPLATE_LIMIT
    {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: \
             Member must have length less than or equal to {TEMPLATE_LIMIT}"
        )));
    }
    Ok(body.map(str::to_owned))
}

/// A template's declaration of a parameter.
struct Declared {
    has_default: bool,
    no_echo: bool,
}

fn declared(template: &str) -> Result<BTreeMap<String, Declared>, ApiError> {
    let document: Value = serde_yaml_ng::from_str(template)
        .map_err(|error| ApiError::validation(format!("Template format error: {error}")))?;
    let parameters = document.get("Parameters").and_then(Value::as_mapping);
    Ok(parameters
        .into_iter()
        .flatten()
        .filter_map(|(name, definition)| {
            let declared = Declared {
                has_default: definition.get("Default").is_some(),
                no_echo: match definition.get("NoEcho") {
                    Some(Value::Bool(no_echo)) => *no_echo,
                    Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
                    _ => false,
                },
            };
            Some((name.as_str()?.to_owned(), declared))
        })
        .collect())
}

/// The values of parameters as an answer shows them: asterisks for a parameter that is `NoEcho` or
/// not declared.
pub(super) fn shown(template: &str, values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let declared = declared(template).unwrap_or_default();
    values
        .iter()
        .map(|(name, value)| {
            let is_shown = declared.get(name).is_some_and(|declared| !declared.no_echo);
            let value = if is_shown { value } else { "****" };
            (name.clone(), value.to_owned())
        })
        .collect()
}

/// An instance can override the StackSet's parameters, but have no others.
pub(super) fn check_names<'a>(
    template: &str,
    parameters: impl IntoIterator<Item = &'a String>,
) -> Result<(), ApiError> {
    let declared = declared(template)?;
    let unknown: Vec<_> = parameters
        .into_iter()
        .filter(|name| !declared.contains_key(name.as_str()))
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(ApiError::validation(format!(
        "Parameters: [{}] do not exist in the template",
        unknown.join(", ")
    )))
}

fn check_parameters(template: &str, parameters: &BTreeMap<String, String>) -> Result<(), ApiError> {
    check_names(template, parameters.keys())?;
    let without_value: Vec<_> = declared(template)?
        .into_iter()
        .filter(|(name, declared)| !declared.has_default && !parameters.contains_key(name))
        .map(|(name, _)| name)
        .collect();
    if !without_value.is_empty() {
        return Err(ApiError::validation(format!(
            "Parameters: [{}] must have values",
            without_value.join(", ")
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_must_be_known_and_have_values() {
        let template = "Parameters:\n  A: {Type: String}\n  B: {Type: String, Default: ''}\n\
                        Resources:\n  R: {Type: 'AWS::SNS::Topic', Properties: {TopicName: !Ref A}}\n";
        let given = |names: &[&str]| {
            names
                .iter()
                .map(|name| ((*name).to_owned(), String::new()))
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(check_parameters(template, &given(&["A"])), Ok(()));
        let missing = check_parameters(template, &given(&["B"])).unwrap_err();
        assert_eq!(missing.message, "Parameters: [A] must have values");
        let unknown = check_parameters(template, &given(&["A", "C"])).unwrap_err();
        assert_eq!(
            unknown.message,
            "Parameters: [C] do not exist in the template"
        );
    }

    #[test]
    fn values_that_the_template_does_not_echo_are_asterisks() {
        let template = "Parameters:\n  Plain: {Type: String}\n  Said: {Type: String, NoEcho: false}\n  \
                        Secret: {Type: String, NoEcho: true}\n  Quoted: {Type: String, NoEcho: 'True'}\n";
        let values = ["Plain", "Said", "Secret", "Quoted", "Gone"]
            .map(|name| (name.to_owned(), format!("{name}-value")));
        let shown: Vec<_> = shown(template, &values.into()).into_iter().collect();
        let expected = [
            ("Gone", "****"),
            ("Plain", "Plain-value"),
            ("Quoted", "****"),
            ("Said", "Said-value"),
            ("Secret", "****"),
        ];
        assert_eq!(
            shown,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
