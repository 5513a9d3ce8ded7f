//! Lists in answers, and pages of lists.

use serde::Serialize;

use crate::gateway::answer::ApiError;
use crate::gateway::parameters::Form;

/// The largest page, and the default.
const PAGE: usize = 100;

/// A list in the query protocol.
#[derive(Debug, Default, Serialize)]
pub(super) struct List<T> {
    member: Vec<T>,
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self {
            member: items.into_iter().collect(),
        }
    }
}

/// One page of a list, with a token if there are more.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page<T> {
    summaries: List<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl<T> Page<T> {
    /// The requested page of `items`.
    pub(super) fn of(form: &Form, items: Vec<T>) -> Result<Self, ApiError> {
        let size = match form.optional("MaxResults") {
            None => PAGE,
            Some(text) => text
                .parse()
                .ok()
                .filter(|size| (1..=PAGE).contains(size))
                .ok_or_else(|| ApiError::validation("MaxResults must be between 1 and 100"))?,
        };
        let start: usize = match form.optional("NextToken") {
            None => 0,
            Some(token) => token
                .strip_prefix("page-")
                .and_then(|number| number.parse().ok())
                .ok_or_else(|| ApiError::validation("Invalid NextToken"))?,
        };
        let end = start + size;
        Ok(Self {
            next_token: (end < items.len()).then(|| format!("page-{end}")),
            summaries: items.into_iter().skip(start).take(size).collect(),
        })
    }
}
