use serde::Serialize;

use super::StackSetReads;
use crate::{
    Error, ErrorKind, Result,
    stack_sets::{OperationState, Start, operation_id},
};

/// How often the same content can be asked of one StackSet. Callers put into the content what tells
/// one occasion from the next, so a few tries are all that is looked through.
const MOST: u32 = 50;

/// Starts an operation, or finds the one under way with the same content, and answers its id.
///
/// The id comes from the content, so a repeated invocation starts nothing twice; an operation that
/// has ended makes room for the next number.
///
/// # Errors
///
/// What starting or describing the operation failed with.
pub async fn start_operation(
    stack_sets: &impl StackSetReads,
    name: &str,
    content: &impl Serialize,
    start: impl AsyncFn(&str) -> Result<Start>,
) -> Result<String> {
    for number in 0..MOST {
        let id = operation_id(name, content, number);
        if start(&id).await? == Start::Started
            || stack_sets.operation(name, &id).await? == OperationState::InProgress
        {
            return Ok(id);
        }
    }
    let reason = format!("{MOST} operations with the same content exist on {name}");
    Err(Error::new(
        "cloudformation:StackSetOperation",
        ErrorKind::Invalid,
        reason,
    ))
}
