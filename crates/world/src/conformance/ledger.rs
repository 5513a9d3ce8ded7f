//! The ledger's contract.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use towerhook_core::{
    ErrorKind,
    ledger::{
        Holder, Lease, LeaseState, Parking, Reason, Record, Recorded, Records, Source, Success,
        Taken, Unreadable,
    },
    lifecycle::{Parked, Scope},
    model::{OuId, Store},
    policy::{Capability, Deployment, Destination, Policy, Site, testing},
    ports::{Leases, Ledger},
};

/// The lease has one holder until it expires or is released. It cools down after a pass, and a
/// reservation blocks every other holder.
pub async fn lease(ledger: &(impl Leases + Ledger)) {
    let now: Timestamp = "2026-01-01T00:00:00Z"
        .parse()
        .expect("a constant is a time");
    let at = |minutes| now + SignedDuration::from_mins(minutes);
    let ask = async |owner: &str, now: i64, until: i64| {
        let lease = ledger
            .take_lease(&pass(owner), None, at(now), at(until))
            .await;
        let lease = lease.unwrap();
        if let Lease::Taken(taken) = &lease {
            assert_eq!(taken.deployment, None, "no request has succeeded");
        }
        lease
    };
    let taken = Lease::Taken(Box::default());
    assert_eq!(ask("one", 0, 10).await, taken);
    let held = Lease::Refused(LeaseState::Held);
    let resting = |minutes: i64| {
        Lease::Refused(LeaseState::Free {
            not_before: at(minutes),
        })
    };
    assert_eq!(ask("two", 5, 15).await, held);
    assert_eq!(ask("one", 5, 12).await, taken, "its holder may");
    assert_eq!(ask("two", 11, 20).await, held, "it was prolonged");
    ledger.release_lease(&pass("two")).await.unwrap();
    let owned = ask("two", 11, 20).await;
    assert_eq!(owned, held, "it was not two's to give back");
    let after_one = Lease::Taken(Box::new(Taken {
        unfinished: 1,
        ..Taken::default()
    }));
    assert_eq!(
        ask("two", 12, 20).await,
        after_one,
        "it ends with its time, and one has come to no end"
    );
    ledger.release_lease(&pass("one")).await.unwrap();
    assert_eq!(ask("one", 13, 20).await, held);
    ledger.reserve_lease(&pass("three"), at(30)).await.unwrap();
    assert_eq!(
        ask("one", 13, 20).await,
        held,
        "it is reserved, and held still"
    );
    ledger.release_lease(&pass("two")).await.unwrap();
    ledger.release_lease(&pass("two")).await.unwrap();
    assert_eq!(ask("one", 29, 40).await, resting(30), "it is reserved");
    assert_eq!(ask("three", 14, 20).await, taken);
    ledger.reserve_lease(&pass("one"), at(30)).await.unwrap();
    assert_eq!(ask("three", 15, 20).await, taken, "its holder keeps it");
    ledger.release_lease(&pass("three")).await.unwrap();
    ledger.reserve_lease(&pass("three"), at(30)).await.unwrap();
    assert_eq!(ask("one", 30, 40).await, taken, "a reservation ends");

    assert!(!ledger.holds_lease(&pass("three")).await.unwrap());
    assert!(ledger.holds_lease(&pass("one")).await.unwrap());
    let called = ledger
        .close_pass(&pass("one"), &[], &[], at(33), None)
        .await;
    assert!(!called.unwrap(), "nothing was parked");
    assert_eq!(ask("two", 32, 40).await, resting(33));
    ledger.reserve_lease(&pass("three"), at(40)).await.unwrap();
    assert_eq!(ask("three", 32, 35).await, taken, "it was waiting already");
    let record = (crate::member_id(0), Some(Record::default()));
    let (two, three) = (pass("two"), pass("three"));
    let stranger = ledger.close_pass(&two, std::slice::from_ref(&record), &[], at(50), None);
    assert_eq!(stranger.await.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(ledger.records().await.unwrap(), Records::default());
    let closed = ledger.close_pass(&three, std::slice::from_ref(&record), &[], at(34), None);
    closed.await.unwrap();
    let records = ledger.records().await.unwrap().by_account;
    assert_eq!(records.get(&record.0), record.1.as_ref());
    ledger.store_records(&[(record.0, None)]).await.unwrap();
    assert_eq!(ask("two", 33, 41).await, resting(34));
    assert_eq!(
        ask("two", 34, 41).await,
        taken,
        "the rest ends, and three's reservation ended when it took the lease"
    );
    ledger.release_lease(&pass("two")).await.unwrap();
}

/// A request keeps the time at which it was first seen. A newer one takes the lease from an older
/// one, but not from a pass, nor from another invocation for the same request.
pub async fn requests(ledger: &impl Leases) {
    let now: Timestamp = "2026-01-03T00:00:00Z"
        .parse()
        .expect("a constant is a time");
    let at = |minutes| now + SignedDuration::from_mins(minutes);
    let admit = async |request: &str, now: i64| ledger.admit(request, at(now)).await.unwrap();
    let (first, second) = (admit("request-a", 0).await, admit("request-b", 1).await);
    assert_eq!((first, second), (at(0), at(1)));
    assert_eq!(admit("request-a", 2).await, first);
    assert_eq!(admit("request-b", 3).await, second);
    let third = admit("request-c", 1).await;
    assert!(third > second && third < at(2), "two at one time: {third}");
    let slow = admit("request-d", -1).await;
    assert_eq!(
        slow,
        at(-1),
        "the one that was admitted late is the older one"
    );

    let setup = |admitted, invocation: &str| Holder::Setup {
        admitted,
        invocation: invocation.into(),
    };
    let ask = async |holder: &Holder, now: i64| {
        let lease = ledger.take_lease(holder, None, at(now), at(now + 15)).await;
        match lease.unwrap() {
            Lease::Taken(taken) => Some(taken.superseded),
            Lease::Refused(_) | Lease::Shared | Lease::Overtaken => None,
        }
    };
    let (old, new) = (setup(first, "one"), setup(second, "two"));
    assert_eq!(ask(&pass("p"), 0).await, Some(false));
    assert_eq!(ask(&new, 1).await, None, "a pass is waited for");
    ledger.release_lease(&pass("p")).await.unwrap();
    assert_eq!(ask(&old, 2).await, Some(false));
    let other = setup(first, "other");
    let shared = ledger
        .take_lease(&other, None, at(3), at(18))
        .await
        .unwrap();
    assert_eq!(shared, Lease::Shared, "it is at work");
    let again = "it has it already, and the first answer may be lost";
    assert_eq!(ask(&old, 3).await, Some(true), "{again}");
    let go_on = async |holder: &Holder| {
        let lease = ledger.take_lease(holder, Some(&old), at(3), at(18));
        match lease.await.unwrap() {
            Lease::Taken(taken) => Some(taken.superseded),
            _ => None,
        }
    };
    let (next, twin) = (setup(first, "next"), setup(first, "twin"));
    assert_eq!(go_on(&next).await, Some(false), "handed over");
    assert_eq!(go_on(&twin).await, None, "to the first that asks");
    assert_eq!(go_on(&next).await, Some(true), "{again}");
    assert!(!ledger.holds_lease(&old).await.unwrap());
    assert_eq!(ask(&new, 4).await, Some(true), "a newer request takes over");
    assert!(!ledger.holds_lease(&old).await.unwrap());
    assert!(ledger.holds_lease(&new).await.unwrap());
    let overtaken = ledger.take_lease(&old, None, at(5), at(20)).await.unwrap();
    assert_eq!(overtaken, Lease::Overtaken);
    assert_eq!(ask(&pass("p"), 5).await, None);
    let newest = setup(third, "three");
    assert_eq!(ask(&newest, 30).await, Some(false), "the other has ended");
    ledger.release_lease(&newest).await.unwrap();
    let overtaken = ledger.take_lease(&new, None, at(50), at(65)).await.unwrap();
    assert_eq!(overtaken, Lease::Overtaken, "free or not");
}

/// Parked work goes to every holder of the lease until a pass closes over it. The first caller to
/// park after the lease was acquired learns that no wake-up has been sent yet.
pub async fn parking(ledger: &(impl Leases + Ledger)) {
    let now: Timestamp = "2026-01-02T00:00:00Z"
        .parse()
        .expect("a constant is a time");
    let at = |minutes| now + SignedDuration::from_mins(minutes);
    let take = async |now: i64| {
        let until = at(now + 1);
        let holder = pass("one");
        match ledger
            .take_lease(&holder, None, at(now), until)
            .await
            .unwrap()
        {
            Lease::Taken(taken) => BTreeSet::from_iter(taken.parked),
            busy => panic!("{busy:?}"),
        }
    };
    let parked = |who: &str| {
        let mut pieces = Parked::of(who, &Scope::account(crate::member_id(0)));
        pieces.remove(0)
    };
    let (first, second, third) = (parked("a"), parked("b"), parked("c"));
    assert_eq!(take(0).await, BTreeSet::new());
    let park = async |parked: &Parked, minutes: i64| {
        let parked = std::slice::from_ref(parked);
        ledger.park(parked, &[], at(minutes)).await.unwrap()
    };
    let kept = |lease: LeaseState, called: Option<i64>| Parking::Kept {
        lease,
        wake_up_sent_at: called.map(at),
    };
    let held = LeaseState::Held;
    let free = |minutes| LeaseState::Free {
        not_before: at(minutes),
    };
    assert_eq!(park(&first, 0).await, kept(held, None));
    assert_eq!(park(&second, 2).await, kept(free(2), Some(0)));
    assert_eq!(
        park(&second, 3).await,
        kept(free(3), Some(0)),
        "it was repeated"
    );
    let both = BTreeSet::from([first.clone(), second.clone()]);
    assert_eq!(take(4).await, both);
    assert_eq!(
        park(&third, 4).await,
        kept(held, None),
        "the call was answered"
    );
    ledger.release_lease(&pass("one")).await.unwrap();
    assert_eq!(
        park(&third, 5).await,
        kept(free(5), None),
        "who gives it back calls nobody"
    );
    let all = BTreeSet::from([first.clone(), second.clone(), third.clone()]);
    assert_eq!(take(6).await, all, "no pass has closed over them");
    let done = Vec::from_iter(both);
    let stranger = ledger
        .close_pass(&pass("two"), &[], &done, at(7), None)
        .await;
    assert_eq!(stranger.unwrap_err().kind, ErrorKind::Conflict);
    let called = ledger
        .close_pass(&pass("one"), &[], &done, at(7), None)
        .await;
    assert!(!called.unwrap(), "nothing was parked since");
    assert_eq!(take(8).await, BTreeSet::from([third.clone()]));
    let records = [(crate::member_id(0), Some(Record::default()))];
    let done = [third];
    assert_eq!(park(&first, 8).await, kept(held, None));
    let called = ledger
        .close_pass(&pass("one"), &records, &done, at(10), None)
        .await;
    assert!(called.unwrap(), "something was parked");
    assert_eq!(park(&second, 9).await, kept(free(10), Some(8)), "it rests");
    assert_eq!(
        take(10).await,
        BTreeSet::from([first.clone(), second.clone()])
    );
    let done = [first, second];
    let called = ledger
        .close_pass(&pass("one"), &[], &done, at(11), None)
        .await;
    assert!(!called.unwrap());
    assert_eq!(take(12).await, BTreeSet::new());

    let [first, second] = done;
    assert_eq!(park(&first, 12).await, kept(held, None));
    let third = [parked("c")];
    let late = ledger.park(&third, &[second], at(12)).await.unwrap();
    assert_eq!(late, Parking::Refused(vec![first.clone()]));
    let replaced = ledger.park(&third, &[first], at(12)).await.unwrap();
    assert_eq!(replaced, kept(held, Some(12)));
    assert_eq!(take(13).await, BTreeSet::from(third.clone()));
    ledger
        .close_pass(&pass("one"), &[], &third, at(14), None)
        .await
        .unwrap();
    assert_eq!(take(14).await, BTreeSet::new());
    ledger.store_records(&[(records[0].0, None)]).await.unwrap();
    ledger.release_lease(&pass("one")).await.unwrap();
}

/// Records are read as they were written, until they are deleted.
pub async fn records(ledger: &impl Ledger) {
    let now: Timestamp = "2026-01-01T00:00:00Z"
        .parse()
        .expect("a constant is a time");
    let record = |reason: &str| Record {
        since: Some(now),
        store: Some("one".into()),
        registration_id: Some("ACME_1".into()),
        reason: Some(Reason::Unread(reason.into())),
        existing_at_launch: true,
        held: true,
        ..Record::default()
    };
    let many: Vec<_> = (0..101)
        .map(|n| (crate::member_id(n), Some(record("first"))))
        .collect();
    ledger.store_records(&many).await.unwrap();
    let read = ledger.records().await.unwrap().by_account;
    assert_eq!(read.len(), 101);
    assert!(read.values().all(|read| *read == record("first")));
    let (one, two) = (crate::member_id(0), crate::member_id(1));
    let changes = [
        (one, Some(record("second"))),
        (two, None),
        (one, Some(record("third"))),
    ];
    ledger.store_records(&changes).await.unwrap();
    let read = ledger.records().await.unwrap().by_account;
    assert_eq!(
        read.get(&one),
        Some(&record("third")),
        "what was said last counts"
    );
    assert_eq!(read.get(&two), None);
    let all: Vec<_> = many.into_iter().map(|(id, _)| (id, None)).collect();
    ledger.store_records(&all).await.unwrap();
    ledger.store_records(&[]).await.unwrap();
    assert_eq!(ledger.records().await.unwrap(), Records::default());
}

/// The first suffix stays. An attempt is kept apart from the last success, and is deleted once
/// another request succeeds. Only the lease holder can write any of it.
pub async fn deployment(ledger: &(impl Leases + Ledger)) {
    let deployment = &sample();
    assert_eq!(ledger.external_id_suffix("FIRST").await.unwrap(), "FIRST");
    assert_eq!(ledger.external_id_suffix("SECOND").await.unwrap(), "FIRST");
    assert_eq!(ledger.recorded().await.unwrap(), Recorded::default());
    let by = &pass("one");
    let now: Timestamp = "2026-01-04T00:00:00Z"
        .parse()
        .expect("a constant is a time");
    let take = async || match ledger.take_lease(by, None, now, now).await.unwrap() {
        Lease::Taken(taken) => *taken,
        busy => panic!("{busy:?}"),
    };
    take().await;
    ledger.store_attempt(by, deployment).await.unwrap();
    let recorded = ledger.recorded().await.unwrap();
    assert_eq!(recorded.attempt.as_ref(), Some(deployment));
    assert_eq!(recorded.success, None);
    assert_eq!(take().await.deployment, None, "no pass acts by an attempt");

    let success = Success {
        deployment: deployment.clone(),
        properties: json!({"ProviderUrl": "acme.example.com"}),
    };
    ledger.store_success(by, &success, None).await.unwrap();
    let recorded = ledger.recorded().await.unwrap();
    assert_eq!(recorded.success.as_ref(), Some(&success));
    assert_eq!(recorded.attempt, None);
    assert_eq!(take().await.deployment.as_ref(), Some(deployment));

    let later = Success {
        properties: json!({"ProviderUrl": "acme.example.com", "Release": "0.2.0"}),
        ..success.clone()
    };
    ledger
        .store_success(by, &later, Some(&success))
        .await
        .unwrap();
    let recorded = ledger.recorded().await.unwrap();
    assert_eq!(recorded.success.as_ref(), Some(&later));
    assert_eq!(recorded.previous.as_ref(), Some(&success));
    let success = later;

    let changed = Deployment {
        organization: !deployment.organization,
        ..deployment.clone()
    };
    ledger.store_deployment(by, &changed).await.unwrap();
    let recorded = ledger.recorded().await.unwrap().success.unwrap();
    assert_eq!(recorded.deployment, changed);
    assert_eq!(recorded.properties, success.properties);

    let failed = [(Source::Instances, false)].into();
    let unreadable = Unreadable::default().after(&failed, now);
    ledger.store_unreadable(by, &unreadable).await.unwrap();
    assert_eq!(take().await.unreadable, unreadable);
    ledger
        .store_unreadable(by, &Unreadable::default())
        .await
        .unwrap();
    assert_eq!(take().await.unreadable, Unreadable::default());

    let closed = ledger.close_pass(by, &[], &[], now, Some(now)).await;
    assert!(!closed.unwrap());
    let conflict = |written: towerhook_core::Result<()>| {
        assert_eq!(written.unwrap_err().kind, ErrorKind::Conflict);
    };
    conflict(ledger.store_attempt(by, deployment).await);
    conflict(ledger.store_success(by, &success, Some(&success)).await);
    conflict(ledger.store_deployment(by, deployment).await);
    conflict(ledger.store_unreadable(by, &unreadable).await);
    let recorded = ledger.recorded().await.unwrap();
    assert_eq!(recorded.attempt, None);
    assert_eq!(recorded.compared, Some(now));
    assert_eq!(recorded.success.unwrap().deployment, changed);
    assert_ne!(recorded.previous.as_ref(), Some(&success));
}

/// A deployment with a mapping and without a trail.
fn sample() -> Deployment {
    let unit: OuId = "ou-ab12-11112222".parse().expect("a constant");
    let stores: BTreeSet<Store> = ["one".into()].into();
    let sample = testing::deployment(Policy {
        capability: Capability::Config,
        destination: Destination::Mapped([(unit.clone(), "one".into())].into()),
        ..testing::policy()
    });
    Deployment {
        site: Site {
            permissions_boundary: Some("boundary".into()),
            tags: [("team".to_owned(), "blue".to_owned())].into(),
            ..sample.site
        },
        units: [("Production".to_owned(), unit)].into(),
        stores,
        ..sample
    }
}

fn pass(invocation: &str) -> Holder {
    Holder::Pass(invocation.into())
}
