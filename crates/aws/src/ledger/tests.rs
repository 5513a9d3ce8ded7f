use serde_json::{Value, json};
use towerhook_core::{ErrorKind, lifecycle::Scope};

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
    let taken = Lease::Taken {
        deployment: None,
        parked: vec![],
    };
    assert_eq!(lease, taken);
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
        refused_with(json!({"rests_until": {"N": "13000"}, "reserved_until": {"N": "14000"}})),
        refused(),
        error(500, "InternalServerError"),
    ]);
    let ask = async || aws.take_lease("me", at(10), at(20)).await;
    let held = Lease::Refused(Standing::Held);
    let resting = |seconds| Lease::Refused(Standing::Resting(at(seconds)));
    assert_eq!(ask().await.unwrap(), held);
    assert_eq!(ask().await.unwrap(), resting(13));
    assert_eq!(ask().await.unwrap(), resting(14), "it is reserved, too");
    assert_eq!(ask().await.unwrap(), held, "nobody says why");
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
    let (aws, sent) = setup([done(), done(), refused(), refused()]);
    let called = aws.close_pass("me", &[], &[], at(13)).await;
    assert!(!called.unwrap());
    let records = [(account("111111111111"), Some(record("a")))];
    let called = aws.close_pass("me", &records, &[parked("a")], at(13)).await;
    assert!(!called.unwrap());
    let lost = aws.close_pass("me", &[], &[], at(13)).await.unwrap_err();
    assert_eq!(lost.kind, ErrorKind::Conflict);
    let calls = sent.calls();
    assert_eq!(calls[0].0, "UpdateItem");
    assert_eq!(calls[1].0, "TransactWriteItems");
    let writes = &calls[1].1["TransactItems"];
    assert_eq!(writes[0]["Put"]["Item"], item("111111111111", "a"));
    let update = &writes[1]["Update"];
    let mut values = json!({":owner": {"S": "me"}, ":until": {"N": "13000"}});
    assert_eq!(calls[0].1["ExpressionAttributeValues"], values);
    values[":done"] = json!({"SS": [parked("a").as_text()]});
    assert_eq!(update["ExpressionAttributeValues"], values);
    let expression = update["UpdateExpression"].as_str().unwrap();
    assert!(expression.ends_with("DELETE parked :done"), "{expression}");
    for update in [&calls[0].1, update] {
        assert_eq!(update["Key"], deployment_key());
        assert_eq!(update["ConditionExpression"], IS_HOLDER_UNCALLED);
    }
    assert_eq!(calls[3].1["ConditionExpression"], "holder = :owner");
}

#[tokio::test]
async fn a_pass_learns_as_it_ends_that_somebody_has_called() {
    let (aws, sent) = setup([refused(), answer(json!({}))]);
    assert!(aws.close_pass("me", &[], &[], at(13)).await.unwrap());
    assert_eq!(sent.calls().len(), 2);
}

fn parked(invocation: &str) -> Parked {
    Parked::of(invocation, &Scope::all()).remove(0)
}

#[tokio::test]
async fn what_is_parked_comes_with_the_lease() {
    let texts = [parked("a"), parked("b")].map(|parked| parked.as_text().to_owned());
    let (aws, _) = setup([answer(json!({"Attributes": {"parked": {"SS": texts}}}))]);
    let lease = aws.take_lease("me", at(10), at(20)).await.unwrap();
    let taken = Lease::Taken {
        deployment: None,
        parked: vec![parked("a"), parked("b")],
    };
    assert_eq!(lease, taken);
}

#[tokio::test]
async fn whoever_parks_learns_of_the_last_call() {
    let (aws, sent) = setup([
        answer(json!({})),
        answer(json!({"Attributes": {
            "called_at": {"N": "9000"}, "held_until": {"N": "15000"},
        }})),
        refused_with(json!({"parked": {"SS": [parked("b").as_text()]}})),
        error(500, "InternalServerError"),
    ]);
    let park = async || aws.park(&[parked("a")], &[], at(10)).await;
    let kept = |lease, called_at| Parking::Kept { lease, called_at };
    let free = Standing::Resting(at(10));
    assert_eq!(park().await.unwrap(), kept(free, None));
    assert_eq!(park().await.unwrap(), kept(Standing::Held, Some(at(9))));
    let found = Parking::Refused(vec![parked("b")]);
    assert_eq!(park().await.unwrap(), found);
    assert_eq!(park().await.unwrap_err().kind, ErrorKind::Unavailable);
    let (operation, body) = sent.calls().remove(0);
    assert_eq!(operation, "UpdateItem");
    assert_eq!(body["Key"], deployment_key());
    assert_eq!(body["ReturnValues"], "ALL_OLD");
    assert_eq!(
        body["ExpressionAttributeValues"],
        json!({
            ":parked": {"SS": [parked("a").as_text()]},
            ":now": {"N": "10000"},
            ":known": {"N": "100"},
        })
    );
}

#[tokio::test]
async fn what_is_parked_is_replaced_only_where_it_is_what_was_seen() {
    let (aws, sent) = setup([answer(json!({})), refused()]);
    let park = async || aws.park(&[parked("c")], &[parked("a")], at(10)).await;
    assert!(matches!(park().await.unwrap(), Parking::Kept { .. }));
    assert_eq!(park().await.unwrap(), Parking::Refused(vec![]));
    let (_, body) = sent.calls().remove(0);
    assert_eq!(body["ConditionExpression"], "parked = :known");
    let values = &body["ExpressionAttributeValues"];
    assert_eq!(values[":parked"], json!({"SS": [parked("c").as_text()]}));
    assert_eq!(values[":known"], json!({"SS": [parked("a").as_text()]}));
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
