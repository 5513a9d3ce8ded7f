use std::collections::BTreeMap;

use serde::Serialize;

use super::Request;

/// The longest response that CloudFormation accepts.
pub const MAX_RESPONSE_BYTES: usize = 4096;
/// The share of a reason, as JSON; the rest is for the ids.
const MAX_REASON_BYTES: usize = 2048;

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Success, except for what the note says.
    Success {
        /// A warning for the administrator.
        note: Option<String>,
        /// The resource's attributes, which the stack's outputs may name.
        attributes: BTreeMap<&'static str, String>,
    },
    /// Failure, with the reason.
    Failed {
        /// One or two sentences for the administrator.
        reason: String,
    },
}

impl Outcome {
    /// Whether the request succeeded.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Success { .. })
    }
}

/// The response's body.
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
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data: BTreeMap<&'static str, String>,
}

impl Response {
    /// The response to `request`. The ids are copied verbatim, as CloudFormation demands.
    pub fn new(request: &Request, physical_resource_id: String, outcome: Outcome) -> Self {
        let (status, reason, data) = match outcome {
            Outcome::Success { note, attributes } => {
                ("SUCCESS", note.as_deref().map(bounded), attributes)
            }
            Outcome::Failed { reason } => ("FAILED", Some(bounded(&reason)), BTreeMap::new()),
        };
        Self {
            status,
            reason,
            physical_resource_id,
            stack_id: request.stack_id.clone(),
            request_id: request.request_id.clone(),
            logical_resource_id: request.logical_resource_id.clone(),
            data,
        }
    }

    /// The body's bytes.
    pub fn to_body(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// As much of the reason as fits, whatever the size of its characters in JSON.
fn bounded(reason: &str) -> String {
    let mut room = MAX_REASON_BYTES;
    let fits = |character: &char| {
        let escaped = serde_json::to_string(character).map_or(usize::MAX, |text| text.len() - 2);
        room = room.saturating_sub(escaped);
        room > 0
    };
    let text: String = reason.chars().take_while(fits).collect();
    if text.len() < reason.len() {
        format!("{text}…")
    } else {
        text
    }
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
    fn a_success_has_attributes_and_no_reason() {
        let outcome = Outcome::Success {
            note: None,
            attributes: [("Arn", "a role".to_owned())].into(),
        };
        let body = Response::new(&request(), "p".into(), outcome).to_body();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["Status"], "SUCCESS");
        assert!(body.get("Reason").is_none());
        assert_eq!(body["Data"], json!({"Arn": "a role"}));
        assert_eq!(body["RequestId"], "r");
    }

    #[test]
    fn a_reason_that_fits_stays_as_it_is() {
        assert_eq!(bounded("The key is refused."), "The key is refused.");
        assert!(bounded(&"a".repeat(5000)).ends_with("a…"));
    }

    #[test]
    fn the_longest_reason_fits() {
        // Plain, multi-byte, and escaped characters.
        for character in ["a", "漢", "\u{1}", "\""] {
            let reason = character.repeat(5000);
            let body = Response::new(&request(), "p".into(), Outcome::Failed { reason }).to_body();
            assert!(body.len() <= MAX_RESPONSE_BYTES, "{}", body.len());
            assert!(body.len() > MAX_REASON_BYTES, "{}", body.len());
        }
    }
}
