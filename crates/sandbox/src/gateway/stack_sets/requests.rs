//! The operations on StackSets themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::answers::{
    CreatedStackSet, DescribedStackSet, Nothing, StackSetSummary, StartedOperation,
};
use super::form::{parameters, preferences};
use super::lookup::{find, is_in, not_found};
use super::model::StackSet;
use super::operations::{Submission, places};
use super::page::Page;
use super::template::template;
use super::{Action, Inner, events};
use crate::gateway::answer::ApiError;
use crate::gateway::parameters::Form;
use crate::gateway::route::Call;

impl Inner {
    pub(super) async fn create_stack_set(
        &self,
        call: &Call,
        form: &Form,
    ) -> Result<CreatedStackSet, ApiError> {
        let name = form.required("StackSetName")?;
        let name_is_good = name.len() <= 128
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !name_is_good {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value '{name}' at 'stackSetName' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
            )));
        }
        if form.optional("PermissionModel") == Some("SERVICE_MANAGED") {
            return Err(ApiError::validation(
                "The sandbox's StackSets have self-managed permissions only",
            ));
        }
        let template = template(form)?.ok_or_else(|| {
            ApiError::validation("Either TemplateBody or TemplateURL is required")
        })?;
        let parameters = parameters(form, "Parameters", &BTreeMap::new())?;
        let capabilities = form.list("Capabilities");
        self.check_template(call, &template, &parameters, &capabilities)
            .await?;
        let token = form
            .optional("ClientRequestToken")
            .map(|token| (token.to_owned(), digest(form)));
        let set = StackSet {
            name: name.to_owned(),
            uuid: Uuid::new_v4().to_string(),
            account: call.account.clone(),
            region: call.region.clone(),
            description: form.optional("Description").map(str::to_owned),
            deleted: false,
            template,
            parameters,
            capabilities,
            tags: form.tags().unwrap_or_default(),
            administration_role: administration_role(call, form),
            execution_role: form
                .optional("ExecutionRoleName")
                .unwrap_or("AWSCloudFormationStackSetExecutionRole")
                .to_owned(),
            managed_execution: form.flag("ManagedExecution.Active").unwrap_or(false),
            token,
            instances: BTreeMap::new(),
            operations: Vec::new(),
        };
        {
            let mut sets = self.sets();
            if let Ok(old) = find(&mut sets, call, name) {
                return match (&old.token, &set.token) {
                    (Some(old_token), Some(new_token)) if old_token == new_token => {
                        Ok(CreatedStackSet {
                            stack_set_id: old.id(),
                        })
                    }
                    (Some(old_token), Some(new_token)) if old_token.0 == new_token.0 => {
                        Err(ApiError::new(
                            409,
                            "CreatedButModifiedException",
                            format!("StackSet {name} was created with other values"),
                        ))
                    }
                    _ => Err(ApiError::new(
                        409,
                        "NameAlreadyExistsException",
                        format!("StackSet {name} already exists"),
                    )),
                };
            }
            sets.push(set.clone());
        }
        self.publish(events::stack_set(&set)).await;
        Ok(CreatedStackSet {
            stack_set_id: set.id(),
        })
    }

    pub(super) async fn update_stack_set(
        self: &Arc<Self>,
        call: &Call,
        form: &Form,
    ) -> Result<StartedOperation, ApiError> {
        let name = form.required("StackSetName")?;
        let before = find(&mut self.sets(), call, name)?.clone();
        let new_template = template(form)?;
        if new_template.is_none() && form.flag("UsePreviousTemplate") != Some(true) {
            return Err(ApiError::validation(
                "Either TemplateBody, TemplateURL or UsePreviousTemplate is required",
            ));
        }
        let mut after = before.clone();
        after.template = new_template.unwrap_or(after.template);
        after.parameters = parameters(form, "Parameters", &before.parameters)?;
        after.capabilities = form.list("Capabilities");
        self.check_template(
            call,
            &after.template,
            &after.parameters,
            &after.capabilities,
        )
        .await?;
        after.tags = form.tags().unwrap_or(after.tags);
        if let Some(description) = form.optional("Description") {
            after.description = Some(description.to_owned());
        }
        // A custom administration role must be passed with every update.
        after.administration_role = administration_role(call, form);
        if let Some(role) = form.optional("ExecutionRoleName") {
            role.clone_into(&mut after.execution_role);
        }
        if let Some(active) = form.flag("ManagedExecution.Active") {
            if active != before.managed_execution && before.is_busy() {
                return Err(ApiError::new(
                    400,
                    "InvalidOperationException",
                    "The execution configuration cannot change while operations run or wait",
                ));
            }
            after.managed_execution = active;
        }
        let accounts = form.list("Accounts");
        let regions = form.list("Regions");
        let places = if accounts.is_empty() && regions.is_empty() {
            before.instances.keys().cloned().collect()
        } else {
            places(&accounts, &regions)?
        };
        let submission = Submission {
            action: Action::Update,
            whole_set: true,
            places,
            retain_stacks: false,
            overrides: None,
            preferences: preferences(form)?,
            id: form.optional("OperationId").map(str::to_owned),
            definition: Some(after),
        };
        self.submit(call, name, submission).await
    }

    pub(super) async fn delete_stack_set(
        &self,
        call: &Call,
        form: &Form,
    ) -> Result<Nothing, ApiError> {
        let name = form.required("StackSetName")?;
        let deleted = {
            let mut sets = self.sets();
            let set = find(&mut sets, call, name)?;
            if set.is_busy() {
                return Err(ApiError::new(
                    409,
                    "OperationInProgressException",
                    format!("An operation is in progress on StackSet {name}"),
                ));
            }
            if !set.instances.is_empty() {
                return Err(ApiError::new(
                    409,
                    "StackSetNotEmptyException",
                    format!("StackSet {name} is not empty"),
                ));
            }
            set.deleted = true;
            set.clone()
        };
        self.publish(events::stack_set(&deleted)).await;
        Ok(Nothing {})
    }

    pub(super) fn describe_stack_set(
        &self,
        call: &Call,
        form: &Form,
    ) -> Result<DescribedStackSet, ApiError> {
        let name = form.required("StackSetName")?;
        let sets = self.sets();
        // A deleted StackSet is still found by its id.
        sets.iter()
            .find(|set| is_in(set, call) && (set.id() == name || set.name == name && !set.deleted))
            .map(DescribedStackSet::of)
            .ok_or_else(|| not_found(name))
    }

    pub(super) fn list_stack_sets(
        &self,
        call: &Call,
        form: &Form,
    ) -> Result<Page<StackSetSummary>, ApiError> {
        let wanted = form.optional("Status");
        let items: Vec<_> = self
            .sets()
            .iter()
            .filter(|set| is_in(set, call))
            .filter(|set| wanted.is_none_or(|status| (status == "DELETED") == set.deleted))
            .map(StackSetSummary::of)
            .collect();
        Page::of(form, items)
    }
}

fn administration_role(call: &Call, form: &Form) -> String {
    form.optional("AdministrationRoleARN").map_or_else(
        || {
            format!(
                "arn:aws:iam::{}:role/AWSCloudFormationStackSetAdministrationRole",
                call.account
            )
        },
        str::to_owned,
    )
}

fn digest(form: &Form) -> String {
    let mut hasher = Sha256::new();
    for (name, value) in form.pairs() {
        hasher.update(name);
        hasher.update([0]);
        hasher.update(value);
        hasher.update([0]);
    }
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
