//! The SDK's HTTP client: the one that the SaaS is spoken to with, so that a function has no second.

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
use towerhook_http::Client;

/// Requests and answers are whole in memory: nothing that is asked of AWS is a stream.
#[derive(Debug, Clone)]
struct Connector(Client);

/// The SDK's way to `client`, whose own timeouts hold besides the SDK's.
pub(crate) fn http_client(client: Client) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(client));
    http_client_fn(move |_, _| connector.clone())
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = to_reqwest(request).map_err(ConnectorError::user)?;
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
            Ok(response)
        })
    }
}

fn to_reqwest(request: HttpRequest) -> Result<reqwest::Request, BoxError> {
    let request = request.try_into_http1x()?;
    let request = request.map(|body: SdkBody| body.bytes().unwrap_or_default().to_vec());
    Ok(request.try_into()?)
}

/// What the SDK tries again, and what it does not. The URL is taken off, as it is no news.
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
