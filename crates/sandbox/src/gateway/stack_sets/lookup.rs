//! StackSets by name, and the errors for what is not there.

use super::model::{Place, StackSet};
use crate::gateway::answer::ApiError;
use crate::gateway::route::Call;

/// The StackSet with this name or id that is not deleted.
pub(super) fn find<'a>(
    sets: &'a mut [StackSet],
    call: &Call,
    name: &str,
) -> Result<&'a mut StackSet, ApiError> {
    sets.iter_mut()
        .find(|set| is_in(set, call) && !set.deleted && (set.name == name || set.id() == name))
        .ok_or_else(|| not_found(name))
}

pub(super) fn is_in(set: &StackSet, call: &Call) -> bool {
    set.account == call.account && set.region == call.region
}

pub(super) fn not_found(name: &str) -> ApiError {
    ApiError::new(
        404,
        "StackSetNotFoundException",
        format!("StackSet {name} not found"),
    )
}

pub(super) fn operation_not_found(id: &str) -> ApiError {
    ApiError::new(
        404,
        "OperationNotFoundException",
        format!("Operation {id} not found"),
    )
}

pub(super) fn instance_not_found(name: &str, place: &Place) -> ApiError {
    ApiError::new(
        404,
        "StackInstanceNotFoundException",
        format!(
            "Stack instance not found for StackSet: {name}, account: {}, region: {}",
            place.0, place.1
        ),
    )
}
