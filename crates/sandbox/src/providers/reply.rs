//! What a simulator's API replies to a test.

use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

/// A reply whose body is JSON, or nothing.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = match text.as_str() {
            "" => Value::Null,
            text => {
                assert_eq!(headers["content-type"], "application/json");
                serde_json::from_str(text).unwrap()
            }
        };
        Self {
            status,
            headers,
            body,
        }
    }
}
