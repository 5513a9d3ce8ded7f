use std::{collections::BTreeMap, time::Duration};

use aws_smithy_types::timeout::TimeoutConfig;
use serde::Deserialize;
use towerhook_core::{Error, ErrorKind, Result, model::SecretText, ports::Functions};

use crate::{
    Aws, FunctionNames, SdkConfig,
    call::services::lambda,
    classify::{failed, unusable},
    outputs::Outputs,
};

const INVOKE: &str = "lambda:Invoke";
const CONFIGURATION: &str = "lambda:GetFunctionConfiguration";

/// The payload that tells the auth function that its token was refused.
const REFUSED: &str = r#"{"towerhook":{"refresh":"refused"}}"#;
/// The timeout for auth: it calls the SaaS, so it may take longer than a call to AWS.
const LONGEST_REFRESH: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    function_name: String,
    environment: Environment,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    variables: BTreeMap<String, String>,
}

/// The environment of the account function of the stack with this name or id, which names the
/// ledger, the vendor and its tenant; with what Lambda itself sets.
///
/// # Errors
///
/// CloudFormation or Lambda does not answer, or the stack is not one of Towerhook's.
pub async fn account_function_settings(
    config: &SdkConfig,
    stack: &str,
) -> Result<BTreeMap<String, String>> {
    let function = Outputs::of(config, stack)
        .await?
        .get("AccountFunctionName")?;
    let reply = lambda::get_function_configuration(config, &function).await;
    let reply = reply.map_err(failed(CONFIGURATION))?;
    let Configuration {
        function_name,
        environment,
    } = reply.json(CONFIGURATION)?;
    let mut variables = environment.variables;
    variables.insert("AWS_LAMBDA_FUNCTION_NAME".to_owned(), function_name);
    let region = config.region().map(ToString::to_string);
    variables.extend(region.map(|region| ("AWS_REGION".to_owned(), region)));
    Ok(variables)
}

impl<S: AsRef<FunctionNames>> Functions for Aws<S> {
    async fn refresh_token(&self) -> Result<()> {
        let FunctionNames { auth, .. } = self.settings.as_ref();
        let auth = auth
            .as_deref()
            .ok_or_else(|| unusable(INVOKE, "this function knows of no auth function"))?;
        let patient = TimeoutConfig::builder()
            .operation_attempt_timeout(LONGEST_REFRESH)
            .operation_timeout(LONGEST_REFRESH)
            .build();
        let reply = lambda::invoke(
            &self.config,
            auth,
            "RequestResponse",
            REFUSED,
            Some(patient),
        );
        let reply = reply.await.map_err(failed(INVOKE))?;
        match reply.header("x-amz-function-error") {
            None => Ok(()),
            Some(error) => {
                let reason = format!("the auth function failed ({error}); its log says why");
                Err(Error::new(INVOKE, ErrorKind::Unavailable, reason))
            }
        }
    }

    async fn continue_with(&self, payload: &SecretText) -> Result<()> {
        let FunctionNames { own, .. } = self.settings.as_ref();
        let payload = payload.expose();
        let reply = lambda::invoke(&self.config, own, "Event", payload, None).await;
        reply.map_err(failed(INVOKE))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{account, answer, error, replay, setup, xml};

    #[tokio::test]
    async fn the_settings_of_the_account_function_are_found_by_its_stack() {
        let outputs = "<Stacks><member><StackName>towerhook</StackName><Outputs><member>\
            <OutputKey>AccountFunctionName</OutputKey><OutputValue>acme-account</OutputValue>\
            </member></Outputs></member></Stacks>";
        let function = json!({
            "FunctionName": "acme-account",
            "Environment": {"Variables": {"PROVIDER": "lacework"}},
        });
        let (config, sent) = replay([xml("DescribeStacks", outputs), answer(function)]);
        let settings = account_function_settings(&config, "towerhook")
            .await
            .unwrap();
        let setting = |name: &str| settings.get(name).map(String::as_str);
        assert_eq!(setting("PROVIDER"), Some("lacework"));
        assert_eq!(setting("AWS_REGION"), Some("eu-west-1"));
        assert_eq!(setting("AWS_LAMBDA_FUNCTION_NAME"), Some("acme-account"));
        let (path, _) = sent.calls().remove(1);
        assert!(
            path.ends_with("/functions/acme-account/configuration"),
            "{path}"
        );
    }

    #[tokio::test]
    async fn the_auth_function_is_told_and_waited_for() {
        let (aws, sent) = account([answer(json!(null)), error(429, "TooManyRequestsException")]);
        aws.refresh_token().await.unwrap();
        let (path, body) = sent.calls().remove(0);
        assert_eq!(path, "/2015-03-31/functions/auth/invocations");
        assert_eq!(body, json!({"towerhook": {"refresh": "refused"}}));
        assert_eq!(
            sent.header("x-amz-invocation-type").as_deref(),
            Some("RequestResponse")
        );
        assert!(matches!(
            aws.refresh_token().await.unwrap_err().kind,
            ErrorKind::Throttled { .. }
        ));
    }

    #[tokio::test]
    async fn a_function_that_fails_is_an_error_though_lambda_answers_ok() {
        let failed =
            answer(json!({"errorMessage": "canary"})).header("x-amz-function-error", "Unhandled");
        let (aws, _) = account([failed]);
        let failure = aws.refresh_token().await.unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Unavailable);
        assert!(failure.chain().contains("Unhandled"), "{}", failure.chain());
    }

    #[tokio::test]
    async fn a_continuation_is_not_waited_for() {
        let (aws, sent) = setup([answer(json!(null))]);
        aws.continue_with(&r#"{"RequestType":"Create"}"#.into())
            .await
            .unwrap();
        let (path, body) = sent.calls().remove(0);
        assert_eq!(path, "/2015-03-31/functions/acme-setup/invocations");
        assert_eq!(body, json!({"RequestType": "Create"}));
        assert_eq!(
            sent.header("x-amz-invocation-type").as_deref(),
            Some("Event")
        );
    }

    #[tokio::test]
    async fn a_function_that_knows_of_no_auth_function_asks_nobody() {
        let (aws, sent) = setup([]);
        assert_eq!(
            aws.refresh_token().await.unwrap_err().kind,
            ErrorKind::Invalid
        );
        assert!(sent.calls().is_empty());
    }
}
