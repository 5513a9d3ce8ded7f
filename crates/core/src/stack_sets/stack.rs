use std::collections::BTreeMap;

/// The current state of a StackSet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSet {
    /// Its name.
    pub name: String,
    /// Its description; ours carries the digest of template and parameters.
    pub description: String,
    /// Its template's text.
    pub template: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its tags; ours carry the main stack's id.
    pub tags: BTreeMap<String, String>,
}

/// The current state of an ordinary stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Its status.
    pub state: StackState,
    /// Whether its creation or its update failed and is being rolled back.
    pub rolls_back: bool,
    /// CloudFormation's reason for the status, if there is one.
    pub reason: Option<String>,
    /// Its description; ours carries the digest of template and parameters.
    pub description: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What is said where CloudFormation gives no reason for a failure.
pub(crate) const NO_REASON: &str = "CloudFormation gives no reason";

/// A stack's status, reduced to the three cases that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackState {
    /// A change is running.
    InProgress,
    /// The last change succeeded.
    Complete,
    /// The last change failed or was rolled back.
    Failed,
}
