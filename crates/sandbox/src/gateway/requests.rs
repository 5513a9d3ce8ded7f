//! The functions' requests, recorded so that they can be checked against AWS's own models.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::header::USER_AGENT;
use hyper::http::request::Parts;

use super::parameters::{Form, Parameters};
use super::route::Call;

/// A request as AWS would get it.
#[derive(Clone)]
pub struct SentRequest {
    /// Service as in the credential scope.
    pub service: String,
    /// Operation; method and path where a REST service's operation is not known.
    pub operation: String,
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The body, which may hold secrets.
    pub body: Bytes,
}

impl fmt::Debug for SentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.operation)
    }
}

/// One request of each operation and set of fields, if a test asked for them: the others differ
/// only in their values.
#[derive(Debug, Default)]
pub(super) struct Requests(OnceLock<Mutex<BTreeMap<Fields, SentRequest>>>);

type Fields = (String, String, BTreeSet<String>);

impl Requests {
    /// Records requests from now on.
    pub(super) fn keep(&self) {
        self.0.get_or_init(Mutex::default);
    }

    /// Whether to record this one.
    pub(super) fn keeps(&self, headers: &HeaderMap) -> bool {
        self.0.get().is_some() && is_of_a_function(headers)
    }

    pub(super) fn add(&self, call: &Call, parts: &Parts, form: Option<&Form>, body: &Bytes) {
        // A body that is neither a form nor JSON, such as an S3 object, has no fields.
        let parameters = Parameters::read(form.cloned(), body);
        let fields = parameters.map(|read| read.names()).unwrap_or_default();
        let key = (call.service.clone(), call.operation.clone(), fields);
        let Some(kept) = self.0.get() else {
            return;
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.entry(key).or_insert_with(|| SentRequest {
            service: call.service.clone(),
            operation: call.operation.clone(),
            method: parts.method.to_string(),
            path: parts
                .uri
                .path_and_query()
                .map(ToString::to_string)
                .unwrap_or_default(),
            body: body.clone(),
        });
    }

    pub(super) fn all(&self) -> Vec<SentRequest> {
        let kept = self.0.get().into_iter();
        kept.flat_map(|kept| {
            let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.values().cloned().collect::<Vec<_>>()
        })
        .collect()
    }
}

/// Whether the functions' SDK sent it.
fn is_of_a_function(headers: &HeaderMap) -> bool {
    let agent = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    agent.is_some_and(|agent| agent.starts_with("aws-sdk-rust/"))
}
