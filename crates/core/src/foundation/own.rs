use std::time::Duration;

use super::Properties;
use crate::{
    model::{AccountId, Arn, ExternalId},
    provider::{PrincipalWords, Provider},
    refusal::Refusal,
    stack_sets::{StackSetRoles, Templates},
};

/// The function's own settings.
#[derive(Debug, Clone)]
pub struct Own {
    /// The vendor's rules.
    pub provider: &'static dyn Provider,
    /// The main stack's id.
    pub stack_id: String,
    /// `aws`, `aws-us-gov` ...
    pub partition: String,
    /// The Region that the stack is in.
    pub region: String,
    /// The DNS suffix of the partition, such as `amazonaws.com`.
    pub url_suffix: String,
    /// The account that the stack is in.
    pub management_account: AccountId,
    /// The vendor's URL, from the function's environment, which CloudFormation writes.
    pub provider_url: String,
    /// The principal that may assume the roles in the accounts, also from the environment; `None`
    /// for a vendor without one.
    pub principal: Option<String>,
    /// The tenant's external id as the parameter has it, likewise, for a vendor with one for all
    /// accounts; `None` if it is blank.
    pub external_id: Option<String>,
    /// The name of the permissions boundary for the management account's own stack.
    pub management_boundary: Option<String>,
    /// The ARNs of the functions' roles, separated by commas, if a role in Log Archive trusts them.
    pub function_roles: Option<String>,
    /// What is wrong with a parameter that only the environment has; every change is refused for it.
    pub wrong_setting: Option<Refusal>,
    /// Whether responses may go to this machine over plain HTTP, as in a sandbox.
    pub answers_on_loopback: bool,
    /// How long CloudFormation waits for a response.
    pub service_timeout: Duration,
    /// The roles that run the StackSets, also from the environment.
    pub stack_set_roles: StackSetRoles,
    /// This release's templates.
    pub templates: Templates,
}

impl Own {
    /// The main stack's name, which its id holds.
    pub fn stack_name(&self) -> &str {
        let mut parts = self.stack_id.split('/');
        parts.nth(1).unwrap_or(&self.stack_id)
    }

    /// The key's host, and whom the roles trust, must come from CloudFormation, never from an event.
    ///
    /// # Errors
    ///
    /// The request has another one than the environment.
    pub(super) fn require_trust(&self, properties: &Properties) -> Result<(), Refusal> {
        let words = self.provider.words();
        let (own, asked) = (&self.provider_url, &properties.url);
        if !Properties::url(self.provider, own).is_ok_and(|own| own == *asked) {
            let parameter = words.tenant_parameter;
            return Err(other_environment(parameter, &shown(asked), own));
        }
        if let Some(PrincipalWords { parameter, .. }) = &words.principal {
            let own = self.principal.as_deref().unwrap_or_default();
            let asked = properties.principal.as_ref();
            if asked.is_none() || self.provider.principal(own).as_ref() != asked {
                let asked = asked.map_or("", Arn::as_str);
                return Err(other_environment(parameter, asked, own));
            }
        }
        // A principal may serve all of the vendor's tenants, which the external id tells apart. If it
        // is blank, the vendor at the key's host is asked.
        if let Some(parameter) = words.external_id_parameter {
            let own = self.external_id.as_deref();
            let asked = properties.external_id.as_ref();
            if own.and_then(|own| self.provider.external_id(own)).as_ref() != asked {
                let asked = asked.map_or("blank", ExternalId::as_str);
                return Err(other_environment(parameter, asked, own.unwrap_or("blank")));
            }
        }
        Ok(())
    }
}

fn other_environment(parameter: &str, asked: &str, own: &str) -> Refusal {
    Refusal::new(format!(
        "{parameter} is {asked} in the request and {own} in the function's environment. \
         Update the stack, so that both are the same."
    ))
}

/// The URL as an administrator writes it.
pub(super) fn shown(url: &url::Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use url::Url;

    use super::super::properties;
    use super::*;
    use crate::{
        model::Names,
        policy::Deployment,
        provider::{
            Credential, Footprint, Limits, ResourceNames, Traces, Words,
            plain::{Plain, PlainRoles},
        },
        stack_sets::StackSet,
    };

    /// [`Plain`] for a vendor that comes as no principal of AWS's.
    #[derive(Debug)]
    struct WithoutPrincipal;

    const WORDS: Words = Words {
        title: "Plain",
        tenant: "the URL of a Plain account",
        tenant_parameter: "ProviderUrl",
        principal: None,
        external_id_parameter: Some("Subject"),
        stores: None,
    };

    impl Provider for WithoutPrincipal {
        fn id(&self) -> &'static str {
            "without-principal"
        }

        fn words(&self) -> &'static Words {
            &WORDS
        }

        fn limits(&self) -> &'static Limits {
            Plain.limits()
        }

        fn credential(&self) -> Credential {
            Credential::None
        }

        fn external_id(&self, given: &str) -> Option<ExternalId> {
            let known = given.starts_with("plain:");
            known.then(|| given.to_owned().into())
        }

        fn tenant_in(&self, url: &Url) -> Option<String> {
            Plain.tenant_in(url)
        }

        fn resources(&self, names: &Names) -> ResourceNames {
            PlainRoles.resources(names)
        }

        fn footprint(
            &self,
            deployment: Deployment,
            templates: &Templates,
            roles: &StackSetRoles,
        ) -> Footprint {
            PlainRoles.footprint(deployment, templates, roles)
        }

        fn traces(&self, set: &StackSet) -> Traces {
            Plain.traces(set)
        }
    }

    fn own(provider: &'static dyn Provider) -> Own {
        Own {
            provider,
            stack_id: "stack".into(),
            partition: "aws".into(),
            region: "us-east-1".into(),
            url_suffix: "amazonaws.com".into(),
            management_account: "000000000001".parse().unwrap(),
            provider_url: "https://ACME.example.com".into(),
            principal: None,
            external_id: None,
            management_boundary: None,
            function_roles: None,
            wrong_setting: None,
            answers_on_loopback: false,
            service_timeout: Duration::from_secs(60),
            stack_set_roles: StackSetRoles {
                administration: "arn:aws:iam::000000000001:role/a".parse().unwrap(),
                execution: "e".into(),
            },
            templates: Templates {
                feed: None,
                member: "",
            },
        }
    }

    /// The properties with this external id, and without a principal.
    fn asked(external_id: &str) -> Result<Properties, Refusal> {
        let mut properties = properties::valid();
        properties["PrincipalArn"] = json!(null);
        properties["Subject"] = external_id.into();
        Properties::parse(&WithoutPrincipal, &properties)
    }

    #[test]
    fn a_principal_is_the_environments() {
        let asked = Properties::parse(&Plain, &properties::valid()).unwrap();
        for (principal, accepted) in [
            (Some("arn:aws:iam::999999999999:role/reader"), true),
            (Some("arn:aws:iam::999999999999:role/another"), false),
            (None, false),
        ] {
            let own = Own {
                principal: principal.map(str::to_owned),
                ..own(&Plain)
            };
            let outcome = own.require_trust(&asked);
            assert_eq!(outcome.is_ok(), accepted, "{outcome:?}");
        }
    }

    #[test]
    fn without_a_principal_the_external_id_is_the_environments() {
        for (given, environment, accepted) in [
            ("", None, true),
            ("plain:a", Some("plain:a"), true),
            ("plain:a", Some("plain:b"), false),
            ("plain:a", None, false),
            ("", Some("plain:a"), false),
        ] {
            let asked = asked(given).unwrap();
            assert_eq!(asked.principal, None);
            let own = Own {
                external_id: environment.map(str::to_owned),
                ..own(&WithoutPrincipal)
            };
            let outcome = own.require_trust(&asked);
            assert_eq!(outcome.is_ok(), accepted, "{given:?}: {outcome:?}");
        }
    }

    #[test]
    fn an_external_id_in_no_form_of_the_vendors_is_refused() {
        let reason = asked("other:a").unwrap_err().to_string();
        assert!(
            reason.contains("Subject") && reason.contains("other:a"),
            "{reason}"
        );
    }

    #[test]
    fn a_url_is_shown_as_an_administrator_writes_it() {
        let url = "https://ACME.example.com/".parse().unwrap();
        assert_eq!(shown(&url), "https://acme.example.com");
    }
}
