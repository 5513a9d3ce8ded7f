use serde::Deserialize;
use serde_json::json;
use towerhook_core::{
    Result,
    ports::{AlarmState, FunctionState, StackInspection, StackResource},
};

use super::InspectionSettings;
use crate::{
    Aws,
    call::{
        CallError, Reply,
        services::{events, lambda, sqs},
    },
    classify::{failed, has_code, parse},
    pages::pages,
};

const RESOURCES: &str = "cloudformation:ListStackResources";
const FUNCTION: &str = "lambda:GetFunctionConfiguration";
const MAPPING: &str = "lambda:GetEventSourceMapping";
const RULE: &str = "events:DescribeRule";
const QUEUE: &str = "sqs:GetQueueAttributes";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    state: Option<String>,
    state_reason: Option<String>,
    last_update_status: Option<String>,
    last_update_status_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stated {
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueAttributes {
    attributes: QueueAttributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueAttributes {
    approximate_number_of_messages: String,
}

/// The answer, or `None` if the service knows no such thing.
fn found(
    operation: &'static str,
    answer: std::result::Result<Reply, CallError>,
) -> Result<Option<Reply>> {
    match answer {
        Err(error) if has_code(&error, "ResourceNotFoundException") => Ok(None),
        answer => answer.map(Some).map_err(failed(operation)),
    }
}

impl StackInspection for Aws<InspectionSettings> {
    async fn resources(&self, stack: &str) -> Result<Vec<StackResource>> {
        let listing = self.cloudformation().list_stack_resources();
        let listing = listing.stack_name(stack).into_paginator().send();
        let pages = pages(RESOURCES, listing, |page| page.next_token()).await?;
        let resources = pages
            .iter()
            .flat_map(|page| page.stack_resource_summaries());
        let resources = resources.filter_map(|resource| {
            Some(StackResource {
                logical_id: resource.logical_resource_id()?.to_owned(),
                physical_id: resource
                    .physical_resource_id()
                    .unwrap_or_default()
                    .to_owned(),
                kind: resource.resource_type()?.to_owned(),
            })
        });
        Ok(resources.collect())
    }

    async fn function(&self, name: &str) -> Result<Option<FunctionState>> {
        let answer = lambda::get_function_configuration(&self.config, name).await;
        let Some(reply) = found(FUNCTION, answer)? else {
            return Ok(None);
        };
        let configuration: Configuration = reply.json(FUNCTION)?;
        let reasons = [
            configuration.state_reason,
            configuration.last_update_status_reason,
        ];
        Ok(Some(FunctionState {
            state: configuration.state,
            last_update: configuration.last_update_status,
            reason: reasons
                .into_iter()
                .flatten()
                .find(|reason| !reason.is_empty()),
        }))
    }

    async fn rule(&self, name: &str) -> Result<Option<bool>> {
        let answer = events::describe_rule(&self.config, &json!({"Name": name})).await;
        let Some(reply) = found(RULE, answer)? else {
            return Ok(None);
        };
        let rule: Stated = reply.json(RULE)?;
        // There is also a state for a rule that hears of the read-only calls, too.
        let is_on = rule.state.is_some_and(|state| state.starts_with("ENABLED"));
        Ok(Some(is_on))
    }

    async fn mapping(&self, id: &str) -> Result<Option<String>> {
        let answer = lambda::get_event_source_mapping(&self.config, id).await;
        let Some(reply) = found(MAPPING, answer)? else {
            return Ok(None);
        };
        let mapping: Stated = reply.json(MAPPING)?;
        Ok(Some(mapping.state.unwrap_or_default()))
    }

    async fn waiting(&self, queue_url: &str) -> Result<u64> {
        let input = json!({
            "QueueUrl": queue_url,
            "AttributeNames": ["ApproximateNumberOfMessages"],
        });
        let reply = sqs::get_queue_attributes(&self.config, &input).await;
        let queue: GetQueueAttributes = reply.map_err(failed(QUEUE))?.json(QUEUE)?;
        parse(QUEUE, &queue.attributes.approximate_number_of_messages)
    }

    async fn alarms(&self, names: &[String]) -> Result<Vec<AlarmState>> {
        // Without a name, CloudWatch answers all alarms.
        if names.is_empty() {
            return Ok(Vec::new());
        }
        self.states_of_alarms(names).await
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::ports::MainStackReads;

    use super::*;
    use crate::{
        inspection::testing::inspection,
        testing::{answer, error, xml, xml_error},
    };

    #[tokio::test]
    async fn a_stack_comes_with_its_parameters_and_outputs_and_a_missing_one_is_none() {
        let stack = "<Stacks><member><StackId>arn</StackId><StackName>t</StackName>\
            <CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>UPDATE_COMPLETE</StackStatus>\
            <LastUpdatedTime>2026-01-02T00:00:00Z</LastUpdatedTime><Parameters><member>\
            <ParameterKey>ArtifactBucket</ParameterKey><ParameterValue>zips</ParameterValue></member>\
            </Parameters><Outputs><member><OutputKey>WorkQueueUrl</OutputKey><OutputValue>q\
            </OutputValue></member></Outputs></member></Stacks>";
        let (aws, _) = inspection([
            xml("DescribeStacks", stack),
            xml_error(400, "ValidationError", "Stack with id t does not exist"),
            xml_error(403, "AccessDenied", "no"),
        ]);
        let stack = aws.main_stack("t").await.unwrap().unwrap();
        assert_eq!(stack.parameters["ArtifactBucket"], "zips");
        assert_eq!(stack.outputs["WorkQueueUrl"], "q");
        assert_eq!(
            stack.changed_at.unwrap().to_string(),
            "2026-01-02T00:00:00Z"
        );
        assert_eq!(aws.main_stack("t").await.unwrap(), None);
        assert!(aws.main_stack("t").await.is_err());
    }

    #[tokio::test]
    async fn resources_are_read_to_the_last_page() {
        let page = |name: &str, next: &str| {
            let resource = format!(
                "<StackResourceSummaries><member><LogicalResourceId>{name}</LogicalResourceId>\
                 <PhysicalResourceId>p-{name}</PhysicalResourceId><ResourceType>AWS::Events::Rule\
                 </ResourceType></member></StackResourceSummaries>{next}"
            );
            xml("ListStackResources", &resource)
        };
        let next = "<NextToken>2</NextToken>";
        let (aws, _) = inspection([page("One", next), page("Two", "")]);
        let resources = aws.resources("t").await.unwrap();
        let ids: Vec<_> = resources.iter().map(|one| &*one.physical_id).collect();
        assert_eq!(ids, ["p-One", "p-Two"]);
    }

    #[tokio::test]
    async fn what_does_not_exist_is_told_from_what_is_off() {
        let missing = || error(404, "ResourceNotFoundException");
        let function =
            json!({"State": "Failed", "StateReason": "key", "LastUpdateStatus": "Successful"});
        let (aws, sent) = inspection([
            answer(function),
            missing(),
            answer(json!({"State": "DISABLED"})),
            answer(json!({"State": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"})),
            missing(),
            answer(json!({"State": "Disabled"})),
            missing(),
            answer(json!({"Attributes": {"ApproximateNumberOfMessages": "3"}})),
        ]);
        let function = aws.function("f").await.unwrap().unwrap();
        assert_eq!(function.reason.as_deref(), Some("key"));
        assert_eq!(aws.function("f").await.unwrap(), None);
        for expected in [Some(false), Some(true), None] {
            assert_eq!(aws.rule("r").await.unwrap(), expected);
        }
        assert_eq!(aws.mapping("m").await.unwrap().unwrap(), "Disabled");
        assert_eq!(aws.mapping("m").await.unwrap(), None);
        assert_eq!(aws.waiting("q").await.unwrap(), 3);
        assert!(sent.operations()[5].ends_with("/event-source-mappings/m"));
    }
}
