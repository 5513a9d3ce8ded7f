//! What the stack's parameters and its deployment say, or the question where there is no stack.

use std::collections::BTreeMap;

use towerhook_core::{
    Read,
    foundation::Properties,
    model::{Names, Store},
    policy::Deployment,
    ports::{Caller, MainStack},
    provider::Provider,
    stack_sets::StackSetRoles,
};
use url::Url;

use super::Question;

/// The longest prefix that a template takes: without a stack, names are judged with it.
const LONGEST_PREFIX: usize = 40;

/// What the stack's parameters and its deployment say, or the question.
pub(super) struct Settings {
    pub(super) provider: &'static dyn Provider,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) is_deployed: bool,
    pub(super) deployment: Option<Deployment>,
    pub(super) url: Read<Url>,
    pub(super) names: Read<Names>,
    pub(super) artifacts: Option<(String, String)>,
}

impl Settings {
    pub(super) fn of(
        question: &Question,
        stack: Read<&Option<MainStack>>,
        deployment: Option<&Deployment>,
        deployed_url: Option<&Url>,
    ) -> Self {
        let provider = question.provider;
        let stack = stack.ok().and_then(Option::as_ref);
        let parameters = stack.map_or(&question.parameters, |stack| &stack.parameters);
        let parameters = parameters.clone();
        let parameter = |name: &str| {
            let text = parameters.get(name).map(|text| text.trim().to_owned());
            text.filter(|text| !text.is_empty())
        };
        let words = provider.words();
        // Not the parameter: a template may make the URL of that.
        let url = match (deployed_url, &question.tenant) {
            (Some(url), _) => Read::Ok(url.clone()),
            (None, Some(named)) => match Properties::url(provider, named) {
                Ok(url) => Read::Ok(url),
                Err(refusal) => Read::Unknown(refusal.to_string()),
            },
            (None, None) => Read::Unknown(format!("Give {} with --tenant.", words.tenant)),
        };
        let store = words.stores.as_ref();
        let store = store.and_then(|stores| parameter(stores.single_parameter));
        let prefix = parameter("IntegrationNamePrefix");
        let names = match deployment {
            Some(deployment) => Read::Ok(deployment.policy.names.clone()),
            None => names(provider, url.as_ref(), store, prefix),
        };
        let in_stack = parameter("ArtifactBucket").map(|bucket| {
            (
                bucket,
                parameters
                    .get("ArtifactPrefix")
                    .cloned()
                    .unwrap_or_default(),
            )
        });
        Self {
            provider,
            is_deployed: stack.is_some(),
            deployment: deployment.cloned(),
            url,
            names,
            artifacts: question.artifacts.clone().or(in_stack),
            parameters,
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let text = self.parameters.get(name).map(|text| text.trim());
        text.filter(|text| !text.is_empty())
    }

    /// The parameters' roles, or Control Tower's in the caller's account.
    pub(super) fn roles(&self, caller: &Read<Caller>) -> Read<StackSetRoles> {
        let caller = match caller {
            Read::Ok(caller) => caller,
            Read::Unknown(why) => return Read::Unknown(why.clone()),
        };
        let partition = caller.arn.split(':').nth(1).unwrap_or_default();
        let mut roles = match StackSetRoles::of_control_tower(partition, &caller.account) {
            Ok(roles) => roles,
            Err(error) => return Read::Unknown(error.to_string()),
        };
        if let Some(arn) = self.parameter("StackSetAdministrationRoleArn") {
            match arn.parse() {
                Ok(arn) => roles.administration = arn,
                Err(error) => return Read::Unknown(format!("{error}")),
            }
        }
        if let Some(name) = self.parameter("StackSetExecutionRoleName") {
            name.clone_into(&mut roles.execution);
        }
        Read::Ok(roles)
    }
}

fn names(
    provider: &dyn Provider,
    url: Read<&Url>,
    store: Option<String>,
    prefix: Option<String>,
) -> Read<Names> {
    let url = match url {
        Read::Ok(url) => url,
        Read::Unknown(why) => return Read::Unknown(why),
    };
    let store = store.map(|store| Store::from(store).as_str().to_owned());
    let Some(resource) = store.or_else(|| provider.tenant_in(url)) else {
        let title = provider.words().title;
        return Read::Unknown(format!(
            "{url} names no tenant; {title} is asked at the launch."
        ));
    };
    match prefix.unwrap_or_else(|| "P".repeat(LONGEST_PREFIX)).parse() {
        Ok(prefix) => Read::Ok(Names { resource, prefix }),
        Err(error) => Read::Unknown(format!("{error}")),
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::{
        policy::testing::{deployment, policy},
        provider::plain::Plain,
    };

    use super::*;

    fn question(tenant: Option<&str>) -> Question {
        Question {
            provider: &Plain,
            region: "us-east-1".into(),
            stack_name: "towerhook".into(),
            tenant: tenant.map(str::to_owned),
            artifacts: None,
            parameters: BTreeMap::new(),
            now: "2026-01-11T12:00:00Z".parse().unwrap(),
        }
    }

    fn settings(
        tenant: Option<&str>,
        parameters: &[(&str, &str)],
        deployment: Option<&Deployment>,
    ) -> Settings {
        let url = "https://acme.example.com".parse().unwrap();
        let question = question(tenant);
        let stack = (!parameters.is_empty()).then(|| MainStack {
            parameters: parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..MainStack::default()
        });
        let url = stack.as_ref().map(|_| &url);
        Settings::of(&question, Read::Ok(&stack), deployment, url)
    }

    #[test]
    fn before_a_launch_names_follow_from_the_tenant_with_the_longest_prefix() {
        let none = settings(None, &[], None);
        assert!(matches!(&none.url, Read::Unknown(why) if why.contains("--tenant")));
        assert_eq!(none.names.ok(), None);
        let given = settings(Some("acme.example.com"), &[], None);
        let names = given.names.ok().unwrap();
        assert_eq!(names.resource, "acme");
        assert_eq!(names.prefix.as_str().len(), LONGEST_PREFIX);
        let elsewhere = settings(Some("https://example.net"), &[], None);
        assert_eq!(elsewhere.names.ok(), None);
    }

    #[test]
    fn a_launch_says_by_its_parameters_what_a_stack_says_later() {
        let parameters = [
            ("IntegrationNamePrefix", "Own-"),
            ("CapabilityType", "Config"),
        ];
        let question = Question {
            parameters: parameters
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..question(Some("acme.example.com"))
        };
        let launch = Settings::of(&question, Read::Ok(&None), None, None);
        assert!(!launch.is_deployed);
        assert_eq!(launch.parameter("CapabilityType"), Some("Config"));
        assert_eq!(launch.names.ok().unwrap().prefix.as_str(), "Own-");
    }

    #[test]
    fn a_stack_says_its_tenant_its_store_and_where_its_zips_are() {
        let parameters = [
            ("ProviderUrl", "eu"),
            ("StoreName", "Blue"),
            ("IntegrationNamePrefix", "Own-"),
            ("ArtifactBucket", "zips"),
            ("ArtifactPrefix", "v/1/"),
        ];
        let stack = settings(None, &parameters, None);
        let url = stack.url.ok().unwrap();
        assert_eq!(url.host_str(), Some("acme.example.com"));
        let names = stack.names.ok().unwrap();
        assert_eq!((&*names.resource, names.prefix.as_str()), ("blue", "Own-"));
        assert_eq!(stack.artifacts, Some(("zips".into(), "v/1/".into())));
        // The ledger knows better: the names of an adopted deployment are others.
        let deployment = deployment(policy());
        let stack = settings(None, &parameters, Some(&deployment));
        assert_eq!(stack.names.ok().unwrap().resource, "acme");
    }

    #[test]
    fn the_roles_of_the_stack_sets_are_control_towers_or_the_parameters() {
        let caller = Read::Ok(Caller {
            account: "000000000099".parse().unwrap(),
            arn: "arn:aws-us-gov:iam::000000000099:user/me".into(),
        });
        let own = settings(None, &[], None).roles(&caller).ok().unwrap();
        assert_eq!(own.administration.partition(), "aws-us-gov");
        assert_eq!(own.execution, "AWSControlTowerExecution");
        let role = "arn:aws:iam::000000000099:role/own/Admin";
        let named = [
            ("StackSetAdministrationRoleArn", role),
            ("StackSetExecutionRoleName", "Own"),
        ];
        let named = settings(None, &named, None).roles(&caller).ok().unwrap();
        assert_eq!(
            (named.administration.as_str(), &*named.execution),
            (role, "Own")
        );
        let unread = Read::Unknown("no".to_owned());
        assert!(settings(None, &[], None).roles(&unread).ok().is_none());
    }
}
