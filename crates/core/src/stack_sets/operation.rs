use std::fmt::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A StackSet operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Operation {
    /// The StackSet's name.
    pub stack_set: String,
    /// The operation's id.
    pub id: String,
}

/// The state of a StackSet operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationState {
    /// Queued, running or stopping.
    InProgress,
    /// Ended. Because of the failure tolerance, instances may still have failed.
    Succeeded,
    /// Ended as failed or stopped.
    Failed,
}

/// The result of starting a StackSet operation with a given id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The operation is running.
    Started,
    /// An operation with this id already exists.
    Exists,
}

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
