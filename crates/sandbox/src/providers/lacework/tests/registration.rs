//! Accounts that are registered by their stacks.

mod scene;

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Api, MEMBER, config, guid, member};
use crate::providers::Simulator;
use crate::providers::fake_aws::FakeAws;
use crate::providers::lacework::{Integration, PRINCIPAL_ARN};
use scene::{CloudFormation, ROLE, Scene, failed, succeeded};

#[tokio::test]
async fn a_stack_registers_its_account_and_takes_it_out() {
    let mut scene = Scene::new().await;
    let calls = scene.api.simulator.calls();
    let properties = scene.properties();
    let id = succeeded(&scene.create(&properties).await);
    let made = scene.integrations();
    let by_api = {
        let api = Api::start(config()).await;
        let mut body = member(MEMBER);
        body["name"] = json!("Config-Member");
        guid(&api.create(&body).await);
        api.simulator.integrations()
    };
    let same = Integration {
        guid: id.clone(),
        ..by_api[0].clone()
    };
    assert_eq!(made, [same]);
    let listed = scene.api.get(&format!("CloudAccounts/{id}")).await.body;
    assert_eq!(listed["data"]["data"], member(MEMBER)["data"]);

    assert_eq!(succeeded(&scene.delete(&id, &properties).await), id);
    assert_eq!(scene.integrations(), []);
    // Deleting a missing integration succeeds.
    assert_eq!(succeeded(&scene.delete(&id, &properties).await), id);
    let mut expected = calls;
    *expected
        .entry("GET CloudAccounts/{intgGuid}".to_owned())
        .or_default() += 1;
    assert_eq!(scene.api.simulator.calls(), expected);
}

#[tokio::test]
async fn the_answer_is_put_with_an_empty_content_type_and_put_again_where_it_was_lost() {
    let mut scene = Scene::new().await;
    scene.cloudformation = CloudFormation::start(&[500, 502]);
    let properties = scene.properties();
    let request = scene.request("Create", &properties);
    let first = scene.answer_to(&request).await;
    for _ in 0..2 {
        let (headers, uri, body) = scene.cloudformation.arrival().await;
        assert_eq!(headers["content-type"], "");
        assert_eq!(uri.path(), "/answer");
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), first);
    }
    assert_eq!(scene.integrations().len(), 1);
}

#[tokio::test]
async fn a_repeated_notification_is_answered_alike_and_makes_nothing() {
    let mut scene = Scene::new().await;
    let properties = scene.properties();
    let request = scene.request("Create", &properties);
    let first = scene.answer_to(&request).await;
    assert_eq!(scene.answer_to(&request).await, first);
    assert_eq!(scene.integrations().len(), 1);
    // Another request about the account is a duplicate, in the API's words.
    let second = scene.create(&properties).await;
    assert!(failed(&second).contains("already used in this Lacework Application"));
    // A failure is repeated, too, whatever has changed since.
    let failing = scene.request("Create", &properties);
    let first = scene.answer_to(&failing).await;
    assert!(scene.api.controls().remove(&scene.integrations()[0].guid));
    assert_eq!(scene.answer_to(&failing).await, first);
    assert_eq!(scene.integrations(), []);
}

#[tokio::test]
async fn two_notifications_of_one_request_at_once_make_one_integration() {
    let mut scene = Scene::new().await;
    let properties = scene.properties();
    let request = scene.request("Create", &properties);
    let delivery = json!({"Type": "Notification", "Message": request.to_string()});
    for status in futures::future::join_all((0..8).map(|_| scene.deliver(&delivery))).await {
        assert_eq!(status, StatusCode::OK);
    }
    let first = scene.cloudformation.answer().await;
    succeeded(&first);
    for _ in 0..7 {
        assert_eq!(scene.cloudformation.answer().await, first);
    }
    assert_eq!(scene.integrations().len(), 1);
}

#[tokio::test]
async fn a_stale_token_fails_whatever_is_asked_and_no_reason_tells_it() {
    let mut scene = Scene::new().await;
    let old = scene.properties();
    let id = succeeded(&scene.create(&old).await);
    let before = scene.integrations();
    scene
        .api
        .controls()
        .advance_clock(Duration::from_secs(3601));
    let mut other_name = old.clone();
    other_name["IntegrationName"] = json!("Renamed");
    let mut unknown = old.clone();
    unknown["ApiToken"] = json!("_made-up");
    let mut without = old.clone();
    without.as_object_mut().unwrap().remove("ApiToken");
    for stale in [&old, &unknown, &without] {
        let mut renamed = stale.clone();
        renamed["IntegrationName"] = json!("Renamed");
        for answer in [
            scene.create(stale).await,
            scene.update(&id, stale, &other_name).await,
            scene.update(&id, &renamed, &old).await,
            scene.update(&id, stale, stale).await,
            scene.delete(&id, stale).await,
        ] {
            let reason = failed(&answer);
            assert!(reason.starts_with("ApiToken: "), "{reason}");
            let text = answer.to_string();
            assert!(!text.contains("_made-up"), "{text}");
            assert!(!text.contains(&scene.api.token), "{text}");
        }
    }
    let keep_state = |mut all: Vec<Integration>| {
        all.iter_mut().for_each(|one| one.ok = None);
        all
    };
    assert_eq!(keep_state(scene.integrations()), keep_state(before));

    // A stack with a fresh token continues from there.
    scene.api.sign_in().await;
    let fresh = scene.properties();
    assert_eq!(succeeded(&scene.update(&id, &fresh, &old).await), id);
    succeeded(&scene.delete(&id, &fresh).await);
    assert_eq!(scene.integrations(), []);
}

#[tokio::test]
async fn a_revoked_token_is_a_stale_one() {
    let mut scene = Scene::new().await;
    scene.api.controls().revoke_tokens();
    let properties = scene.properties();
    assert!(failed(&scene.create(&properties).await).starts_with("ApiToken: "));
    let issued = scene.api.controls().issued_tokens();
    assert_eq!(issued[0].expose_secret(), scene.api.token);
}

#[tokio::test]
async fn a_create_that_failed_left_nothing_and_its_delete_succeeds() {
    let mut scene = Scene::new().await;
    scene.api.controls().revoke_tokens();
    let properties = scene.properties();
    let created = scene.create(&properties).await;
    failed(&created);
    let id = created["PhysicalResourceId"].as_str().unwrap().to_owned();
    assert_eq!(succeeded(&scene.delete(&id, &properties).await), id);
}

#[tokio::test]
async fn another_token_alone_changes_nothing() {
    let mut scene = Scene::new().await;
    let old = scene.properties();
    let id = succeeded(&scene.create(&old).await);
    let path = format!("CloudAccounts/{id}");
    let before = scene.api.get(&path).await.body["data"]["createdOrUpdatedTime"].clone();
    scene.api.sign_in().await;
    let new = scene.properties();
    assert_ne!(old["ApiToken"], new["ApiToken"]);
    scene.api.controls().advance_clock(Duration::from_secs(60));
    assert_eq!(succeeded(&scene.update(&id, &new, &old).await), id);
    let after = scene.api.get(&path).await.body;
    assert_eq!(after["data"]["createdOrUpdatedTime"], before);
    assert_eq!(scene.integrations().len(), 1);
}

#[tokio::test]
async fn other_properties_change_the_integration_in_place() {
    let mut scene = Scene::new().await;
    let old = scene.properties();
    let id = succeeded(&scene.create(&old).await);
    // An integration that a person disabled stays disabled.
    assert!(scene.api.controls().change(&id, &json!({"enabled": 0})));
    let mut new = old.clone();
    new["IntegrationName"] = json!("Renamed");
    new["RoleArn"] = json!(format!("arn:aws:iam::{MEMBER}:role/another"));
    new["ExternalId"] = json!("another");
    assert_eq!(succeeded(&scene.update(&id, &new, &old).await), id);
    let [integration] = &scene.integrations()[..] else {
        panic!("{:?}", scene.integrations());
    };
    assert_eq!(integration.guid, id);
    assert_eq!(integration.name, "Renamed");
    assert_eq!(integration.role_arn.as_deref(), new["RoleArn"].as_str());
    assert_eq!(integration.external_id.as_deref(), Some("another"));
    assert!(!integration.enabled);

    assert!(scene.api.controls().remove(&id));
    let answer = scene.update(&id, &old, &new).await;
    assert!(failed(&answer).contains(&id));
    assert_eq!(answer["PhysicalResourceId"], id);
}

#[tokio::test]
async fn the_role_is_verified_as_for_the_api() {
    let aws = FakeAws::start();
    let mut config = config();
    config.emulator = Some(aws.url.clone());
    let mut scene = Scene::with(Api::start(config).await);
    let old = scene.properties();
    let external_id = old["ExternalId"].as_str().unwrap();
    let refused = scene.create(&old).await;
    assert!(failed(&refused).contains("does not exist"));
    aws.put_role(MEMBER, ROLE, PRINCIPAL_ARN, "another");
    let refused = scene.create(&old).await;
    assert!(failed(&refused).contains("another external id"));
    aws.put_role(MEMBER, ROLE, PRINCIPAL_ARN, external_id);
    scene
        .api
        .controls()
        .set_propagation_delay(Duration::from_secs(600));
    let refused = scene.create(&old).await;
    assert!(failed(&refused).contains("not known everywhere yet"));
    assert_eq!(scene.integrations(), []);
    scene.api.controls().advance_clock(Duration::from_secs(600));
    let id = succeeded(&scene.create(&old).await);

    let mut new = old.clone();
    new["RoleArn"] = json!(format!("arn:aws:iam::{MEMBER}:role/missing"));
    assert!(failed(&scene.update(&id, &new, &old).await).contains("does not exist"));
    assert_eq!(
        scene.integrations()[0].role_arn.as_deref(),
        old["RoleArn"].as_str()
    );
}

#[tokio::test]
async fn what_is_missing_wrong_or_not_served_is_said() {
    let mut scene = Scene::new().await;
    let good = scene.properties();
    for (key, value, expected) in [
        ("Account", json!("dev"), "Account: dev"),
        ("Account", Value::Null, "Account is missing"),
        ("Type", json!("AWS_CT_CFG"), "Type: AWS_CT_CFG"),
        ("Type", Value::Null, "Type is missing"),
        ("IntegrationName", json!(""), "IntegrationName is missing"),
        ("RoleArn", Value::Null, "RoleArn is missing"),
        ("RoleArn", json!("arn:aws:iam::1:role/r"), "roleArn"),
        ("ExternalId", Value::Null, "ExternalId is missing"),
    ] {
        let mut properties = good.clone();
        properties[key] = value;
        let reason = failed(&scene.create(&properties).await);
        assert!(reason.contains(expected), "{reason}");
    }
    assert_eq!(scene.integrations(), []);
    let mut capitals = good.clone();
    capitals["Account"] = json!("ACME");
    capitals.as_object_mut().unwrap().remove("AWSAccountId");
    succeeded(&scene.create(&capitals).await);
    assert_eq!(scene.integrations()[0].account, "acme");
}

#[tokio::test]
async fn no_limit_and_no_fault_of_the_api_applies() {
    let mut scene = Scene::new().await;
    let controls = scene.api.controls().clone();
    controls.set_rate_limit(Some(0));
    controls.fail_next(1, 503);
    let properties = scene.properties();
    let id = succeeded(&scene.create(&properties).await);
    succeeded(&scene.delete(&id, &properties).await);
    controls.set_rate_limit(None);
    let faulty = scene.api.get("UserProfile").await;
    assert_eq!(faulty.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_subscription_is_confirmed_by_a_visit() {
    let mut scene = Scene::new().await;
    let visit = "?Action=ConfirmSubscription&Token=t";
    let confirmation = json!({
        "Type": "SubscriptionConfirmation",
        "Message": "You have chosen to subscribe.",
        "SubscribeURL": scene.cloudformation.url.join(visit).unwrap(),
    });
    assert_eq!(scene.deliver(&confirmation).await, StatusCode::OK);
    let (_, uri, _) = scene.cloudformation.arrival().await;
    let query: BTreeMap<_, _> =
        url::form_urlencoded::parse(uri.query().unwrap().as_bytes()).collect();
    assert_eq!(query["Action"], "ConfirmSubscription");
    assert_eq!(query["Token"], "t");
}

#[tokio::test]
async fn what_no_topic_delivers_and_what_leads_off_this_machine_is_not_taken() {
    let mut scene = Scene::new().await;
    let properties = scene.properties();
    let mut elsewhere = scene.request("Create", &properties);
    elsewhere["ResponseURL"] = json!("https://cloudformation-custom-resource.s3.amazonaws.com/x");
    let mut no_url = scene.request("Create", &properties);
    no_url.as_object_mut().unwrap().remove("ResponseURL");
    let mut no_type = scene.request("Create", &properties);
    no_type["RequestType"] = json!("Read");
    // It would be reached, but is no address of loopback alone.
    let mut everywhere = scene.cloudformation.url.clone();
    everywhere.set_host(Some("0.0.0.0")).unwrap();
    for delivery in [
        json!({"Type": "Notification", "Message": elsewhere.to_string()}),
        json!({"Type": "Notification", "Message": no_url.to_string()}),
        json!({"Type": "Notification", "Message": no_type.to_string()}),
        json!({"Type": "Notification", "Message": "{"}),
        json!({"Type": "Notification"}),
        json!({"Type": "UnsubscribeConfirmation", "Message": ""}),
        json!({"Type": "SubscriptionConfirmation", "Message": ""}),
        json!({"Type": "SubscriptionConfirmation", "Message": "", "SubscribeURL": everywhere}),
        json!([]),
    ] {
        let status = scene.deliver(&delivery).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{delivery}");
    }
    assert_eq!(scene.integrations(), []);
}
