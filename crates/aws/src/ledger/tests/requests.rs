use towerhook_core::ledger::REMEMBERED;

use super::*;

type Read = Vec<(String, Timestamp)>;

fn known(requests: &[(&str, i64)]) -> Read {
    let requests = requests.iter();
    requests
        .map(|(request, seconds)| ((*request).to_owned(), at(*seconds)))
        .collect()
}

fn stored(known: &Read) -> Answer {
    answer(json!({"Item": item("setup", "requests", known)}))
}

/// The requests that were written.
fn written(body: &Value) -> Read {
    serde_json::from_str(body["Item"]["document"]["S"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn the_first_request_is_admitted_when_it_is_seen_in_whole_milliseconds() {
    let (aws, sent) = setup([done(), done()]);
    let seen = Timestamp::from_microsecond(5_000_700).unwrap();
    assert_eq!(aws.admit("one", seen).await.unwrap(), at(5));
    let calls = sent.calls();
    assert_eq!(calls[0].0, "GetItem");
    assert_eq!(calls[0].1["ConsistentRead"], true);
    let key = json!({"kind": {"S": "setup"}, "id": {"S": "requests"}});
    assert_eq!(calls[0].1["Key"], key);
    assert_eq!(calls[1].0, "PutItem");
    let body = &calls[1].1;
    let expected = item("setup", "requests", &known(&[("one", 5)]));
    assert_eq!(body["Item"], expected);
    assert_eq!(
        body["ConditionExpression"],
        "attribute_not_exists(document)"
    );
}

#[tokio::test]
async fn a_request_keeps_the_time_at_which_it_was_first_seen() {
    let (aws, sent) = setup([stored(&known(&[("one", 5), ("two", 6)]))]);
    assert_eq!(aws.admit("one", at(9)).await.unwrap(), at(5));
    assert_eq!(sent.operations(), ["GetItem"]);
}

#[tokio::test]
async fn no_two_requests_are_admitted_at_one_time() {
    let before = known(&[("one", 5)]);
    let (aws, sent) = setup([stored(&before), done()]);
    let admitted = aws.admit("two", at(5)).await.unwrap();
    assert_eq!(admitted, Timestamp::from_millisecond(5001).unwrap());
    let (_, body) = sent.calls().remove(1);
    let mut after = before.clone();
    after.push(("two".to_owned(), admitted));
    assert_eq!(written(&body), after);
    // The write does not replace a request that another invocation admitted meanwhile.
    assert_eq!(body["ConditionExpression"], "document = :known");
    let read = &item("setup", "requests", &before)["document"];
    assert_eq!(&body["ExpressionAttributeValues"], &json!({":known": read}));
}

#[tokio::test]
async fn only_the_last_requests_are_remembered() {
    let before: Read = (0..REMEMBERED)
        .map(|n| (format!("request-{n}"), at(n as i64)))
        .collect();
    let (aws, sent) = setup([stored(&before), done()]);
    assert_eq!(aws.admit("new", at(100)).await.unwrap(), at(100));
    let mut after = before[1..].to_vec();
    after.push(("new".to_owned(), at(100)));
    assert_eq!(after.len(), REMEMBERED);
    assert_eq!(written(&sent.calls()[1].1), after);
}

#[tokio::test]
async fn of_two_invocations_that_admit_at_once_one_looks_again() {
    let (aws, _) = setup([done(), refused()]);
    let failure = aws.admit("one", at(5)).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn requests_that_cannot_be_read_count_as_lost() {
    let illegible = item("setup", "requests", &json!({"not": "a list"}));
    let without_document = json!({"kind": {"S": "setup"}, "id": {"S": "requests"}});
    for (found, condition) in [
        (illegible, "document = :known"),
        (without_document, "attribute_not_exists(document)"),
    ] {
        let (aws, sent) = setup([answer(json!({"Item": found})), done()]);
        assert_eq!(aws.admit("one", at(5)).await.unwrap(), at(5));
        assert_eq!(sent.calls()[1].1["ConditionExpression"], condition);
    }
}
