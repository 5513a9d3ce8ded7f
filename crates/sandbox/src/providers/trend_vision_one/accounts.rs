//! The operations on cloud accounts.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::answer::{Answer, ApiError, Handled};
use super::body::{self, Shape};
use super::lock;
use super::operation::Collection;
use super::record::{Record, Store};
use super::service::Service;
use super::settings::DuplicateStatus;
use super::verification::{self, Verified};
use crate::identities::account_in;
use crate::providers::Verification;
use crate::providers::http::clock::elapsed;

/// Connects an account, or gives one its role that another product of the vendor had brought.
pub(super) async fn create(
    service: &Service,
    collection: Collection,
    organization_id: Option<&str>,
    body: &Value,
) -> Handled {
    let fields = body::check(body, Shape::Account).map_err(ApiError::bad_request)?;
    let role_arn = body["roleArn"].as_str().unwrap_or_default();
    let id = account_in(role_arn);
    connected_services(service, fields, None)?;
    let name = normalized(service, id, body["name"].as_str().unwrap_or_default());
    refuse_duplicate(service, &lock(&service.store), id, &name)?;
    verify_new(service, role_arn).await?;
    let now = service.clock.now();
    let mut record = Record {
        number: 0,
        id: id.to_owned(),
        role_arn: role_arn.to_owned(),
        name: name.clone(),
        description: String::new(),
        given: Map::new(),
        sources: Vec::new(),
        organization_id: organization_id.map(str::to_owned),
        created_at: now,
        updated_at: now,
        verification: Verification::Passed,
        synced_at: now,
        outdated: false,
        missing_permissions: Vec::new(),
    };
    set(&mut record, fields);
    let mut store = lock(&service.store);
    // Another request may have connected it while the role was verified.
    refuse_duplicate(service, &store, id, &name)?;
    if let Some(bridge) = store.find(id) {
        record.sources.clone_from(&bridge.sources);
        record.created_at = bridge.created_at;
    }
    store.put(record);
    let mut location = service.base.clone();
    location.set_path(&format!("{}/{id}", collection.path()));
    Ok(Answer::created(location.into()))
}

pub(super) fn get(service: &Service, id: &str) -> Handled {
    let store = lock(&service.store);
    let record = store.find(id).ok_or_else(ApiError::not_found)?;
    Ok(Answer::tagged(record.to_json(), record.etag()))
}

/// Changes the fields that the body names, lists as a whole. A role in it is verified.
pub(super) async fn update(
    service: &Service,
    collection: Collection,
    id: &str,
    version: Option<&str>,
    body: &Value,
) -> Handled {
    let current = lock(&service.store)
        .find(id)
        .cloned()
        .ok_or_else(ApiError::not_found)?;
    match version {
        None if collection.demands_version() => {
            let status = StatusCode::PRECONDITION_REQUIRED;
            let message = "If-Match is required";
            return Err(ApiError::new(status, "PreconditionRequired", message));
        }
        _ => refuse_stale(version, &current)?,
    }
    let fields = body::check(body, Shape::Change).map_err(ApiError::bad_request)?;
    connected_services(service, fields, Some(&current))?;
    let name = body["name"]
        .as_str()
        .map(|name| normalized(service, id, name));
    if let Some(name) = &name {
        refuse_taken(&lock(&service.store), id, name)?;
    }
    let role_arn = body["roleArn"].as_str();
    if let Some(role_arn) = role_arn {
        if account_in(role_arn) != id {
            let message = "the role is in another account";
            return Err(ApiError::bad_request(message));
        }
        verify_new(service, role_arn).await?;
    }
    let now = service.clock.now();
    let mut store = lock(&service.store);
    if let Some(name) = &name {
        refuse_taken(&store, id, name)?;
    }
    let record = store.find_mut(id).ok_or_else(ApiError::not_found)?;
    refuse_stale(version, record)?;
    set(record, fields);
    if let Some(name) = name {
        record.name = name;
    }
    if let Some(role_arn) = role_arn {
        role_arn.clone_into(&mut record.role_arn);
        record.verification = Verification::Passed;
        record.synced_at = now;
    }
    record.updated_at = now;
    Ok(Answer::no_content())
}

pub(super) fn delete(service: &Service, id: &str) -> Handled {
    if lock(&service.store).remove(id) {
        Ok(Answer::no_content())
    } else {
        Err(ApiError::not_found())
    }
}

/// Verifies an account's role again and keeps the result as its state.
///
/// # Errors
/// When there is no such account, or AWS gave no answer to judge by.
pub(super) async fn refresh(service: &Service, id: &str) -> anyhow::Result<Verification> {
    let role_arn = lock(&service.store)
        .find(id)
        .map(|record| record.role_arn.clone())
        .ok_or_else(|| anyhow::anyhow!("there is no account {id}"))?;
    let verification = look(service, &role_arn).await?;
    let now = service.clock.now();
    // An account that was given another role in the meantime was verified then.
    if let Some(record) = lock(&service.store).find_mut(id)
        && record.role_arn == role_arn
    {
        record.verification = verification.clone();
        record.synced_at = now;
    }
    Ok(verification)
}

/// Whether a role can be assumed now.
///
/// # Errors
/// When AWS gave no answer to judge by.
pub(super) async fn look(service: &Service, role_arn: &str) -> anyhow::Result<Verification> {
    if role_arn.is_empty() {
        let reason = "the account has no role".to_owned();
        return Ok(Verification::RoleRefused { reason });
    }
    Ok(verification::verify(service, role_arn).await?.verification)
}

/// Sets what the client chooses, but name and role.
fn set(record: &mut Record, fields: &Map<String, Value>) {
    for (name, value) in fields {
        match name.as_str() {
            "roleArn" | "name" => {}
            "description" => {
                value
                    .as_str()
                    .unwrap_or_default()
                    .clone_into(&mut record.description);
            }
            _ => {
                record.given.insert(name.clone(), value.clone());
            }
        }
    }
}

/// The name that the account gets: its alias wins.
fn normalized(service: &Service, id: &str, name: &str) -> String {
    let settings = lock(&service.settings);
    settings
        .aliases
        .get(id)
        .map_or(name, String::as_str)
        .to_owned()
}

fn refuse_taken(store: &Store, id: &str, name: &str) -> Result<(), ApiError> {
    if store.has_name(name, id) {
        let message = format!("another account has the name {name}");
        return Err(ApiError::bad_request(message));
    }
    Ok(())
}

fn refuse_duplicate(
    service: &Service,
    store: &Store,
    id: &str,
    name: &str,
) -> Result<(), ApiError> {
    if store.find(id).is_some_and(|record| !record.is_bridge()) {
        let (status, code) = match lock(&service.settings).duplicates {
            DuplicateStatus::BadRequest => (StatusCode::BAD_REQUEST, "BadRequest"),
            DuplicateStatus::Conflict => (StatusCode::CONFLICT, "Conflict"),
        };
        let message = format!("AWS account {id} is already connected");
        return Err(ApiError::new(status, code, message));
    }
    refuse_taken(store, id, name)
}

fn refuse_stale(version: Option<&str>, record: &Record) -> Result<(), ApiError> {
    let current = record.etag();
    let fits = version.is_none_or(|version| {
        version == "*" || version.trim_matches('"') == current.trim_matches('"')
    });
    fits.then_some(()).ok_or_else(|| {
        let status = StatusCode::PRECONDITION_FAILED;
        let message = "the account has changed since it was read";
        ApiError::new(status, "PreconditionFailed", message)
    })
}

/// Judges the connected security services by the instances that the tenant has: one of them is
/// required from the beginning, and stays.
fn connected_services(
    service: &Service,
    fields: &Map<String, Value>,
    current: Option<&Record>,
) -> Result<(), ApiError> {
    const FIELD: &str = "connectedSecurityServices";
    let instance = |fields: &Map<String, Value>| -> Result<Option<String>, ApiError> {
        let services = fields.get(FIELD).and_then(Value::as_array);
        let mut named = services.into_iter().flatten().filter_map(Value::as_object);
        let found = named.next().and_then(|one| {
            let ids = body::instance_ids(one);
            ids.first().map(|id| (*id).to_owned())
        });
        match named.next() {
            Some(_) => Err(ApiError::bad_request(format!("{FIELD} has more than one"))),
            None => Ok(found),
        }
    };
    let wanted = instance(fields)?;
    let held = current.map(|record| instance(&record.given)).transpose()?;
    match held.flatten() {
        Some(_) if !fields.contains_key(FIELD) => return Ok(()),
        Some(held) if wanted.as_ref() != Some(&held) => {
            let message = format!("the instance of {FIELD} cannot be changed");
            return Err(ApiError::bad_request(message));
        }
        _ => {}
    }
    let instances = lock(&service.settings).workload_instances.clone();
    match wanted {
        Some(id) if !instances.contains(&id) => {
            Err(ApiError::bad_request(format!("there is no instance {id}")))
        }
        None if !instances.is_empty() && current.is_none() => Err(ApiError::bad_request(format!(
            "{FIELD} is required: the tenant has an instance of workload"
        ))),
        _ => Ok(()),
    }
}

/// Refuses a role that the service could not use: it answers 400 in the same request. The words are
/// this simulator's own.
async fn verify_new(service: &Service, role_arn: &str) -> Result<(), ApiError> {
    let Verified {
        mut verification,
        role_id,
    } = verification::verify(service, role_arn)
        .await
        .map_err(|error| {
            let message = format!("the emulator could not be asked about the role: {error:#}");
            tracing::warn!("{message}");
            ApiError::internal(message)
        })?;
    if verification.passed() && !propagated(service, role_arn, role_id) {
        let reason = format!("role {role_arn} is not known everywhere yet");
        verification = Verification::RoleRefused { reason };
    }
    match verification.reason() {
        None => Ok(()),
        Some(reason) => {
            let message = format!("The role cannot be assumed: {reason}");
            tracing::info!("{message}");
            Err(ApiError::bad_request(message))
        }
    }
}

/// Whether the role has been known for the propagation delay, counted from the first request for
/// it: so the first attempt always meets a new role, however slow the caller is.
fn propagated(service: &Service, role_arn: &str, role_id: Option<String>) -> bool {
    let delay = lock(&service.settings).propagation_delay;
    let now = service.clock.now();
    let key = (role_arn.to_owned(), role_id);
    let first = *lock(&service.roles_first_seen).entry(key).or_insert(now);
    elapsed(first, now) >= delay
}
