//! The main stack, for the administrator who launches, changes and deletes it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{Result, model::SecretText};

/// The main stack as CloudFormation describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MainStack {
    /// Its ARN, which names it even after its deletion.
    pub id: String,
    /// CloudFormation's word, such as `CREATE_COMPLETE`.
    pub status: String,
    /// CloudFormation's reason for the status, if it gives one.
    pub reason: Option<String>,
    /// When it was created or last updated.
    pub changed_at: Option<Timestamp>,
    /// Its parameters; CloudFormation hides the values of secret ones.
    pub parameters: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

/// Something that happened to a resource of a stack, or to the stack itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackEvent {
    /// The event's id.
    pub id: String,
    /// When it happened.
    pub at: Timestamp,
    /// The resource's logical id.
    pub resource: String,
    /// Its physical id, once it has one.
    pub physical_id: String,
    /// Its type, such as `AWS::SQS::Queue`.
    pub kind: String,
    /// Such as `CREATE_IN_PROGRESS`.
    pub status: String,
    /// CloudFormation's reason, or the function's.
    pub reason: Option<String>,
}

/// Where CloudFormation finds the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateSource {
    /// In the request.
    Body(String),
    /// At a URL of S3.
    Url(String),
    /// The stack has it already.
    Previous,
}

/// The value of a parameter in a request.
#[derive(Debug, Clone)]
pub enum Setting {
    /// This text.
    Text(String),
    /// This secret.
    Secret(SecretText),
    /// The stack's current value.
    Previous,
}

/// A request for the main stack.
#[derive(Debug, Clone)]
pub struct StackRequest {
    /// The stack's name or id.
    pub stack: String,
    /// Its template.
    pub template: TemplateSource,
    /// Its parameters; those that are missing get their default.
    pub parameters: BTreeMap<String, Setting>,
    /// Makes a repeated call harmless.
    pub token: String,
}

/// Reads of the main stack.
pub trait MainStackReads {
    /// The stack with this name or id; `None` if there is none, or a deleted one with this name.
    async fn main_stack(&self, stack: &str) -> Result<Option<MainStack>>;
    /// The template that the stack was made from.
    async fn template(&self, stack: &str) -> Result<String>;
    /// The id of the stack's last event, if there is one.
    async fn last_event(&self, stack: &str) -> Result<Option<String>>;
    /// The stack's events, oldest first, without those up to the one with the id `after`.
    async fn events(&self, stack: &str, after: Option<&str>) -> Result<Vec<StackEvent>>;
}

/// Changes of the main stack.
pub trait MainStackWrites {
    /// Creates a stack, and returns its id.
    async fn create(&self, request: &StackRequest) -> Result<String>;
    /// Updates a stack; false if nothing would change.
    async fn update(&self, request: &StackRequest) -> Result<bool>;
    /// Deletes a stack; a missing one is not an error.
    async fn delete(&self, stack: &str, token: &str) -> Result<()>;
}
