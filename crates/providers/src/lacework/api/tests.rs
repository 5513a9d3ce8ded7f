//! How the client calls, tried with the API of Lacework.

use std::time::Duration;

use serde_json::json;
use towerhook_core::{
    Error, ErrorKind,
    model::RegistrationKind,
    ports::{RegistryReads, RegistryWrites},
};
use wiremock::{Mock, MockServer, matchers::any};

use super::*;
use crate::api::{body, http};
use crate::{
    flood::{self, Flood},
    lacework::api::testing::{self, Bearer, Counting, Echo, client, refusal, status},
};

/// `{"data":[{"url":"acme.lacework.net"}]}`
const GZIPPED_PROFILE: &[u8; 58] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xabVJI,IT\xb2\x8a\xaeV*-\xcaQ\xb2RJL\xceM\xd5\xcbILN-\xcf/\xca\xd6\xcbK-Q\xaa\x8d\xad\x05\x00f\x98\x8ce&\x00\x00\x00";

fn header_of(requests: &[wiremock::Request], name: &str) -> Vec<Option<String>> {
    let value = |request: &wiremock::Request| {
        let value = request.headers.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    requests.iter().map(value).collect()
}

#[tokio::test]
async fn every_call_brings_token_and_name_and_its_store() {
    let server = testing::answering([status(204), status(204)]).await;
    let tokens = Counting::default();
    let lacework = client(&server, &tokens);
    let store = Store::from("Team-A");
    for store in [None, Some(&store)] {
        lacework
            .registrations(store, RegistrationKind::Account)
            .await
            .unwrap();
    }
    let requests = testing::requests(&server).await;
    let bearer = format!("Bearer {}", testing::FIRST_TOKEN);
    assert_eq!(
        header_of(&requests, "authorization"),
        [Some(bearer.clone()), Some(bearer)]
    );
    assert_eq!(
        header_of(&requests, "account-name"),
        [None, Some("team-a".into())]
    );
    let agent = concat!("towerhook/", env!("CARGO_PKG_VERSION"));
    assert_eq!(requests[0].headers["user-agent"], agent);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_call_repeated() {
    for refused in [401, 403] {
        let server =
            testing::answering([refusal(refused, "Unauthorized Access"), status(201)]).await;
        let tokens = Counting::default();
        let created = client(&server, &tokens)
            .create(None, &testing::spec(RegistrationKind::Account))
            .await;
        assert!(created.is_ok(), "{created:?}");
        assert_eq!(tokens.refusals(), 1);
        let bearers = header_of(&testing::requests(&server).await, "authorization");
        assert_eq!(
            bearers,
            [
                Some("Bearer canary-1".into()),
                Some("Bearer canary-2".into())
            ]
        );
    }
}

#[tokio::test]
async fn a_token_refused_twice_is_an_error() {
    let refused = || refusal(403, "Unauthorized Access");
    let server = testing::answering([refused(), refused()]).await;
    let tokens = Counting::default();
    let error = client(&server, &tokens).profile().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert_eq!(
        error.chain(),
        "lacework:GetUserProfile failed: HTTP 403 Forbidden: Unauthorized Access"
    );
    assert_eq!(tokens.refusals(), 1);
    assert_eq!(testing::requests(&server).await.len(), 2);
}

#[tokio::test]
async fn a_token_made_just_now_is_not_renewed_for_what_the_user_may_not_do() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(refusal(403, "Unauthorized Access"))
        .mount(&server)
        .await;
    let tokens = Counting::default();
    let lacework = client(&server, &tokens);
    for _ in 0..3 {
        let error = lacework.profile().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized);
    }
    assert_eq!(tokens.refusals(), 1);
    assert_eq!(testing::requests(&server).await.len(), 4);
}

#[tokio::test]
async fn calls_refused_together_renew_the_token_once() {
    let server = MockServer::start().await;
    Mock::given(Bearer(testing::FIRST_TOKEN))
        .respond_with(refusal(401, "expired"))
        .mount(&server)
        .await;
    Mock::given(Bearer("canary-2"))
        .respond_with(status(204))
        .mount(&server)
        .await;
    let tokens = Counting::default();
    let lacework = client(&server, &tokens);
    let lists = (0..5).map(|_| lacework.registrations(None, RegistrationKind::Account));
    let lists = futures::future::join_all(lists).await;
    assert!(lists.iter().all(|list| list.is_ok()), "{lists:?}");
    assert_eq!(tokens.refusals(), 1);
}

#[tokio::test]
async fn a_token_that_was_replaced_meanwhile_is_used_and_not_renewed() {
    let unauthorized = refusal(401, "expired");
    let server = testing::answering([status(204), unauthorized, status(204)]).await;
    let tokens = Counting::default();
    let lacework = client(&server, &tokens);
    let list = || lacework.registrations(None, RegistrationKind::Account);
    list().await.unwrap();
    tokens.replace();
    list().await.unwrap();
    assert_eq!(tokens.refusals(), 0);
    let bearers = header_of(&testing::requests(&server).await, "authorization");
    let expected = ["canary-1", "canary-1", "canary-2"];
    assert_eq!(
        bearers,
        expected.map(|token| Some(format!("Bearer {token}")))
    );
}

#[tokio::test]
async fn a_path_unknown_to_the_api_is_not_the_tokens_fault() {
    let server = testing::answering([refusal(403, "Unrecognized url")]).await;
    let tokens = Counting::default();
    let error = client(&server, &tokens).profile().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert_eq!(tokens.refusals(), 0);
}

#[tokio::test]
async fn what_can_be_repeated_gets_two_more_tries() {
    let gone = testing::existing(None);
    let spec = testing::spec(RegistrationKind::Account);
    let tokens = Counting::default();

    let server = testing::answering([status(500), status(503), status(204)]).await;
    client(&server, &tokens).delete(&gone).await.unwrap();
    assert_eq!(testing::requests(&server).await.len(), 3);

    let server = testing::answering([status(502), status(200)]).await;
    let updated = client(&server, &tokens).update(&gone, &spec, true).await;
    assert!(updated.is_ok(), "{updated:?}");

    let server = testing::answering([status(500), status(502), status(504)]).await;
    let error = client(&server, &tokens).profile().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(testing::requests(&server).await.len(), 3);

    let server = testing::answering([status(503), status(201)]).await;
    let error = client(&server, &tokens).create(None, &spec).await;
    assert_eq!(error.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(testing::requests(&server).await.len(), 1);
}

#[tokio::test]
async fn a_call_that_ran_out_of_time_is_not_repeated() {
    let slow = status(200).set_delay(Duration::from_secs(60));
    let server = testing::answering([slow]).await;
    let tokens = Counting::default();
    let mut lacework = client(&server, &tokens);
    lacework.0.http = http::client_within(Duration::from_millis(200)).unwrap();
    let error = lacework
        .update(
            &testing::existing(None),
            &testing::spec(RegistrationKind::Account),
            true,
        )
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(testing::requests(&server).await.len(), 1);
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let server = MockServer::builder().start().await;
    let tokens = Counting::default();
    let mut lacework = client(&server, &tokens);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    lacework
        .0
        .url
        .set_port(Some(closed.local_addr().unwrap().port()))
        .unwrap();
    drop(closed);
    let error = lacework.profile().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(!error.chain().contains("/api/v2"), "{}", error.chain());
}

#[tokio::test]
async fn a_throttle_is_not_tried_again_here() {
    let throttled = refusal(429, "slow down").insert_header("RateLimit-Reset", "77");
    let server = testing::answering([throttled]).await;
    let tokens = Counting::default();
    let error = client(&server, &tokens).profile().await.unwrap_err();
    let retry_after = Some(Duration::from_secs(77));
    assert_eq!(error.kind, ErrorKind::Throttled { retry_after });
    assert_eq!(testing::requests(&server).await.len(), 1);
}

#[tokio::test]
async fn the_words_of_a_refusal_are_read_up_to_a_bound_and_its_status_counts() {
    let tokens = Counting::default();
    for (status, kind) in [
        (
            "429 Too Many Requests",
            ErrorKind::Throttled { retry_after: None },
        ),
        ("400 Bad Request", ErrorKind::Invalid),
    ] {
        let server = Flood::in_chunks(status, flood::HUGE);
        let mut lacework = client(&MockServer::start().await, &tokens);
        lacework.0.url = server.url.clone();
        let error = lacework.profile().await.unwrap_err();
        assert_eq!(error.kind, kind);
        let expected = format!("HTTP {status}: the response is longer than 65536 bytes");
        assert!(error.chain().ends_with(&expected), "{}", error.chain());
        assert!(server.sent().await < flood::UNDERWAY);
    }
}

#[tokio::test]
async fn an_answer_beyond_its_bound_is_an_error_of_its_own_and_not_asked_for_again() {
    let tokens = Counting::default();
    let server = Flood::in_chunks("200 OK", flood::HUGE);
    let mut lacework = client(&MockServer::start().await, &tokens);
    lacework.0.url = server.url.clone();
    let error = lacework
        .registrations(None, RegistrationKind::Account)
        .await;
    assert_eq!(
        error.unwrap_err().chain(),
        "lacework:ListCloudAccounts failed: the response is longer than 25165824 bytes"
    );
    assert!(server.sent().await < body::LONGEST as u64 + flood::UNDERWAY);
}

#[tokio::test]
async fn no_compressed_answer_is_asked_for_or_unpacked() {
    let compressed = status(200)
        .insert_header("content-encoding", "gzip")
        .set_body_bytes(*GZIPPED_PROFILE);
    let server = testing::answering([compressed]).await;
    let tokens = Counting::default();
    let error = client(&server, &tokens).profile().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    let sent = testing::requests(&server).await;
    assert!(!sent[0].headers.contains_key("accept-encoding"));
}

#[tokio::test]
async fn no_error_and_no_debug_shows_a_secret() {
    let spec = testing::spec(RegistrationKind::Feed);
    let tokens = Counting::default();
    for status in [400, 401, 402, 403, 404, 409, 422, 429, 500] {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(Echo(status))
            .mount(&server)
            .await;
        let lacework = client(&server, &tokens);
        let created = lacework.create(None, &spec).await;
        let read = lacework.profile().await.unwrap_err();
        let refused = created.as_ref().err().map(Error::chain);
        let shown = format!(
            "{lacework:?} {created:?} {refused:?} {read:?} {}",
            read.chain()
        );
        assert!(shown.contains("[redacted]"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[tokio::test]
async fn a_token_goes_to_no_other_machine_in_clear() {
    let tokens = Counting::default();
    let url = "http://acme.lacework.net".parse().unwrap();
    let lacework = LaceworkApi::new(crate::http_client().unwrap(), url, &tokens);
    let error = lacework.profile().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.chain().contains("must be https"), "{}", error.chain());
}

#[tokio::test]
async fn only_the_origin_of_the_given_url_counts() {
    let server = testing::answering([testing::json(
        200,
        json!({ "data": [{ "url": "acme.lacework.net" }] }),
    )])
    .await;
    let tokens = Counting::default();
    let url = format!("{}/ui/login?next=x#top", server.uri());
    let lacework = LaceworkApi::new(crate::http_client().unwrap(), url.parse().unwrap(), &tokens);
    lacework.profile().await.unwrap();
    assert_eq!(
        testing::request_lines(&server).await,
        ["GET /api/v2/UserProfile"]
    );
}
