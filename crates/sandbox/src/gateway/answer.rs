//! Answers in AWS's protocols.

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::aws_client::AwsError;

/// Why a body can fail while it streams.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer: streamed from the emulator, or the gateway's own.
pub(crate) type Body = BoxBody<Bytes, BodyError>;

/// The wire protocol of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// A form in, XML out (CloudFormation, IAM, STS, SNS).
    Query,
    /// JSON with the operation in `X-Amz-Target`.
    Json,
    /// JSON with the operation in method and path (Control Tower, Lambda).
    RestJson,
    /// XML with the operation in method and path (S3).
    RestXml,
    /// Not an AWS service's: the answer to a custom resource.
    Plain,
}

/// An error as AWS's services answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// A request that CloudFormation does not accept.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }
}

/// The gateway passes the emulator's errors on.
impl From<AwsError> for ApiError {
    fn from(error: AwsError) -> Self {
        match error {
            AwsError::Refused {
                status,
                code,
                message,
                ..
            } => Self {
                status,
                code,
                message,
            },
            other => Self::new(500, "InternalFailure", other.to_string()),
        }
    }
}

pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed()
}

fn respond(status: u16, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

pub(crate) fn json_answer(body: &Value) -> Response<Body> {
    respond(200, "application/json", body.to_string())
}

pub(crate) fn plain(status: u16, text: &str) -> Response<Body> {
    respond(status, "text/plain", text.to_owned())
}

fn xml_answer(
    status: u16,
    content_type: &'static str,
    body: Result<String, quick_xml::SeError>,
) -> Response<Body> {
    match body {
        Ok(body) => respond(status, content_type, body),
        Err(error) => plain(500, &error.to_string()),
    }
}

/// CloudFormation's envelope around the result of `action`.
pub(crate) fn cloudformation_answer(action: &str, result: &impl Serialize) -> Response<Body> {
    let envelope = Envelope { action, result };
    let body = quick_xml::se::to_string_with_root(&format!("{action}Response"), &envelope);
    xml_answer(200, "text/xml", body)
}

struct Envelope<'a, T> {
    action: &'a str,
    result: &'a T,
}

impl<T: Serialize> Serialize for Envelope<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut envelope = serializer.serialize_map(Some(3))?;
        let namespace = "http://cloudformation.amazonaws.com/doc/2010-05-15/";
        envelope.serialize_entry("@xmlns", namespace)?;
        envelope.serialize_entry(&format!("{}Result", self.action), self.result)?;
        let metadata = Metadata {
            request_id: Uuid::new_v4().to_string(),
        };
        envelope.serialize_entry("ResponseMetadata", &metadata)?;
        envelope.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    request_id: String,
}

/// An error of the query protocol.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorResponse<'a> {
    error: QueryError<'a>,
    request_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct QueryError<'a> {
    #[serde(rename = "Type")]
    kind: &'a str,
    code: &'a str,
    message: &'a str,
}

/// An error of S3.
#[derive(Serialize)]
#[serde(rename = "Error", rename_all = "PascalCase")]
struct S3Error<'a> {
    code: &'a str,
    message: &'a str,
}

pub(crate) fn error_answer(protocol: Protocol, error: &ApiError) -> Response<Body> {
    let ApiError {
        status,
        code,
        message,
    } = error;
    match protocol {
        Protocol::Query => {
            let error = QueryError {
                kind: if *status < 500 { "Sender" } else { "Receiver" },
                code,
                message,
            };
            let body = quick_xml::se::to_string(&ErrorResponse {
                error,
                request_id: Uuid::new_v4().to_string(),
            });
            xml_answer(*status, "text/xml", body)
        }
        Protocol::Json => respond(
            *status,
            "application/x-amz-json-1.1",
            json!({"__type": code, "message": message, "Message": message}).to_string(),
        ),
        Protocol::RestJson => {
            let mut response = respond(
                *status,
                "application/json",
                json!({"message": message}).to_string(),
            );
            if let Ok(code) = HeaderValue::from_str(code) {
                response.headers_mut().insert("x-amzn-errortype", code);
            }
            response
        }
        Protocol::RestXml => {
            let body = quick_xml::se::to_string(&S3Error { code, message });
            xml_answer(*status, "application/xml", body)
        }
        Protocol::Plain => plain(*status, message),
    }
}
