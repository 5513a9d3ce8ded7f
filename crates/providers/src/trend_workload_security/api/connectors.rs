//! `/api/awsconnectors` and `/api/awsconnectorsettings`.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use towerhook_core::{
    Result,
    model::{AccountId, Created, Profile, Registration, RegistrationSpec},
};

use super::wire;
use crate::api::{
    answer::Answer,
    client::{Call, Client, TokenSource},
    json,
    pages::{self, Next, Shape},
};

const SETTINGS: &str = "workload-security:GetAwsConnectorSettings";
const LIST: &str = "workload-security:SearchAwsConnectors";
const CREATE: &str = "workload-security:CreateAwsConnector";
const UPDATE: &str = "workload-security:ModifyAwsConnector";
const DELETE: &str = "workload-security:DeleteAwsConnector";

/// The connectors of one page. The API allows 5,000.
const PAGE: usize = 1000;

const SHAPE: Shape = Shape {
    items: "awsConnectors",
    next: |call: &Call<'_>, page| next(call.operation, page),
};

/// The search for the page after this one. A manager may send fewer than it was asked for, so only
/// an empty page is the last.
fn next(operation: &'static str, page: &Value) -> Result<Option<Next>> {
    let items = page["awsConnectors"].as_array().map_or(&[][..], |all| all);
    if items.is_empty() {
        return Ok(None);
    }
    let last = items.iter().filter_map(wire::id).max();
    let last = last.ok_or_else(|| json::missing(operation, "ID"))?;
    Ok(Some(Next::With(wire::page_after(last, PAGE))))
}

fn search<T: TokenSource>(client: &Client<T>, body: Value) -> Call<'static> {
    let url = client.endpoint(&["awsconnectors", "search"]);
    Call {
        body: Some(body),
        is_repeatable: true,
        asks_aws: false,
        ..Call::new(LIST, Method::POST, url)
    }
}

/// The tenant's external id. A self-hosted manager can be set not to tell it.
pub(super) async fn profile<T: TokenSource>(client: &Client<T>) -> Result<Profile> {
    let url = client.endpoint(&["awsconnectorsettings"]);
    let call = Call::new(SETTINGS, Method::GET, url);
    let answer = client.send(&call).await?;
    let withheld = [
        StatusCode::FORBIDDEN,
        StatusCode::NOT_FOUND,
        StatusCode::BAD_REQUEST,
    ];
    let external_id = if withheld.contains(&answer.status) {
        None
    } else {
        let settings = answer.json(SETTINGS)?;
        let id = settings["externalId"].as_str().map(str::trim);
        id.filter(|id| is_external_id(id)).map(str::to_owned)
    };
    Ok(Profile {
        external_id,
        ..Profile::default()
    })
}

/// Whether a trust policy can demand it.
///
/// Source: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, `ExternalId`.
fn is_external_id(text: &str) -> bool {
    let is_letter = |c: u8| c.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&c);
    (2..=1224).contains(&text.len()) && text.bytes().all(is_letter)
}

pub(super) async fn list<T: TokenSource>(client: &Client<T>) -> Result<Vec<Registration>> {
    let first = search(client, wire::page_after(0, PAGE));
    pages::all(client, first, &SHAPE, |connector| {
        wire::registration(connector).ok_or_else(|| json::missing(LIST, "ID"))
    })
    .await
}

pub(super) async fn create<T: TokenSource>(
    client: &Client<T>,
    spec: &RegistrationSpec,
) -> Result<Created> {
    let url = client.endpoint(&["awsconnectors"]);
    let call = Call {
        body: Some(wire::connector_body(spec)),
        ..Call::new(CREATE, Method::POST, url)
    };
    let answer = client.send(&call).await?;
    outcome(client, CREATE, answer, &spec.account).await
}

pub(super) async fn update<T: TokenSource>(
    client: &Client<T>,
    existing: &Registration,
    spec: &RegistrationSpec,
) -> Result<Created> {
    let url = client.endpoint(&["awsconnectors", &existing.guid]);
    let call = Call {
        body: Some(wire::connector_body(spec)),
        is_repeatable: true,
        ..Call::new(UPDATE, Method::POST, url)
    };
    let answer = client.send(&call).await?;
    match answer.status {
        StatusCode::BAD_REQUEST => Ok(Created::RoleNotAssumable(answer.message)),
        status if status.is_success() => Ok(Created::Done(Some(existing.guid.clone()))),
        _ => Err(answer.refused(UPDATE)),
    }
}

/// The outcome of making a connector.
///
/// The words of a refusal are not documented. So after a 400 or a 409 the account is looked up:
/// either it has a connector, or its role could not be used.
async fn outcome<T: TokenSource>(
    client: &Client<T>,
    operation: &'static str,
    answer: Answer,
    account: &AccountId,
) -> Result<Created> {
    match answer.status {
        status if status.is_success() => {
            let made = json::parse(operation, &answer.body).ok();
            let id = made.as_ref().and_then(wire::id);
            Ok(Created::Done(id.map(|id| id.to_string())))
        }
        StatusCode::BAD_REQUEST | StatusCode::CONFLICT => {
            let found = client
                .send(&search(client, wire::of_account(account)))
                .await?;
            let found = found.json(LIST)?;
            let all = found["awsConnectors"].as_array();
            let is_its = |one: &Value| one["accountId"] == account.as_str();
            let exists = all.is_some_and(|all| all.iter().any(is_its));
            Ok(if exists {
                Created::AlreadyUsed
            } else {
                Created::RoleNotAssumable(answer.message)
            })
        }
        _ => Err(answer.refused(operation)),
    }
}

pub(super) async fn delete<T: TokenSource>(
    client: &Client<T>,
    existing: &Registration,
) -> Result<()> {
    let url = client.endpoint(&["awsconnectors", &existing.guid]);
    let answer = client.send(&Call::new(DELETE, Method::DELETE, url)).await?;
    if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
        Ok(())
    } else {
        Err(answer.refused(DELETE))
    }
}
