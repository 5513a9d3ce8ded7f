use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    Error, ErrorKind, Result,
    landing_zone::OperationState,
    ports::{StackSets, Start},
};

/// How often the same content can be requested of one StackSet. Callers make the content of each
/// occasion unique, so a few numbers are enough.
const MOST: u32 = 50;

/// The id of the `number`th operation with this content: 32 hexadecimal digits.
pub fn operation_id(stack_set: &str, content: &impl Serialize, number: u32) -> String {
    let text = serde_json::to_string(&(stack_set, content, number)).unwrap_or_default();
    Sha256::digest(text.as_bytes())
        .iter()
        .take(16)
        .fold(String::new(), |mut id, byte| {
            let _ = write!(id, "{byte:02x}");
            id
        })
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
    stack_sets: &impl StackSets,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stands_for_its_content_and_number() {
        let id = operation_id("set", &("create", ["1"]), 0);
        assert_eq!(id.len(), 32);
        assert_eq!(id, operation_id("set", &("create", ["1"]), 0));
        assert_ne!(id, operation_id("set", &("create", ["1"]), 1));
        assert_ne!(id, operation_id("set", &("delete", ["1"]), 0));
        assert_ne!(id, operation_id("other", &("create", ["1"]), 0));
    }
}
