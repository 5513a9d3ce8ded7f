use serde::Serialize;

use super::Request;

/// CloudFormation refuses a longer answer.
pub const MAX_RESPONSE_BYTES: usize = 4096;
/// Leaves room for the ids, each at most 1 KiB in practice far less, and for JSON's escapes.
const MAX_REASON_CHARS: usize = 1000;

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All done.
    Success,
    /// Not done, for this reason.
    Failed {
        /// One or two sentences for the administrator.
        reason: String,
    },
}

/// The answer's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    physical_resource_id: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
}

impl Response {
    /// The answer to `request`. The ids are copied verbatim, as CloudFormation demands.
    pub fn new(request: &Request, physical_resource_id: String, outcome: Outcome) -> Self {
        let (status, reason) = match outcome {
            Outcome::Success => ("SUCCESS", None),
            Outcome::Failed { reason } => ("FAILED", Some(bounded(&reason))),
        };
        Self {
            status,
            reason,
            physical_resource_id,
            stack_id: request.stack_id.clone(),
            request_id: request.request_id.clone(),
            logical_resource_id: request.logical_resource_id.clone(),
        }
    }

    /// The body's bytes.
    pub fn to_body(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

fn bounded(reason: &str) -> String {
    let mut text: String = reason.chars().take(MAX_REASON_CHARS).collect();
    if reason.chars().nth(MAX_REASON_CHARS).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request() -> Request {
        Request::parse(
            &json!({"RequestType": "Create", "ResponseURL": "https://example.com",
            "StackId": "s".repeat(300), "RequestId": "r", "LogicalResourceId": "l"}),
        )
        .unwrap()
    }

    #[test]
    fn a_success_has_no_reason() {
        let body = Response::new(&request(), "p".into(), Outcome::Success).to_body();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["Status"], "SUCCESS");
        assert!(body.get("Reason").is_none());
        assert_eq!(body["RequestId"], "r");
    }

    #[test]
    fn the_longest_reason_fits() {
        // Three bytes a character is the most that stays unescaped.
        let outcome = Outcome::Failed {
            reason: "漢".repeat(5000),
        };
        let body = Response::new(&request(), "p".into(), outcome).to_body();
        assert!(body.len() <= MAX_RESPONSE_BYTES, "{}", body.len());
    }
}
