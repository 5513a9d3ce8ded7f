use aws_sdk_cloudformation::types::{
    Capability, Parameter, Stack as SdkStack, StackEvent as SdkEvent, TemplateStage,
};
use jiff::Timestamp;
use towerhook_core::{
    Result,
    ports::{
        MainStack, MainStackReads, MainStackWrites, Setting, StackEvent, StackRequest,
        TemplateSource,
    },
};

use crate::{
    Aws,
    classify::{failed, unusable},
    stacks::is_validation_error,
};

const DESCRIBE: &str = "cloudformation:DescribeStacks";
const EVENTS: &str = "cloudformation:DescribeStackEvents";
const TEMPLATE: &str = "cloudformation:GetTemplate";
const CREATE: &str = "cloudformation:CreateStack";
const UPDATE: &str = "cloudformation:UpdateStack";

/// The most pages of events that are read at a time, with 100 events each.
const PAGES: usize = 50;

/// An administrator of the main stack. With it, [`Aws`] implements `MainStackWrites`.
#[derive(Debug, Clone, Copy)]
pub struct StackAdministrator;

impl<S> MainStackReads for Aws<S> {
    async fn main_stack(&self, stack: &str) -> Result<Option<MainStack>> {
        let found = self.described(stack).await?;
        found.as_ref().map(translate).transpose()
    }

    async fn template(&self, stack: &str) -> Result<String> {
        let answer = self
            .cloudformation()
            .get_template()
            .stack_name(stack)
            .template_stage(TemplateStage::Original)
            .send()
            .await
            .map_err(failed(TEMPLATE))?;
        answer
            .template_body
            .ok_or_else(|| unusable(TEMPLATE, "an answer without a template"))
    }

    async fn last_event(&self, stack: &str) -> Result<Option<String>> {
        let answer = self
            .cloudformation()
            .describe_stack_events()
            .stack_name(stack)
            .send()
            .await
            .map_err(failed(EVENTS))?;
        let newest = answer.stack_events().first();
        Ok(newest.and_then(|event| event.event_id().map(str::to_owned)))
    }

    async fn events(&self, stack: &str, after: Option<&str>) -> Result<Vec<StackEvent>> {
        let mut events = Vec::new();
        let mut next = None;
        for _ in 0..PAGES {
            let answer = self
                .cloudformation()
                .describe_stack_events()
                .stack_name(stack)
                .set_next_token(next)
                .send()
                .await
                .map_err(failed(EVENTS))?;
            for found in answer.stack_events() {
                let event = event(found)?;
                // The newest come first.
                if after == Some(event.id.as_str()) {
                    events.reverse();
                    return Ok(events);
                }
                events.push(event);
            }
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                break;
            }
        }
        events.reverse();
        Ok(events)
    }
}

impl MainStackWrites for Aws<StackAdministrator> {
    async fn create(&self, request: &StackRequest) -> Result<String> {
        let (body, url, _) = source(&request.template);
        let answer = self
            .cloudformation()
            .create_stack()
            .stack_name(&request.stack)
            .set_template_body(body)
            .set_template_url(url)
            .set_parameters(Some(parameters(request)))
            .capabilities(Capability::CapabilityNamedIam)
            .client_request_token(&request.token)
            .send()
            .await
            .map_err(failed(CREATE))?;
        answer
            .stack_id
            .ok_or_else(|| unusable(CREATE, "an answer without the stack's id"))
    }

    async fn update(&self, request: &StackRequest) -> Result<bool> {
        let (body, url, previous) = source(&request.template);
        let answer = self
            .cloudformation()
            .update_stack()
            .stack_name(&request.stack)
            .set_template_body(body)
            .set_template_url(url)
            .set_use_previous_template(previous)
            .set_parameters(Some(parameters(request)))
            .capabilities(Capability::CapabilityNamedIam)
            .client_request_token(&request.token)
            .send()
            .await;
        match answer {
            Err(error) if is_validation_error(&error, "No updates are to be performed") => {
                Ok(false)
            }
            answer => answer.map(|_| true).map_err(failed(UPDATE)),
        }
    }

    async fn delete(&self, stack: &str, token: &str) -> Result<()> {
        self.delete_by(stack, None, token).await
    }
}

/// The body, the URL, and whether the stack's own template is used.
fn source(template: &TemplateSource) -> (Option<String>, Option<String>, Option<bool>) {
    match template {
        TemplateSource::Body(body) => (Some(body.clone()), None, None),
        TemplateSource::Url(url) => (None, Some(url.clone()), None),
        TemplateSource::Previous => (None, None, Some(true)),
    }
}

fn parameters(request: &StackRequest) -> Vec<Parameter> {
    let translated = request.parameters.iter().map(|(name, setting)| {
        let parameter = Parameter::builder().parameter_key(name);
        match setting {
            Setting::Text(text) => parameter.parameter_value(text),
            Setting::Secret(secret) => parameter.parameter_value(secret.expose()),
            Setting::Previous => parameter.use_previous_value(true),
        }
        .build()
    });
    translated.collect()
}

fn translate(found: &SdkStack) -> Result<MainStack> {
    let parameters = found.parameters().iter().filter_map(|parameter| {
        let key = parameter.parameter_key()?;
        Some((key.to_owned(), parameter.parameter_value()?.to_owned()))
    });
    let outputs = found.outputs().iter().filter_map(|output| {
        let key = output.output_key()?;
        Some((key.to_owned(), output.output_value()?.to_owned()))
    });
    let changed_at = found.last_updated_time().or(found.creation_time());
    let status = found
        .stack_status()
        .ok_or_else(|| unusable(DESCRIBE, "a stack without a status"))?;
    Ok(MainStack {
        id: found.stack_id().unwrap_or_default().to_owned(),
        status: status.as_str().to_owned(),
        reason: found
            .stack_status_reason()
            .filter(|reason| !reason.is_empty())
            .map(str::to_owned),
        changed_at: changed_at.and_then(|at| Timestamp::from_second(at.secs()).ok()),
        parameters: parameters.collect(),
        outputs: outputs.collect(),
    })
}

fn event(found: &SdkEvent) -> Result<StackEvent> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let at = found
        .timestamp()
        .and_then(|at| Timestamp::from_millisecond(at.to_millis().ok()?).ok())
        .ok_or_else(|| unusable(EVENTS, "an event without a time"))?;
    let reason = found.resource_status_reason();
    Ok(StackEvent {
        id: text(found.event_id()),
        at,
        resource: text(found.logical_resource_id()),
        physical_id: text(found.physical_resource_id()),
        kind: text(found.resource_type()),
        status: text(found.resource_status().map(|status| status.as_str())),
        reason: reason
            .filter(|reason| !reason.is_empty())
            .map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::testing::{Answer, Sent, replay, xml, xml_error};

    const ID: &str = "arn:aws:cloudformation:eu-west-1:999999999999:stack/t/1";

    fn stacks(answers: impl IntoIterator<Item = Answer>) -> (Aws<StackAdministrator>, Sent) {
        let (config, sent) = replay(answers);
        (Aws::new(&config, StackAdministrator), sent)
    }

    fn events(ids: &[&str], next: &str) -> Answer {
        let members = ids.iter().map(|id| {
            format!(
                "<member><EventId>{id}</EventId><StackId>{ID}</StackId><StackName>t</StackName>\
                 <LogicalResourceId>Ledger</LogicalResourceId>\
                 <ResourceStatus>CREATE_FAILED</ResourceStatus>\
                 <ResourceStatusReason>no</ResourceStatusReason>\
                 <Timestamp>2026-01-01T00:00:00.5Z</Timestamp></member>"
            )
        });
        let members: String = members.collect();
        let events = format!("<StackEvents>{members}</StackEvents><NextToken>{next}</NextToken>");
        xml("DescribeStackEvents", &events)
    }

    fn request(template: TemplateSource) -> StackRequest {
        let parameters = [
            ("Kept".to_owned(), Setting::Previous),
            ("Key".to_owned(), Setting::Secret("canary".into())),
            ("Named".to_owned(), Setting::Text("value".into())),
        ];
        StackRequest {
            stack: "t".into(),
            template,
            parameters: BTreeMap::from(parameters),
            token: "token".into(),
        }
    }

    #[tokio::test]
    async fn events_come_oldest_first_up_to_the_one_that_is_known() {
        let (aws, sent) = stacks([events(&["5", "4"], "more"), events(&["3", "2", "1"], "")]);
        let found = aws.events(ID, Some("2")).await.unwrap();
        let ids: Vec<_> = found.iter().map(|event| event.id.as_str()).collect();
        assert_eq!(ids, ["3", "4", "5"]);
        assert_eq!(found[0].at, "2026-01-01T00:00:00.5Z".parse().unwrap());
        assert_eq!(found[0].reason.as_deref(), Some("no"));
        assert_eq!(sent.calls()[1].1["NextToken"], "more");
    }

    #[tokio::test]
    async fn an_update_keeps_the_template_and_the_values_that_are_not_named() {
        let same = xml_error(400, "ValidationError", "No updates are to be performed.");
        let refused = xml_error(400, "ValidationError", "Template format error");
        let (aws, sent) = stacks([xml("UpdateStack", ""), same, refused]);
        assert!(
            aws.update(&request(TemplateSource::Previous))
                .await
                .unwrap()
        );
        assert!(
            !aws.update(&request(TemplateSource::Previous))
                .await
                .unwrap()
        );
        let url = TemplateSource::Url("https://s3".into());
        aws.update(&request(url)).await.unwrap_err();
        let calls = sent.calls();
        let (_, call) = &calls[0];
        assert_eq!(call["UsePreviousTemplate"], "true");
        assert_eq!(call["Parameters.member.1.ParameterKey"], "Kept");
        assert_eq!(call["Parameters.member.1.UsePreviousValue"], "true");
        assert_eq!(call["Parameters.member.2.ParameterValue"], "canary");
        assert_eq!(call["Capabilities.member.1"], "CAPABILITY_NAMED_IAM");
        assert_eq!(calls[2].1["TemplateURL"], "https://s3");
    }

    #[tokio::test]
    async fn a_stack_that_does_not_exist_is_none_and_deleting_it_no_error() {
        let missing = || xml_error(400, "ValidationError", "Stack with id t does not exist");
        let (aws, _) = stacks([missing(), missing(), xml_error(403, "AccessDenied", "no")]);
        assert_eq!(aws.main_stack("t").await.unwrap(), None);
        aws.delete("t", "token").await.unwrap();
        aws.main_stack("t").await.unwrap_err();
    }
}
