use jiff::Timestamp;
use serde::Serialize;

use super::StackSetReads;
use crate::{
    Error, ErrorKind, Result,
    stack_sets::{Operation, OperationState, Start, operation_id},
};

/// How often the same content can be requested of one StackSet. Callers make the content of each
/// occasion unique, so a few numbers are enough.
const MOST: u32 = 50;

/// The hour, for an operation's content: distinguishes a repeated request from the same one much
/// later.
pub(crate) fn hour(now: Timestamp) -> i64 {
    now.as_second().div_euclid(3600)
}

/// A running operation.
#[derive(Debug)]
pub struct Running {
    /// The operation.
    pub operation: Operation,
    /// Whether it was started now, as opposed to one already running.
    pub is_new: bool,
}

/// Starts an operation, or finds the running one with the same content.
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
) -> Result<Running> {
    for number in 0..MOST {
        let id = operation_id(name, content, number);
        let is_new = start(&id).await? == Start::Started;
        if is_new || stack_sets.operation(name, &id).await? == OperationState::InProgress {
            let stack_set = name.to_owned();
            return Ok(Running {
                operation: Operation { stack_set, id },
                is_new,
            });
        }
    }
    let reason = format!("{MOST} operations with the same content exist on {name}");
    Err(Error::new(
        "cloudformation:StackSetOperation",
        ErrorKind::Invalid,
        reason,
    ))
}
