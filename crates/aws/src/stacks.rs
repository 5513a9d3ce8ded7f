use aws_sdk_cloudformation::types::{Capability, Stack as SdkStack, StackStatus, Tag};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use towerhook_core::{
    Result,
    model::Arn,
    ports::{StackReads, StackWrites},
    stack_sets::{Stack, StackSetSpec, StackState},
};

use crate::{
    Aws, ManagementStackRole,
    classify::{failed, has_code, unusable},
    stack_sets::{from_tags, to_parameters, to_tags},
};

const DESCRIBE: &str = "cloudformation:DescribeStacks";
const CREATE: &str = "cloudformation:CreateStack";
const UPDATE: &str = "cloudformation:UpdateStack";
const DELETE: &str = "cloudformation:DeleteStack";

/// A stack's description comes from its template and cannot be set, so ours is a tag.
const DESCRIPTION_TAG: &str = "towerhook:description";

impl<S: AsRef<ManagementStackRole>> StackReads for Aws<S> {
    async fn stack(&self, name: &str) -> Result<Option<Stack>> {
        match self.described(name).await? {
            Some(found) => translate(&found),
            None => Ok(None),
        }
    }
}

impl<S> Aws<S> {
    /// The stack with this name or id; `None` if there is none.
    pub(crate) async fn described(&self, name: &str) -> Result<Option<SdkStack>> {
        let call = self.cloudformation().describe_stacks().stack_name(name);
        let answer = match call.send().await {
            Err(error) if is_validation_error(&error, "does not exist") => return Ok(None),
            answer => answer.map_err(failed(DESCRIBE))?,
        };
        let found = answer.stacks.and_then(|stacks| stacks.into_iter().next());
        found
            .map(Some)
            .ok_or_else(|| unusable(DESCRIBE, "an answer without a stack"))
    }

    /// Deletes a stack, with the role if one is given; a missing stack is not an error.
    pub(crate) async fn delete_by(
        &self,
        stack: &str,
        role: Option<String>,
        token: &str,
    ) -> Result<()> {
        let answer = self
            .cloudformation()
            .delete_stack()
            .stack_name(stack)
            .set_role_arn(role)
            .client_request_token(token)
            .send()
            .await;
        match answer {
            Err(error) if !is_validation_error(&error, "does not exist") => {
                Err(failed(DELETE)(error))
            }
            _ => Ok(()),
        }
    }
}

impl<S: AsRef<ManagementStackRole>> StackWrites for Aws<S> {
    async fn create_stack(&self, spec: &StackSetSpec, token: &str) -> Result<()> {
        let answer = self
            .cloudformation()
            .create_stack()
            .stack_name(&spec.name)
            .template_body(spec.body())
            .set_parameters(Some(to_parameters(&spec.parameters)))
            .set_tags(Some(tags(spec)))
            .capabilities(Capability::CapabilityNamedIam)
            .set_role_arn(self.stack_role())
            .client_request_token(token)
            .send()
            .await;
        match answer {
            // The response to an earlier attempt may have been lost; the next read shows who owns
            // the stack.
            Err(error) if !has_code(&error, "AlreadyExistsException") => Err(failed(CREATE)(error)),
            _ => Ok(()),
        }
    }

    async fn update_stack(&self, spec: &StackSetSpec, token: &str) -> Result<()> {
        let answer = self
            .cloudformation()
            .update_stack()
            .stack_name(&spec.name)
            .template_body(spec.body())
            .set_parameters(Some(to_parameters(&spec.parameters)))
            .set_tags(Some(tags(spec)))
            .capabilities(Capability::CapabilityNamedIam)
            .set_role_arn(self.stack_role())
            .client_request_token(token)
            .send()
            .await;
        match answer {
            Err(error) if !is_validation_error(&error, "No updates are to be performed") => {
                Err(failed(UPDATE)(error))
            }
            _ => Ok(()),
        }
    }

    async fn delete_stack(&self, name: &str, token: &str) -> Result<()> {
        self.delete_by(name, self.stack_role(), token).await
    }
}

impl<S: AsRef<ManagementStackRole>> Aws<S> {
    fn stack_role(&self) -> Option<String> {
        let ManagementStackRole(role) = self.settings.as_ref();
        role.as_ref().map(Arn::to_string)
    }
}

fn translate(found: &SdkStack) -> Result<Option<Stack>> {
    let state = match found.stack_status() {
        Some(StackStatus::DeleteComplete) => return Ok(None),
        Some(
            StackStatus::CreateComplete
            | StackStatus::UpdateComplete
            | StackStatus::ImportComplete
            // As usable as before the failed update; its tags say which version it has.
            | StackStatus::UpdateRollbackComplete,
        ) => StackState::Complete,
        Some(status) if status.as_str().ends_with("_IN_PROGRESS") => StackState::InProgress,
        Some(_) => StackState::Failed,
        None => return Err(unusable(DESCRIBE, "a stack without a status")),
    };
    let mut tags = from_tags(found.tags());
    let description = tags.remove(DESCRIPTION_TAG);
    Ok(Some(Stack {
        state,
        rolls_back: matches!(
            found.stack_status(),
            Some(StackStatus::RollbackInProgress | StackStatus::UpdateRollbackInProgress)
        ),
        reason: found
            .stack_status_reason()
            .filter(|reason| !reason.is_empty())
            .map(str::to_owned),
        description: description
            .or_else(|| found.description().map(str::to_owned))
            .unwrap_or_default(),
        tags,
    }))
}

fn tags(spec: &StackSetSpec) -> Vec<Tag> {
    let mut tags = spec.all_tags();
    tags.insert(DESCRIPTION_TAG.to_owned(), spec.description());
    to_tags(tags)
}

/// CloudFormation uses one code for all invalid requests; only the message tells them apart.
pub(crate) fn is_validation_error<E>(error: &SdkError<E, HttpResponse>, words: &str) -> bool
where
    E: ProvideErrorMetadata,
{
    has_code(error, "ValidationError")
        && error
            .message()
            .is_some_and(|message| message.contains(words))
}

#[cfg(test)]
mod tests {
    use towerhook_core::{ErrorKind, stack_sets::STACK_ID_TAG};

    use super::*;
    use crate::testing::{STACK_ROLE, setup, xml, xml_error};

    fn spec() -> StackSetSpec {
        StackSetSpec {
            name: "Member".into(),
            template: "Resources: {}",
            parameters: [("ResourceNamePrefix".to_owned(), "acme".to_owned())].into(),
            stack_id: "arn:aws:cloudformation:eu-west-1:999999999999:stack/towerhook/1".into(),
            tags: [("team".to_owned(), "blue".to_owned())].into(),
            roles: None,
        }
    }

    fn described(status: &str, rest: &str) -> crate::testing::Answer {
        let stack = format!(
            "<Stacks><member><StackName>Member</StackName><StackStatus>{status}</StackStatus>\
             <CreationTime>2026-01-01T00:00:00Z</CreationTime>{rest}</member></Stacks>"
        );
        xml("DescribeStacks", &stack)
    }

    #[tokio::test]
    async fn what_was_sent_is_what_is_read_back() {
        let (aws, sent) = setup([xml("CreateStack", "<StackId>1</StackId>")]);
        aws.create_stack(&spec(), "token-1").await.unwrap();
        let (operation, body) = sent.calls().remove(0);
        assert_eq!(operation, "CreateStack");
        for (name, value) in [
            ("StackName", "Member"),
            ("TemplateBody", "Resources: {}"),
            ("Parameters.member.1.ParameterValue", "acme"),
            ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
            ("ClientRequestToken", "token-1"),
            ("RoleARN", STACK_ROLE),
        ] {
            assert_eq!(body[name], value, "{name}");
        }
        let tags: String = (1..=3)
            .map(|n| {
                let key = body[format!("Tags.member.{n}.Key")].as_str().unwrap();
                let value = body[format!("Tags.member.{n}.Value")].as_str().unwrap();
                format!("<member><Key>{key}</Key><Value>{value}</Value></member>")
            })
            .collect();
        let rest = format!("<Description>The template's own</Description><Tags>{tags}</Tags>");
        let (aws, _) = setup([described("CREATE_COMPLETE", &rest)]);
        let stack = aws.stack("Member").await.unwrap().unwrap();
        assert_eq!(stack.state, StackState::Complete);
        assert_eq!(stack.description, spec().description());
        assert_eq!(stack.tags[STACK_ID_TAG], spec().stack_id);
    }

    #[tokio::test]
    async fn statuses_are_read_by_what_they_mean() {
        for (status, state) in [
            ("CREATE_IN_PROGRESS", Some(StackState::InProgress)),
            (
                "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
                Some(StackState::InProgress),
            ),
            ("DELETE_IN_PROGRESS", Some(StackState::InProgress)),
            ("UPDATE_COMPLETE", Some(StackState::Complete)),
            ("ROLLBACK_COMPLETE", Some(StackState::Failed)),
            ("UPDATE_ROLLBACK_COMPLETE", Some(StackState::Complete)),
            ("DELETE_FAILED", Some(StackState::Failed)),
            ("DELETE_COMPLETE", None),
        ] {
            let rest = "<StackStatusReason>so</StackStatusReason>";
            let (aws, _) = setup([described(status, rest)]);
            let stack = aws.stack("Member").await.unwrap();
            assert_eq!(stack.as_ref().map(|stack| stack.state), state, "{status}");
            assert!(stack.is_none_or(|stack| stack.reason.as_deref() == Some("so")));
        }
    }

    #[tokio::test]
    async fn only_the_right_words_make_a_validation_error_harmless() {
        let gone = || {
            xml_error(
                400,
                "ValidationError",
                "Stack with id Member does not exist",
            )
        };
        let same = || xml_error(400, "ValidationError", "No updates are to be performed.");
        let wrong = || xml_error(400, "ValidationError", "Template format error");
        let (aws, _) = setup([gone(), wrong(), same(), gone(), gone(), wrong()]);
        assert_eq!(aws.stack("Member").await.unwrap(), None);
        assert_eq!(
            aws.stack("Member").await.unwrap_err().kind,
            ErrorKind::Invalid
        );
        aws.update_stack(&spec(), "t").await.unwrap();
        assert_eq!(
            aws.update_stack(&spec(), "t").await.unwrap_err().kind,
            ErrorKind::Invalid
        );
        aws.delete_stack("Member", "t").await.unwrap();
        assert_eq!(
            aws.delete_stack("Member", "t").await.unwrap_err().kind,
            ErrorKind::Invalid
        );
    }

    #[tokio::test]
    async fn a_stack_that_exists_is_no_error() {
        let (aws, _) = setup([
            xml_error(
                400,
                "AlreadyExistsException",
                "Stack [Member] already exists",
            ),
            xml_error(400, "InsufficientCapabilitiesException", "no"),
        ]);
        aws.create_stack(&spec(), "t").await.unwrap();
        assert_eq!(
            aws.create_stack(&spec(), "t").await.unwrap_err().kind,
            ErrorKind::Invalid
        );
    }
}
