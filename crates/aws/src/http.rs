//! The SDK's HTTP client: the same one that calls the SaaS, so that a function contains only one.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{
            HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
            http_client_fn,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
};
use aws_smithy_types::body::SdkBody;
use towerhook_core::ErrorKind;
use towerhook_http::{Client, calls};

use crate::{call::metadata, classify::kind_of};

/// Requests and responses are held in memory as a whole: none of our AWS calls streams.
#[derive(Debug, Clone)]
struct Connector(Client);

/// Adapts `client` to the SDK. The client's own timeouts apply in addition to the SDK's.
pub(crate) fn http_client(client: Client) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(client));
    http_client_fn(move |_, _| connector.clone())
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = to_reqwest(request).map_err(ConnectorError::user)?;
            calls::AWS.add();
            let answer = client.execute(request).await.map_err(failed)?;
            let status = answer.status().as_u16();
            let headers = answer.headers().clone();
            let body = answer.bytes().await.map_err(failed)?;
            let mut response = HttpResponse::new(status.try_into().map_err(other)?, body.into());
            for (name, value) in &headers {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                response
                    .headers_mut()
                    .try_append(name.as_str().to_owned(), value)
                    .map_err(other)?;
            }
            if is_throttle(&response) {
                calls::AWS.add_throttle();
            }
            Ok(response)
        })
    }
}

fn to_reqwest(request: HttpRequest) -> Result<reqwest::Request, BoxError> {
    let request = request.try_into_http1x()?;
    let request = request.map(|body: SdkBody| body.bytes().unwrap_or_default().to_vec());
    Ok(request.try_into()?)
}

/// Whether an answer throttles its request.
fn is_throttle(response: &HttpResponse) -> bool {
    if response.status().is_success() {
        return false;
    }
    let body = response.body().bytes().unwrap_or_default();
    let error = metadata(response.headers(), body);
    let kind = kind_of(error.code(), None, response.status().as_u16(), None);
    matches!(kind, ErrorKind::Throttled { .. })
}

/// Separates failures that the SDK retries from those that it does not. The URL is removed: the
/// caller knows it.
fn failed(error: reqwest::Error) -> ConnectorError {
    let (is_timeout, is_connect, is_builder) =
        (error.is_timeout(), error.is_connect(), error.is_builder());
    let error = Box::new(error.without_url());
    match (is_timeout, is_builder) {
        (true, _) => ConnectorError::timeout(error),
        (false, true) => ConnectorError::user(error),
        (false, false) if is_connect => ConnectorError::io(error).never_connected(),
        (false, false) => ConnectorError::io(error),
    }
}

fn other(error: impl Into<BoxError>) -> ConnectorError {
    ConnectorError::other(error.into(), None)
}
