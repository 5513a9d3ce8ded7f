//! The gateway: the one endpoint that functions and users see, in front of the emulator.
//!
//! It serves what no emulator has (Control Tower, StackSets), answers for Organizations as AWS
//! does, counts calls, and lets calls fail on demand. Everything else passes through untouched.
//! Its own calls go to the emulator directly: they are neither counted nor do they fail.

mod answer;
mod calls;
mod cloudtrail;
pub mod control_tower;
mod faults;
pub mod organizations;
mod proxy;
mod route;
pub mod stack_sets;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

use crate::aws_client::{AwsClient, http_client};
use crate::emulator::ensure_loopback;
use answer::{ApiError, Body, error_answer, json_answer, plain};
use calls::Calls;
use control_tower::ControlTower;
use organizations::Organizations;
use route::{Call, Form};
use stack_sets::StackSets;

pub use faults::{Fault, Faults};

/// How the gateway is started.
#[derive(Debug)]
pub struct GatewayConfig {
    /// The emulator.
    pub upstream: Url,
    /// The home Region: of calls that name none.
    pub region: String,
    /// The management account: of callers whose access key id names no account.
    pub management_account: String,
    /// Where the gateway listens: bound by the caller, because the emulator has to know the
    /// gateway's address before the gateway can know the emulator's.
    pub listener: TcpListener,
    /// How long a StackSet operation takes at least.
    pub operation_delay: Duration,
}

/// A running gateway. Dropping it closes it.
#[derive(Debug)]
pub struct Gateway {
    url: Url,
    state: Arc<State>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    upstream: Url,
    http: reqwest::Client,
    client: AwsClient,
    region: String,
    management_account: String,
    calls: Calls,
    faults: Faults,
    control_tower: ControlTower,
    organizations: Organizations,
    stack_sets: StackSets,
}

impl Gateway {
    /// Serves on the listener, at once.
    ///
    /// # Errors
    /// When listener or emulator is not on loopback, or the listener cannot be used.
    pub fn start(config: GatewayConfig) -> anyhow::Result<Self> {
        ensure_loopback(&config.upstream)?;
        let url: Url = format!("http://{}", config.listener.local_addr()?).parse()?;
        ensure_loopback(&url)?;
        config.listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(config.listener)?;
        let client = AwsClient::new(config.upstream.clone(), config.region.clone())?
            .account(&config.management_account);
        let organizations = Organizations::new(client.clone());
        let state = Arc::new(State {
            upstream: config.upstream,
            http: http_client()?,
            calls: Calls::default(),
            faults: Faults::default(),
            control_tower: ControlTower::new(config.management_account.clone()),
            stack_sets: StackSets::new(
                client.clone(),
                organizations.clone(),
                config.operation_delay,
            ),
            client,
            organizations,
            region: config.region,
            management_account: config.management_account,
        });
        let server = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { url, state, server })
    }

    /// The endpoint for functions and users.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// How often each operation was called through the gateway so far, as `service:Operation`.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.state.calls.snapshot()
    }

    /// What is to go wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// The landing zone that Control Tower answers for.
    #[must_use]
    pub fn control_tower(&self) -> &ControlTower {
        &self.state.control_tower
    }

    /// How Organizations answers about accounts.
    #[must_use]
    pub fn organizations(&self) -> &Organizations {
        &self.state.organizations
    }

    /// The StackSets, for inspection and for faults in chosen accounts.
    #[must_use]
    pub fn stack_sets(&self) -> &StackSets {
        &self.state.stack_sets
    }

    /// Stops serving and ends the StackSet operations that still run.
    pub async fn shutdown(mut self) {
        self.state.stack_sets.abort();
        self.server.abort();
        // The error says that the task was aborted, as it should be.
        let _ = (&mut self.server).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.state.stack_sets.abort();
        self.server.abort();
    }
}

async fn accept(listener: tokio::net::TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let state = Arc::clone(&state);
                    connections.spawn(async move {
                        let service = service_fn(move |request| handle(Arc::clone(&state), request));
                        let served = http1::Builder::new()
                            .header_read_timeout(None)
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                        if let Err(error) = served {
                            tracing::debug!(%error, "a connection ended");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
struct Dropped;

async fn handle(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
    let (parts, body) = request.into_parts();
    let (form, body) = if route::is_form(&parts) {
        let bytes = body.collect().await.map_err(|_| Dropped)?.to_bytes();
        (
            Some(route::form(&parts, &bytes)),
            reqwest::Body::from(bytes),
        )
    } else {
        (None, reqwest::Body::wrap(body))
    };
    let call = route::identify(
        &parts,
        form.as_ref(),
        &state.management_account,
        &state.region,
    );
    let Some(call) = call else {
        return Ok(pass(&state, parts, body).await);
    };
    state.calls.count(&call.service, &call.operation);
    let mut lost = false;
    match state.faults.take(&call.service, &call.operation) {
        None => {}
        Some(Fault::Reset) => return Err(Dropped),
        Some(Fault::LostReply) => lost = true,
        Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
        Some(Fault::Throttle) => {
            let error = faults::throttled(&call.service, call.protocol);
            return Ok(error_answer(call.protocol, &error));
        }
        Some(Fault::ServerError) => {
            return Ok(error_answer(call.protocol, &faults::broken(call.protocol)));
        }
        Some(Fault::Error {
            status,
            code,
            message,
        }) => {
            let error = ApiError::new(status, &code, message);
            return Ok(error_answer(call.protocol, &error));
        }
    }
    let answer = serve(&state, &call, form.as_ref(), parts, body).await;
    if lost {
        // The caller's connection closes only when the emulator has answered in full.
        let _ = answer.into_body().collect().await;
        return Err(Dropped);
    }
    Ok(answer)
}

/// Serves what is ours and passes the rest on.
async fn serve(
    state: &State,
    call: &Call,
    form: Option<&Form>,
    parts: hyper::http::request::Parts,
    body: reqwest::Body,
) -> Response<Body> {
    let json = match call.service.as_str() {
        "cloudformation" => {
            if let Some(form) = form
                && let Some(answer) = state.stack_sets.serve(call, form).await
            {
                return answer.unwrap_or_else(|error| error_answer(call.protocol, &error));
            }
            return pass(state, parts, body).await;
        }
        "organizations" if organizations::serves(&call.operation) => match read_json(body).await {
            Ok(request) => state.organizations.serve(call, &request).await,
            Err(error) => Err(error),
        },
        "cloudtrail" if cloudtrail::serves(&call.operation) => match read_json(body).await {
            Ok(request) => cloudtrail::serve(&state.client, call, request).await,
            Err(error) => Err(error),
        },
        "controltower" => read_json(body)
            .await
            .and_then(|request| state.control_tower.serve(call, &request)),
        _ => return pass(state, parts, body).await,
    };
    json.map_or_else(
        |error| error_answer(call.protocol, &error),
        |json| json_answer(&json),
    )
}

async fn read_json(body: reqwest::Body) -> Result<serde_json::Value, ApiError> {
    let malformed = || ApiError::new(400, "SerializationException", "The body is not JSON");
    let bytes = body.collect().await.map_err(|_| malformed())?.to_bytes();
    if bytes.is_empty() {
        return Ok(serde_json::json!({}));
    }
    serde_json::from_slice(&bytes).map_err(|_| malformed())
}

async fn pass(
    state: &State,
    parts: hyper::http::request::Parts,
    body: reqwest::Body,
) -> Response<Body> {
    match proxy::forward(&state.http, &state.upstream, parts, body).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!(%error, "the emulator did not answer");
            plain(502, "the emulator did not answer")
        }
    }
}
