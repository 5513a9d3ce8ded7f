//! The read-only operations.

use super::Inner;
use super::answers::{
    DescribedInstance, DescribedOperation, InstanceSummary, OperationSummary, ResultSummary,
};
use super::form::filters;
use super::lookup::{find, instance_not_found, operation_not_found};
use super::page::Page;
use crate::gateway::answer::ApiError;
use crate::gateway::parameters::Form;
use crate::gateway::route::Call;

impl Inner {
    pub(super) fn list_stack_instances(
        &self,
        call: &Call,
        form: &Form,
    ) -> Result<Page<InstanceSummary>, ApiError> {
        let account = form.optional("StackInstanceAccount");
        let region = form.optional("StackInstanceRegion");
        let filters = filters(form);
        if let Some((other, _)) = filters.iter().find(|(name, _)| {
            !matches!(
                *name,
                "DETAILED_STATUS" | "LAST_OPERATION_ID" | "DRIFT_STATUS"
            )
        }) {
            return Err(ApiError::validation(format!("Unknown filter {other}")));
        }
        let mut sets = self.sets();
        let set = find(&mut sets, call, form.required("StackSetName")?)?;
        let items: Vec<_> = set
            .instances
            .iter()
            .filter(|((a, r), _)| {
                account.is_none_or(|wanted| wanted == a) && region.is_none_or(|wanted| wanted == r)
            })
            .filter(|(_, one)| {
                filters.iter().all(|(name, wanted)| match *name {
                    "DETAILED_STATUS" => one.detailed.to_string() == *wanted,
                    "LAST_OPERATION_ID" => one.last_operation == *wanted,
                    _ => *wanted == "NOT_CHECKED",
                })
            })
            .map(|(place, one)| InstanceSummary::of(set, place, one))
            .collect();
        Page::of(form, items)
    }

    pub(super) fn describe_stack_instance(
        &self,
        call: &Call,
        form: &Form,
    ) -> Result<DescribedInstance, ApiError> {
        let place = (
            form.required("StackInstanceAccount")?.to_owned(),
            form.required("StackInstanceRegion")?.to_owned(),
        );
        let mut sets = self.sets();
        let set = find(&mut sets, call, form.required("StackSetName")?)?;
        let one = set
            .instances
            .get(&place)
            .ok_or_else(|| instance_not_found(&set.name, &place))?;
        Ok(DescribedInstance::of(set, &place, one))
    }

    pub(super) fn describe_operation(
        &self,
        call: &Call,
        form: &Form,
    ) -> Result<DescribedOperation, ApiError> {
        let id = form.required("OperationId")?;
        let mut sets = self.sets();
        let set = find(&mut sets, call, form.required("StackSetName")?)?;
        set.operation(id)
            .map(|operation| DescribedOperation::of(set, operation))
            .ok_or_else(|| operation_not_found(id))
    }

    pub(super) fn list_operations(
        &self,
        call: &Call,
        form: &Form,
    ) -> Result<Page<OperationSummary>, ApiError> {
        let mut sets = self.sets();
        let set = find(&mut sets, call, form.required("StackSetName")?)?;
        let items: Vec<_> = set
            .operations
            .iter()
            .rev()
            .map(OperationSummary::of)
            .collect();
        Page::of(form, items)
    }

    pub(super) fn list_results(
        &self,
        call: &Call,
        form: &Form,
    ) -> Result<Page<ResultSummary>, ApiError> {
        let id = form.required("OperationId")?;
        let filters = filters(form);
        if let Some((other, _)) = filters
            .iter()
            .find(|(name, _)| *name != "OPERATION_RESULT_STATUS")
        {
            return Err(ApiError::validation(format!("Unknown filter {other}")));
        }
        let mut sets = self.sets();
        let set = find(&mut sets, call, form.required("StackSetName")?)?;
        let operation = set.operation(id).ok_or_else(|| operation_not_found(id))?;
        let items: Vec<_> = operation
            .results
            .iter()
            .filter(|one| {
                filters
                    .iter()
                    .all(|(_, wanted)| one.status.to_string() == *wanted)
            })
            .map(ResultSummary::of)
            .collect();
        Page::of(form, items)
    }
}
