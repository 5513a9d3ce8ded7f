//! The pages of a list.

use serde_json::Value;
use towerhook_core::Result;
use url::Url;

use crate::api::{
    client::Call,
    pages::{Next, Shape, linked},
};

pub(super) const SHAPE: Shape = Shape {
    items: "data",
    next: |call: &Call<'_>, page| Ok(next(call.operation, &call.url, page)?.map(Next::At)),
};

/// The URL of the page after the one at `here`.
pub(super) fn next(operation: &'static str, here: &Url, page: &Value) -> Result<Option<Url>> {
    let link = &page["paging"]["urls"]["nextPage"];
    linked(operation, here, link, "usable nextPage")
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    use serde_json::json;
    use towerhook_core::{
        ErrorKind,
        model::{Registration, RegistrationKind},
        ports::RegistryReads,
    };
    use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

    use super::*;
    use crate::api::pages::{self, at_host};
    use crate::lacework::api::testing::{
        Counting, answering, client, json as answer, refusal, request_lines, requests, status,
    };

    /// Found by fuzzing. The second one fails a debug assertion of the host parser: it has a
    /// capital letter next to a byte that is not UTF-8.
    const ODD_HOSTS: [&str; 2] = [
        "https://a)aF%a.%cme.lacework.ndef",
        "https://a)aF%EEa.%cme.lacework.ndef",
    ];

    const HERE: &str = "https://acme.lacework.net/api/v2/CloudAccounts/AwsCfg?page=1";

    async fn listed_from(server: &MockServer) -> Result<Vec<Registration>> {
        let tokens = Counting::default();
        let lacework = client(server, &tokens);
        lacework.registrations(None, RegistrationKind::Feed).await
    }

    async fn listed(answers: Vec<ResponseTemplate>) -> Result<Vec<Registration>> {
        listed_from(&answering(answers).await).await
    }

    /// Every page links to another one.
    struct Endlessly {
        page: AtomicU32,
        data: Value,
        delay: Duration,
    }

    impl Respond for Endlessly {
        fn respond(&self, _: &Request) -> ResponseTemplate {
            let page = self.page.fetch_add(1, Ordering::SeqCst);
            let urls = json!({ "nextPage": format!("/api/v2/CloudAccounts/AwsCtSqs?page={page}") });
            let body = json!({ "data": self.data, "paging": { "urls": urls } });
            answer(200, body).set_delay(self.delay)
        }
    }

    async fn endless(data: Value, delay: Duration) -> MockServer {
        let server = MockServer::start().await;
        let pages = Endlessly {
            page: AtomicU32::new(2),
            data,
            delay,
        };
        Mock::given(any()).respond_with(pages).mount(&server).await;
        server
    }

    #[tokio::test]
    async fn an_empty_list_has_two_forms() {
        assert_eq!(listed(vec![status(204)]).await.unwrap(), []);
        let empty = answer(200, json!({ "data": [] }));
        assert_eq!(listed(vec![empty]).await.unwrap(), []);
    }

    #[tokio::test]
    async fn every_page_is_read_from_our_host() {
        let page = |guid: &str, next: Value| {
            answer(
                200,
                json!({ "data": [{ "intgGuid": guid }], "paging": { "urls": { "nextPage": next } } }),
            )
        };
        let server = answering([
            page(
                "ACME_1",
                json!("https://elsewhere.example.com/api/v2/CloudAccounts/AwsCfg/next?page=2"),
            ),
            page("ACME_2", json!("/api/v2/CloudAccounts/AwsCfg/next?page=3")),
            page("ACME_3", json!(null)),
        ])
        .await;
        let tokens = Counting::default();
        let found = client(&server, &tokens)
            .registrations(None, RegistrationKind::Account)
            .await
            .unwrap();
        let guids: Vec<_> = found.iter().map(|found| found.guid.as_str()).collect();
        assert_eq!(guids, ["ACME_1", "ACME_2", "ACME_3"]);
        assert_eq!(
            request_lines(&server).await,
            [
                "GET /api/v2/CloudAccounts/AwsCfg",
                "GET /api/v2/CloudAccounts/AwsCfg/next?page=2",
                "GET /api/v2/CloudAccounts/AwsCfg/next?page=3",
            ]
        );
    }

    #[tokio::test]
    async fn half_a_list_is_no_list() {
        let circle = answer(
            200,
            json!({
                "data": [],
                "paging": { "urls": { "nextPage": "/api/v2/CloudAccounts/AwsCtSqs" } },
            }),
        );
        let first = answer(
            200,
            json!({
                "data": [{ "intgGuid": "ACME_1" }],
                "paging": { "urls": { "nextPage": "/api/v2/CloudAccounts/AwsCtSqs?page=2" } },
            }),
        );
        let item = |item: Value| answer(200, json!({ "data": [item] }));
        for (answers, kind) in [
            (vec![circle], ErrorKind::Invalid),
            (
                vec![first.clone(), status(500), status(500), status(500)],
                ErrorKind::Unavailable,
            ),
            (vec![first, status(404)], ErrorKind::NotFound),
            (vec![status(200)], ErrorKind::Invalid),
            (vec![answer(200, json!({}))], ErrorKind::Invalid),
            (vec![answer(200, json!({ "data": {} }))], ErrorKind::Invalid),
            (vec![item(json!({ "name": "no id" }))], ErrorKind::Invalid),
            (vec![item(json!({ "intgGuid": "" }))], ErrorKind::Invalid),
            (vec![item(json!({ "intgGuid": ".." }))], ErrorKind::Invalid),
            (vec![item(json!({ "intgGuid": "a/b" }))], ErrorKind::Invalid),
            (vec![refusal(400, "no")], ErrorKind::Invalid),
            (vec![status(302)], ErrorKind::Invalid),
        ] {
            let error = listed(answers.clone()).await.unwrap_err();
            assert_eq!(error.kind, kind, "{}", error.chain());
        }
    }

    #[tokio::test]
    async fn a_next_page_without_an_end_is_followed_for_a_hundred_pages_and_is_no_list() {
        let server = endless(json!([{ "intgGuid": "ACME_1" }]), Duration::ZERO).await;
        let error = listed_from(&server).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(
            error.chain().ends_with("more than 100 pages"),
            "{}",
            error.chain()
        );
        assert_eq!(requests(&server).await.len(), pages::MOST_PAGES);
    }

    #[tokio::test]
    async fn a_list_beyond_its_bound_of_items_is_no_list() {
        let data: Vec<_> = (0..20_000)
            .map(|_| json!({ "intgGuid": "ACME_1" }))
            .collect();
        let server = endless(json!(data), Duration::ZERO).await;
        let error = listed_from(&server).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(
            error.chain().ends_with("more than 50000 items"),
            "{}",
            error.chain()
        );
        assert_eq!(requests(&server).await.len(), 3);
    }

    #[tokio::test]
    async fn a_list_beyond_its_bound_of_bytes_is_no_list() {
        let name = "x".repeat(20 << 20);
        let server = endless(
            json!([{ "intgGuid": "ACME_1", "name": name }]),
            Duration::ZERO,
        )
        .await;
        let error = listed_from(&server).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.chain().ends_with("bytes"), "{}", error.chain());
        assert_eq!(requests(&server).await.len(), 4);
    }

    #[tokio::test]
    async fn a_list_that_takes_too_long_is_no_list() {
        let server = endless(json!([{ "intgGuid": "ACME_1" }]), Duration::from_millis(20)).await;
        let tokens = Counting::default();
        let mut lacework = client(&server, &tokens);
        lacework.0.list_time = Duration::from_millis(200);
        let list = lacework.registrations(None, RegistrationKind::Feed).await;
        let error = list.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(
            error.chain().ends_with("did not end within 0.2 s"),
            "{}",
            error.chain()
        );
        let pages = requests(&server).await.len();
        assert!((1..=10).contains(&pages), "{pages}");
    }

    #[test]
    fn a_link_is_a_path_and_a_query_at_our_host() {
        let here: Url = HERE.parse().unwrap();
        let list = "/api/v2/CloudAccounts";
        for (link, expected) in [
            (ODD_HOSTS[0], "/"),
            (ODD_HOSTS[1], "/"),
            ("/api/v2/other?x=1&y=%2F#top", "/api/v2/other?x=1&y=%2F"),
            ("?page=2", &format!("{list}/AwsCfg?page=2")),
            ("next?page=3", &format!("{list}/next?page=3")),
            (
                "?back=https://evil.example.com/",
                &format!("{list}/AwsCfg?back=https://evil.example.com/"),
            ),
            (
                "https://acme.lacework.net/api/v2/next?page=2",
                "/api/v2/next?page=2",
            ),
            (
                "https://evil.example.com/api/v2/next?page=2",
                "/api/v2/next?page=2",
            ),
            ("HTTP://evil.example.com:81/next", "/next"),
            ("https://user:password@evil.example.com/next", "/next"),
            ("https://evil.example.com?page=2", "/?page=2"),
            ("https://[::1/next", "/next"),
            ("//evil.example.com/next?page=2", "/next?page=2"),
            ("////evil.example.com/next", "/evil.example.com/next"),
            ("https:////evil.example.com/next", "/evil.example.com/next"),
            (
                "https://evil.example.com//other.example.com/next",
                "/other.example.com/next",
            ),
            ("../../../../etc", "/etc"),
            ("/@evil.example.com/:81", "/@evil.example.com/:81"),
        ] {
            let url = at_host(&here, link).unwrap();
            assert_eq!(
                url.as_str(),
                format!("https://acme.lacework.net{expected}"),
                "{link}"
            );
        }
    }

    #[test]
    fn a_link_that_a_parser_could_take_elsewhere_is_not_usable() {
        let here: Url = HERE.parse().unwrap();
        let long = format!("/next?page={}", "x".repeat(pages::LONGEST_LINK));
        for link in [
            "\\\\evil.example.com\\next",
            "/\\evil.example.com/next",
            "https:\\\\evil.example.com",
            "/\t/evil.example.com",
            "\n//evil.example.com",
            "/next\r\nHost: evil.example.com",
            "/next\0",
            " //evil.example.com",
            "https:evil.example.com",
            "https:/evil.example.com",
            "ftp://evil.example.com/next",
            "data:,next",
            "javascript:next()",
            "evil.example.com:443/next",
            &long,
        ] {
            assert_eq!(at_host(&here, link), None, "{link:?}");
            let page = json!({ "paging": { "urls": { "nextPage": link } } });
            let error = next("lacework:List", &here, &page).unwrap_err();
            assert_eq!(
                error.chain(),
                "lacework:List failed: the response has no usable nextPage"
            );
        }
    }

    #[tokio::test]
    async fn the_host_of_a_next_page_needs_no_parsing() {
        let page = |next: &str| {
            answer(
                200,
                json!({ "data": [], "paging": { "urls": { "nextPage": next } } }),
            )
        };
        for link in ODD_HOSTS {
            let server = answering([page(link), status(204)]).await;
            assert_eq!(listed_from(&server).await.unwrap(), []);
            let lines = request_lines(&server).await;
            assert_eq!(lines, ["GET /api/v2/CloudAccounts/AwsCtSqs", "GET /"]);
        }
    }
}
