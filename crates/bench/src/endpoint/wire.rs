//! Calls and replies in the protocols of AWS and of the SaaS.

use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

/// The parts of a request that name the call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// `service:Operation` of AWS, or the method and path of another service.
    pub(crate) name: String,
    /// The body: JSON, or a form with its values as strings.
    pub(crate) body: Value,
    /// The URL's query.
    pub(crate) query: String,
}

impl Call {
    pub(super) fn of(parts: &Parts, body: &[u8]) -> Self {
        let path = parts.uri.path();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let json = serde_json::from_slice(body).ok();
        let Some(service) = service(&parts.headers) else {
            return Self {
                name: format!("{} {path}", parts.method),
                body: json.unwrap_or_default(),
                query,
            };
        };
        let form = || {
            let pairs = form_urlencoded::parse(body);
            let texts = pairs.map(|(name, value)| (name.into(), Value::from(value)));
            Value::Object(texts.collect::<Map<_, _>>())
        };
        let body = json.unwrap_or_else(form);
        let operation = match parts.headers.get("x-amz-target") {
            Some(target) => {
                let target = target.to_str().unwrap_or_default();
                target.rsplit('.').next().unwrap_or_default().to_owned()
            }
            None => match body["Action"].as_str() {
                Some(action) => action.to_owned(),
                None => pascal_case(path),
            },
        };
        Self {
            name: format!("{service}:{operation}"),
            body,
            query,
        }
    }

    /// A string of the body.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body[name].as_str()
    }

    /// Whether it writes anything but the lease, which is part of the deployment's item or an item of its
    /// own.
    pub(crate) fn is_write(&self) -> bool {
        let operation = self.name.rsplit(':').next().unwrap_or_default();
        let reads = ["Get", "List", "Describe", "Query", "GET "];
        if reads.iter().any(|read| operation.starts_with(read)) {
            return false;
        }
        !self.is_about_the_lease()
    }

    /// Whether it writes to an item that can hold the lease, but no document.
    fn is_about_the_lease(&self) -> bool {
        let item = [&self.body["Key"], &self.body["Item"]]
            .into_iter()
            .find(|item| item.is_object());
        let kind = item.and_then(|item| item["kind"]["S"].as_str());
        let update = self.text("UpdateExpression").unwrap_or_default();
        matches!(kind, Some("lease" | "deployment"))
            && self.body["Item"]["document"].is_null()
            && !update.contains("document")
    }
}

/// The service that a signed request is for.
fn service(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get("authorization")?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    let scope = credential.split(',').next()?;
    scope.split('/').nth(3)
}

/// `/list-enabled-baselines` as `ListEnabledBaselines`.
fn pascal_case(path: &str) -> String {
    // Control Tower's paths write it as one word, its operations as two.
    path.replace("landingzone", "landing-zone")
        .split(['/', '-'])
        .filter_map(|word| {
            let mut letters = word.chars();
            let first = letters.next()?.to_ascii_uppercase();
            Some(format!("{first}{}", letters.as_str()))
        })
        .collect()
}

/// A reply.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

impl Reply {
    /// A success in JSON.
    pub(crate) fn json(body: &Value) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: "application/json",
            body: body.to_string(),
        }
    }

    /// A success in the query protocol's XML, with the content of the result of `operation`.
    pub(crate) fn xml(operation: &str, result: &str) -> Self {
        let body = format!(
            "<{operation}Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
             <{operation}Result>{result}</{operation}Result><ResponseMetadata>\
             <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata>\
             </{operation}Response>"
        );
        Self {
            status: StatusCode::OK,
            content_type: "text/xml",
            body,
        }
    }

    /// An error in the JSON protocols of AWS.
    pub(crate) fn error(code: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            content_type: "application/x-amz-json-1.1",
            body: json!({"__type": code, "message": "answered by the benchmark"}).to_string(),
        }
    }

    /// The answer to an unexpected call, which nothing repeats: setup would wait for a permission.
    pub(crate) fn unforeseen() -> Self {
        Self::error("ValidationException")
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn call(service: &str, path: &str, target: Option<&str>, body: &str) -> Call {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=A/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host"
        );
        let mut request = Request::post(path).header("authorization", scope);
        if let Some(target) = target {
            request = request.header("x-amz-target", target);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Call::of(&parts, body.as_bytes())
    }

    #[test]
    fn operations_have_the_same_names_in_every_protocol() {
        let json = call("dynamodb", "/", Some("DynamoDB_20120810.Query"), "{}");
        assert_eq!(json.name, "dynamodb:Query");
        let rest = call(
            "controltower",
            "/list-enabled-baselines",
            None,
            r#"{"maxResults":100}"#,
        );
        assert_eq!(rest.name, "controltower:ListEnabledBaselines");
        assert_eq!(rest.body["maxResults"], 100);
        let one_word = call("controltower", "/list-landingzones", None, "{}");
        assert_eq!(one_word.name, "controltower:ListLandingZones");
        let form = "Action=ListStackInstances&StackSetName=a%20b";
        let query = call("cloudformation", "/", None, form);
        assert_eq!(query.name, "cloudformation:ListStackInstances");
        assert_eq!(query.text("StackSetName"), Some("a b"));
        let (parts, ()) = Request::get("/api/v2/CloudAccounts?pageToken=2")
            .body(())
            .unwrap()
            .into_parts();
        let other = Call::of(&parts, b"");
        assert_eq!(other.name, "GET /api/v2/CloudAccounts");
        assert_eq!(other.query, "pageToken=2");
    }

    #[test]
    fn everything_but_reads_and_the_lease_is_a_write() {
        let dynamodb = |operation: &str, body: &str| {
            let target = format!("DynamoDB_20120810.{operation}");
            call("dynamodb", "/", Some(&target), body).is_write()
        };
        let key = r#""Key":{"kind":{"S":"deployment"},"id":{"S":"current"}}"#;
        let lease = format!(r#"{{{key},"UpdateExpression":"SET holder = :owner"}}"#);
        assert!(!dynamodb("UpdateItem", &lease));
        let deployment = format!(r#"{{{key},"UpdateExpression":"SET document = :document"}}"#);
        assert!(dynamodb("UpdateItem", &deployment));
        assert!(dynamodb("TransactWriteItems", r#"{"TransactItems":[]}"#));
        assert!(!dynamodb("Query", "{}"));
        assert!(call("sqs", "/", Some("AmazonSQS.SendMessage"), "{}").is_write());
        let form = "Action=CreateStackInstances&StackSetName=a";
        assert!(call("cloudformation", "/", None, form).is_write());
    }
}
