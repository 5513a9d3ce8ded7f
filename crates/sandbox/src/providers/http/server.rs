//! A simulator's server, and what chaos does to its requests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use rcgen::{CertifiedKey, KeyPair};
use tokio::task::JoinHandle;

use super::answer::{ApiError, response};
use crate::chaos::{Caller, Chaos, Mishap, Moment};

/// Bytes that a request's body may have.
const BODY_LIMIT: usize = 1 << 20;

/// A free port of `127.0.0.1`.
pub(crate) fn listen() -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))
        .context("cannot listen on 127.0.0.1")?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A server that runs until it is shut down.
#[derive(Debug)]
pub(crate) struct Server {
    handle: Handle<SocketAddr>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Starts one, with HTTPS where there is a certificate.
    pub(crate) async fn start(
        listener: TcpListener,
        app: Router,
        certificate: Option<&CertifiedKey<KeyPair>>,
    ) -> anyhow::Result<Self> {
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let handle = Handle::new();
        let serving = match certificate {
            Some(certificate) => {
                let chain = certificate.cert.pem().into_bytes();
                let key = certificate.signing_key.serialize_pem().into_bytes();
                let tls = RustlsConfig::from_pem(chain, key)
                    .await
                    .context("cannot use the certificate")?;
                let server = axum_server::from_tcp_rustls(listener, tls)?.handle(handle.clone());
                tokio::spawn(server.serve(app))
            }
            None => {
                let server = axum_server::from_tcp(listener)?.handle(handle.clone());
                tokio::spawn(server.serve(app))
            }
        };
        Ok(Self { handle, serving })
    }

    /// Stops listening and drops open connections.
    pub(crate) async fn shutdown(self) -> anyhow::Result<()> {
        self.handle.shutdown();
        self.serving
            .await?
            .context("the simulator had stopped serving")
    }
}

/// Completes the request even when the client disconnects.
pub(crate) async fn completed(answer: impl Future<Output = Response> + Send + 'static) -> Response {
    tokio::spawn(answer).await.unwrap_or_else(|error| {
        tracing::error!("a request to the simulator failed: {error}");
        response(Err(ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the simulator failed",
        )))
    })
}

/// A request's body.
pub(crate) async fn content(body: Body) -> Result<Bytes, ApiError> {
    to_bytes(body, BODY_LIMIT).await.map_err(|_| {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is larger than 1 MB",
        )
    })
}

/// Answers a request, unless chaos keeps it from taking effect or its answer from arriving.
///
/// `name` is the call's, as `service:Operation`; `refused` makes the service's own answer of 429 or
/// 500.
pub(crate) async fn answered(
    chaos: &Chaos,
    server_port: Option<u16>,
    request: &Parts,
    name: impl FnOnce() -> String,
    refused: impl FnOnce(StatusCode) -> Response,
    answer: impl Future<Output = Response>,
) -> Response {
    let mishap = chaos.call(&request.headers, name);
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
    let caller = || {
        let ConnectInfo(peer) = peer.context("the connection is not known")?;
        Caller::find(*peer, server_port.context("the port is not known")?)
    };
    let mut crash = None;
    match mishap {
        Some(Mishap::Throttle) => return refused(StatusCode::TOO_MANY_REQUESTS),
        Some(Mishap::ServerError) => return refused(StatusCode::INTERNAL_SERVER_ERROR),
        Some(Mishap::Reset) => return cut_off(),
        Some(Mishap::Crash(Moment::Before)) => {
            chaos.crash(caller());
            return cut_off();
        }
        Some(Mishap::Crash(Moment::After)) => crash = Some(caller()),
        Some(Mishap::Delay(time)) => tokio::time::sleep(time).await,
        Some(Mishap::LostReply) | None => {}
    }
    let response = answer.await;
    if let Some(caller) = crash {
        chaos.crash(caller);
        return cut_off();
    }
    if mishap == Some(Mishap::LostReply) {
        return cut_off();
    }
    response
}

/// An answer whose body fails midway: the server closes the connection.
fn cut_off() -> Response {
    let broken = std::io::Error::other("cut off on purpose");
    let body = futures::stream::once(async { Err::<Vec<u8>, _>(broken) });
    Response::new(Body::from_stream(body))
}
