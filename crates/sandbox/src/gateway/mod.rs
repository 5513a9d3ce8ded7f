//! The gateway: the one endpoint that functions and users see, in front of the emulator.
//!
//! It serves what no emulator has (Control Tower, StackSets), answers for Organizations as AWS
//! does, counts calls, and lets calls fail on demand. Everything else passes through untouched.
//! Its own calls go to the emulator directly: they are neither counted nor do they fail.

mod answer;
mod authorize;
mod calls;
mod cloudtrail;
pub mod control_tower;
mod faults;
pub mod organizations;
mod parameters;
mod proxy;
mod requests;
mod route;
pub mod stack_sets;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

use crate::aws_client::{AwsClient, http_client};
use crate::chaos::{Caller, Chaos, Mishap, Moment};
use crate::emulator::ensure_loopback;
use answer::{ApiError, Body, error_answer, json_answer, plain};
use calls::Calls;
use control_tower::ControlTower;
use organizations::Organizations;
use parameters::{Form, Parameters};
use requests::Requests;
use route::Call;
use stack_sets::StackSets;

pub use faults::{Fault, Faults};
pub use requests::SentRequest;

/// The configuration of a gateway.
#[derive(Debug)]
pub struct GatewayConfig {
    /// The emulator.
    pub upstream: Url,
    /// The home Region: of calls that name none.
    pub region: String,
    /// The management account: of callers whose access key id names no account.
    pub management_account: String,
    /// The gateway's listener: bound by the caller, because the emulator has to know the gateway's
    /// address before the gateway can know the emulator's.
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
    port: u16,
    upstream: Url,
    http: reqwest::Client,
    client: AwsClient,
    region: String,
    management_account: String,
    calls: Calls,
    requests: Requests,
    faults: Faults,
    accounts: authorize::Accounts,
    chaos: Arc<Chaos>,
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
        let address = config.listener.local_addr()?;
        let url: Url = format!("http://{address}").parse()?;
        ensure_loopback(&url)?;
        config.listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(config.listener)?;
        let client = AwsClient::new(config.upstream.clone(), config.region.clone())?
            .account(&config.management_account);
        let organizations = Organizations::new(client.clone());
        let chaos = Arc::new(Chaos::default());
        let state = Arc::new(State {
            port: address.port(),
            upstream: config.upstream,
            http: http_client()?,
            calls: Calls::default(),
            requests: Requests::default(),
            faults: Faults::default(),
            accounts: authorize::Accounts::default(),
            control_tower: ControlTower::new(config.management_account.clone()),
            stack_sets: StackSets::new(
                client.clone(),
                organizations.clone(),
                config.operation_delay,
                Arc::clone(&chaos),
            ),
            chaos,
            client,
            organizations,
            region: config.region,
            management_account: config.management_account,
        });
        state
            .stack_sets
            .add_control_towers(&state.management_account, &state.region);
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

    /// Records the functions' requests from now on.
    pub fn keep_requests(&self) {
        self.state.requests.keep();
    }

    /// The recorded requests, secrets included: one of each operation and set of fields.
    #[must_use]
    pub fn requests(&self) -> Vec<SentRequest> {
        self.state.requests.all()
    }

    /// Faults on demand.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// Random faults and crashes.
    #[must_use]
    pub fn chaos(&self) -> &Arc<Chaos> {
        &self.state.chaos
    }

    /// The landing zone that Control Tower answers for.
    #[must_use]
    pub fn control_tower(&self) -> &ControlTower {
        &self.state.control_tower
    }

    /// Organizations, to choose its answers about accounts.
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
                Ok((stream, peer)) => {
                    let state = Arc::clone(&state);
                    connections.spawn(async move {
                        let service = service_fn(move |request| handle(Arc::clone(&state), peer, request));
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

/// Closes the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
struct Dropped;

async fn handle(
    state: Arc<State>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Dropped> {
    let (parts, body) = request.into_parts();
    let is_form = Form::is_in(&parts);
    let is_kept = state.requests.keeps(&parts.headers);
    let body = if is_form || is_kept {
        Payload::Read(read(body).await?)
    } else {
        Payload::Coming(body)
    };
    let form = match &body {
        Payload::Read(bytes) if is_form => Some(Form::read(&parts, bytes)),
        _ => None,
    };
    let call = route::identify(
        &parts,
        form.as_ref(),
        &state.management_account,
        &state.region,
    );
    let Some(mut call) = call else {
        return Ok(pass(&state, parts, body).await);
    };
    state.calls.count(&call.service, &call.operation);
    if is_kept && let Payload::Read(body) = &body {
        state.requests.add(&call, &parts, form.as_ref(), body);
    }
    let name = || format!("{}:{}", call.service, call.operation);
    let mishap = state.chaos.call(&parts.headers, name);
    let fault = state.faults.take(&call.service, &call.operation);
    let mut lost = false;
    match fault.or_else(|| mishap.and_then(Fault::of)) {
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
    let crash = match mishap {
        Some(Mishap::Crash(Moment::Before)) => {
            state.chaos.crash(Caller::find(peer, state.port));
            return Err(Dropped);
        }
        Some(Mishap::Crash(Moment::After)) => Some(Caller::find(peer, state.port)),
        _ => None,
    };
    let answer = if authorize::judges(&call) {
        let body = match body {
            Payload::Read(bytes) => bytes,
            Payload::Coming(body) => read(body).await?,
        };
        serve(&state, &mut call, form, parts, body)
            .await
            .unwrap_or_else(|error| error_answer(call.protocol, &error))
    } else {
        pass(&state, parts, body).await
    };
    if lost || crash.is_some() {
        // Wait for the emulator's whole answer before the caller's connection closes.
        let _ = answer.into_body().collect().await;
        if let Some(caller) = crash {
            state.chaos.crash(caller);
        }
        return Err(Dropped);
    }
    Ok(answer)
}

/// A request's body.
enum Payload {
    Coming(Incoming),
    Read(Bytes),
}

impl From<Payload> for reqwest::Body {
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::Coming(body) => Self::wrap(body),
            Payload::Read(bytes) => Self::from(bytes),
        }
    }
}

async fn read(body: Incoming) -> Result<Bytes, Dropped> {
    Ok(body.collect().await.map_err(|_| Dropped)?.to_bytes())
}

/// Authorizes the call, serves it if it is the gateway's, and forwards it otherwise.
async fn serve(
    state: &State,
    call: &mut Call,
    form: Option<Form>,
    mut parts: hyper::http::request::Parts,
    body: Bytes,
) -> Result<Response<Body>, ApiError> {
    if call.service == "cloudformation" && form.is_none() {
        return Ok(pass(state, parts, Payload::Read(body)).await);
    }
    let parameters = Parameters::read(form, &body)?;
    authorize::authorize(state, call, &parameters, &parts, &body).await?;
    let request = match parameters {
        Parameters::Form(form) => {
            return match state.stack_sets.serve(call, &form).await {
                Some(answer) => answer,
                None => Ok(pass(state, parts, Payload::Read(body)).await),
            };
        }
        Parameters::Json(request) => request,
    };
    let answer = match call.service.as_str() {
        "organizations" if organizations::serves(&call.operation) => {
            state.organizations.serve(call, &request).await
        }
        "cloudtrail" => cloudtrail::serve(&state.client, call, request).await,
        "controltower" => state.control_tower.serve(call, &request),
        _ => {
            authorize::as_root_user(call, &mut parts);
            return Ok(pass(state, parts, Payload::Read(body)).await);
        }
    };
    Ok(json_answer(&answer?))
}

async fn pass(state: &State, parts: hyper::http::request::Parts, body: Payload) -> Response<Body> {
    match proxy::forward(&state.http, &state.upstream, parts, body).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!(%error, "the emulator did not answer");
            plain(502, "the emulator did not answer")
        }
    }
}
