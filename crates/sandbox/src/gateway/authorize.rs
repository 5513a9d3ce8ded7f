//! Authorization of the calls that the gateway serves.
//!
//! The emulator verifies signatures and evaluates identity policies for the calls that it serves.
//! For the gateway's calls, the gateway asks it: it sends the original request with its signature,
//! and the actions that must be allowed according to the service authorization reference.

mod checks;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::http::request::Parts;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{ApiError, Protocol};
use super::parameters::Parameters;
use super::proxy;
use super::route::Call;
use super::{State, cloudtrail};
use crate::aws_client::root_user;

/// The header that asks the emulator for a judgement.
const HEADER: &str = "x-sandbox-authorize";

/// CloudTrail's error for a caller that may change the trail, but lacks permissions in other
/// services.
const DENIED_ELSEWHERE: &str = "InsufficientDependencyServiceAccessPermissionException";

/// One action that must be allowed.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Check {
    action: String,
    resource: String,
    /// Condition keys in addition to those of every request.
    context: Value,
    /// Whether the service calls another service on the caller's behalf.
    #[serde(skip)]
    elsewhere: bool,
}

impl Check {
    fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            context: json!({}),
            elsewhere: false,
        }
    }

    fn elsewhere(self) -> Self {
        Self {
            elsewhere: true,
            ..self
        }
    }
}

/// The account of each access key that has called.
#[derive(Debug, Default)]
pub(super) struct Accounts(Mutex<BTreeMap<String, String>>);

#[derive(Deserialize)]
struct Judgement {
    account: String,
    denied: Option<Denied>,
}

#[derive(Deserialize)]
struct Denied {
    code: String,
    status: u16,
    message: String,
}

/// Whether the gateway authorizes calls of this operation.
pub(super) fn judges(call: &Call) -> bool {
    match call.service.as_str() {
        "organizations" | "controltower" | "cloudformation" => true,
        "cloudtrail" => cloudtrail::serves(&call.operation),
        _ => false,
    }
}

/// Authenticates and authorizes the caller, and sets its account in `call`.
///
/// # Errors
/// AWS's answer to an unknown or unauthorized caller.
pub(super) async fn authorize(
    state: &State,
    call: &mut Call,
    parameters: &Parameters,
    parts: &Parts,
    body: &Bytes,
) -> Result<(), ApiError> {
    // The account's root user may do everything.
    if call.key_id == call.account {
        return Ok(());
    }
    call.account = match state.accounts.get(&call.key_id) {
        Some(account) => account,
        None => {
            let account = ask(state, call, &[], parts, body).await?;
            state.accounts.set(&call.key_id, &account);
            account
        }
    };
    let checks = checks::checks(state, call, parameters).await?;
    let (elsewhere, here): (Vec<_>, Vec<_>) = checks.into_iter().partition(|check| check.elsewhere);
    if !here.is_empty() {
        ask(state, call, &here, parts, body).await?;
    }
    if !elsewhere.is_empty() {
        let answer = ask(state, call, &elsewhere, parts, body).await;
        answer.map_err(|error| ApiError::new(400, DENIED_ELSEWHERE, error.message))?;
    }
    Ok(())
}

/// Signs the request as the root user, so that the emulator executes what was authorized here.
pub(super) fn as_root_user(call: &Call, parts: &mut Parts) {
    let root = root_user(&call.account, &call.region, &call.service);
    if let Ok(value) = HeaderValue::from_str(&root) {
        parts.headers.insert(AUTHORIZATION, value);
    }
    parts.headers.remove("x-amz-security-token");
}

async fn ask(
    state: &State,
    call: &Call,
    checks: &[Check],
    parts: &Parts,
    body: &Bytes,
) -> Result<String, ApiError> {
    let broken = |error: reqwest::Error| ApiError::new(500, "InternalFailure", error.to_string());
    let question = json!({"service": call.service, "checks": checks}).to_string();
    let question = utf8_percent_encode(&question, NON_ALPHANUMERIC).to_string();
    let judgement: Judgement = proxy::request(&state.http, &state.upstream, parts)
        .header(HEADER, question)
        .body(body.clone())
        .send()
        .await
        .map_err(broken)?
        .json()
        .await
        .map_err(broken)?;
    match judgement.denied {
        None => Ok(judgement.account),
        Some(Denied {
            code,
            status,
            message,
        }) if code == "AccessDenied" => Err(denied(call.protocol, status, message)),
        Some(Denied {
            code,
            status,
            message,
        }) => Err(ApiError::new(status, &code, message)),
    }
}

/// A denial in the words of each protocol.
fn denied(protocol: Protocol, status: u16, message: String) -> ApiError {
    match protocol {
        Protocol::Json => ApiError::new(400, "AccessDeniedException", message),
        Protocol::RestJson => ApiError::new(403, "AccessDeniedException", message),
        Protocol::Query | Protocol::RestXml | Protocol::Plain => {
            ApiError::new(status, "AccessDenied", message)
        }
    }
}

impl Accounts {
    fn get(&self, key_id: &str) -> Option<String> {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.get(key_id).cloned()
    }

    fn set(&self, key_id: &str, account: &str) {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.insert(key_id.to_owned(), account.to_owned());
    }
}
