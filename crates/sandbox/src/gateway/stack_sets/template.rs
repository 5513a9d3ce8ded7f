//! What CloudFormation asks of a template before it makes anything.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

use super::Inner;
use super::wire::optional;
use crate::gateway::answer::ApiError;
use crate::gateway::route::{Call, Form};

/// The most characters of a template that is sent inline.
const TEMPLATE_LIMIT: usize = 51_200;

impl Inner {
    /// What CloudFormation refuses before it makes anything: a template that it cannot read,
    /// capabilities that are not acknowledged, parameters that are unknown or have no value.
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
    if optional(form, "TemplateURL").is_some() {
        return Err(ApiError::validation(
            "The sandbox's StackSets take TemplateBody, not TemplateURL",
        ));
    }
    let body = optional(form, "TemplateBody");
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

fn check_parameters(template: &str, parameters: &BTreeMap<String, String>) -> Result<(), ApiError> {
    let document: Value = serde_yaml_ng::from_str(template)
        .map_err(|error| ApiError::validation(format!("Template format error: {error}")))?;
    let declared = document.get("Parameters").and_then(Value::as_mapping);
    let names: BTreeMap<&str, bool> = declared
        .into_iter()
        .flatten()
        .filter_map(|(name, definition)| {
            Some((name.as_str()?, definition.get("Default").is_some()))
        })
        .collect();
    let unknown: Vec<_> = parameters
        .keys()
        .filter(|name| !names.contains_key(name.as_str()))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        return Err(ApiError::validation(format!(
            "Parameters: [{}] do not exist in the template",
            unknown.join(", ")
        )));
    }
    let without_value: Vec<_> = names
        .iter()
        .filter(|(name, has_default)| !**has_default && !parameters.contains_key(**name))
        .map(|(name, _)| *name)
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
}
