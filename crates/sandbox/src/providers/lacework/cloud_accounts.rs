//! The operations on cloud account integrations.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::refusal::unauthorized_access;
use super::service::Service;
use super::store::{Checked, Record, Scope, Store, new_guid};
use super::verification::{self, Access};
use super::{account_mapping, lock, schema};
use crate::providers::Verification;
use crate::providers::http::answer::{Answer, ApiError, Handled};
use crate::providers::http::clock::elapsed;

/// Keys of an answer that a PATCH may repeat, but not change.
const READ_ONLY: [&str; 6] = [
    "isOrg",
    "createdOrUpdatedBy",
    "createdOrUpdatedTime",
    "state",
    "serverToken",
    "intgGuid",
];

pub(super) fn list(service: &Service, scope: &Scope, kind: Option<&str>) -> Vec<Value> {
    let view = service.view();
    lock(&service.store)
        .visible(scope)
        .filter(|record| kind.is_none_or(|kind| record.kind == kind))
        .map(|record| record.to_json(&view))
        .collect()
}

pub(super) async fn create(service: &Service, scope: &Scope, body: Value) -> Handled {
    let Value::Object(body) = body else {
        return Err(ApiError::bad_request("the body must be an object"));
    };
    schema::validate(&body).map_err(ApiError::bad_request)?;
    let integration = Integration::of(&body)?;
    account_mapping::validate(&integration.data, scope, &service.config)
        .map_err(ApiError::bad_request)?;
    refuse_duplicate(service, &lock(&service.store), &integration, scope, None)?;
    let verification = verify_new(service, &integration.data).await?;
    refuse_on_purpose(service, scope)?;
    let now = service.clock.now();
    let account = match scope {
        Scope::Organization => service.config.tenant.as_str(),
        Scope::Account(name) => name,
    };
    let server_token = matches!(
        integration.kind.as_str(),
        "AwsSidekick" | "AwsSidekickOrg" | "AwsDspm"
    )
    .then(
        || json!({ "serverToken": format!("_{}", Uuid::new_v4().simple()), "uri": service.base }),
    );
    let record = Record {
        guid: new_guid(account),
        scope: scope.clone(),
        name: integration.name.clone(),
        kind: integration.kind.clone(),
        enabled: integration.enabled,
        data: integration.data.clone(),
        props: integration.props.clone(),
        changed_by: service.user(),
        changed_at: now,
        created_at: now,
        server_token,
        checked: Checked::new(verification, now),
    };
    let shown = record.to_json(&service.view());
    let mut store = lock(&service.store);
    // Another request may have created it while the role was verified.
    refuse_duplicate(service, &store, &integration, scope, None)?;
    store.records.push(record);
    Ok(Answer::created(json!({ "data": shown })))
}

/// Merges the body into the integration; the body may be a whole integration.
pub(super) async fn update(service: &Service, scope: &Scope, guid: &str, body: Value) -> Handled {
    let Value::Object(mut patch) = body else {
        return Err(ApiError::bad_request("the body must be an object"));
    };
    let current = own(&lock(&service.store), scope, guid)?.clone();
    if patch.get("intgGuid").is_some_and(|given| given != guid) {
        return Err(ApiError::bad_request("key intgGuid cannot be changed"));
    }
    if patch
        .get("type")
        .is_some_and(|given| *given != current.kind)
    {
        return Err(ApiError::bad_request("key type cannot be changed"));
    }
    for key in READ_ONLY {
        patch.remove(key);
    }
    keep_blanked_secret(&mut patch);
    let mut merged = json!({
        "name": current.name,
        "type": current.kind,
        "enabled": u8::from(current.enabled),
        "data": current.data,
    });
    if let Some(props) = &current.props {
        merged["props"] = props.clone();
    }
    merge(&mut merged, &Value::Object(patch));
    let merged = match merged {
        Value::Object(merged) => merged,
        _ => Map::new(),
    };
    schema::validate(&merged).map_err(ApiError::bad_request)?;
    let changed = Integration::of(&merged)?;
    account_mapping::validate(&changed.data, scope, &service.config)
        .map_err(ApiError::bad_request)?;
    refuse_duplicate(service, &lock(&service.store), &changed, scope, Some(guid))?;
    let verification = if Access::of(&changed.data) == Access::of(&current.data) {
        None
    } else {
        Some(verify_new(service, &changed.data).await?)
    };
    let (now, view) = (service.clock.now(), service.view());
    let mut store = lock(&service.store);
    let record = store.find_mut(guid).ok_or_else(ApiError::not_found)?;
    record.name = changed.name;
    record.enabled = changed.enabled;
    record.data = changed.data;
    record.props = changed.props;
    record.changed_by = service.user();
    record.changed_at = now;
    if let Some(verification) = verification {
        record.checked = Checked::new(verification, now);
    }
    Ok(Answer::ok(json!({ "data": record.to_json(&view) })))
}

pub(super) fn delete(service: &Service, scope: &Scope, guid: &str) -> Handled {
    let mut store = lock(&service.store);
    own(&store, scope, guid)?;
    store.remove(guid);
    Ok(Answer::no_content())
}

/// Verifies an integration again and keeps the result as its state.
///
/// # Errors
/// When there is no such integration, or AWS gave no answer to judge by.
pub(super) async fn refresh(service: &Service, guid: &str) -> anyhow::Result<Verification> {
    let data = lock(&service.store)
        .find(guid)
        .map(|record| record.data.clone())
        .ok_or_else(|| anyhow::anyhow!("there is no integration {guid}"))?;
    let verification = match (&service.aws, Access::of(&data)) {
        (Some(aws), Some(access)) => {
            let principal = &service.config.principal_arn;
            verification::verify(aws, principal, &access)
                .await?
                .verification
        }
        _ => Verification::Passed,
    };
    let now = service.clock.now();
    if let Some(record) = lock(&service.store).find_mut(guid) {
        let last_passed = record.checked.last_passed;
        record.checked = Checked::new(verification.clone(), now);
        record.checked.last_passed = record.checked.last_passed.or(last_passed);
    }
    Ok(verification)
}

/// The changeable part of an integration, validated.
struct Integration {
    name: String,
    kind: String,
    enabled: bool,
    data: Map<String, Value>,
    props: Option<Value>,
}

impl Integration {
    fn of(body: &Map<String, Value>) -> Result<Self, ApiError> {
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        let read = || {
            Some(Self {
                name: text("name")?,
                kind: text("type")?,
                enabled: body.get("enabled")?.as_u64()? == 1,
                data: body.get("data")?.as_object()?.clone(),
                props: body.get("props").cloned(),
            })
        };
        read().ok_or_else(|| ApiError::bad_request("the integration is incomplete"))
    }
}

fn refuse_duplicate(
    service: &Service,
    store: &Store,
    integration: &Integration,
    scope: &Scope,
    except: Option<&str>,
) -> Result<(), ApiError> {
    let across = lock(&service.settings).duplicates;
    match store.duplicate(&integration.kind, &integration.data, scope, across, except) {
        Some(message) => Err(ApiError::bad_request(message)),
        None => Ok(()),
    }
}

/// The account's own integration; the organization's can be read in its accounts, not changed.
fn own<'store>(
    store: &'store Store,
    scope: &Scope,
    guid: &str,
) -> Result<&'store Record, ApiError> {
    let record = store
        .visible(scope)
        .find(|record| record.guid == guid)
        .ok_or_else(ApiError::not_found)?;
    if record.scope == *scope {
        Ok(record)
    } else {
        Err(unauthorized_access())
    }
}

/// Refuses an integration that the vendor could not use: the service answers 400 in the same
/// request.
async fn verify_new(
    service: &Service,
    data: &Map<String, Value>,
) -> Result<Verification, ApiError> {
    let Some(access) = Access::of(data) else {
        return Ok(Verification::Passed);
    };
    let (mut verification, role_id) = match &service.aws {
        None => (Verification::Passed, None),
        Some(aws) => verification::verify(aws, &service.config.principal_arn, &access)
            .await
            .map(|verified| (verified.verification, verified.role_id))
            .map_err(|error| {
                let message = format!("the emulator could not be asked about the role: {error:#}");
                tracing::warn!("{message}");
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
            })?,
    };
    if verification.passed() && !propagated(service, &access.role_arn, role_id) {
        let reason = format!("role {} is not known everywhere yet", access.role_arn);
        verification = Verification::RoleRefused { reason };
    }
    match verification::refusal(&verification) {
        None => Ok(verification),
        Some(message) => {
            tracing::info!("{message}");
            Err(ApiError::bad_request(message))
        }
    }
}

/// Refuses new integrations in the account that a test has chosen.
fn refuse_on_purpose(service: &Service, scope: &Scope) -> Result<(), ApiError> {
    let refusing = lock(&service.settings).refusing.clone();
    let refused = match (refusing, scope) {
        (Some(refusing), Scope::Account(name)) if refusing == *name => {
            let reason = format!("no role can be used from {name}");
            verification::refusal(&Verification::RoleRefused { reason })
        }
        _ => None,
    };
    refused.map_or(Ok(()), |message| Err(ApiError::bad_request(message)))
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

/// Answers carry an empty secret; in a request it means "unchanged".
fn keep_blanked_secret(patch: &mut Map<String, Value>) {
    let key = patch
        .get_mut("data")
        .and_then(|data| data.get_mut("accessKeyCredentials"))
        .and_then(Value::as_object_mut);
    if let Some(key) = key
        && key.get("secretAccessKey") == Some(&json!(""))
    {
        key.remove("secretAccessKey");
    }
}

fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}
