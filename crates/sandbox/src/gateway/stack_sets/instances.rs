//! Stack instances: real stacks in the target accounts, made by the emulator's CloudFormation.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;
use uuid::Uuid;

use super::model::{Place, ResultStatus, StackSet};
use super::{Action, Inner};
use crate::aws_client::{AwsClient, AwsError, Element};

const VERSION: &str = "2010-05-15";

/// How long one stack may take.
const DEADLINE: Duration = Duration::from_secs(300);

/// The longest name of a stack.
const NAME_LIMIT: usize = 128;

/// The work in one account and Region.
#[derive(Debug)]
pub(super) struct Work {
    action: Action,
    place: Place,
    administrator: String,
    administration_role: String,
    execution_role: String,
    retain_stacks: bool,
    stack_set: String,
    stack_id: Option<String>,
    template: String,
    parameters: BTreeMap<String, String>,
    capabilities: Vec<String>,
    tags: BTreeMap<String, String>,
}

impl Work {
    pub(super) fn new(set: &StackSet, operation: &str, place: &Place) -> Option<Self> {
        let operation = set.operation(operation)?;
        let instance = set.instances.get(place)?;
        let mut parameters = set.parameters.clone();
        parameters.extend(instance.overrides.clone());
        Some(Self {
            action: operation.action,
            place: place.clone(),
            administrator: set.account.clone(),
            administration_role: operation.administration_role.clone(),
            execution_role: operation.execution_role.clone(),
            retain_stacks: operation.retain_stacks,
            stack_set: set.name.clone(),
            stack_id: instance.stack_id.clone(),
            template: set.template.clone(),
            parameters,
            capabilities: set.capabilities.clone(),
            tags: set.tags.clone(),
        })
    }

    /// The parameters that CreateStack and UpdateStack share.
    fn stack_parameters(&self, name: &str) -> Vec<(String, String)> {
        let mut form = vec![
            ("StackName".to_owned(), name.to_owned()),
            ("TemplateBody".to_owned(), self.template.clone()),
        ];
        for (number, (key, value)) in (1..).zip(&self.parameters) {
            let parameter = format!("Parameters.member.{number}");
            form.push((format!("{parameter}.ParameterKey"), key.clone()));
            form.push((format!("{parameter}.ParameterValue"), value.clone()));
        }
        for (number, (key, value)) in (1..).zip(&self.tags) {
            form.push((format!("Tags.member.{number}.Key"), key.clone()));
            form.push((format!("Tags.member.{number}.Value"), value.clone()));
        }
        for (number, capability) in (1..).zip(&self.capabilities) {
            form.push((format!("Capabilities.member.{number}"), capability.clone()));
        }
        form
    }
}

/// The outcome of the work.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The stack matches the StackSet.
    Done { stack_id: String },
    /// The instance was deleted.
    Gone,
    /// Not attempted: the account is suspended or closed.
    Skipped { reason: String },
    /// It failed.
    Failed {
        stack_id: Option<String>,
        reason: String,
    },
}

impl Outcome {
    /// The operation's result. The API has no status of its own for a skipped account.
    pub(super) fn result(&self) -> (ResultStatus, Option<String>) {
        match self {
            Self::Done { .. } | Self::Gone => (ResultStatus::Succeeded, None),
            Self::Skipped { reason } => (ResultStatus::Cancelled, Some(reason.clone())),
            Self::Failed { reason, .. } => (ResultStatus::Failed, Some(reason.clone())),
        }
    }
}

impl Inner {
    pub(super) async fn perform(&self, work: &Work) -> Outcome {
        if work.action == Action::Delete && work.retain_stacks {
            return Outcome::Gone;
        }
        match self.try_perform(work).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Failed {
                stack_id: None,
                reason: error
                    .message()
                    .map_or_else(|| error.to_string(), str::to_owned),
            },
        }
    }

    async fn try_perform(&self, work: &Work) -> Result<Outcome, AwsError> {
        let account = work.place.0.as_str();
        let failed = |reason| Outcome::Failed {
            stack_id: None,
            reason,
        };
        if let Some(reason) = self.failing().get(account).cloned() {
            return Ok(failed(reason));
        }
        let state = self.organizations.account_state(account).await?;
        if let Some(state) = state.filter(|state| state != "ACTIVE") {
            return Ok(Outcome::Skipped {
                reason: format!("Account {account} is {state}"),
            });
        }
        let client = match self.enter(work).await? {
            Ok(client) => client,
            Err(reason) => return Ok(failed(reason)),
        };
        match (work.action, &work.stack_id) {
            (Action::Delete, None) => Ok(Outcome::Gone),
            (Action::Delete, Some(id)) => delete(&client, id).await,
            (_, Some(id)) => match status(&client, id).await? {
                None => create(&client, work).await,
                // Such a stack cannot be updated, only deleted.
                Some(state) if state.starts_with("ROLLBACK_") || state == "CREATE_FAILED" => {
                    match delete(&client, id).await? {
                        Outcome::Gone => create(&client, work).await,
                        other => Ok(other),
                    }
                }
                Some(_) => update(&client, work, id).await,
            },
            (_, None) => create(&client, work).await,
        }
    }

    /// A session of the execution role in the target account, or why there is none: CloudFormation
    /// assumes the administration role, which assumes the execution role.
    async fn enter(&self, work: &Work) -> Result<Result<AwsClient, String>, AwsError> {
        let (account, region) = &work.place;
        let admin_arn = work.administration_role.as_str();
        let admin_name = admin_arn.rsplit('/').next().unwrap_or_default();
        let owner = self.upstream.account(&work.administrator).in_region(region);
        // The emulator lets the root user act as any service.
        let trust = trust_policy(&owner, admin_name).await?;
        if !trust.is_some_and(|trust| trust.contains("cloudformation.")) {
            return Ok(Err(format!(
                "Account {} should have '{admin_name}' role with trust relationship to CloudFormation service.",
                work.administrator
            )));
        }
        let session = "StackSets";
        let administration = owner.assume_role(admin_arn, session, None).await?;
        let execution_arn = format!("arn:aws:iam::{account}:role/{}", work.execution_role);
        let execution = administration
            .assume_role(&execution_arn, session, None)
            .await;
        match execution {
            Ok(client) => Ok(Ok(client)),
            Err(error) if error.is("AccessDenied") => Ok(Err(format!(
                "Account {account} should have '{}' role with trust relationship to Role '{admin_name}'.",
                work.execution_role
            ))),
            Err(error) => Err(error),
        }
    }
}

/// The trust policy of a role as text; `None` if the role does not exist.
async fn trust_policy(client: &AwsClient, role: &str) -> Result<Option<String>, AwsError> {
    let answer = client
        .query("iam", "GetRole", "2010-05-08", &[("RoleName", role)])
        .await;
    match answer {
        Ok(answer) => Ok(answer
            .text_at("GetRoleResult/Role/AssumeRolePolicyDocument")
            .map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned())),
        Err(error) if error.is("NoSuchEntity") => Ok(None),
        Err(error) => Err(error),
    }
}

async fn create(client: &AwsClient, work: &Work) -> Result<Outcome, AwsError> {
    let uuid = Uuid::new_v4().to_string();
    let prefix = format!("StackSet-{}", work.stack_set);
    let prefix: String = prefix.chars().take(NAME_LIMIT - 1 - uuid.len()).collect();
    let name = format!("{prefix}-{uuid}");
    let answer = client
        .query(
            "cloudformation",
            "CreateStack",
            VERSION,
            &work.stack_parameters(&name),
        )
        .await?;
    let id = answer
        .text_at("CreateStackResult/StackId")
        .unwrap_or(&name)
        .to_owned();
    settled(client, &id, "CREATE_COMPLETE").await
}

async fn update(client: &AwsClient, work: &Work, id: &str) -> Result<Outcome, AwsError> {
    let answer = client
        .query(
            "cloudformation",
            "UpdateStack",
            VERSION,
            &work.stack_parameters(id),
        )
        .await;
    match answer {
        Ok(_) => settled(client, id, "UPDATE_COMPLETE").await,
        Err(error)
            if error
                .message()
                .is_some_and(|message| message.contains("No updates are to be performed")) =>
        {
            Ok(Outcome::Done {
                stack_id: id.to_owned(),
            })
        }
        Err(error) => Err(error),
    }
}

async fn delete(client: &AwsClient, id: &str) -> Result<Outcome, AwsError> {
    client
        .query(
            "cloudformation",
            "DeleteStack",
            VERSION,
            &[("StackName", id)],
        )
        .await?;
    match settled(client, id, "DELETE_COMPLETE").await? {
        Outcome::Done { .. } => Ok(Outcome::Gone),
        other => Ok(other),
    }
}

/// Waits until no change of the stack is in progress; whether it reached `wanted`.
async fn settled(client: &AwsClient, id: &str, wanted: &str) -> Result<Outcome, AwsError> {
    let end = Instant::now() + DEADLINE;
    let mut pause = Duration::from_millis(10);
    let state = loop {
        match status(client, id).await? {
            None => break "DELETE_COMPLETE".to_owned(),
            Some(state) if !state.ends_with("_IN_PROGRESS") => break state,
            Some(state) if Instant::now() >= end => break state,
            Some(_) => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(200));
    };
    if state == wanted {
        return Ok(Outcome::Done {
            stack_id: id.to_owned(),
        });
    }
    let reason = failure(client, id)
        .await?
        .unwrap_or_else(|| format!("Stack is {state}"));
    Ok(Outcome::Failed {
        stack_id: (state != "DELETE_COMPLETE").then(|| id.to_owned()),
        reason,
    })
}

/// The status of a stack; `None` if it does not exist.
async fn status(client: &AwsClient, id: &str) -> Result<Option<String>, AwsError> {
    let answer = client
        .query(
            "cloudformation",
            "DescribeStacks",
            VERSION,
            &[("StackName", id)],
        )
        .await;
    match answer {
        Ok(answer) => Ok(answer
            .members("DescribeStacksResult/Stacks")
            .find_map(|stack| stack.text_at("StackStatus"))
            .filter(|status| *status != "DELETE_COMPLETE")
            .map(str::to_owned)),
        Err(error)
            if error
                .message()
                .is_some_and(|message| message.contains("does not exist")) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The first resource that failed, as StackSets report it.
async fn failure(client: &AwsClient, id: &str) -> Result<Option<String>, AwsError> {
    let answer = client
        .query(
            "cloudformation",
            "DescribeStackEvents",
            VERSION,
            &[("StackName", id)],
        )
        .await?;
    let text =
        |event: &Element, field: &str| event.text_at(field).unwrap_or_default().trim().to_owned();
    // Events come newest first.
    Ok(answer
        .members("DescribeStackEventsResult/StackEvents")
        .filter(|event| text(event, "ResourceStatus").ends_with("_FAILED"))
        .filter(|event| text(event, "ResourceType") != "AWS::CloudFormation::Stack")
        .last()
        .map(|event| {
            format!(
                "ResourceLogicalId:{}, ResourceType:{}, ResourceStatusReason:{}.",
                text(event, "LogicalResourceId"),
                text(event, "ResourceType"),
                text(event, "ResourceStatusReason")
            )
        }))
}
