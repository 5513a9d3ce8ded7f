use std::collections::BTreeMap;

/// A StackSet as it stands.
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

/// An ordinary stack as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// How it stands.
    pub state: StackState,
    /// CloudFormation's reason for that, where it gives one.
    pub reason: Option<String>,
    /// Its description; ours carries the digest of template and parameters.
    pub description: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A stack's status in the three ways that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackState {
    /// Something is under way.
    InProgress,
    /// The last change succeeded.
    Complete,
    /// The last change failed or was rolled back.
    Failed,
}
