use jiff::Timestamp;
use serde_json::Value;

use crate::model::{SecretText, foreign_url};

/// The type of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestType {
    /// Create the resource.
    Create,
    /// Update it.
    Update,
    /// Delete it.
    Delete,
}

/// A request, whose envelope is parsed first: even with invalid properties, the response address is
/// known.
#[derive(Debug, Clone)]
pub struct Request {
    /// The type of the request.
    pub request_type: RequestType,
    /// The pre-signed address of the response. It is a credential.
    pub response_url: SecretText,
    /// The stack.
    pub stack_id: String,
    /// This request; a repeated invocation carries the same one.
    pub request_id: String,
    /// The resource's name in the template.
    pub logical_resource_id: String,
    /// The id from an earlier response; absent in a Create.
    pub physical_resource_id: Option<String>,
    /// The template's properties, unparsed.
    pub properties: Value,
    /// The properties before an Update, unparsed.
    pub old_properties: Value,
}

/// An event that cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event is no custom-resource request: {0} is missing or wrong")]
pub struct MalformedRequest(&'static str);

impl Request {
    /// Whether an Update leaves a property unchanged.
    pub fn leaves(&self, property: &str) -> bool {
        self.old_properties
            .get(property)
            .is_some_and(|old| self.properties.get(property) == Some(old))
    }

    /// When CloudFormation signed the response address, which is when it sent the request: a
    /// repetition that arrives after a newer request still counts as the older one.
    ///
    /// Source: docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html (`X-Amz-Date`).
    pub fn sent_at(&self) -> Option<Timestamp> {
        let address = foreign_url(self.response_url.expose())?;
        let mut query = address.query_pairs();
        let (_, signed_at) = query.find(|(name, _)| name == "X-Amz-Date")?;
        signed_at.parse().ok()
    }

    /// Parses the envelope.
    ///
    /// # Errors
    ///
    /// Names the field without which no response is possible.
    pub fn parse(event: &Value) -> Result<Self, MalformedRequest> {
        let text = |name: &'static str| {
            event
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or(MalformedRequest(name))
        };
        let request_type = match text("RequestType")?.as_str() {
            "Create" => RequestType::Create,
            "Update" => RequestType::Update,
            "Delete" => RequestType::Delete,
            _ => return Err(MalformedRequest("RequestType")),
        };
        Ok(Self {
            request_type,
            response_url: text("ResponseURL")?.into(),
            stack_id: text("StackId")?,
            request_id: text("RequestId")?,
            logical_resource_id: text("LogicalResourceId")?,
            physical_resource_id: text("PhysicalResourceId").ok(),
            properties: event.get("ResourceProperties").cloned().unwrap_or_default(),
            old_properties: event
                .get("OldResourceProperties")
                .cloned()
                .unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({"RequestType": "Update", "ResponseURL": "https://example.com/?Signature=canary",
               "StackId": "s", "RequestId": "r", "LogicalResourceId": "Setup",
               "PhysicalResourceId": "p", "ResourceProperties": "not an object"})
    }

    #[test]
    fn odd_properties_do_not_lose_the_address() {
        let request = Request::parse(&event()).unwrap();
        assert_eq!(
            request.response_url.expose(),
            "https://example.com/?Signature=canary"
        );
        assert_eq!(request.physical_resource_id.as_deref(), Some("p"));
    }

    #[test]
    fn the_address_tells_when_the_request_was_sent() {
        let sent_at = |address: &str| {
            let mut event = event();
            event["ResponseURL"] = address.into();
            Request::parse(&event).unwrap().sent_at()
        };
        let signed = "https://example.com/a?X-Amz-Date=20260102T030405Z&X-Amz-Signature=canary";
        let sent = sent_at(signed).unwrap();
        assert_eq!(sent.to_string(), "2026-01-02T03:04:05Z");
        for unknown in [
            "https://example.com/?Signature=canary",
            "https://example.com/?X-Amz-Date=today",
            "no address",
        ] {
            assert_eq!(sent_at(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn an_update_tells_what_it_leaves_as_it_was() {
        let mut event = event();
        event["ResourceProperties"] = json!({"A": "1", "B": "2", "C": "3"});
        event["OldResourceProperties"] = json!({"A": "1", "B": "1"});
        let request = Request::parse(&event).unwrap();
        let left = ["A", "B", "C", "D"].map(|property| request.leaves(property));
        assert_eq!(left, [true, false, false, false]);
    }

    #[test]
    fn the_address_is_never_printed() {
        let printed = format!("{:?}", Request::parse(&event()).unwrap());
        assert!(!printed.contains("canary"), "{printed}");
    }

    #[test]
    fn an_event_without_an_address_is_named_as_such() {
        let mut event = event();
        event.as_object_mut().unwrap().remove("ResponseURL");
        assert_eq!(
            Request::parse(&event).unwrap_err(),
            MalformedRequest("ResponseURL")
        );
    }
}
