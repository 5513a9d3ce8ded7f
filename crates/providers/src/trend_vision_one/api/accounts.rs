//! `/v3.0/cam/awsAccounts`.

use reqwest::{Method, StatusCode};
use towerhook_core::{
    Error, ErrorKind, Result,
    model::{AccountId, Created, Registration, RegistrationSpec},
};
use url::Url;

use super::{ACCOUNTS, Settings, wire};
use crate::api::{
    answer::Answer,
    client::{Call, Client, TokenSource},
    json,
    pages::{self, Next, Shape, linked},
};

const LIST: &str = "vision-one:ListAwsAccounts";
const GET: &str = "vision-one:GetAwsAccount";
const CREATE: &str = "vision-one:AddAwsAccount";
const UPDATE: &str = "vision-one:UpdateAwsAccount";
const DELETE: &str = "vision-one:RemoveAwsAccount";

/// The rows of one page. The API has pages of 25, 50, 100, 500, 1,000 and 5,000.
const PAGE: &str = "1000";

const SHAPE: Shape = Shape {
    items: "items",
    next: |call: &Call<'_>, page| {
        let link = &page["nextLink"];
        let next = linked(call.operation, &call.url, link, "usable nextLink")?;
        Ok(next.map(Next::At))
    },
};

/// The list of accounts in pages of this size.
pub(super) fn with_top(mut url: Url, top: &str) -> Url {
    url.query_pairs_mut().append_pair("top", top);
    url
}

fn one<T: TokenSource>(client: &Client<T>, id: &str) -> Url {
    let [cam, accounts] = ACCOUNTS;
    client.endpoint(&[cam, accounts, id])
}

/// Lists the accounts that have a role. The vendor's releases make most rows outdated at once, so
/// these are reported together.
pub(super) async fn list<T: TokenSource>(client: &Client<T>) -> Result<Vec<Registration>> {
    let url = with_top(client.endpoint(&ACCOUNTS), PAGE);
    let first = Call::new(LIST, Method::GET, url);
    let read = |row: &_| wire::row(row).ok_or_else(|| json::missing(LIST, "usable id"));
    let rows = pages::all(client, first, &SHAPE, read).await?;
    let outdated = rows.iter().filter(|row| row.outdated).count();
    let incomplete = rows.iter().filter(|row| row.incomplete).count();
    if outdated > 0 || incomplete > 0 {
        tracing::warn!(
            outdated,
            incomplete,
            "accounts whose role Vision One would have otherwise"
        );
    }
    Ok(rows
        .into_iter()
        .filter_map(|row| row.registration)
        .collect())
}

async fn get<T: TokenSource>(client: &Client<T>, id: &str) -> Result<Answer> {
    client
        .send(&Call::new(GET, Method::GET, one(client, id)))
        .await
}

pub(super) async fn create<T: TokenSource>(
    client: &Client<T>,
    settings: &Settings,
    spec: &RegistrationSpec,
) -> Result<Created> {
    let call = Call {
        body: Some(wire::new_account(spec, settings)),
        ..Call::new(CREATE, Method::POST, client.endpoint(&ACCOUNTS))
    };
    let answer = client.send(&call).await?;
    match answer.status {
        status if status.is_success() => Ok(Created::Done(made_id(&answer))),
        StatusCode::BAD_REQUEST | StatusCode::CONFLICT => refused(client, answer, spec).await,
        _ => Err(answer.refused(CREATE)),
    }
}

/// The id of what was made: the last part of its address.
fn made_id(answer: &Answer) -> Option<String> {
    let address = answer.header("location")?;
    let path = address.split(['?', '#']).next()?;
    let account: AccountId = path.rsplit('/').next()?.parse().ok()?;
    Some(account.to_string())
}

/// The meaning of a refused account.
///
/// The words of a refusal are not documented. So the account is looked up: either it is connected
/// already, or its role could not be used.
async fn refused<T: TokenSource>(
    client: &Client<T>,
    answer: Answer,
    spec: &RegistrationSpec,
) -> Result<Created> {
    let found = get(client, spec.account.as_str()).await?;
    let is_connected = found.status != StatusCode::NOT_FOUND && wire::has_role(&found.json(GET)?);
    Ok(if is_connected {
        Created::AlreadyUsed
    } else {
        Created::RoleNotAssumable(answer.message)
    })
}

/// The row with its version, if it is still as it was listed. Its id is the account's, so another
/// client may have replaced the row under the same id.
async fn as_listed<T: TokenSource>(
    client: &Client<T>,
    operation: &'static str,
    existing: &Registration,
) -> Result<Answer> {
    let found = get(client, &existing.guid).await?;
    if !found.status.is_success() {
        return Err(found.refused(GET));
    }
    let row = wire::row(&json::parse(GET, &found.body)?);
    let now = row.and_then(|row| row.registration);
    let is_same =
        |now: &Registration| (&now.name, &now.role_arn) == (&existing.name, &existing.role_arn);
    if now.as_ref().is_some_and(is_same) {
        Ok(found)
    } else {
        Err(Error::new(operation, ErrorKind::Conflict, Changed).of_registry())
    }
}

/// A row that is no longer as it was listed.
#[derive(Debug, thiserror::Error)]
#[error("the row was changed since it was listed")]
struct Changed;

/// Changes the row, unless another client has changed it since it was listed.
pub(super) async fn update<T: TokenSource>(
    client: &Client<T>,
    settings: &Settings,
    existing: &Registration,
    spec: &RegistrationSpec,
) -> Result<Created> {
    let found = as_listed(client, UPDATE, existing).await?;
    let version = found.header("etag");
    let call = Call {
        headers: version.map(|tag| ("If-Match", tag)).into_iter().collect(),
        body: Some(wire::change(spec, settings)),
        ..Call::new(UPDATE, Method::PATCH, one(client, &existing.guid))
    };
    let answer = client.send(&call).await?;
    match answer.status {
        status if status.is_success() => Ok(Created::Done(Some(existing.guid.clone()))),
        StatusCode::BAD_REQUEST => Ok(Created::RoleNotAssumable(answer.message)),
        StatusCode::PRECONDITION_FAILED => Err(answer.into_error(UPDATE, ErrorKind::Conflict)),
        _ => Err(answer.refused(UPDATE)),
    }
}

pub(super) async fn delete<T: TokenSource>(
    client: &Client<T>,
    existing: &Registration,
) -> Result<()> {
    match as_listed(client, DELETE, existing).await {
        Ok(_) => {}
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    let call = Call::new(DELETE, Method::DELETE, one(client, &existing.guid));
    let answer = client.send(&call).await?;
    if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
        Ok(())
    } else {
        Err(answer.refused(DELETE))
    }
}
