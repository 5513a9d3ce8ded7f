//! Answers in AWS's protocols.

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use quick_xml::escape::escape;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::aws_client::AwsError;

/// What a body can fail with on its way.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer: the emulator's own as it comes, or one of ours.
pub(crate) type Body = BoxBody<Bytes, BodyError>;

/// How a service writes its answers.
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

/// The emulator's refusal is the gateway's too.
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

/// CloudFormation's envelope around the result of `action`.
pub(crate) fn cloudformation_answer(action: &str, result: &str) -> Response<Body> {
    respond(
        200,
        "text/xml",
        format!(
            "<{action}Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
             <{action}Result>{result}</{action}Result>\
             <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
            Uuid::new_v4()
        ),
    )
}

pub(crate) fn error_answer(protocol: Protocol, error: &ApiError) -> Response<Body> {
    let ApiError {
        status,
        code,
        message,
    } = error;
    match protocol {
        Protocol::Query => {
            let kind = if *status < 500 { "Sender" } else { "Receiver" };
            respond(
                *status,
                "text/xml",
                format!(
                    "<ErrorResponse><Error><Type>{kind}</Type><Code>{}</Code><Message>{}</Message></Error>\
                     <RequestId>{}</RequestId></ErrorResponse>",
                    escape(code.as_str()),
                    escape(message.as_str()),
                    Uuid::new_v4()
                ),
            )
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
        Protocol::RestXml => respond(
            *status,
            "application/xml",
            format!(
                "<Error><Code>{}</Code><Message>{}</Message></Error>",
                escape(code.as_str()),
                escape(message.as_str())
            ),
        ),
        Protocol::Plain => plain(*status, message),
    }
}
