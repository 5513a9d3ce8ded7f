use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_types::retry::RetryConfig;

use super::*;

#[tokio::test]
async fn records_are_read_to_the_last_page() {
    let more = json!({"kind": {"S": "account"}, "id": {"S": "111111111111"}});
    let first = json!({"Items": [record_item("111111111111", "a")], "LastEvaluatedKey": more});
    let last = json!({"Items": [record_item("222222222222", "b")]});
    let (aws, sent) = setup([answer(first.clone()), answer(last)]);
    let records = [
        (account("111111111111"), record("a")),
        (account("222222222222"), record("b")),
    ];
    let expected = Records {
        by_account: records.into(),
        unreadable: BTreeMap::new(),
    };
    assert_eq!(aws.records().await.unwrap(), expected);
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
async fn an_item_that_cannot_be_read_is_named_with_the_reason_and_stops_nothing() {
    let mut no_document = record_item("444444444444", "d");
    no_document.as_object_mut().unwrap().remove("document");
    let mut of_another_type = record_item("555555555555", "e");
    of_another_type["document"] = json!({"M": {"reason": {"NULL": true}}});
    let items = [
        record_item("not-an-account", "a"),
        record_item("111111111111", "b"),
        item("account", "222222222222", &json!({"since": "yesterday"})),
        record_item("333333333333", "c"),
        no_document,
        of_another_type,
    ];
    let (aws, _) = setup([answer(json!({"Items": items}))]);
    let Records {
        by_account,
        unreadable,
    } = aws.records().await.unwrap();
    let ids: Vec<&str> = by_account.keys().map(AccountId::as_str).collect();
    assert_eq!(ids, ["111111111111", "333333333333"]);
    let ids: Vec<&str> = unreadable.keys().map(String::as_str).collect();
    let expected = [
        "222222222222",
        "444444444444",
        "555555555555",
        "not-an-account",
    ];
    assert_eq!(ids, expected);
    for reason in unreadable.values() {
        assert!(reason.starts_with("dynamodb:Query failed: "), "{reason}");
    }
    for id in ["444444444444", "555555555555"] {
        let reason = &unreadable[id];
        assert!(reason.ends_with("an item without document"), "{reason}");
    }
}

#[tokio::test]
async fn records_that_end_nowhere_are_no_records() {
    let page = |last: Value| answer(json!({"Items": [], "LastEvaluatedKey": last}));
    let same = || page(json!({"kind": {"S": "account"}, "id": {"S": "111111111111"}}));
    let without_id = page(json!({"kind": {"S": "account"}}));
    let (aws, _) = setup([without_id, same(), same()]);
    for _ in 0..2 {
        assert_eq!(aws.records().await.unwrap_err().kind, ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn records_are_written_a_hundred_at_a_time_and_each_once() {
    let (aws, sent) = setup([done(), done()]);
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
    let first = record_item("000000000001", "first");
    assert_eq!(writes[1]["Put"]["Item"], first);
    assert_eq!(writes[1]["Put"]["TableName"], "ledger");
}

#[tokio::test(start_paused = true)]
async fn a_transaction_whose_answer_is_lost_is_sent_again_as_the_same_one() {
    let (mut aws, sent) = setup([error(500, "InternalServerError"), done(), done()]);
    let config = aws.config.into_builder();
    aws.config = config
        .retry_config(RetryConfig::standard())
        .sleep_impl(TokioSleep::new())
        .build();
    let records = [(account("000000000000"), None)];
    aws.store_records(&records).await.unwrap();
    aws.store_records(&records).await.unwrap();
    let calls = sent.calls();
    let token = |call: usize| calls[call].1["ClientRequestToken"].as_str().unwrap();
    assert_eq!(token(0), token(1));
    assert_ne!(token(1), token(2));
}
