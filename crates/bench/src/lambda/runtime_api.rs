//! Lambda's Runtime API for one process, on loopback.
//!
//! Source: docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use towerhook_world::MANAGEMENT;

use crate::lambda::REGION;

/// How long an invocation may take, as the account function's template says.
pub(super) const TIMEOUT: Duration = Duration::from_secs(180);

/// A call of the Runtime API by the function.
#[derive(Debug)]
pub(super) enum Report {
    /// It polled for an event.
    Polled(Instant),
    /// It answered an event.
    Answered(Instant, Bytes),
    /// It reported that an invocation, or its own start, has failed.
    Failed(String),
}

/// The Runtime API. It stops with this value.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    pub(super) reports: mpsc::UnboundedReceiver<Report>,
    events: mpsc::UnboundedSender<Value>,
    serving: JoinHandle<()>,
}

struct Shared {
    events: Mutex<mpsc::UnboundedReceiver<Value>>,
    reports: mpsc::UnboundedSender<Report>,
    requests: AtomicUsize,
}

impl RuntimeApi {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("cannot listen for the function")?;
        let address = listener.local_addr()?;
        let (events, handed_out) = mpsc::unbounded_channel();
        let (reporting, reports) = mpsc::unbounded_channel();
        let shared = Shared {
            events: Mutex::new(handed_out),
            reports: reporting,
            requests: AtomicUsize::new(0),
        };
        let app = router(Arc::new(shared));
        let serving = tokio::spawn(async move {
            // It is aborted with its task; a function that it fails to serve runs into the timeout.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            address,
            reports,
            events,
            serving,
        })
    }

    /// Hands an event to the next poll, which may be waiting for it.
    pub(super) fn hand_out(&self, event: Value) -> anyhow::Result<()> {
        self.events
            .send(event)
            .context("the Runtime API has stopped")
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn router(shared: Arc<Shared>) -> Router {
    const RUNTIME: &str = "/2018-06-01/runtime";
    Router::new()
        .route(&format!("{RUNTIME}/invocation/next"), get(next))
        .route(
            &format!("{RUNTIME}/invocation/{{id}}/response"),
            post(answered),
        )
        .route(&format!("{RUNTIME}/invocation/{{id}}/error"), post(failed))
        .route(&format!("{RUNTIME}/init/error"), post(failed))
        .with_state(shared)
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let _ = shared.reports.send(Report::Polled(Instant::now()));
    let Some(event) = shared.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let number = shared.requests.fetch_add(1, Ordering::Relaxed);
    let deadline = Timestamp::now().as_millisecond() + TIMEOUT.as_millis() as i64;
    let headers = [
        ("content-type", "application/json".to_owned()),
        (
            "lambda-runtime-aws-request-id",
            format!("00000000-0000-4000-8000-{number:012}"),
        ),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            format!("arn:aws:lambda:{REGION}:{MANAGEMENT}:function:measured"),
        ),
    ];
    (headers, event.to_string()).into_response()
}

async fn answered(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let _ = shared.reports.send(Report::Answered(Instant::now(), body));
    StatusCode::ACCEPTED
}

async fn failed(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let words = String::from_utf8_lossy(&body).into_owned();
    let _ = shared.reports.send(Report::Failed(words));
    StatusCode::ACCEPTED
}
