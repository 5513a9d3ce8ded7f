//! Errors of AWS's services and of calls to them.

use serde_json::Value;

use super::credentials::NotSigned;
use super::xml::Element;

/// Why a call to AWS returned no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// The service answered with an error of its own.
    #[error("{service}:{operation} answered {status} {code}: {message}")]
    Refused {
        /// Service as it is named in a credential scope, such as `cloudformation`.
        service: String,
        /// Operation, or method and path of a REST call.
        operation: String,
        /// HTTP status.
        status: u16,
        /// AWS's error code, such as `AlreadyExistsException`.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// The request could not be signed, and was not sent.
    #[error("{service}:{operation} was not sent")]
    Unsigned {
        /// Service as it is named in a credential scope.
        service: String,
        /// Operation, or method and path of a REST call.
        operation: String,
        /// Why there is no signature.
        #[source]
        source: NotSigned,
    },
    /// The request or its answer did not get through.
    #[error("{service}:{operation} was not answered")]
    Unreachable {
        /// Service as it is named in a credential scope.
        service: String,
        /// Operation, or method and path of a REST call.
        operation: String,
        /// The transport's error.
        #[source]
        source: reqwest::Error,
    },
    /// The answer is not the XML or JSON that the protocol promises, or lacks what it must have.
    #[error("{service}:{operation} answered something that is not {expected}")]
    Unreadable {
        /// Service as it is named in a credential scope.
        service: String,
        /// Operation.
        operation: String,
        /// The expected format, such as `XML` or `JSON`.
        expected: &'static str,
        /// The parser's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl AwsError {
    /// AWS's error code, where the service answered with one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Unsigned { .. } | Self::Unreachable { .. } | Self::Unreadable { .. } => None,
        }
    }

    /// AWS's message, where the service answered with one.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Refused { message, .. } => Some(message),
            Self::Unsigned { .. } | Self::Unreachable { .. } | Self::Unreadable { .. } => None,
        }
    }

    /// Whether the service answered with this error code.
    #[must_use]
    pub fn is(&self, wanted: &str) -> bool {
        self.code() == Some(wanted)
    }
}

/// AWS's error code and message in any of its protocols.
pub(super) fn error_parts(body: &[u8], error_type: Option<&str>) -> (String, String) {
    let text = String::from_utf8_lossy(body);
    let (code, message) = if let Ok(json) = serde_json::from_str::<Value>(&text) {
        let field = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| json.get(name).and_then(Value::as_str))
                .map(str::to_owned)
        };
        (
            field(&["__type", "code", "Code"]),
            field(&["message", "Message", "errorMessage"]),
        )
    } else if let Ok(root) = Element::parse(&text) {
        let error = root.find("Error").unwrap_or(&root);
        let field = |name: &str| error.child(name).map(|child| child.text.clone());
        (field("Code"), field("Message"))
    } else {
        (None, None)
    };
    let code = error_type
        .map(str::to_owned)
        .or(code)
        .unwrap_or_else(|| "UnknownError".to_owned());
    // `namespace#Code:details` in the JSON protocols.
    let code = code.rsplit('#').next().unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default().to_owned();
    (code, message.unwrap_or_else(|| text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_every_protocol_keep_code_and_message() {
        let cases: [(&str, Option<&str>, &str, &str); 4] = [
            (
                "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>gone &amp; lost</Message></Error></ErrorResponse>",
                None,
                "NoSuchEntity",
                "gone & lost",
            ),
            (
                r#"{"__type":"com.amazonaws#ResourceNotFoundException","message":"no table"}"#,
                None,
                "ResourceNotFoundException",
                "no table",
            ),
            (
                r#"{"Message":"no function"}"#,
                Some("ResourceNotFoundException:http://internal"),
                "ResourceNotFoundException",
                "no function",
            ),
            (
                "<Error><Code>NoSuchKey</Code><Message>no key</Message></Error>",
                None,
                "NoSuchKey",
                "no key",
            ),
        ];
        for (body, header, code, message) in cases {
            assert_eq!(
                error_parts(body.as_bytes(), header),
                (code.to_owned(), message.to_owned())
            );
        }
    }

    #[test]
    fn an_answer_that_is_no_protocol_is_kept_as_the_message() {
        assert_eq!(
            error_parts(b"Bad Gateway", None),
            ("UnknownError".to_owned(), "Bad Gateway".to_owned())
        );
    }
}
