use jiff::Timestamp;
use serde::Serialize;

use super::StackSetReads;
use crate::{
    Error, ErrorKind, Result,
    stack_sets::{OperationState, Start, operation_id},
};

/// How often the same content can be requested of one StackSet. Callers make the content of each
/// occasion unique, so a few numbers are enough.
const MOST: u32 = 50;

/// The hour, for an operation's content: distinguishes a repeated request from the same one much
/// later.
pub(crate) fn hour(now: Timestamp) -> i64 {
    now.as_second().div_euclid(3600)
}

/// Starts an operation, or finds the running one with the same content, and returns its id.
///
/// The id is derived from the content, so a repeated invocation starts nothing twice. After an
/// operation has ended, the next number is used.
///
/// # Errors
///
/// The failure of starting or describing the operation.
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
