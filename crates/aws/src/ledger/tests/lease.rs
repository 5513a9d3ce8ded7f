use super::*;

const SETUP_5: &str = "setup/000000000005000/i";

fn taken(lease: Lease) -> Taken {
    match lease {
        Lease::Taken(taken) => *taken,
        refused => panic!("{refused:?}"),
    }
}

#[tokio::test]
async fn a_pass_takes_a_lease_that_is_free_and_that_nobody_else_awaits() {
    let (aws, sent) = setup([done()]);
    let lease = aws.take_lease(&pass("me"), None, at(10), at(20)).await;
    assert_eq!(taken(lease.unwrap()), Taken::default());
    let (operation, body) = sent.calls().remove(0);
    assert_eq!(operation, "UpdateItem");
    assert_eq!(body["TableName"], "ledger");
    assert_eq!(body["Key"], deployment_key());
    assert_eq!(
        body["ConditionExpression"],
        "holder IN (:owner, :from) OR \
         ((attribute_not_exists(held_until) OR held_until <= :now) \
         AND (reserved_for = :owner OR \
         ((attribute_not_exists(reserved_until) OR reserved_until <= :now) \
         AND (attribute_not_exists(rests_until) OR rests_until <= :now))))"
    );
    assert_eq!(
        body["UpdateExpression"],
        "ADD begun :begun SET holder = :owner, held_until = :until \
         REMOVE called_at, reserved_for, reserved_until"
    );
    // DynamoDB refuses a value that no expression uses.
    assert_eq!(
        body["ExpressionAttributeValues"],
        json!({
            ":now": {"N": "10000"},
            ":until": {"N": "20000"},
            ":owner": {"S": "pass/me"},
            ":from": {"S": "pass/me"},
            ":begun": {"SS": ["pass/me"]},
        })
    );
    assert_eq!(body["ReturnValues"], "ALL_OLD");
    assert_eq!(body["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
}

#[tokio::test]
async fn a_request_takes_the_lease_from_an_older_one_unless_a_newer_one_had_it() {
    let (aws, sent) = setup([done()]);
    let lease = aws.take_lease(&request(5, "i"), None, at(10), at(20)).await;
    assert_eq!(taken(lease.unwrap()), Taken::default());
    let (_, body) = sent.calls().remove(0);
    assert_eq!(
        body["ConditionExpression"],
        "(attribute_not_exists(admitted_at) OR admitted_at <= :admitted) \
         AND (holder IN (:owner, :from) OR \
         ((attribute_not_exists(held_until) OR held_until <= :now) \
         AND (reserved_for = :owner OR \
         ((attribute_not_exists(reserved_until) OR reserved_until <= :now) \
         AND (attribute_not_exists(rests_until) OR rests_until <= :now)))) \
         OR (begins_with(holder, :setup) AND holder < :request))"
    );
    assert_eq!(
        body["UpdateExpression"],
        "SET admitted_at = :admitted, holder = :owner, held_until = :until REMOVE called_at, reserved_for, reserved_until"
    );
    assert_eq!(
        body["ExpressionAttributeValues"],
        json!({
            ":now": {"N": "10000"},
            ":until": {"N": "20000"},
            ":owner": {"S": SETUP_5},
            ":from": {"S": SETUP_5},
            ":setup": {"S": "setup/"},
            ":request": {"S": "setup/000000000005000/"},
            ":admitted": {"N": "5000"},
        })
    );
}

#[test]
fn the_holders_of_older_requests_sort_before_a_request_and_its_own_do_not() {
    let request_at = |seconds: i64| owner(&request(seconds, ""));
    for (older, newer) in [(1, 2), (9, 10), (999_999, 1_000_000)] {
        assert!(owner(&request(older, "~")) < request_at(newer));
        assert!(owner(&request(newer, "0")) > request_at(newer));
    }
    // `pass/` sorts before every request, so the condition also checks the prefix.
    assert!(!owner(&pass("me")).starts_with("setup/"));
}

#[tokio::test]
async fn an_invocation_that_goes_on_takes_the_lease_from_the_one_that_ended() {
    let before = json!({"holder": {"S": SETUP_5}, "held_until": {"N": "15000"}});
    let (aws, sent) = setup([answer(json!({"Attributes": before}))]);
    let (next, from) = (request(5, "next"), request(5, "i"));
    let lease = aws.take_lease(&next, Some(&from), at(10), at(20)).await;
    assert!(!taken(lease.unwrap()).superseded);
    let values = &sent.calls()[0].1["ExpressionAttributeValues"];
    assert_eq!(values[":owner"]["S"], "setup/000000000005000/next");
    assert_eq!(values[":from"]["S"], SETUP_5);
}

#[tokio::test]
async fn what_was_there_before_comes_with_the_lease() {
    let texts = [parked("a"), parked("b")].map(|parked| parked.as_text().to_owned());
    let mut before = item("deployment", "current", &deployment("ABCDEFGHIJ"));
    before["parked"] = json!({"SS": texts});
    before["begun"] = json!({"SS": ["pass/me", "pass/one", "pass/another"]});
    before["unreadable"] = json!({"S": serde_json::to_string(&unreadable()).unwrap()});
    before["compared_at"] = json!({"N": "7000"});
    let (aws, _) = setup([answer(json!({"Attributes": before}))]);
    let lease = aws.take_lease(&pass("me"), None, at(10), at(20)).await;
    let expected = Taken {
        deployment: Some(deployment("ABCDEFGHIJ")),
        parked: vec![parked("a"), parked("b")],
        unreadable: unreadable(),
        compared: Some(at(7)),
        unfinished: 2,
        superseded: false,
    };
    assert_eq!(taken(lease.unwrap()), expected);
}

#[tokio::test]
async fn sources_that_are_remembered_illegibly_are_forgotten() {
    let before = json!({"unreadable": {"S": "?"}});
    let (aws, _) = setup([answer(json!({"Attributes": before}))]);
    let lease = aws.take_lease(&pass("me"), None, at(10), at(20)).await;
    assert_eq!(taken(lease.unwrap()), Taken::default());
}

#[tokio::test]
async fn an_invocation_of_setup_that_is_still_at_work_is_superseded() {
    for (holder, until, superseded) in [
        ("setup/000000000004000/i", 15_000, true),
        ("setup/000000000004000/i", 10_000, false),
        // The first response may be lost.
        (SETUP_5, 15_000, true),
        ("pass/me", 10_000, false),
    ] {
        let before = json!({"holder": {"S": holder}, "held_until": {"N": until.to_string()}});
        let (aws, _) = setup([answer(json!({"Attributes": before}))]);
        let lease = aws.take_lease(&request(5, "i"), None, at(10), at(20)).await;
        let taken = taken(lease.unwrap());
        assert_eq!(taken.superseded, superseded, "{holder} until {until}");
    }
}

#[tokio::test]
async fn a_lease_that_is_held_is_told_from_one_that_rests_or_is_reserved() {
    let (aws, _) = setup([
        refused_with(json!({"holder": {"S": "pass/you"}, "held_until": {"N": "15000"}})),
        refused_with(json!({"rests_until": {"N": "13000"}, "held_until": {"N": "9000"}})),
        refused_with(json!({"rests_until": {"N": "13000"}, "reserved_until": {"N": "14000"}})),
        refused_with(json!({"rests_until": {"N": "13000"}, "reserved_until": {"N": "9000"}})),
        refused_with(json!({"rests_until": {"N": "10000"}})),
        refused(),
        error(500, "InternalServerError"),
    ]);
    let ask = async || aws.take_lease(&pass("me"), None, at(10), at(20)).await;
    let held = Lease::Refused(LeaseState::Held);
    let free = |seconds| {
        let not_before = at(seconds);
        Lease::Refused(LeaseState::Free { not_before })
    };
    assert_eq!(ask().await.unwrap(), held);
    assert_eq!(ask().await.unwrap(), free(13));
    assert_eq!(ask().await.unwrap(), free(14), "it is reserved for longer");
    assert_eq!(ask().await.unwrap(), free(13), "the reservation is over");
    assert_eq!(ask().await.unwrap(), free(10), "nothing is in the way");
    assert_eq!(ask().await.unwrap(), held, "nobody says why");
    let failure = ask().await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_request_learns_that_its_own_or_a_newer_one_is_in_the_way() {
    let held_by = |holder: &str, newest: &str| {
        refused_with(json!({
            "holder": {"S": holder},
            "held_until": {"N": "15000"},
            "admitted_at": {"N": newest},
        }))
    };
    let (aws, _) = setup([
        held_by(SETUP_5, "5000"),
        held_by("setup/000000000006000/i", "6000"),
        refused_with(json!({"admitted_at": {"N": "6000"}})),
        held_by("pass/me", "5000"),
        refused_with(json!({"admitted_at": {"N": "5000"}, "reserved_until": {"N": "14000"}})),
    ]);
    let ask = async || {
        let other = request(5, "other");
        aws.take_lease(&other, None, at(10), at(20)).await.unwrap()
    };
    assert_eq!(ask().await, Lease::Shared);
    assert_eq!(ask().await, Lease::Overtaken);
    assert_eq!(ask().await, Lease::Overtaken, "free or not");
    assert_eq!(ask().await, Lease::Refused(LeaseState::Held));
    let not_before = at(14);
    assert_eq!(ask().await, Lease::Refused(LeaseState::Free { not_before }));
}

#[tokio::test]
async fn a_pass_is_neither_overtaken_nor_shares_the_lease() {
    let (aws, _) = setup([refused_with(json!({
        "holder": {"S": SETUP_5},
        "held_until": {"N": "15000"},
        "admitted_at": {"N": "5000"},
    }))]);
    let lease = aws.take_lease(&pass("me"), None, at(10), at(20)).await;
    assert_eq!(lease.unwrap(), Lease::Refused(LeaseState::Held));
}

#[tokio::test]
async fn a_deployment_that_cannot_be_read_counts_as_lost() {
    let illegible = json!({"Attributes": {"document": {"S": "{}"}}});
    let (aws, _) = setup([answer(illegible)]);
    let lease = aws.take_lease(&pass("me"), None, at(10), at(20)).await;
    assert_eq!(taken(lease.unwrap()).deployment, None);
}

#[tokio::test]
async fn a_lease_that_went_to_somebody_else_stays_theirs() {
    let (aws, sent) = setup([done(), refused(), error(500, "InternalServerError")]);
    aws.release_lease(&request(5, "i")).await.unwrap();
    aws.release_lease(&request(5, "i")).await.unwrap();
    let failure = aws.release_lease(&request(5, "i")).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Unavailable);
    let (operation, body) = sent.calls().remove(0);
    assert_eq!(operation, "UpdateItem");
    assert_eq!(body["Key"], deployment_key());
    // The newest request's time is kept.
    assert_eq!(
        body["UpdateExpression"],
        "REMOVE holder, held_until, called_at, begun"
    );
    assert_eq!(body["ConditionExpression"], "holder = :owner");
    assert_eq!(
        body["ExpressionAttributeValues"],
        json!({":owner": {"S": SETUP_5}})
    );
}

#[tokio::test]
async fn a_reservation_leaves_the_lease_with_its_holder() {
    let (aws, sent) = setup([done()]);
    aws.reserve_lease(&request(5, "i"), at(20)).await.unwrap();
    let (operation, body) = sent.calls().remove(0);
    assert_eq!(operation, "UpdateItem");
    assert_eq!(body["Key"], deployment_key());
    assert_eq!(
        body["UpdateExpression"],
        "SET reserved_for = :owner, reserved_until = :until"
    );
    assert!(body["ConditionExpression"].is_null());
    assert_eq!(
        body["ExpressionAttributeValues"],
        json!({":owner": {"S": SETUP_5}, ":until": {"N": "20000"}})
    );
}

#[tokio::test]
async fn whoever_asks_learns_whether_the_lease_is_still_theirs() {
    let held_by = |holder: &str| answer(json!({"Item": {"holder": {"S": holder}}}));
    let (aws, sent) = setup([
        held_by(SETUP_5),
        held_by("setup/000000000005000/other"),
        answer(json!({"Item": {}})),
        done(),
        error(400, "ResourceNotFoundException"),
    ]);
    let ask = async || aws.holds_lease(&request(5, "i")).await;
    assert!(ask().await.unwrap());
    for _ in 0..3 {
        assert!(!ask().await.unwrap());
    }
    assert_eq!(ask().await.unwrap_err().kind, ErrorKind::NotFound);
    let (operation, body) = sent.calls().remove(0);
    assert_eq!(operation, "GetItem");
    assert_eq!(body["Key"], deployment_key());
    assert_eq!(body["ConsistentRead"], true);
    assert_eq!(body["ProjectionExpression"], "holder");
}
