mod values;

pub(crate) use values::{from_tags, to_parameters, to_tags};

use std::error::Error as StdError;

use aws_sdk_cloudformation::types::{
    Capability, ManagedExecution, PermissionModels, StackSetOperationResultStatus as ResultStatus,
    StackSetOperationStatus, StackSetStatus,
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use towerhook_core::{
    ErrorKind, Result,
    model::{AccountId, SecretText},
    ports::{StackSetReads, StackSetWrites},
    stack_sets::{InstanceFailure, OperationState, StackInstance, StackSet, StackSetSpec, Start},
};
use values::{access_token, instance, preferences, to_texts};

use crate::{
    Aws, Home,
    classify::{failed, has_code, parse, unusable},
    pages::{UNPUBLISHED_A_SECOND, pages, pages_in_turn, turns},
};

const DESCRIBE: &str = "cloudformation:DescribeStackSet";
const LIST: &str = "cloudformation:ListStackSets";
const CREATE: &str = "cloudformation:CreateStackSet";
const UPDATE: &str = "cloudformation:UpdateStackSet";
const DELETE: &str = "cloudformation:DeleteStackSet";
const INSTANCES: &str = "cloudformation:ListStackInstances";
const CREATE_INSTANCES: &str = "cloudformation:CreateStackInstances";
const UPDATE_INSTANCES: &str = "cloudformation:UpdateStackInstances";
const DELETE_INSTANCES: &str = "cloudformation:DeleteStackInstances";
const OPERATION: &str = "cloudformation:DescribeStackSetOperation";
const RESULTS: &str = "cloudformation:ListStackSetOperationResults";

/// Up to this many accounts, instances are listed per account; beyond, the full listing with 100
/// instances a page takes fewer calls.
const ONE_BY_ONE: usize = 20;
/// How many accounts are listed concurrently.
const AT_ONCE: usize = 4;

const NO_STACK_SET: &str = "StackSetNotFoundException";

// The calls are boxed, since the callers' futures nest deeper than the compiler follows.
impl<S: AsRef<Home>> StackSetReads for Aws<S> {
    async fn stack_set(&self, name: &str) -> Result<Option<StackSet>> {
        let call = self
            .cloudformation()
            .describe_stack_set()
            .stack_set_name(name);
        let found = match call.send().boxed().await {
            Err(error) if has_code(&error, NO_STACK_SET) => return Ok(None),
            answer => answer.map_err(failed(DESCRIBE))?.stack_set,
        };
        let found = found.ok_or_else(|| unusable(DESCRIBE, "an answer without a StackSet"))?;
        if found.status() == Some(&StackSetStatus::Deleted) {
            return Ok(None);
        }
        let parameters = found.parameters().iter().filter_map(|parameter| {
            let key = parameter.parameter_key()?;
            Some((key.to_owned(), parameter.parameter_value()?.to_owned()))
        });
        Ok(Some(StackSet {
            name: name.to_owned(),
            description: found.description().unwrap_or_default().to_owned(),
            template: found.template_body().unwrap_or_default().to_owned(),
            parameters: parameters.collect(),
            tags: from_tags(found.tags()),
        }))
    }

    async fn stack_sets_named(&self, prefix: &str) -> Result<Vec<String>> {
        let listing = self
            .cloudformation()
            .list_stack_sets()
            .status(StackSetStatus::Active)
            .into_paginator()
            .send();
        let pages = pages(LIST, listing, |page| page.next_token()).await?;
        let names = pages.iter().flat_map(|page| page.summaries());
        let names = names.filter_map(|summary| summary.stack_set_name());
        let named = names.filter(|name| name.starts_with(prefix));
        Ok(named.map(str::to_owned).collect())
    }

    async fn instances(
        &self,
        name: &str,
        accounts: Option<&[AccountId]>,
    ) -> Result<Vec<StackInstance>> {
        match accounts {
            Some(accounts) if accounts.len() <= ONE_BY_ONE => {
                stream::iter(accounts)
                    .map(|account| self.list_instances(name, Some(account)))
                    .buffer_unordered(AT_ONCE)
                    .try_concat()
                    .await
            }
            Some(accounts) => {
                let mut all = self.list_instances(name, None).await?;
                all.retain(|instance| accounts.contains(&instance.account));
                Ok(all)
            }
            None => self.list_instances(name, None).await,
        }
    }

    async fn operation(&self, name: &str, operation: &str) -> Result<OperationState> {
        let answer = self
            .cloudformation()
            .describe_stack_set_operation()
            .stack_set_name(name)
            .operation_id(operation)
            .send()
            .boxed()
            .await
            .map_err(failed(OPERATION))?;
        let status = answer
            .stack_set_operation()
            .and_then(|found| found.status());
        match status {
            Some(
                StackSetOperationStatus::Queued
                | StackSetOperationStatus::Running
                | StackSetOperationStatus::Stopping,
            ) => Ok(OperationState::InProgress),
            Some(StackSetOperationStatus::Succeeded) => Ok(OperationState::Succeeded),
            Some(StackSetOperationStatus::Failed | StackSetOperationStatus::Stopped) => {
                Ok(OperationState::Failed)
            }
            other => Err(unusable(OPERATION, format!("the status {other:?}"))),
        }
    }

    async fn failures(&self, name: &str, operation: &str) -> Result<Vec<InstanceFailure>> {
        let listing = self
            .cloudformation()
            .list_stack_set_operation_results()
            .stack_set_name(name)
            .operation_id(operation)
            .into_paginator()
            .send();
        let mut failures = Vec::new();
        for page in pages(RESULTS, listing, |page| page.next_token()).await? {
            for result in page.summaries() {
                let status = match result.status() {
                    Some(status @ (ResultStatus::Failed | ResultStatus::Cancelled)) => status,
                    _ => continue,
                };
                let reason = result.status_reason().unwrap_or(status.as_str());
                failures.push(InstanceFailure {
                    account: parse(RESULTS, result.account().unwrap_or_default())?,
                    reason: reason.to_owned(),
                });
            }
        }
        Ok(failures)
    }
}

impl<S: AsRef<Home>> StackSetWrites for Aws<S> {
    async fn create_stack_set(&self, spec: &StackSetSpec) -> Result<()> {
        let answer = self
            .cloudformation()
            .create_stack_set()
            .stack_set_name(&spec.name)
            .description(spec.description())
            .template_body(spec.body())
            .set_parameters(Some(to_parameters(&spec.parameters)))
            .set_tags(Some(to_tags(spec.all_tags())))
            .capabilities(Capability::CapabilityNamedIam)
            .permission_model(PermissionModels::SelfManaged)
            .set_administration_role_arn(administration_role(spec))
            .set_execution_role_name(execution_role(spec))
            .managed_execution(ManagedExecution::builder().active(true).build())
            .send()
            .boxed()
            .await;
        match answer {
            Err(error) if !has_code(&error, "NameAlreadyExistsException") => {
                Err(failed(CREATE)(error))
            }
            _ => Ok(()),
        }
    }

    async fn update_stack_set(&self, spec: &StackSetSpec, operation: &str) -> Result<Start> {
        self.update(spec, operation, None).await
    }

    async fn adopt_stack_set(&self, spec: &StackSetSpec, operation: &str) -> Result<Start> {
        let managed = ManagedExecution::builder().active(true).build();
        self.update(spec, operation, Some(managed)).await
    }

    async fn delete_stack_set(&self, name: &str) -> Result<()> {
        let call = self
            .cloudformation()
            .delete_stack_set()
            .stack_set_name(name);
        match call.send().boxed().await {
            Err(error) if !has_code(&error, NO_STACK_SET) => Err(failed(DELETE)(error)),
            _ => Ok(()),
        }
    }

    async fn create_instances(
        &self,
        name: &str,
        accounts: &[AccountId],
        token: Option<&SecretText>,
        operation: &str,
    ) -> Result<Start> {
        let answer = self
            .cloudformation()
            .create_stack_instances()
            .stack_set_name(name)
            .set_accounts(Some(to_texts(accounts)))
            .regions(self.region())
            .set_parameter_overrides(token.map(access_token))
            .operation_preferences(preferences())
            .operation_id(operation)
            .send()
            .boxed()
            .await;
        started(CREATE_INSTANCES, answer)
    }

    async fn renew_token(
        &self,
        name: &str,
        accounts: &[AccountId],
        token: &SecretText,
        operation: &str,
    ) -> Result<Start> {
        let answer = self
            .cloudformation()
            .update_stack_instances()
            .stack_set_name(name)
            .set_accounts(Some(to_texts(accounts)))
            .regions(self.region())
            .set_parameter_overrides(Some(access_token(token)))
            .operation_preferences(preferences())
            .operation_id(operation)
            .send()
            .boxed()
            .await;
        started(UPDATE_INSTANCES, answer)
    }

    async fn delete_instances(
        &self,
        name: &str,
        accounts: &[AccountId],
        retain: bool,
        operation: &str,
    ) -> Result<Start> {
        let answer = self
            .cloudformation()
            .delete_stack_instances()
            .stack_set_name(name)
            .set_accounts(Some(to_texts(accounts)))
            .regions(self.region())
            .retain_stacks(retain)
            .operation_preferences(preferences())
            .operation_id(operation)
            .send()
            .boxed()
            .await;
        started(DELETE_INSTANCES, answer)
    }
}

impl<S: AsRef<Home>> Aws<S> {
    fn region(&self) -> &str {
        &self.settings.as_ref().region
    }

    /// `managed` can change only while no operation runs, so it is sent only if it differs.
    async fn update(
        &self,
        spec: &StackSetSpec,
        operation: &str,
        managed: Option<ManagedExecution>,
    ) -> Result<Start> {
        let answer = self
            .cloudformation()
            .update_stack_set()
            .stack_set_name(&spec.name)
            .description(spec.description())
            .template_body(spec.body())
            .set_parameters(Some(to_parameters(&spec.parameters)))
            .set_tags(Some(to_tags(spec.all_tags())))
            .capabilities(Capability::CapabilityNamedIam)
            .permission_model(PermissionModels::SelfManaged)
            // Without it, CloudFormation switches to the default administration role.
            .set_administration_role_arn(administration_role(spec))
            .set_execution_role_name(execution_role(spec))
            .set_managed_execution(managed)
            .operation_preferences(preferences())
            .operation_id(operation)
            .send()
            .boxed()
            .await;
        started(UPDATE, answer)
    }

    async fn list_instances(
        &self,
        name: &str,
        account: Option<&AccountId>,
    ) -> Result<Vec<StackInstance>> {
        let listing = self
            .cloudformation()
            .list_stack_instances()
            .stack_set_name(name)
            .stack_instance_region(self.region())
            .set_stack_instance_account(account.map(AccountId::to_string))
            .into_paginator()
            .send();
        let mut turns = turns(UNPUBLISHED_A_SECOND);
        let listed = pages_in_turn(Some(&mut turns), INSTANCES, listing, |page| {
            page.next_token()
        });
        let pages = match listed.await {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(Vec::new()),
            pages => pages?,
        };
        let summaries = pages.iter().flat_map(|page| page.summaries());
        summaries.map(instance).collect()
    }
}

fn administration_role(spec: &StackSetSpec) -> Option<String> {
    let roles = spec.roles.as_ref()?;
    Some(roles.administration.to_string())
}

fn execution_role(spec: &StackSetSpec) -> Option<String> {
    Some(spec.roles.as_ref()?.execution.clone())
}

/// The result of starting an operation. The operation's id makes a repeated call harmless.
fn started<T, E>(
    operation: &'static str,
    answer: std::result::Result<T, SdkError<E, HttpResponse>>,
) -> Result<Start>
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match answer {
        Ok(_) => Ok(Start::Started),
        Err(error) if has_code(&error, "OperationIdAlreadyExistsException") => Ok(Start::Exists),
        Err(error) => Err(failed(operation)(error)),
    }
}

#[cfg(test)]
mod tests;
