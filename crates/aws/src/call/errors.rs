//! The code and the message of an error, in the protocols' forms, and what else its body says.

use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::error::metadata::ErrorMetadata;
use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::CallError;

/// The JSON body of a service's refusal; `None` if it is not of this form.
pub(crate) fn refusal<T: DeserializeOwned>(error: &CallError) -> Option<T> {
    let body = error.raw_response()?.body().bytes()?;
    serde_json::from_slice(body).ok()
}

/// The code and the message of an error.
pub(crate) fn metadata(headers: &Headers, body: &[u8]) -> ErrorMetadata {
    let (code, message) = match serde_json::from_slice(body) {
        Ok(body) => of_json(headers, &body),
        Err(_) => of_xml(body).unwrap_or_default(),
    };
    let mut error = ErrorMetadata::builder();
    if let Some(code) = code {
        error = error.code(code);
    }
    if let Some(message) = message {
        error = error.message(message);
    }
    error.build()
}

/// An error of the JSON protocols: its code is in a header or in the body, and may have a namespace
/// before it and a URL after it.
///
/// Source: smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
fn of_json(headers: &Headers, body: &Value) -> (Option<String>, Option<String>) {
    let text = |names: &[&str]| names.iter().find_map(|name| body[*name].as_str());
    let code = headers
        .get("x-amzn-errortype")
        .or(text(&["code", "__type"]));
    let code = code.and_then(|code| code.split(':').next()?.rsplit('#').next());
    let message = text(&["message", "Message", "errorMessage"]);
    (code.map(str::to_owned), message.map(str::to_owned))
}

/// An error of the form protocol: `<ErrorResponse><Error><Code>` and `<Message>`. S3's error is not
/// wrapped.
///
/// Source: smithy.io/2.0/aws/protocols/aws-query-protocol.html#operation-error-serialization and
/// docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
fn of_xml(body: &[u8]) -> Option<(Option<String>, Option<String>)> {
    let mut document = Document::try_from(body).ok()?;
    let mut root = document.root_element().ok()?;
    if root.start_el().local() == "Error" {
        return Some(fields(root));
    }
    Some(fields(root.next_tag()?))
}

fn fields(mut error: ScopedDecoder<'_, '_>) -> (Option<String>, Option<String>) {
    let (mut code, mut message) = (None, None);
    while let Some(mut field) = error.next_tag() {
        let kept = match field.start_el().local() {
            "Code" => &mut code,
            "Message" => &mut message,
            _ => continue,
        };
        *kept = try_data(&mut field).ok().map(|text| text.into_owned());
    }
    (code, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(headers: &[(&'static str, &'static str)], body: &Value) -> Option<String> {
        let mut all = Headers::new();
        for (name, value) in headers {
            all.insert(*name, *value);
        }
        let error = metadata(&all, body.to_string().as_bytes());
        error.code().map(str::to_owned)
    }

    #[test]
    fn a_code_is_found_wherever_a_service_puts_it() {
        let plain = Some("TrailNotFoundException".to_owned());
        for body in [
            json!({"__type": "TrailNotFoundException"}),
            json!({"__type": "com.amazonaws.cloudtrail#TrailNotFoundException"}),
            json!({"code": "TrailNotFoundException:http://internal.amazon.com/"}),
        ] {
            assert_eq!(code(&[], &body), plain, "{body}");
        }
        let header = [("x-amzn-errortype", "TrailNotFoundException:")];
        assert_eq!(code(&header, &json!({"message": "no"})), plain);
        assert_eq!(code(&[], &json!(["no object"])), None);
    }

    #[test]
    fn a_form_is_refused_in_xml() {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code>\
                    <Message>a &amp; b</Message></Error><RequestId>1</RequestId></ErrorResponse>";
        let error = metadata(&Headers::new(), body.as_bytes());
        assert_eq!(error.code(), Some("AuthorizationError"));
        assert_eq!(error.message(), Some("a & b"));
        let bare = "<Error><Code>NoSuchBucket</Code><BucketName>logs</BucketName></Error>";
        let error = metadata(&Headers::new(), bare.as_bytes());
        assert_eq!(error.code(), Some("NoSuchBucket"));
        for odd in ["", "<html>", "<ErrorResponse/>"] {
            assert_eq!(
                metadata(&Headers::new(), odd.as_bytes()).code(),
                None,
                "{odd}"
            );
        }
    }
}
