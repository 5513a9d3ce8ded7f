//! What each fuzz target does with its bytes: parse them as the functions would, and check the
//! result's invariants. `tests/tests/checks/fuzz_seeds.rs` does the same with every seed.

mod ledger;
mod setup;

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use towerhook_core::{
    custom_resource::{Answer, AnswerAddresses, MAX_RESPONSE_BYTES, Request, Response},
    foundation::Properties,
    lifecycle::{Message, Scope, Trigger},
    model::{AccountId, Health},
    retry::REQUEUE,
    stack_sets::Operation,
};
use towerhook_providers::lacework::{
    Lacework,
    api::reading,
    mapping_file::{from_data_uri, to_data_uri},
};
use url::Url;

pub use ledger::ledger;
pub use setup::setup;

/// CloudFormation's ids are shorter than this, as JSON; longer ones leave no room for a response.
const LONGEST_IDS: usize = 1500;

/// A record of the work queue.
pub fn trigger(data: &[u8]) {
    let Ok(body) = std::str::from_utf8(data) else {
        return;
    };
    match Trigger::parse(body) {
        Err(malformed) => assert!(malformed.to_string().len() <= 200),
        Ok(Trigger::Ignored { kind }) => assert!(kind.chars().count() <= 64),
        Ok(Trigger::Failed { kind, message, .. }) => {
            assert!(kind.len() <= 64);
            assert!(message.chars().count() <= 500);
        }
        Ok(Trigger::Look { kind, scope }) => {
            assert!(kind.len() <= 64);
            // No more than the record can name.
            assert!(scope.named() * 12 <= body.len());
            survives_the_queue(&scope);
            comes_to_an_end(scope);
        }
    }
}

fn survives_the_queue(scope: &Scope) {
    let back = scope
        .messages()
        .iter()
        .map(
            |message| match Trigger::parse(&message.to_body()).expect("our own message") {
                Trigger::Look { scope, .. } => scope,
                other => panic!("{other:?}"),
            },
        )
        .fold(Scope::default(), Scope::merge);
    assert_eq!(back.all, scope.all);
    assert_eq!(back.ous, scope.ous);
    assert_eq!(back.accounts, scope.accounts);
    assert_eq!(awaiting(&back), awaiting(scope));
    let arrived = scope
        .arrived
        .iter()
        .filter(|id| scope.accounts.contains_key(id));
    assert!(back.arrived.iter().eq(arrived));
}

/// The operations with the accounts that wait for each.
fn awaiting(scope: &Scope) -> Vec<(&Operation, u32, &BTreeMap<AccountId, u32>)> {
    let all = scope.awaiting.iter();
    all.filter(|(_, waiting)| !waiting.scope.messages().is_empty())
        .map(|(operation, waiting)| (operation, waiting.looks, &waiting.scope.accounts))
        .collect()
}

fn comes_to_an_end(mut scope: Scope) {
    for _ in 0..=REQUEUE.tries {
        let (next, wait) = scope.again();
        assert!(wait.as_secs() <= 900, "the longest that a queue can delay");
        scope = next;
    }
    // Parked work stays parked.
    assert_eq!(scope.messages(), [] as [Message; 0]);
}

/// CloudFormation's events for setup.
pub fn custom_resource(data: &[u8]) {
    let Ok(event) = serde_json::from_slice(data) else {
        return;
    };
    let request = match Request::parse(&event) {
        Ok(request) => request,
        Err(malformed) => {
            assert!(malformed.to_string().len() <= 200);
            return;
        }
    };
    let url = request.response_url.expose();
    // A text that occurs nowhere else in the request.
    if url.len() >= 16 && event.to_string().matches(url).count() == 1 {
        assert!(!format!("{request:?}").contains(url));
    }
    let reason = match Properties::parse(&Lacework, &request.properties) {
        Ok(_) => String::from_utf8_lossy(data).into_owned(),
        Err(refusal) => refusal.to_string(),
    };
    goes_to_aws_or_nowhere(&request);
    for answer in [
        Answer::failed(&request, true, reason.clone()),
        Answer::success(&request, Some(reason), BTreeMap::new()),
    ] {
        let body = Response::new(&request, answer.physical_id, answer.outcome).to_body();
        assert!(!body.is_empty());
        assert!(id_bytes(&request) > LONGEST_IDS || body.len() <= MAX_RESPONSE_BYTES);
    }
}

/// The share of the ids in a response.
fn id_bytes(request: &Request) -> usize {
    let ids = [
        Some(&request.stack_id),
        Some(&request.request_id),
        Some(&request.logical_resource_id),
        request.physical_resource_id.as_ref(),
    ];
    let as_json = |id: &String| serde_json::to_string(id).expect("a text").len();
    ids.into_iter().flatten().map(as_json).sum()
}

fn goes_to_aws_or_nowhere(request: &Request) {
    let addresses = |loopback| AnswerAddresses {
        region: "us-east-1",
        url_suffix: "amazonaws.com",
        loopback,
    };
    let is_taken = |loopback| addresses(loopback).include(&request.response_url);
    let address = request.response_url.expose();
    assert!(!is_taken(false) || is_of_aws(address));
    assert!(!is_taken(true) || is_of_aws(address) || is_of_this_machine(address));
}

/// The rule again, implemented independently of the product.
fn is_of_aws(address: &str) -> bool {
    let url: Url = address.parse().expect("an address");
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "https"
        && url.port().is_none()
        && url.username().is_empty()
        && host.ends_with(".amazonaws.com")
        && (host.starts_with("cloudformation-custom-resource-response-useast1.s3")
            || host.starts_with("s3")
                && url
                    .path()
                    .starts_with("/cloudformation-custom-resource-response-useast1/"))
}

fn is_of_this_machine(address: &str) -> bool {
    let url: Url = address.parse().expect("an address");
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "http" && (host == "localhost" || host.starts_with("127."))
}

/// The SaaS's response to any call.
pub fn saas_response(data: &[u8]) {
    const SECRET: &str = "canary-secret";
    const LONGEST_LINE: usize = 303;
    let page = "https://acme.lacework.net/api/v2/CloudAccounts/AwsCfg";
    let page: Url = page.parse().expect("a URL");
    let read = reading::read(&page, data, SECRET);
    let line = |text: &str| text.chars().count() <= LONGEST_LINE && !text.contains('\n');
    assert!(line(&read.message));
    assert!(!read.message.contains(SECRET));
    let is_guid = |guid: &str| {
        !guid.is_empty()
            && guid
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    assert!(read.made.is_none_or(|guid| is_guid(&guid)));
    for registration in read.registrations {
        assert!(is_guid(&registration.guid));
        if let Health::Failing(why) = registration.health {
            assert!(line(&why));
        }
    }
    if let Some(next) = read.next_page {
        assert_eq!(next.origin(), page.origin());
        assert!(next.username().is_empty() && next.password().is_none());
    }
    if let Some(wait) = read.retry_after {
        assert!((1..=900).contains(&wait.as_secs()));
    }
    if let Some(profile) = read.profile {
        assert!(!profile.tenant.is_empty());
        assert!(!profile.stores.iter().any(|one| one.as_str().is_empty()));
    }
    if let Some(token) = read.token {
        let text = token.token.expose();
        assert!(!text.is_empty() && text.len() <= 4096);
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        // It was read at the beginning of 1970, and requested for a day.
        let life = token.expires_at.as_nanosecond();
        assert!((1..=86_400_000_000_000).contains(&life));
        assert!(text.len() < 16 || !format!("{token:?}").contains(text));
    }
}

/// A trail registration's `accountMappingFile`: the bytes as the data URI itself, and as its
/// content.
pub fn mapping_file(data: &[u8]) {
    let inside = format!("data:application/json;base64,{}", STANDARD.encode(data));
    let outside = String::from_utf8_lossy(data);
    for text in [&inside, &*outside] {
        match from_data_uri(text) {
            Err(error) => assert!(error.to_string().len() <= 200),
            Ok(mapping) => {
                assert!(mapping.accounts.values().all(|ids| !ids.is_empty()));
                let written = to_data_uri(&mapping);
                let read = from_data_uri(&written).expect("what was written");
                assert_eq!(read, mapping);
                assert_eq!(to_data_uri(&read), written);
            }
        }
    }
}
