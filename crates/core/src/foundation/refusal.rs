/// Why a request is refused: one or two sentences for CloudFormation's Reason, which name the
/// parameter and the facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(String);

impl Refusal {
    /// A refusal with this text, which must not contain secrets.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}
