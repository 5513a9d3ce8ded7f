//! Listings, with filters and pages.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Api, MEMBER, OTHER, Reply, V3, member};
use crate::providers::Simulator as _;

fn account(number: usize) -> String {
    format!("{number:012}")
}

/// Thirty accounts, of which every second one is of the laboratory.
async fn seeded() -> Api {
    let api = Api::start().await;
    for number in 0..30 {
        let mut body = member(&account(number));
        let name = if number % 2 == 0 { "lab" } else { "office" };
        body["name"] = json!(format!("{name} {number}"));
        api.controls().seed(&body).unwrap();
    }
    api
}

async fn filtered(api: &Api, path: &str, filter: &str) -> Reply {
    let request = api.request(Method::GET, path).header("TMV1-Filter", filter);
    api.send(request).await
}

fn counts(reply: &Reply) -> (u64, u64) {
    let count = |name: &str| reply.body[name].as_u64().unwrap();
    (count("totalCount"), count("count"))
}

#[tokio::test]
async fn a_listing_has_pages_and_each_account_once() {
    let api = seeded().await;
    let first = api.get(V3).await;
    assert_eq!(counts(&first), (30, 25));
    let link = first.body["nextLink"].as_str().unwrap().to_owned();
    let base = api.simulator.url().as_str();
    assert!(link.starts_with(&format!("{base}{V3}?")), "{link}");
    // An account that goes away between two pages hides no other.
    assert!(api.controls().remove(&account(3)));
    let second = api.get(&link).await;
    assert_eq!(counts(&second), (29, 5));
    assert_eq!(second.body["items"][0]["id"], account(25));
    assert_eq!(second.body.get("nextLink"), None);
    assert_eq!(counts(&api.get(&format!("{V3}?top=50")).await), (29, 29));
    let odd = api.get(&format!("{V3}?top=30")).await;
    assert_eq!(odd.refusal(), (400, "BadRequest"));
    let beta = api.get("beta/cam/awsAccounts").await;
    let link = beta.body["nextLink"].as_str().unwrap();
    assert!(link.contains("/beta/cam/awsAccounts?"), "{link}");
}

#[tokio::test]
async fn a_filter_is_forgotten_from_page_to_page() {
    let api = seeded().await;
    for number in 30..60 {
        let mut body = member(&account(number));
        body["name"] = json!(format!("lab {number}"));
        api.controls().seed(&body).unwrap();
    }
    let filter = "contains(name, 'lab')";
    let first = filtered(&api, V3, filter).await;
    assert_eq!(counts(&first), (45, 25));
    let is_lab = |row: &Value| row["name"].as_str().unwrap().starts_with("lab");
    let all_labs = |reply: &Reply| reply.body["items"].as_array().unwrap().iter().all(is_lab);
    assert!(all_labs(&first));
    let link = first.body["nextLink"].as_str().unwrap().to_owned();
    let second = filtered(&api, &link, filter).await;
    assert_eq!(counts(&second), (45, 20));

    let mut body = member(MEMBER);
    body["name"] = json!("office");
    api.controls().seed(&body).unwrap();
    let without = api.get(&link).await;
    assert_eq!(counts(&without), (61, 21));
    assert!(!all_labs(&without));
    assert!(all_labs(&filtered(&api, &link, filter).await));
}

#[tokio::test]
async fn a_filter_sees_states_ids_and_features() {
    let api = Api::start().await;
    api.controls().seed(&member(MEMBER)).unwrap();
    let mut other = member(OTHER);
    other["features"] = json!([{"id": "cloud-response"}]);
    api.controls().seed(&other).unwrap();
    assert!(api.controls().set_outdated(OTHER, true));
    let found = async |filter: &str| {
        let reply = filtered(&api, V3, filter).await;
        assert_eq!(reply.status, StatusCode::OK);
        let rows = reply.body["items"].as_array().unwrap().clone();
        let ids = rows
            .iter()
            .map(|row| row["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(found("state eq 'outdated'").await, [OTHER]);
    assert_eq!(found(&format!("id eq '{MEMBER}'")).await, [MEMBER]);
    assert_eq!(found("featureId eq 'cloud-response'").await, [OTHER]);
    assert_eq!(found("not state eq 'failed'").await, [MEMBER, OTHER]);
    let long = format!("name eq '{}'", "n".repeat(250));
    for odd in ["state eq managed", "roleArn eq 'r'", long.as_str()] {
        let refused = filtered(&api, V3, odd).await;
        assert_eq!(refused.refusal(), (400, "BadRequest"), "{odd}");
    }
}
