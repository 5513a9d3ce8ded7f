//! Listings, page by page.

use axum::http::Uri;
use serde_json::{Value, json};
use uuid::Uuid;

use super::lock;
use super::service::{Page, Service};
use super::store::Scope;
use crate::providers::http::answer::{Answer, ApiError, Handled};

/// Query parameter of the links to further pages.
const PAGE: &str = "pageToken";

/// The first page of a listing.
pub(super) fn listing(service: &Service, scope: &Scope, rows: Vec<Value>) -> Handled {
    let total = rows.len();
    Ok(page(service, scope, Page { rows, total }))
}

/// The page behind a link. The same link answers the same page again.
pub(super) fn further_page(service: &Service, scope: &Scope, name: &str) -> Handled {
    let kept = lock(&service.pages).get(name).cloned();
    match kept {
        Some((account, rest)) if account == *scope => Ok(page(service, scope, rest)),
        _ => Err(ApiError::not_found()),
    }
}

fn page(service: &Service, scope: &Scope, mut listing: Page) -> Answer {
    let size = lock(&service.settings).page_size;
    let total = listing.total;
    let rest = listing.rows.split_off(listing.rows.len().min(size));
    let next = (!rest.is_empty()).then(|| {
        let name = Uuid::new_v4().simple().to_string();
        let mut url = service.base.clone();
        url.set_path("/api/v2/CloudAccounts");
        url.query_pairs_mut().append_pair(PAGE, &name);
        let rest = Page { rows: rest, total };
        lock(&service.pages).insert(name, (scope.clone(), rest));
        url
    });
    Answer::ok(json!({
        "paging": { "rows": listing.rows.len(), "totalRows": total, "urls": { "nextPage": next } },
        "data": listing.rows,
    }))
}

pub(super) fn page_name(uri: &Uri) -> Option<String> {
    let query = uri.query()?.as_bytes();
    url::form_urlencoded::parse(query)
        .find(|(name, _)| name == PAGE)
        .map(|(_, value)| value.into_owned())
}
