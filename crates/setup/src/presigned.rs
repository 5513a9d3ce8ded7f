//! Uploads to a pre-signed URL, such as the ResponseURL of a custom resource.

use std::time::Duration;

use reqwest::{Client, StatusCode, header::CONTENT_TYPE};
use towerhook_core::{Error, ErrorKind, Result, model::SecretText, ports::Answers};
use towerhook_runtime::providers::http;
use url::Url;

const OPERATION: &str = "s3:PutObject";

/// The timeout of one attempt; the response is a few kilobytes.
const TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, thiserror::Error)]
#[error("HTTP {0}")]
struct Refused(StatusCode);

/// Sends responses to CloudFormation.
#[derive(Debug, Clone)]
pub(crate) struct PresignedUrls(pub(crate) Client);

impl Answers for PresignedUrls {
    /// Puts `body` to the pre-signed `address`.
    ///
    /// The content type is empty, because CloudFormation signs it that way, and the length is
    /// always sent, because S3 does not accept chunked bodies.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if the address is not a URL, or is plain HTTP to another machine;
    /// [`ErrorKind::Denied`] if the signature is refused, as after its expiry;
    /// [`ErrorKind::NotFound`] for a 404; [`ErrorKind::Unavailable`] if a retry may succeed. No
    /// error contains the URL or a response body, which would repeat the signature.
    async fn answer(&self, address: &SecretText, body: Vec<u8>) -> Result<()> {
        let invalid = |error| Error::new(OPERATION, ErrorKind::Invalid, error);
        let url = Url::parse(address.expose())
            .map_err(|error| Error::new(OPERATION, ErrorKind::Invalid, error))?;
        http::require_safe(&url).map_err(invalid)?;
        let answer = self
            .0
            .put(url)
            .header(CONTENT_TYPE, "")
            .timeout(TIMEOUT)
            .body(body)
            .send()
            .await
            .map_err(|error| http::no_answer(OPERATION, error))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(Error::new(OPERATION, kind_of(status), Refused(status))),
        }
    }
}

fn kind_of(status: StatusCode) -> ErrorKind {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Denied,
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        // S3 throttles with 503; 408 and 429 are what proxies in between may use.
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => ErrorKind::Unavailable,
        status if status.is_server_error() => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    use super::*;
    use towerhook_runtime::providers::{
        flood::{self, Flood},
        http_client,
    };

    const SIGNATURE: &str = "X-Amz-Signature=canary";

    /// Puts to a server that answers with this status; returns the recorded requests.
    async fn put_to(status: u16) -> (Result<()>, Vec<wiremock::Request>) {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_string(SIGNATURE);
        Mock::given(any()).respond_with(answer).mount(&server).await;
        let url = format!("{}/stack%2Fanswer?{SIGNATURE}", server.uri());
        let result = put_to_url(&url).await;
        (result, server.received_requests().await.unwrap())
    }

    async fn put_to_url(url: &str) -> Result<()> {
        let urls = PresignedUrls(http_client().unwrap());
        urls.answer(&url.into(), b"answer".to_vec()).await
    }

    #[tokio::test]
    async fn the_request_is_what_the_signature_was_made_for() {
        let (result, requests) = put_to(200).await;
        result.unwrap();
        let [request] = &requests[..] else {
            panic!("{} requests", requests.len())
        };
        assert_eq!(request.method.as_str(), "PUT");
        assert_eq!(request.url.path(), "/stack%2Fanswer");
        assert_eq!(request.url.query(), Some(SIGNATURE));
        assert_eq!(request.headers["content-type"], "");
        assert_eq!(request.headers["content-length"], "6");
        assert!(!request.headers.contains_key("transfer-encoding"));
        assert_eq!(request.body, b"answer");
    }

    #[tokio::test]
    async fn what_passes_by_itself_is_told_from_a_refusal() {
        for (status, kind) in [
            (503, ErrorKind::Unavailable),
            (500, ErrorKind::Unavailable),
            (429, ErrorKind::Unavailable),
            (408, ErrorKind::Unavailable),
            (403, ErrorKind::Denied),
            (404, ErrorKind::NotFound),
            (400, ErrorKind::Invalid),
            (307, ErrorKind::Invalid),
        ] {
            let (result, requests) = put_to(status).await;
            assert_eq!(result.unwrap_err().kind, kind, "{status}");
            assert_eq!(requests.len(), 1, "{status}");
        }
    }

    #[tokio::test]
    async fn the_body_of_what_is_answered_to_a_put_is_never_read() {
        for (status, is_taken) in [("200 OK", true), ("403 Forbidden", false)] {
            for server in [
                Flood::of_length(status, flood::HUGE),
                Flood::in_chunks(status, flood::HUGE),
            ] {
                let result = put_to_url(server.url.as_str()).await;
                assert_eq!(result.is_ok(), is_taken, "{result:?}");
                assert!(server.sent().await < flood::UNDERWAY);
            }
        }
    }

    #[tokio::test]
    async fn no_error_shows_the_url_or_the_answer() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = closed.local_addr().unwrap().port();
        drop(closed);
        let errors = [
            put_to(403).await.0.unwrap_err(),
            put_to_url(&format!("http://127.0.0.1:{port}/?{SIGNATURE}"))
                .await
                .unwrap_err(),
            put_to_url(&format!("http://bucket.example.com/?{SIGNATURE}"))
                .await
                .unwrap_err(),
            put_to_url(&format!("not a URL {SIGNATURE}"))
                .await
                .unwrap_err(),
        ];
        for error in &errors {
            let shown = format!("{} {error:?}", error.chain());
            assert!(!shown.contains("canary"), "{shown}");
        }
        let kinds = errors.map(|error| error.kind);
        assert_eq!(
            kinds,
            [
                ErrorKind::Denied,
                ErrorKind::Unavailable,
                ErrorKind::Invalid,
                ErrorKind::Invalid
            ]
        );
    }
}
