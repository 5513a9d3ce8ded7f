//! Uploads to a pre-signed URL, such as the ResponseURL of a custom resource.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::{Client, StatusCode, header::CONTENT_TYPE};
use towerhook_core::{Error, ErrorKind, Result, model::SecretText};
use url::Url;

use crate::http::{self, BACKOFF};

const OPERATION: &str = "s3:PutObject";

/// How long one try may take; the answer is a few kilobytes.
const TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, thiserror::Error)]
#[error("HTTP {0}")]
struct Refused(StatusCode);

/// Puts `body` where the pre-signed `url` points, in at most three tries.
///
/// The content type is sent empty, because CloudFormation signs it so, and the length is always
/// stated, because S3 takes no chunked body. Repeating is harmless: the same bytes, the same place.
///
/// # Errors
///
/// [`ErrorKind::Invalid`] where the URL is none, or is plain HTTP to another machine;
/// [`ErrorKind::Denied`] where the signature is refused, as after its expiry;
/// [`ErrorKind::Unavailable`] where no try got through. No error holds the URL or any answer's
/// body, which would repeat the signature.
pub async fn put(http: &Client, url: &SecretText, body: Vec<u8>) -> Result<()> {
    put_within(http, url, body, BACKOFF).await
}

async fn put_within(
    http: &Client,
    url: &SecretText,
    body: Vec<u8>,
    backoff: ExponentialBuilder,
) -> Result<()> {
    let url = Url::parse(url.expose())
        .map_err(|error| Error::new(OPERATION, ErrorKind::Invalid, error))?;
    http::require_safe(&url).map_err(|error| Error::new(OPERATION, ErrorKind::Invalid, error))?;
    let attempt = || async {
        let answer = http
            .put(url.clone())
            .header(CONTENT_TYPE, "")
            .timeout(TIMEOUT)
            .body(body.clone())
            .send()
            .await
            .map_err(|error| http::no_answer(OPERATION, error))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(Error::new(OPERATION, kind_of(status), Refused(status))),
        }
    };
    attempt
        .retry(backoff)
        .when(|error| error.kind == ErrorKind::Unavailable)
        .notify(|error, wait| tracing::warn!(error = %error.chain(), ?wait, "trying again"))
        .await
}

fn kind_of(status: StatusCode) -> ErrorKind {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Denied,
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        // S3 asks to slow down with 503; 408 and 429 are its neighbours' way.
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => ErrorKind::Unavailable,
        status if status.is_server_error() => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    use super::*;
    use crate::http_client;

    const SIGNATURE: &str = "X-Amz-Signature=canary";

    /// Puts to a server that answers with these statuses and then 200; the requests that it saw.
    async fn put_to(statuses: &[u16]) -> (Result<()>, Vec<wiremock::Request>) {
        let server = MockServer::start().await;
        for status in statuses {
            let answer = ResponseTemplate::new(*status).set_body_string(SIGNATURE);
            Mock::given(any())
                .respond_with(answer)
                .up_to_n_times(1)
                .mount(&server)
                .await;
        }
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200))
            .mount(&server)
            .await;
        let url = format!("{}/stack%2Fanswer?{SIGNATURE}", server.uri());
        let result = put_to_url(&url).await;
        (result, server.received_requests().await.unwrap())
    }

    async fn put_to_url(url: &str) -> Result<()> {
        let at_once = BACKOFF.with_min_delay(Duration::from_millis(1));
        let http = http_client().unwrap();
        put_within(&http, &url.into(), b"answer".to_vec(), at_once).await
    }

    #[tokio::test]
    async fn the_request_is_what_the_signature_was_made_for() {
        let (result, requests) = put_to(&[]).await;
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
    async fn a_passing_failure_is_tried_three_times_and_a_refusal_once() {
        for (statuses, kind, tries) in [
            (&[503][..], None, 2),
            (&[500, 503], None, 3),
            (&[500, 500, 500], Some(ErrorKind::Unavailable), 3),
            (&[429, 408], None, 3),
            (&[403], Some(ErrorKind::Denied), 1),
            (&[404], Some(ErrorKind::NotFound), 1),
            (&[400], Some(ErrorKind::Invalid), 1),
            (&[307], Some(ErrorKind::Invalid), 1),
        ] {
            let (result, requests) = put_to(statuses).await;
            assert_eq!(result.err().map(|error| error.kind), kind, "{statuses:?}");
            assert_eq!(requests.len(), tries, "{statuses:?}");
        }
    }

    #[tokio::test]
    async fn no_error_shows_the_url_or_the_answer() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = closed.local_addr().unwrap().port();
        drop(closed);
        let errors = [
            put_to(&[403]).await.0.unwrap_err(),
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
