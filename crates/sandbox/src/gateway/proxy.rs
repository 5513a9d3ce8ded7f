//! Forwards a call to the emulator unchanged.

use http_body_util::BodyExt;
use hyper::Response;
use hyper::header::{
    CONNECTION, EXPECT, HeaderMap, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request::Parts;
use url::Url;

use super::answer::{Body, BodyError};

/// Hop-by-hop headers. `Expect` is one: the gateway's own server has answered it.
const OF_THE_CONNECTION: [HeaderName; 8] = [
    CONNECTION,
    EXPECT,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Sends the call with all its headers, the `Host` among them, and gives back the answer with
/// its body still streaming.
pub(super) async fn forward(
    http: &reqwest::Client,
    upstream: &Url,
    parts: Parts,
    body: impl Into<reqwest::Body>,
) -> reqwest::Result<Response<Body>> {
    let answer = request(http, upstream, &parts).body(body).send().await?;
    let mut answer = Response::<reqwest::Body>::from(answer);
    without_connection(answer.headers_mut());
    Ok(answer.map(|body| body.map_err(|error| Box::new(error) as BodyError).boxed()))
}

/// The call for the emulator, without its body. Host, path and query are as the caller signed them.
pub(super) fn request(
    http: &reqwest::Client,
    upstream: &Url,
    parts: &Parts,
) -> reqwest::RequestBuilder {
    let path = parts
        .uri
        .path_and_query()
        .map_or("/", |path_and_query| path_and_query.as_str());
    let url = format!("{}{path}", upstream.as_str().trim_end_matches('/'));
    let mut headers = parts.headers.clone();
    without_connection(&mut headers);
    http.request(parts.method.clone(), url).headers(headers)
}

fn without_connection(headers: &mut HeaderMap) {
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}
