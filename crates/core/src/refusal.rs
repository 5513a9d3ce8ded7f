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

/// The refusals of checks that do not depend on each other, so that an administrator corrects them
/// in one go.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Vec<String>);

impl Refusals {
    /// The result of a check, or `None` and its refusal noted.
    pub(crate) fn note<T>(&mut self, checked: Result<T, Refusal>) -> Option<T> {
        checked
            .map_err(|Refusal(text)| {
                if !self.0.contains(&text) {
                    self.0.push(text);
                }
            })
            .ok()
    }

    /// All refusals as one, in the order of the checks.
    pub(crate) fn into_one(self) -> Refusal {
        Refusal(self.0.join(" "))
    }

    /// The value of a whole, unless a part of it was refused.
    pub(crate) fn unless_any<T>(self, value: T) -> Result<T, Refusal> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self.into_one())
        }
    }
}
