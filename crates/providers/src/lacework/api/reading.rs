//! Parses response bytes without a server or a call: the one entry point for the fuzz targets in
//! `fuzz/`, and for the test that replays their seeds.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use towerhook_core::model::{Profile, Registration, RegistrationKind, Token};
use url::Url;

use super::{pages, profile, tokens, wire};
use crate::api::{answer, json};

const READ: &str = "lacework:Read";

/// One body, parsed as every operation's response.
#[derive(Debug)]
pub struct Reading {
    /// The server's message, parsed as a refusal.
    pub message: String,
    /// The wait, with the body as a throttle's header.
    pub retry_after: Option<Duration>,
    /// The id, parsed as the response to a creation.
    pub made: Option<String>,
    /// The integrations, parsed as a page of a list.
    pub registrations: Vec<Registration>,
    /// The next page, parsed likewise.
    pub next_page: Option<Url>,
    /// The profile, parsed as one.
    pub profile: Option<Profile>,
    /// The token, parsed as one.
    pub token: Option<Token>,
}

/// Parses the bytes in every way, as a response from `base`. `hidden` is a secret that the message
/// must not repeat.
#[must_use]
pub fn read(base: &Url, body: &[u8], hidden: &str) -> Reading {
    let headers: HeaderMap = HeaderValue::from_bytes(body)
        .into_iter()
        .map(|value| (RETRY_AFTER, value))
        .collect();
    let page = json::parse(READ, body).unwrap_or_default();
    let kinds = [RegistrationKind::Account, RegistrationKind::Feed];
    let items = page["data"].as_array().into_iter().flatten();
    Reading {
        message: json::message(body, &[hidden]),
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
