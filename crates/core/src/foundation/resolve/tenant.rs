//! Which tenant it is, and its external id.

use super::Last;
use crate::{
    foundation::{Properties, Refusal},
    model::{ExternalId, Profile},
    provider::{Provider, Words},
};

/// The tenant from the URL, else from the vendor's API.
pub(super) fn tenant(
    provider: &dyn Provider,
    properties: &Properties,
    profile: Option<&Profile>,
    last: &Last<'_>,
) -> Result<String, Refusal> {
    if let Some(tenant) = provider.tenant_in(&properties.url) {
        return Ok(tenant);
    }
    if let Some(profile) = profile {
        return Ok(profile.tenant.clone());
    }
    let Words {
        title,
        tenant_parameter,
        ..
    } = provider.words();
    let recorded = last.unchanged(&[tenant_parameter]);
    let recorded = recorded.map(|deployment| deployment.policy.tenant.clone());
    recorded.ok_or_else(|| {
        Refusal::new(format!(
            "{tenant_parameter}: {title} refuses the API key, so its account cannot be read."
        ))
    })
}

/// The tenant's external id, if the vendor has one for all accounts: the parameter's, else the
/// recorded one, else the vendor's. Another one than the recorded is never trusted silently: the key
/// may be of another tenant.
pub(super) fn external_id(
    provider: &dyn Provider,
    properties: &Properties,
    profile: Option<&Profile>,
    last: &mut Last<'_>,
) -> Result<Option<ExternalId>, Refusal> {
    let Words {
        title,
        external_id_parameter,
        ..
    } = provider.words();
    let Some(parameter) = external_id_parameter else {
        return Ok(None);
    };
    if let Some(given) = &properties.external_id {
        return Ok(Some(given.clone()));
    }
    let shown = profile.and_then(|profile| profile.external_id.clone());
    let shown = shown.map(ExternalId::from);
    let recorded = last.unchanged(&[parameter]);
    let recorded = recorded.and_then(|deployment| deployment.policy.external_id.clone());
    if recorded.is_some() && shown.is_some() && shown != recorded {
        last.remarks.push(format!(
            "{title} tells another external id than at launch, which stays in use: the API key may be of \
             another tenant. To follow it, set {parameter}."
        ));
    }
    recorded.or(shown).map(Some).ok_or_else(|| {
        Refusal::new(format!(
            "{parameter} is blank and {title} does not tell the external id. Set {parameter} to the \
             one that {title} shows."
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use url::Url;

    use super::*;
    use crate::{
        foundation::properties::valid,
        ledger::Success,
        model::Names,
        policy::{
            Deployment, Policy,
            testing::{deployment, policy},
        },
        provider::{
            Credential, Footprint, Limits, PrincipalWords, ResourceNames, Traces, plain::Plain,
        },
        stack_sets::{StackSet, StackSetRoles, Templates},
    };

    /// [`Plain`] with one external id for all accounts.
    #[derive(Debug)]
    struct OneId;

    impl Provider for OneId {
        fn id(&self) -> &'static str {
            "one-id"
        }

        fn words(&self) -> &'static Words {
            const WORDS: Words = Words {
                title: "One",
                tenant: "the URL of an account of One",
                tenant_parameter: "ProviderUrl",
                principal: Some(PrincipalWords {
                    parameter: "PrincipalArn",
                    principal: "a principal's ARN",
                }),
                external_id_parameter: Some("ExternalId"),
                stores: None,
            };
            &WORDS
        }

        fn limits(&self) -> &'static Limits {
            Plain.limits()
        }

        fn credential(&self) -> Credential {
            Plain.credential()
        }

        fn tenant_in(&self, url: &Url) -> Option<String> {
            Plain.tenant_in(url)
        }

        fn resources(&self, names: &Names) -> ResourceNames {
            Plain.resources(names)
        }

        fn footprint(
            &self,
            deployment: Deployment,
            templates: &Templates,
            roles: &StackSetRoles,
        ) -> Footprint {
            Plain.footprint(deployment, templates, roles)
        }

        fn traces(&self, set: &StackSet) -> Traces {
            Plain.traces(set)
        }
    }

    #[test]
    fn the_tenants_external_id_is_the_parameters_else_the_last_one_else_the_vendors() {
        let resolved = |given: &str, shown: Option<&str>, recorded: Option<&str>| {
            let mut raw = valid();
            raw["ExternalId"] = given.into();
            let properties = Properties::parse(&OneId, &raw).unwrap();
            let profile = shown.map(|id| Profile {
                external_id: Some(id.into()),
                ..Profile::default()
            });
            let success = recorded.map(|id| Success {
                deployment: deployment(Policy {
                    external_id: Some(id.to_owned().into()),
                    ..policy()
                }),
                properties: raw.clone(),
            });
            let mut last = Last {
                success: success.as_ref(),
                properties: &raw,
                remarks: Vec::new(),
            };
            let found = external_id(&OneId, &properties, profile.as_ref(), &mut last);
            let found = found.map(|id| id.unwrap().as_str().to_owned());
            found.map(|id| (id, last.remarks.len()))
        };
        for (given, shown, recorded, expected) in [
            ("given", Some("shown"), Some("recorded"), ("given", 0)),
            // The key may be of another tenant.
            ("", Some("shown"), Some("recorded"), ("recorded", 1)),
            ("", Some("same"), Some("same"), ("same", 0)),
            ("", None, Some("recorded"), ("recorded", 0)),
            ("", Some("shown"), None, ("shown", 0)),
        ] {
            let (id, remarks) = resolved(given, shown, recorded).unwrap();
            assert_eq!((id.as_str(), remarks), expected);
        }
        let refused = resolved("", None, None).unwrap_err().to_string();
        assert!(refused.starts_with("ExternalId is blank"), "{refused}");
        let none = external_id(
            &Plain,
            &Properties::parse(&Plain, &valid()).unwrap(),
            None,
            &mut Last {
                success: None,
                properties: &Value::Null,
                remarks: Vec::new(),
            },
        );
        assert_eq!(none.unwrap(), None, "a vendor with an id for each account");
    }
}
