//! HTTP endpoints on loopback that give scripted answers and count the calls.

mod certificates;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum_server::Handle;

pub(crate) use certificates::Certificates;
pub(crate) use wire::{Call, Reply};

/// The largest body of a request, in bytes.
const BODY_LIMIT: usize = 1 << 20;

/// The answers of an endpoint.
pub(crate) type Answers = Arc<dyn Fn(&Call) -> Reply + Send + Sync>;

/// An endpoint. It stops with this value.
pub(crate) struct Endpoint {
    /// Its URL, without a path.
    pub(crate) url: String,
    log: Arc<Mutex<Log>>,
    handle: Handle<SocketAddr>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// The calls of an endpoint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    /// When it gave its first reply.
    pub(crate) first_reply: Option<Instant>,
    /// How often each call was made.
    pub(crate) calls: BTreeMap<String, usize>,
    /// How many of them were writes to anything but the lease.
    pub(crate) writes: usize,
    /// The bytes of all replies' bodies.
    pub(crate) bytes: usize,
}

struct Service {
    answers: Answers,
    log: Arc<Mutex<Log>>,
}

impl Endpoint {
    /// An endpoint with TLS, like AWS's.
    pub(crate) fn https(certificates: &Certificates, answers: Answers) -> anyhow::Result<Self> {
        let (listener, address) = listen()?;
        let tls = certificates.of_server()?;
        Self::serve(address, "https", answers, |app, handle| {
            let server = axum_server::from_tcp_rustls(listener, tls)?;
            tokio::spawn(server.handle(handle).serve(app.into_make_service()));
            Ok(())
        })
    }

    /// An endpoint without TLS.
    pub(crate) fn http(answers: Answers) -> anyhow::Result<Self> {
        let (listener, address) = listen()?;
        Self::serve(address, "http", answers, |app, handle| {
            let server = axum_server::from_tcp(listener)?;
            tokio::spawn(server.handle(handle).serve(app.into_make_service()));
            Ok(())
        })
    }

    fn serve(
        address: SocketAddr,
        scheme: &str,
        answers: Answers,
        spawn: impl FnOnce(Router, Handle<SocketAddr>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let log = Arc::default();
        let service = Service {
            answers,
            log: Arc::clone(&log),
        };
        let handle = Handle::new();
        let app = Router::new().fallback(entry).with_state(Arc::new(service));
        spawn(app, handle.clone())?;
        Ok(Self {
            url: format!("{scheme}://{address}"),
            log,
            handle,
        })
    }

    /// Takes the calls since the last time that this was called.
    pub(crate) fn take_log(&self) -> Log {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *log)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

fn listen() -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn entry(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let call = Call::of(&parts, &body);
    let Reply {
        status,
        content_type,
        body,
    } = (service.answers)(&call);
    let mut log = service.log.lock().unwrap_or_else(PoisonError::into_inner);
    log.first_reply.get_or_insert_with(Instant::now);
    *log.calls.entry(call.name.clone()).or_default() += 1;
    log.writes += usize::from(call.is_write());
    log.bytes += body.len();
    (status, [(CONTENT_TYPE, content_type)], body).into_response()
}
