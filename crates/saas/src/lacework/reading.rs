//! What an answer's bytes are read as, with no server and no call: the one entry for the fuzz targets
//! in `fuzz/`, and for the test that replays their seeds. Nothing else needs it.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use towerhook_core::model::{Profile, Registration, RegistrationKind, Token};
use url::Url;

use super::{answer, pages, profile, tokens, wire};

const READ: &str = "lacework:Read";

/// One body as every operation would read it.
#[derive(Debug)]
pub struct Reading {
    /// The server's words, were it a refusal.
    pub message: String,
    /// How long to wait, were it a throttle with the body as the header.
    pub retry_after: Option<Duration>,
    /// The id, were it the answer to a creation.
    pub made: Option<String>,
    /// The integrations, were it a page of a list.
    pub registrations: Vec<Registration>,
    /// The next page, were it one.
    pub next_page: Option<Url>,
    /// The profile, were it one.
    pub profile: Option<Profile>,
    /// The token, were it one.
    pub token: Option<Token>,
}

/// Reads the bytes in every way, as if they were what `base` answers. `hidden` is a secret that the
/// message must not repeat.
#[must_use]
pub fn read(base: &Url, body: &[u8], hidden: &str) -> Reading {
    let headers: HeaderMap = HeaderValue::from_bytes(body)
        .into_iter()
        .map(|value| (RETRY_AFTER, value))
        .collect();
    let page = wire::json(READ, body).unwrap_or_default();
    let kinds = [RegistrationKind::Account, RegistrationKind::Feed];
    let items = page["data"].as_array().into_iter().flatten();
    Reading {
        message: wire::message(body, &[hidden]),
        retry_after: answer::retry_after(&headers, Timestamp::UNIX_EPOCH),
        made: wire::made_guid(READ, body),
        registrations: items
            .flat_map(|item| kinds.map(|kind| wire::registration(item, None, kind)))
            .flatten()
            .collect(),
        next_page: pages::next(READ, base, &page).ok().flatten(),
        profile: profile::read(&page).ok(),
        token: tokens::read(&page, "version", Timestamp::UNIX_EPOCH).ok(),
    }
}
