use super::*;

fn success(suffix: &str) -> Success {
    Success {
        deployment: deployment(suffix),
        properties: json!({"OffboardLimitPercent": "10", "Suffix": suffix}),
    }
}

fn queried(items: &[Value]) -> Answer {
    answer(json!({"Items": items}))
}

#[tokio::test]
async fn what_setup_recorded_is_read_in_one_query() {
    let last = success("LAST");
    let (aws, sent) = setup([queried(&[
        item("deployment", "attempt", &deployment("ATTEMPT")),
        item("deployment", "current", &last.deployment),
        item("deployment", "later", &"of a newer version"),
        item("deployment", "previous", &success("PREVIOUS")),
        item("deployment", "properties", &last.properties),
    ])]);
    let expected = Recorded {
        success: Some(last),
        previous: Some(success("PREVIOUS")),
        attempt: Some(deployment("ATTEMPT")),
        ..Recorded::default()
    };
    assert_eq!(aws.recorded().await.unwrap(), expected);
    let (operation, body) = sent.calls().remove(0);
    assert_eq!(operation, "Query");
    assert_eq!(body["ConsistentRead"], true);
    assert_eq!(body["KeyConditionExpression"], "#kind = :kind");
    assert_eq!(
        body["ExpressionAttributeValues"],
        json!({":kind": {"S": "deployment"}})
    );
}

#[tokio::test]
async fn before_the_first_success_there_may_be_a_lease_and_an_attempt() {
    let mut lease = deployment_key();
    lease["holder"] = json!({"S": "setup/000000000005000/i"});
    lease["compared_at"] = json!({"N": "7000"});
    let attempt = item("deployment", "attempt", &deployment("ATTEMPT"));
    let (aws, _) = setup([queried(&[]), queried(&[attempt, lease])]);
    assert_eq!(aws.recorded().await.unwrap(), Recorded::default());
    let expected = Recorded {
        attempt: Some(deployment("ATTEMPT")),
        compared: Some(at(7)),
        ..Recorded::default()
    };
    assert_eq!(aws.recorded().await.unwrap(), expected);
}

#[tokio::test]
async fn an_item_that_cannot_be_read_counts_as_lost_and_is_named() {
    let ids = ["current", "properties", "previous", "attempt"];
    let illegible = ids.map(|id| {
        let mut found = item("deployment", id, &json!({}));
        found["document"] = json!({"S": "{"});
        queried(&[found])
    });
    let (aws, _) = setup(illegible);
    for id in ids {
        let expected = Recorded {
            unreadable: [id.to_owned()].into(),
            ..Recorded::default()
        };
        assert_eq!(aws.recorded().await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_ledger_that_is_gone_is_told_from_an_empty_one() {
    let (aws, _) = setup([error(400, "ResourceNotFoundException")]);
    let no_table = aws.recorded().await.unwrap_err();
    assert_eq!(no_table.kind, ErrorKind::NotFound);
}

fn holders_values() -> Value {
    json!({":owner": {"S": "setup/000000000005000/i"}})
}

#[tokio::test]
async fn an_attempt_is_written_for_the_holder_of_the_lease() {
    let (aws, sent) = setup([done()]);
    let attempt = deployment("ATTEMPT");
    let stored = aws.store_attempt(&request(5, "i"), &attempt).await;
    stored.unwrap();
    let (operation, body) = sent.calls().remove(0);
    assert_eq!(operation, "TransactWriteItems");
    assert_eq!(
        body["TransactItems"],
        json!([
            {"ConditionCheck": {
                "TableName": "ledger",
                "Key": deployment_key(),
                "ConditionExpression": "holder = :owner",
                "ExpressionAttributeValues": holders_values(),
            }},
            {"Put": {"TableName": "ledger", "Item": item("deployment", "attempt", &attempt)}},
        ])
    );
}

#[tokio::test]
async fn a_success_takes_the_attempts_place_for_the_holder_of_the_lease() {
    let (aws, sent) = setup([done(), done()]);
    let (by, last, before) = (request(5, "i"), success("LAST"), success("PREVIOUS"));
    aws.store_success(&by, &last, None).await.unwrap();
    let stored = aws.store_success(&by, &last, Some(&before)).await;
    stored.unwrap();
    let put = |id: &str, document: Value| {
        let item = item("deployment", id, &document);
        json!({"Put": {"TableName": "ledger", "Item": item}})
    };
    let mut values = holders_values();
    values[":document"] = item("", "", &last.deployment)["document"].clone();
    let mut expected = json!([
        {"Update": {
            "TableName": "ledger",
            "Key": deployment_key(),
            "UpdateExpression": "SET document = :document",
            "ConditionExpression": "holder = :owner",
            "ExpressionAttributeValues": values,
        }},
        put("properties", last.properties.clone()),
        {"Delete": {
            "TableName": "ledger",
            "Key": {"kind": {"S": "deployment"}, "id": {"S": "attempt"}},
        }},
    ]);
    let calls = sent.calls();
    assert_eq!(calls[0].0, "TransactWriteItems");
    assert_eq!(
        calls[0].1["TransactItems"], expected,
        "what was the previous one stays"
    );
    let writes = expected.as_array_mut().unwrap();
    let document = item("deployment", "previous", &before);
    writes.push(json!({"Put": {"TableName": "ledger", "Item": document}}));
    assert_eq!(calls[1].1["TransactItems"], expected);
}

#[tokio::test]
async fn the_deployment_is_changed_for_the_holder_of_the_lease() {
    let (aws, sent) = setup([done(), done()]);
    let (by, changed) = (request(5, "i"), deployment("CHANGED"));
    aws.store_deployment(&by, &changed).await.unwrap();
    aws.store_unreadable(&by, &unreadable()).await.unwrap();
    let texts = [
        serde_json::to_string(&changed).unwrap(),
        serde_json::to_string(&unreadable()).unwrap(),
    ];
    let updates = ["SET document = :value", "SET unreadable = :value"];
    for ((operation, body), (update, text)) in
        sent.calls().into_iter().zip(updates.iter().zip(texts))
    {
        assert_eq!(operation, "UpdateItem");
        assert_eq!(body["Key"], deployment_key());
        assert_eq!(body["UpdateExpression"], *update);
        assert_eq!(body["ConditionExpression"], "holder = :owner");
        let mut values = holders_values();
        values[":value"] = json!({"S": text});
        assert_eq!(body["ExpressionAttributeValues"], values);
    }
}

#[tokio::test]
async fn whoever_no_longer_has_the_lease_is_in_conflict_and_writes_nothing() {
    let cancelled = || error(400, "TransactionCanceledException");
    let (aws, sent) = setup([cancelled(), cancelled(), refused(), refused()]);
    let (by, last) = (request(5, "i"), success("LAST"));
    let writes = [
        aws.store_attempt(&by, &last.deployment).await,
        aws.store_success(&by, &last, Some(&last)).await,
        aws.store_deployment(&by, &last.deployment).await,
        aws.store_unreadable(&by, &unreadable()).await,
    ];
    for written in writes {
        assert_eq!(written.unwrap_err().kind, ErrorKind::Conflict);
    }
    assert_eq!(sent.calls().len(), 4);
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
async fn the_table_is_protected_and_a_protection_that_is_as_it_should_be_is_no_failure() {
    let (aws, sent) = setup([
        done(),
        error(400, "ValidationException"),
        error(400, "ResourceInUseException"),
        error(400, "AccessDeniedException"),
    ]);
    aws.protect(true).await.unwrap();
    aws.protect(false).await.unwrap();
    let busy = aws.protect(false).await.unwrap_err();
    assert_eq!(busy.kind, ErrorKind::Conflict);
    assert_eq!(busy.operation, "dynamodb:UpdateTable");
    let denied = aws.protect(false).await.unwrap_err();
    assert_eq!(denied.kind, ErrorKind::Denied);
    let asked = sent
        .calls()
        .into_iter()
        .map(|(_, body)| body["DeletionProtectionEnabled"].clone());
    assert!(asked.eq([true, false, false, false].map(Value::from)));
}
