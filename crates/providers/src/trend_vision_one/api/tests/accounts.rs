use towerhook_core::provider::Provider as _;

use super::*;
use crate::trend_vision_one::TrendVisionOne;

async fn created(answers: impl IntoIterator<Item = ResponseTemplate>) -> (Created, MockServer) {
    let server = answering(answers).await;
    let tokens = Counting::default();
    let made = client(&server, &tokens).create(None, &spec()).await;
    (made.unwrap(), server)
}

#[tokio::test]
async fn a_row_is_read_as_a_registration_by_its_mark() {
    let by_hand = json!({
        "id": "444455556666", "name": "production", "description": "made by hand",
        "roleArn": "arn:aws:iam::444455556666:role/VisionOneRole", "unknown": [{}],
    });
    let server = answering([listing(&[row(), by_hand])]).await;
    let found = listed(&server).await.unwrap();
    let expected = Registration {
        external_id: String::new(),
        health: Health::Good,
        ..existing()
    };
    assert_eq!(
        found[0], expected,
        "the name is the mark, not the account's alias"
    );
    assert_eq!(found[1].name, "production");
    assert_eq!(found[1].guid, "444455556666");
}

#[tokio::test]
async fn what_only_another_product_knows_of_an_account_is_no_registration() {
    let mut without = bridge();
    without["roleArn"] = Value::Null;
    let server = answering([listing(&[bridge(), without])]).await;
    assert_eq!(listed(&server).await.unwrap(), []);
}

#[tokio::test]
async fn a_state_is_bad_news_only_if_the_role_was_lost() {
    let in_state = |state: &str, missing: Value| {
        let mut row = row();
        row["state"] = state.into();
        row["features"][0]["missingAwsPermissions"] = missing;
        row
    };
    let server = answering([listing(&[
        in_state("managed", json!([])),
        in_state("managed", json!(["s3:ListAllMyBuckets"])),
        in_state("outdated", json!([])),
        in_state("failed", json!([])),
        in_state("connecting", json!([])),
    ])])
    .await;
    let found = listed(&server).await.unwrap();
    let health: Vec<_> = found.into_iter().map(|one| one.health).collect();
    assert_eq!(health[..3], [Health::Good, Health::Good, Health::Good]);
    let Health::Failing(why) = &health[3] else {
        panic!("{:?}", health[3]);
    };
    assert!(TrendVisionOne.blames_role(why));
    assert_eq!(health[4], Health::Unknown);
}

#[test]
fn outdated_and_incomplete_rows_are_counted_unless_they_have_no_role() {
    let counted = |row: &Value| {
        let row = wire::row(row).unwrap();
        (row.outdated, row.incomplete)
    };
    let mut of_all_kinds = row();
    assert_eq!(counted(&of_all_kinds), (false, false));
    of_all_kinds["features"][0]["missingAwsPermissions"] = json!(["s3:Get*"]);
    assert_eq!(counted(&of_all_kinds), (false, true));
    of_all_kinds["state"] = json!("outdated");
    assert_eq!(counted(&of_all_kinds), (true, true));
    of_all_kinds["roleArn"] = json!("");
    assert_eq!(counted(&of_all_kinds), (false, false));
}

#[tokio::test]
async fn links_are_followed_on_the_same_host_only() {
    let page = |next: &str| answer(200, json!({ "items": [row()], "nextLink": next }));
    let link = "https://attacker.example.com/v3.0/cam/awsAccounts?top=1000&nextBatchToken=abc";
    let server = answering([page(link), page("")]).await;
    assert_eq!(listed(&server).await.unwrap().len(), 2);
    assert_eq!(
        request_lines(&server).await,
        [
            format!("GET {PATH}?top=1000"),
            format!("GET {PATH}?top=1000&nextBatchToken=abc"),
        ]
    );
    let server = answering([page("data:,x")]).await;
    let error = listed(&server).await.unwrap_err();
    assert!(
        error.chain().contains("usable nextLink"),
        "{}",
        error.chain()
    );
}

#[tokio::test]
async fn a_list_without_rows_or_with_odd_ids_is_an_error() {
    for body in [
        json!({}),
        json!({ "items": [{ "name": "x" }] }),
        json!({ "items": [{ "id": "../other" }] }),
        json!({ "items": [{ "id": "11112222333" }] }),
    ] {
        let server = answering([answer(200, body)]).await;
        assert_eq!(listed(&server).await.unwrap_err().kind, ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn an_account_is_made_with_all_that_the_tenant_needs() {
    for (location, id) in [
        (
            format!("https://api.xdr.trendmicro.com{PATH}/{MEMBER}"),
            Some(MEMBER),
        ),
        (format!("{PATH}/{MEMBER}?x"), Some(MEMBER)),
        ("/v3.0/cam/awsAccounts/other".to_owned(), None),
    ] {
        let made = status(201).insert_header("Location", location.as_str());
        let (made, server) = created([made]).await;
        assert_eq!(made, Created::Done(id.map(str::to_owned)));
        assert_eq!(request_lines(&server).await, [format!("POST {PATH}")]);
        let sent: Value = requests(&server).await[0].body_json().unwrap();
        let expected = json!({
            "roleArn": spec().role_arn,
            "name": spec().name,
            "description": format!("Kept by Towerhook: {}", spec().name),
            "features": [{ "id": "cloud-sentry" }],
            "connectedSecurityServices": [{
                "name": "workload",
                "instanceIds": ["0b05cd2b-0000-4000-8000-000000000001"],
            }],
        });
        assert_eq!(sent, expected);
    }
}

#[tokio::test]
async fn without_settings_an_account_has_no_features_and_a_change_leaves_them() {
    let server = answering([status(201), answer(200, row()), status(204)]).await;
    let tokens = Counting::default();
    let api = with(&server, Settings::default(), &tokens);
    assert_eq!(
        api.create(None, &spec()).await.unwrap(),
        Created::Done(None)
    );
    api.update(&existing(), &spec(), true).await.unwrap();
    let sent = requests(&server).await;
    let made: Value = sent[0].body_json().unwrap();
    assert_eq!(made["features"], json!([]));
    assert_eq!(made.get("connectedSecurityServices"), None);
    let changed: Value = sent[2].body_json().unwrap();
    assert_eq!(changed.get("features"), None);
}

#[tokio::test]
async fn a_refused_account_is_looked_up_since_the_words_say_nothing() {
    for refused in [400, 409] {
        let no_role = || Created::RoleNotAssumable("It cannot be.".into());
        for (there, outcome) in [
            (answer(200, row()), Created::AlreadyUsed),
            (answer(200, bridge()), no_role()),
            (refusal(404, "not found"), no_role()),
        ] {
            let (made, server) = created([refusal(refused, "It cannot be."), there]).await;
            assert_eq!(made, outcome);
            let lines = request_lines(&server).await;
            assert_eq!(lines[1], format!("GET {PATH}/{MEMBER}"));
        }
    }
    let server = answering([
        refusal(400, "no"),
        refusal(403, "Insufficient permissions."),
    ])
    .await;
    let tokens = Counting::default();
    let error = client(&server, &tokens).create(None, &spec()).await;
    assert!(error.unwrap_err().chain().contains("Insufficient"));
}

#[tokio::test]
async fn a_change_is_of_the_version_that_was_read_and_of_neither_name_nor_instance() {
    let read = answer(200, row()).insert_header("ETag", "\"0123abcd\"");
    let server = answering([read, status(204)]).await;
    let tokens = Counting::default();
    let changed = client(&server, &tokens)
        .update(&existing(), &spec(), true)
        .await;
    assert_eq!(changed.unwrap(), Created::Done(Some(MEMBER.into())));
    assert_eq!(
        request_lines(&server).await,
        [
            format!("GET {PATH}/{MEMBER}"),
            format!("PATCH {PATH}/{MEMBER}")
        ]
    );
    let sent = requests(&server).await;
    assert_eq!(sent[1].headers["if-match"], "\"0123abcd\"");
    let expected = json!({
        "roleArn": spec().role_arn,
        "description": format!("Kept by Towerhook: {}", spec().name),
        "features": [{ "id": "cloud-sentry" }],
    });
    assert_eq!(sent[1].body_json::<Value>().unwrap(), expected);
}

#[tokio::test]
async fn a_change_that_cannot_be_says_why() {
    for (change, kind) in [
        (refusal(412, "changed since"), ErrorKind::Conflict),
        (refusal(404, "gone"), ErrorKind::NotFound),
        (refusal(403, "no"), ErrorKind::Invalid),
    ] {
        let server = answering([answer(200, row()), change]).await;
        let tokens = Counting::default();
        let error = client(&server, &tokens)
            .update(&existing(), &spec(), true)
            .await;
        assert_eq!(error.unwrap_err().kind, kind);
    }
    let server = answering([
        refusal(404, "gone"),
        answer(200, row()),
        refusal(400, "no role"),
    ]);
    let (server, tokens) = (server.await, Counting::default());
    let api = client(&server, &tokens);
    let error = api.update(&existing(), &spec(), true).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "nothing is changed unread");
    let refused = api.update(&existing(), &spec(), true).await.unwrap();
    assert_eq!(refused, Created::RoleNotAssumable("no role".into()));
}

#[tokio::test]
async fn an_account_may_be_removed_twice() {
    let row = || answer(200, row());
    let server = answering([
        row(),
        status(204),
        refusal(404, "not found"),
        row(),
        refusal(404, "gone meanwhile"),
        row(),
        refusal(403, "no"),
    ]);
    let (server, tokens) = (server.await, Counting::default());
    let api = client(&server, &tokens);
    for _ in 0..3 {
        api.delete(&existing()).await.unwrap();
    }
    assert!(api.delete(&existing()).await.is_err());
    assert_eq!(
        request_lines(&server).await[..3],
        [
            format!("GET {PATH}/{MEMBER}"),
            format!("DELETE {PATH}/{MEMBER}"),
            format!("GET {PATH}/{MEMBER}"),
        ]
    );
}

#[tokio::test]
async fn what_has_become_somebody_elses_row_since_the_listing_is_left_alone() {
    let mut others = row();
    others["roleArn"] = json!(format!("arn:aws:iam::{MEMBER}:role/TheirRole"));
    let mut unmarked = row();
    unmarked["description"] = json!("connected by hand");
    for changed in [others, unmarked, bridge()] {
        let server = answering([answer(200, changed.clone()), answer(200, changed)]).await;
        let tokens = Counting::default();
        let api = client(&server, &tokens);
        let error = api.delete(&existing()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict);
        let error = api.update(&existing(), &spec(), true).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict);
        assert_eq!(
            request_lines(&server).await,
            [
                format!("GET {PATH}/{MEMBER}"),
                format!("GET {PATH}/{MEMBER}")
            ]
        );
    }
}
