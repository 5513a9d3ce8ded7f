use serde_json::{Value, json};
use towerhook_core::ErrorKind;

use super::*;
use crate::testing::{Answer, answer, error, setup};

fn refused() -> Answer {
    error(400, CONDITION_FAILED)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

/// What the item says after a condition on it has failed.
fn refused_with(item: Value) -> Answer {
    refused().body(&json!({"__type": CONDITION_FAILED, "Item": item}))
}

fn deployment_key() -> Value {
    json!({"kind": {"S": "deployment"}, "id": {"S": "current"}})
}

#[tokio::test]
async fn the_lease_comes_with_the_deployment_in_one_call() {
    let (aws, sent) = setup([answer(json!({"Attributes": {
        "holder": {"S": "me"}, "held_until": {"N": "20000"},
    }}))]);
    let lease = aws.take_lease("me", at(10), at(20)).await.unwrap();
    assert_eq!(lease, Lease::Taken(None));
    let (operation, body) = sent.calls().remove(0);
    assert_eq!(operation, "UpdateItem");
    assert_eq!(body["TableName"], "ledger");
    assert_eq!(body["Key"], deployment_key());
    assert_eq!(body["ReturnValues"], "ALL_NEW");
    assert_eq!(body["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    assert_eq!(
        body["ExpressionAttributeValues"],
        json!({":now": {"N": "10000"}, ":until": {"N": "20000"}, ":owner": {"S": "me"}})
    );
}

#[tokio::test]
async fn a_lease_that_is_held_is_told_from_one_that_rests() {
    let (aws, _) = setup([
        refused_with(json!({"holder": {"S": "you"}, "held_until": {"N": "15000"}})),
        refused_with(json!({"rests_until": {"N": "13000"}, "held_until": {"N": "9000"}})),
        refused_with(json!({"rests_until": {"N": "13000"}, "reserved_until": {"N": "12000"}})),
        refused(),
        error(500, "InternalServerError"),
    ]);
    let ask = async || aws.take_lease("me", at(10), at(20)).await;
    assert_eq!(ask().await.unwrap(), Lease::Held);
    assert_eq!(ask().await.unwrap(), Lease::Resting(at(13)));
    assert_eq!(ask().await.unwrap(), Lease::Held, "it is reserved");
    assert_eq!(ask().await.unwrap(), Lease::Held, "nobody says why");
    let failure = ask().await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_lease_on_a_deployment_that_cannot_be_read_is_given_back() {
    let unreadable = json!({"Attributes": {"document": {"S": "{}"}}});
    let (aws, sent) = setup([answer(unreadable), answer(json!({}))]);
    let failure = aws.take_lease("me", at(10), at(20)).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Invalid);
    let (_, body) = sent.calls().remove(1);
    assert_eq!(body["UpdateExpression"], "REMOVE holder, held_until");
}

#[tokio::test]
async fn a_lease_that_went_to_somebody_else_stays_theirs() {
    let (aws, sent) = setup([answer(json!({})), refused()]);
    aws.release_lease("me").await.unwrap();
    aws.release_lease("me").await.unwrap();
    let (operation, body) = sent.calls().remove(0);
    assert_eq!(operation, "UpdateItem");
    assert_eq!(body["Key"], deployment_key());
    assert_eq!(body["ConditionExpression"], "holder = :owner");
    assert_eq!(body["ExpressionAttributeValues"][":owner"]["S"], "me");
}

#[tokio::test]
async fn a_pass_gives_the_lease_back_with_its_last_records() {
    let done = || answer(json!({}));
    let (aws, sent) = setup([done(), done(), refused()]);
    aws.close_pass("me", &[], at(13)).await.unwrap();
    let records = [(account("111111111111"), Some(record("a")))];
    aws.close_pass("me", &records, at(13)).await.unwrap();
    let lost = aws.close_pass("me", &[], at(13)).await.unwrap_err();
    assert_eq!(lost.kind, ErrorKind::Conflict);
    let calls = sent.calls();
    assert_eq!(calls[0].0, "UpdateItem");
    assert_eq!(calls[1].0, "TransactWriteItems");
    let writes = &calls[1].1["TransactItems"];
    assert_eq!(writes[0]["Put"]["Item"], item("111111111111", "a"));
    let update = &writes[1]["Update"];
    for update in [&calls[0].1, update] {
        assert_eq!(update["Key"], deployment_key());
        assert_eq!(update["ConditionExpression"], "holder = :owner");
        assert_eq!(
            update["ExpressionAttributeValues"],
            json!({":owner": {"S": "me"}, ":until": {"N": "13000"}})
        );
    }
}

#[tokio::test]
async fn the_first_suffix_stays() {
    let stored = answer(json!({"Item": {"suffix": {"S": "FIRST"}}}));
    let (aws, sent) = setup([refused(), stored]);
    assert_eq!(aws.external_id_suffix("FRESH").await.unwrap(), "FIRST");
    let calls = sent.calls();
    assert_eq!(calls[0].1["Item"]["suffix"]["S"], "FRESH");
    assert_eq!(
        calls[0].1["ConditionExpression"],
        "attribute_not_exists(#kind)"
    );
    assert_eq!(calls[1].1["ConsistentRead"], true);
}

#[tokio::test]
async fn no_deployment_is_told_from_one_that_cannot_be_read() {
    let (aws, _) = setup([
        answer(json!({})),
        answer(json!({"Item": {"document": {"S": "{}"}}})),
        error(400, "ResourceNotFoundException"),
    ]);
    assert_eq!(aws.deployment().await.unwrap(), None);
    let unreadable = aws.deployment().await.unwrap_err();
    assert_eq!(unreadable.kind, ErrorKind::Invalid);
    let no_table = aws.deployment().await.unwrap_err();
    assert_eq!(no_table.kind, ErrorKind::NotFound);
}

fn record(reason: &str) -> Record {
    Record {
        reason: Some(reason.into()),
        ..Record::default()
    }
}

fn item(id: &str, reason: &str) -> Value {
    let document = serde_json::to_string(&record(reason)).unwrap();
    json!({"kind": {"S": "account"}, "id": {"S": id}, "document": {"S": document}})
}

#[tokio::test]
async fn records_are_read_to_the_last_page() {
    let more = json!({"kind": {"S": "account"}, "id": {"S": "111111111111"}});
    let first = json!({"Items": [item("111111111111", "a")], "LastEvaluatedKey": more});
    let last = json!({"Items": [item("222222222222", "b")]});
    let (aws, sent) = setup([answer(first.clone()), answer(last)]);
    assert_eq!(
        aws.records().await.unwrap(),
        [
            (account("111111111111"), record("a")),
            (account("222222222222"), record("b")),
        ]
        .into()
    );
    let calls = sent.calls();
    assert_eq!(calls[0].1["ConsistentRead"], true);
    assert_eq!(
        calls[0].1["ExpressionAttributeValues"],
        json!({":kind": {"S": "account"}})
    );
    assert_eq!(calls[1].1["ExclusiveStartKey"], more);
    let (aws, _) = setup([answer(first), error(500, "InternalServerError")]);
    let half = aws.records().await.unwrap_err();
    assert_eq!(half.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn records_are_written_a_hundred_at_a_time_and_each_once() {
    let (aws, sent) = setup([answer(json!({})), answer(json!({}))]);
    let mut records: Vec<_> = (0..101)
        .map(|n| (account(&format!("{n:012}")), Some(record("first"))))
        .collect();
    records.push((account("000000000000"), None));
    aws.store_records(&records).await.unwrap();
    let calls = sent.calls();
    let counts: Vec<usize> = calls
        .iter()
        .map(|(_, body)| body["TransactItems"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [100, 1]);
    let writes = &calls[0].1["TransactItems"];
    assert_eq!(
        writes[0]["Delete"]["Key"],
        json!({"kind": {"S": "account"}, "id": {"S": "000000000000"}})
    );
    assert_eq!(writes[1]["Put"]["Item"], item("000000000001", "first"));
    assert_eq!(writes[1]["Put"]["TableName"], "ledger");
}
