//! Reads a list page by page, within bounds: a partial list is an error.

use std::{collections::HashSet, time::Duration};

use reqwest::StatusCode;
use serde_json::Value;
use towerhook_core::{Error, ErrorKind, Result};
use url::Url;

use super::{
    client::{Call, Client, TokenSource},
    json,
};

/// The most pages of a list. Lacework's pages have up to 5,000 rows, and its API allows 480 requests
/// an hour.
///
/// Source of both: the vendor's OpenAPI 2.0 description.
pub(crate) const MOST_PAGES: usize = 100;

/// The most items of a list: five times the accounts that an AWS organization can have.
///
/// Source: docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html.
const MOST_ITEMS: usize = 50_000;

/// The most bytes of a list, all its pages together.
const MOST_BYTES: usize = 64 << 20;

/// The longest link to a next page, in bytes.
pub(crate) const LONGEST_LINK: usize = 8 << 10;

/// A list that exceeds a bound.
#[derive(Debug, thiserror::Error)]
enum Endless {
    #[error("the list's pages lead in a circle")]
    Circle,
    #[error("the list has more than {MOST_PAGES} pages")]
    Pages,
    #[error("the list has more than {MOST_ITEMS} items")]
    Items,
    #[error("the list has more than {MOST_BYTES} bytes")]
    Bytes,
    #[error("the list did not end within {} s", .0.as_secs_f32())]
    Time(Duration),
}

/// Where a page has its items and the way to the next page.
pub(crate) struct Shape {
    /// The field with the items.
    pub(crate) items: &'static str,
    /// The next call, made of the one before and its page; `None` after the last.
    pub(crate) next: fn(&Call<'_>, &Value) -> Result<Option<Next>>,
}

/// What the next call has other than the one before.
pub(crate) enum Next {
    /// Another address.
    At(Url),
    /// Another body.
    With(Value),
}

/// All items of a list, each parsed by `read`.
pub(crate) async fn all<T: TokenSource, I>(
    client: &Client<T>,
    first: Call<'_>,
    shape: &Shape,
    read: impl Fn(&Value) -> Result<I>,
) -> Result<Vec<I>> {
    let operation = first.operation;
    let time = client.list_time;
    match tokio::time::timeout(time, each(client, first, shape, read)).await {
        Ok(list) => list,
        Err(_) => {
            let error = Endless::Time(time);
            Err(Error::new(operation, ErrorKind::Unavailable, error).of_registry())
        }
    }
}

async fn each<T: TokenSource, I>(
    client: &Client<T>,
    mut call: Call<'_>,
    shape: &Shape,
    read: impl Fn(&Value) -> Result<I>,
) -> Result<Vec<I>> {
    let operation = call.operation;
    let endless = |error| Err(Error::new(operation, ErrorKind::Invalid, error).of_registry());
    let mut found = Vec::new();
    let mut bytes = 0;
    let mut seen = HashSet::new();
    loop {
        let body = call.body.as_ref().map(Value::to_string);
        if !seen.insert((call.url.clone(), body)) {
            return endless(Endless::Circle);
        }
        if seen.len() > MOST_PAGES {
            return endless(Endless::Pages);
        }
        let answer = client.send(&call).await?;
        // An empty list may be a 204.
        if answer.status == StatusCode::NO_CONTENT {
            return Ok(found);
        }
        bytes += answer.body.len();
        if bytes > MOST_BYTES {
            return endless(Endless::Bytes);
        }
        let page = answer.json(operation)?;
        let items = page[shape.items]
            .as_array()
            .ok_or_else(|| json::missing(operation, shape.items))?;
        if items.len() > MOST_ITEMS - found.len() {
            return endless(Endless::Items);
        }
        for item in items {
            found.push(read(item)?);
        }
        match (shape.next)(&call, &page)? {
            Some(Next::At(url)) => call.url = url,
            Some(Next::With(body)) => call.body = Some(body),
            None => return Ok(found),
        }
    }
}

/// The URL of the page after the one at `here`, to which there is a link unless it is the last.
pub(crate) fn linked(
    operation: &'static str,
    here: &Url,
    link: &Value,
    without: &'static str,
) -> Result<Option<Url>> {
    match link.as_str() {
        None | Some("") => Ok(None),
        Some(link) => at_host(here, link)
            .map(Some)
            .ok_or_else(|| json::missing(operation, without)),
    }
}

/// The target of a link on the page at `here`, at the same host. The link's own host is never
/// parsed.
pub(crate) fn at_host(here: &Url, link: &str) -> Option<Url> {
    // A URL parser treats a backslash as a slash, and drops line breaks and tabs.
    let is_odd = |c: char| c == '\\' || c.is_whitespace() || c.is_control();
    if link.len() > LONGEST_LINK || link.contains(is_odd) {
        return None;
    }
    let end_of_scheme = link.find(['/', '?', '#']).unwrap_or(link.len());
    let (scheme, rest) = link.split_at(end_of_scheme);
    let has_scheme = ["https:", "http:"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    if scheme.contains(':') && !has_scheme {
        return None;
    }
    let local = match rest.strip_prefix("//") {
        Some(host) if has_scheme || scheme.is_empty() => {
            let end_of_host = host.find(['/', '?', '#']).unwrap_or(host.len());
            format!("/{}", host[end_of_host..].trim_start_matches('/'))
        }
        _ if has_scheme => return None,
        _ => link.to_owned(),
    };
    let mut url = here.join(&local).ok()?;
    url.set_fragment(None);
    Some(url)
}
