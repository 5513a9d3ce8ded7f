use super::*;

const IS_HOLDER_UNCALLED: &str = "holder = :owner AND attribute_not_exists(called_at)";

#[tokio::test]
async fn a_pass_gives_the_lease_back_with_its_last_records() {
    let (aws, sent) = setup([done(), done(), refused(), refused()]);
    let me = pass("me");
    let called = aws.close_pass(&me, &[], &[], at(13), None).await;
    assert!(!called.unwrap());
    let records = [(account("111111111111"), Some(record("a")))];
    let called = aws
        .close_pass(&me, &records, &[parked("a")], at(13), None)
        .await;
    assert!(!called.unwrap());
    let lost = aws
        .close_pass(&me, &[], &[], at(13), None)
        .await
        .unwrap_err();
    assert_eq!(lost.kind, ErrorKind::Conflict);
    let calls = sent.calls();
    assert_eq!(calls[0].0, "UpdateItem");
    assert_eq!(calls[1].0, "TransactWriteItems");
    let writes = &calls[1].1["TransactItems"];
    assert_eq!(writes[0]["Put"]["Item"], record_item("111111111111", "a"));
    let update = &writes[1]["Update"];
    let mut values = json!({":owner": {"S": "pass/me"}, ":until": {"N": "13000"}});
    assert_eq!(calls[0].1["ExpressionAttributeValues"], values);
    values[":done"] = json!({"SS": [parked("a").as_text()]});
    assert_eq!(update["ExpressionAttributeValues"], values);
    let rest = "SET rests_until = :until REMOVE holder, held_until, begun";
    assert_eq!(calls[0].1["UpdateExpression"], rest);
    assert_eq!(
        update["UpdateExpression"],
        format!("{rest} DELETE parked :done")
    );
    for update in [&calls[0].1, update] {
        assert_eq!(update["Key"], deployment_key());
        assert_eq!(update["ConditionExpression"], IS_HOLDER_UNCALLED);
    }
    assert_eq!(calls[2].1["ConditionExpression"], IS_HOLDER_UNCALLED);
    assert_eq!(calls[3].1["ConditionExpression"], "holder = :owner");
}

#[tokio::test]
async fn a_comparison_of_everything_is_noted_as_the_lease_is_given_back() {
    let (aws, sent) = setup([done()]);
    let me = pass("me");
    let closed = aws.close_pass(&me, &[], &[], at(13), Some(at(7)));
    assert!(!closed.await.unwrap());
    let (_, call) = sent.calls().remove(0);
    assert_eq!(
        call["UpdateExpression"],
        "SET compared_at = :compared, rests_until = :until REMOVE holder, held_until, begun"
    );
    let values = &call["ExpressionAttributeValues"];
    assert_eq!(values[":compared"], json!({"N": "7000"}));
}

#[tokio::test]
async fn a_pass_learns_as_it_ends_that_somebody_has_called() {
    let cancelled = error(400, "TransactionCanceledException");
    let (aws, sent) = setup([refused(), done(), cancelled, done()]);
    let called = aws.close_pass(&pass("me"), &[], &[], at(13), None).await;
    assert!(called.unwrap());
    let records = [(account("111111111111"), None)];
    let called = aws
        .close_pass(&pass("me"), &records, &[], at(13), None)
        .await;
    assert!(called.unwrap());
    let calls = sent.calls();
    assert_eq!(calls.len(), 4);
    assert_eq!(calls[1].1["ConditionExpression"], "holder = :owner");
    let update = &calls[3].1["TransactItems"][1]["Update"];
    assert_eq!(update["ConditionExpression"], "holder = :owner");
}

#[tokio::test]
async fn a_pass_that_cannot_be_closed_is_not_tried_as_one_that_was_called() {
    let (aws, sent) = setup([error(500, "InternalServerError")]);
    let failure = aws.close_pass(&pass("me"), &[], &[], at(13), None).await;
    assert_eq!(failure.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(sent.calls().len(), 1);
}

#[tokio::test]
async fn the_lease_goes_with_the_last_of_many_records() {
    let (aws, sent) = setup([done(), done()]);
    let records: Vec<_> = (0..TRANSACTION)
        .map(|n| (account(&format!("{n:012}")), Some(record("a"))))
        .collect();
    let called = aws
        .close_pass(&pass("me"), &records, &[], at(13), None)
        .await;
    assert!(!called.unwrap());
    let calls = sent.calls();
    let first = calls[0].1["TransactItems"].as_array().unwrap();
    assert_eq!(first.len(), TRANSACTION);
    assert!(first.iter().all(|write| write["Update"].is_null()));
    let last = calls[1].1["TransactItems"].as_array().unwrap();
    assert_eq!(last.len(), 1);
    assert_eq!(last[0]["Update"]["Key"], deployment_key());
}

#[tokio::test]
async fn whoever_parks_learns_of_the_last_call() {
    let (aws, sent) = setup([
        done(),
        answer(json!({"Attributes": {
            "called_at": {"N": "9000"}, "held_until": {"N": "15000"},
        }})),
        answer(json!({"Attributes": {"rests_until": {"N": "13000"}}})),
        refused_with(json!({"parked": {"SS": [parked("b").as_text()]}})),
        error(500, "InternalServerError"),
    ]);
    let park = async || aws.park(&[parked("a")], &[], at(10)).await;
    let kept = |lease, wake_up_sent_at| Parking::Kept {
        lease,
        wake_up_sent_at,
    };
    let free = |seconds| LeaseState::Free {
        not_before: at(seconds),
    };
    assert_eq!(park().await.unwrap(), kept(free(10), None));
    assert_eq!(park().await.unwrap(), kept(LeaseState::Held, Some(at(9))));
    assert_eq!(park().await.unwrap(), kept(free(13), None));
    let found = Parking::Refused(vec![parked("b")]);
    assert_eq!(park().await.unwrap(), found);
    assert_eq!(park().await.unwrap_err().kind, ErrorKind::Unavailable);
    let (operation, body) = sent.calls().remove(0);
    assert_eq!(operation, "UpdateItem");
    assert_eq!(body["Key"], deployment_key());
    assert_eq!(
        body["UpdateExpression"],
        "ADD parked :parked SET called_at = if_not_exists(called_at, :now)"
    );
    assert_eq!(
        body["ConditionExpression"],
        "attribute_not_exists(parked) OR size(parked) <= :known"
    );
    assert_eq!(body["ReturnValues"], "ALL_OLD");
    assert_eq!(body["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    assert_eq!(
        body["ExpressionAttributeValues"],
        json!({
            ":parked": {"SS": [parked("a").as_text()]},
            ":now": {"N": "10000"},
            ":known": {"N": "99"},
        })
    );
}

#[tokio::test]
async fn what_is_parked_is_replaced_only_where_it_is_what_was_seen() {
    let (aws, sent) = setup([done(), refused()]);
    let park = async || aws.park(&[parked("c")], &[parked("a")], at(10)).await;
    assert!(matches!(park().await.unwrap(), Parking::Kept { .. }));
    assert_eq!(park().await.unwrap(), Parking::Refused(vec![]));
    let (_, body) = sent.calls().remove(0);
    assert_eq!(
        body["UpdateExpression"],
        "SET parked = :parked, called_at = if_not_exists(called_at, :now)"
    );
    assert_eq!(body["ConditionExpression"], "parked = :known");
    let values = &body["ExpressionAttributeValues"];
    assert_eq!(values[":parked"], json!({"SS": [parked("c").as_text()]}));
    assert_eq!(values[":known"], json!({"SS": [parked("a").as_text()]}));
}
