//! What each port promises, as functions over any implementation.
//!
//! They hold for the ports in memory and for the adapters over the sandbox, so that the two cannot
//! drift apart. Each leaves behind nothing that would make it fail the next time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    ErrorKind,
    enrollment::Record,
    foundation::StackSetSpec,
    landing_zone::{AccountState, InstanceState, Management, OperationState, StackInstance},
    lifecycle::{Message, MessageScope, Parked, Scope},
    model::{AccountId, SecretText, SubAccount},
    ports::{
        Accounts, Created, Integration, IntegrationKind, IntegrationSpec, LandingZones, Lease,
        Ledger, Messages, Parking, Saas, StackSets, Standing, Start,
    },
};

/// How often something that takes time is looked at.
const LOOKS: usize = 600;

/// An account that is active and managed is described and listed alike; an unknown one is nobody.
pub async fn accounts(
    ports: &(impl Accounts + LandingZones),
    known: &AccountId,
    unknown: &AccountId,
) {
    let described = ports.account(known).await.unwrap().expect("it is there");
    assert_eq!(described.id, *known);
    assert_eq!(described.state, AccountState::Active);
    assert_eq!(ports.account(unknown).await.unwrap(), None);
    let listed = ports.accounts().await.unwrap();
    assert!(
        listed.contains(&described),
        "{described:?} is not as listed"
    );
    assert!(!listed.iter().any(|account| account.id == *unknown));
    let root = described
        .path
        .first()
        .expect("every account is below the root");
    assert!(root.as_str().starts_with("r-"), "{:?}", described.path);
    for asked in [None, Some(&[*known, *unknown][..])] {
        let baselines = ports.baselines(asked).await.unwrap();
        assert_eq!(baselines.of(known), Management::Managed);
        assert_eq!(baselines.of(unknown), Management::NotManaged);
    }
}

/// The lease has one holder until its time is over or it is given back, rests after a pass, and a
/// reservation keeps everybody else from it.
pub async fn lease(ledger: &impl Ledger) {
    let now: Timestamp = "2026-01-01T00:00:00Z"
        .parse()
        .expect("a constant is a time");
    let at = |minutes| now + SignedDuration::from_mins(minutes);
    let ask = async |owner: &str, now: i64, until: i64| {
        let lease = ledger.take_lease(owner, at(now), at(until)).await.unwrap();
        if let Lease::Taken { deployment, .. } = &lease {
            assert_eq!(*deployment, None, "setup has recorded none");
        }
        lease
    };
    let taken = Lease::Taken {
        deployment: None,
        parked: Vec::new(),
    };
    assert_eq!(ask("one", 0, 10).await, taken);
    let held = Lease::Refused(Standing::Held);
    let resting = |minutes: i64| Lease::Refused(Standing::Resting(at(minutes)));
    assert_eq!(ask("two", 5, 15).await, held);
    assert_eq!(ask("one", 5, 12).await, taken, "its holder may");
    assert_eq!(ask("two", 11, 20).await, held, "it was prolonged");
    ledger.release_lease("two").await.unwrap();
    let owned = ask("two", 11, 20).await;
    assert_eq!(owned, held, "it was not two's to give back");
    assert_eq!(ask("two", 12, 20).await, taken, "it ends with its time");
    ledger.release_lease("one").await.unwrap();
    assert_eq!(ask("one", 13, 20).await, held);
    ledger.reserve_lease("three", at(30)).await.unwrap();
    assert_eq!(
        ask("one", 13, 20).await,
        held,
        "it is reserved, and held still"
    );
    ledger.release_lease("two").await.unwrap();
    ledger.release_lease("two").await.unwrap();
    assert_eq!(ask("one", 29, 40).await, resting(30), "it is reserved");
    assert_eq!(ask("three", 14, 20).await, taken);
    ledger.release_lease("three").await.unwrap();
    assert_eq!(ask("one", 30, 40).await, taken, "a reservation ends");

    let called = ledger.close_pass("one", &[], &[], at(33)).await;
    assert!(!called.unwrap(), "nobody has parked anything");
    assert_eq!(ask("two", 32, 40).await, resting(33));
    ledger.reserve_lease("three", at(40)).await.unwrap();
    assert_eq!(ask("three", 32, 35).await, taken, "it was waiting already");
    let record = (crate::member_id(0), Some(Record::default()));
    let stranger = ledger.close_pass("two", std::slice::from_ref(&record), &[], at(50));
    assert_eq!(stranger.await.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(ledger.records().await.unwrap(), BTreeMap::new());
    let closed = ledger.close_pass("three", std::slice::from_ref(&record), &[], at(34));
    closed.await.unwrap();
    let records = ledger.records().await.unwrap();
    assert_eq!(records.get(&record.0), record.1.as_ref());
    ledger.store_records(&[(record.0, None)]).await.unwrap();
    assert_eq!(ask("two", 40, 41).await, taken, "a rest ends");
    ledger.release_lease("two").await.unwrap();
}

/// What is parked goes to everybody who takes the lease until a pass closes over it, and the first who
/// parks after the lease was taken is told that nobody has called yet.
pub async fn parking(ledger: &impl Ledger) {
    let now: Timestamp = "2026-01-02T00:00:00Z"
        .parse()
        .expect("a constant is a time");
    let at = |minutes| now + SignedDuration::from_mins(minutes);
    let take = async |now: i64| {
        let until = at(now + 1);
        match ledger.take_lease("one", at(now), until).await.unwrap() {
            Lease::Taken { parked, .. } => BTreeSet::from_iter(parked),
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
    let kept = |lease: Standing, called: Option<i64>| Parking::Kept {
        lease,
        called_at: called.map(at),
    };
    let (held, free) = (Standing::Held, |minutes| Standing::Resting(at(minutes)));
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
    ledger.release_lease("one").await.unwrap();
    let all = BTreeSet::from([first.clone(), second.clone(), third.clone()]);
    assert_eq!(take(6).await, all, "no pass has closed over them");
    let done = Vec::from_iter(both);
    let stranger = ledger.close_pass("two", &[], &done, at(7)).await;
    assert_eq!(stranger.unwrap_err().kind, ErrorKind::Conflict);
    let called = ledger.close_pass("one", &[], &done, at(7)).await;
    assert!(!called.unwrap(), "nobody has parked anything since");
    assert_eq!(take(8).await, BTreeSet::from([third.clone()]));
    let records = [(crate::member_id(0), Some(Record::default()))];
    let done = [third];
    assert_eq!(park(&first, 8).await, kept(held, None));
    let called = ledger.close_pass("one", &records, &done, at(10)).await;
    assert!(called.unwrap(), "somebody has parked something");
    assert_eq!(park(&second, 9).await, kept(free(10), Some(8)), "it rests");
    assert_eq!(
        take(10).await,
        BTreeSet::from([first.clone(), second.clone()])
    );
    let done = [first, second];
    let called = ledger.close_pass("one", &[], &done, at(11)).await;
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
    ledger.close_pass("one", &[], &third, at(14)).await.unwrap();
    assert_eq!(take(14).await, BTreeSet::new());
    ledger.store_records(&[(records[0].0, None)]).await.unwrap();
    ledger.release_lease("one").await.unwrap();
}

/// Records come back as they were written, until they are forgotten.
pub async fn records(ledger: &impl Ledger) {
    let now: Timestamp = "2026-01-01T00:00:00Z"
        .parse()
        .expect("a constant is a time");
    let record = |reason: &str| Record {
        since: Some(now),
        sub_account: Some("one".into()),
        guid: Some("ACME_1".into()),
        reason: Some(reason.into()),
        existing_at_launch: true,
        held: true,
        ..Record::default()
    };
    let many: Vec<_> = (0..101)
        .map(|n| (crate::member_id(n), Some(record("first"))))
        .collect();
    ledger.store_records(&many).await.unwrap();
    let read = ledger.records().await.unwrap();
    assert_eq!(read.len(), 101);
    assert!(read.values().all(|read| *read == record("first")));
    let (one, two) = (crate::member_id(0), crate::member_id(1));
    let changes = [
        (one, Some(record("second"))),
        (two, None),
        (one, Some(record("third"))),
    ];
    ledger.store_records(&changes).await.unwrap();
    let read = ledger.records().await.unwrap();
    assert_eq!(
        read.get(&one),
        Some(&record("third")),
        "what was said last counts"
    );
    assert_eq!(read.get(&two), None);
    let all: Vec<_> = many.into_iter().map(|(id, _)| (id, None)).collect();
    ledger.store_records(&all).await.unwrap();
    ledger.store_records(&[]).await.unwrap();
    assert_eq!(ledger.records().await.unwrap(), BTreeMap::new());
}

/// The first suffix stays, and no deployment is told from one.
pub async fn deployment(ledger: &impl Ledger) {
    assert_eq!(ledger.external_id_suffix("FIRST").await.unwrap(), "FIRST");
    assert_eq!(ledger.external_id_suffix("SECOND").await.unwrap(), "FIRST");
    assert_eq!(ledger.deployment().await.unwrap(), None);
}

/// Messages are taken, also none and also with a delay beyond what a queue can hold back.
pub async fn messages(messages: &impl Messages) {
    messages.send(&[], Duration::ZERO).await.unwrap();
    let many: Vec<_> = (0..11)
        .map(|n| Message::new(MessageScope::All, n))
        .collect();
    messages
        .send(&many, Duration::from_secs(10_000))
        .await
        .unwrap();
}

/// A StackSet and its instances, from nothing to nothing. `account` can be reached, and `pause`
/// waits a little.
pub async fn stack_sets(
    ports: &impl StackSets,
    spec: &StackSetSpec,
    account: &AccountId,
    pause: &impl AsyncFn(),
) {
    let name = spec.name.as_str();
    let accounts = [*account];
    let here = async || -> Option<StackInstance> {
        let asked = ports.instances(name, Some(&accounts)).await.unwrap();
        assert_eq!(asked, ports.instances(name, None).await.unwrap());
        asked.into_iter().next()
    };
    assert_eq!(ports.stack_set(name).await.unwrap(), None);
    assert_eq!(
        here().await,
        None,
        "a StackSet that does not exist has no instances"
    );
    ports.delete_stack_set(name).await.unwrap();
    let missing = ports
        .create_instances(name, &accounts, None, "conformance-0")
        .await
        .unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound);

    ports.create_stack_set(spec).await.unwrap();
    ports.create_stack_set(spec).await.unwrap();
    let set = ports.stack_set(name).await.unwrap().expect("it was made");
    assert!(spec.is_met_by(&set), "{set:?}");
    assert_eq!(set.parameters, spec.parameters);
    assert_eq!(here().await, None);

    let create = async |id: &str| {
        ports
            .create_instances(name, &accounts, None, id)
            .await
            .unwrap()
    };
    assert_eq!(create("conformance-1").await, Start::Started);
    assert_eq!(
        create("conformance-1").await,
        Start::Exists,
        "the same operation twice"
    );
    ended(ports, name, "conformance-1", pause).await;
    assert_eq!(ports.failures(name, "conformance-1").await.unwrap(), []);
    assert_eq!(
        here().await.map(|one| one.state),
        Some(InstanceState::Current)
    );
    assert_eq!(
        create("conformance-2").await,
        Start::Started,
        "an instance that is there"
    );
    ended(ports, name, "conformance-2", pause).await;
    assert_eq!(
        here().await.map(|one| one.state),
        Some(InstanceState::Current)
    );
    let token = SecretText::from("token");
    let renew = async |id: &str| {
        let renewed = ports.renew_token(name, &accounts, &token, id).await;
        renewed.unwrap()
    };
    assert_eq!(renew("conformance-5").await, Start::Started);
    assert_eq!(renew("conformance-5").await, Start::Exists);
    ended(ports, name, "conformance-5", pause).await;
    assert_eq!(ports.failures(name, "conformance-5").await.unwrap(), []);
    assert_eq!(
        here().await.map(|one| one.state),
        Some(InstanceState::Current)
    );
    let full = ports.delete_stack_set(name).await.unwrap_err();
    assert_eq!(full.kind, ErrorKind::Conflict, "it has an instance");
    let unknown = ports.operation(name, "conformance-9").await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound);

    let mut other = spec.clone();
    other
        .parameters
        .insert("ExternalIdSuffix".into(), "SECONDSUFF".into());
    assert_eq!(
        ports
            .update_stack_set(&other, "conformance-3")
            .await
            .unwrap(),
        Start::Started
    );
    ended(ports, name, "conformance-3", pause).await;
    let set = ports.stack_set(name).await.unwrap().expect("it is there");
    assert!(other.is_met_by(&set) && !spec.is_met_by(&set), "{set:?}");
    assert_eq!(
        here().await.map(|one| one.state),
        Some(InstanceState::Current)
    );

    let delete = async |id: &str| {
        ports
            .delete_instances(name, &accounts, false, id)
            .await
            .unwrap()
    };
    assert_eq!(delete("conformance-4").await, Start::Started);
    assert_eq!(delete("conformance-4").await, Start::Exists);
    ended(ports, name, "conformance-4", pause).await;
    assert_eq!(here().await, None);
    ports.delete_stack_set(name).await.unwrap();
    ports.delete_stack_set(name).await.unwrap();
    assert_eq!(ports.stack_set(name).await.unwrap(), None);
}

async fn ended(ports: &impl StackSets, name: &str, operation: &str, pause: &impl AsyncFn()) {
    for _ in 0..LOOKS {
        match ports.operation(name, operation).await.unwrap() {
            OperationState::InProgress => pause().await,
            OperationState::Succeeded => return,
            OperationState::Failed => panic!("{operation} failed"),
        }
    }
    panic!("{operation} does not end");
}

/// A member's role is there to be used: the StackSet and its instance, as the account function
/// makes them.
pub async fn stand(
    ports: &impl StackSets,
    spec: &StackSetSpec,
    account: &AccountId,
    pause: &impl AsyncFn(),
) {
    ports.create_stack_set(spec).await.unwrap();
    let started = ports
        .create_instances(&spec.name, &[*account], None, "conformance-stand")
        .await;
    assert_eq!(started.unwrap(), Start::Started);
    ended(ports, &spec.name, "conformance-stand", pause).await;
}

/// Integrations of one account, whose role can be used, from none to none; the SaaS takes an
/// account once. `other` is a sub-account.
pub async fn saas(
    saas: &impl Saas,
    spec: &IntegrationSpec,
    other: &SubAccount,
    pause: &impl AsyncFn(),
) {
    let profile = saas.profile().await.unwrap();
    assert!(profile.sub_accounts.contains(other), "{profile:?}");
    let listed = async |store: Option<&SubAccount>| -> Vec<Integration> {
        saas.integrations(store, IntegrationKind::Config)
            .await
            .unwrap()
    };
    assert_eq!(listed(None).await, []);
    let guid = made(saas, spec, pause).await;
    let found = listed(None).await;
    let [one] = found.as_slice() else {
        panic!("one integration was made, and there are {found:?}");
    };
    assert!(guid.is_none() || guid.as_ref() == Some(&one.guid));
    assert!(one.enabled && !one.organization && one.sub_account.is_none());
    assert_eq!((&one.name, &one.role_arn), (&spec.name, &spec.role_arn));
    assert!(spec.external_id.is_shown_as(&one.external_id));
    assert_eq!(saas.create(None, spec).await.unwrap(), Created::AlreadyUsed);
    assert_eq!(
        saas.create(Some(other), spec).await.unwrap(),
        Created::AlreadyUsed
    );
    assert_eq!(listed(Some(other)).await, []);

    let renamed = IntegrationSpec {
        name: format!("{} renamed", spec.name),
        ..spec.clone()
    };
    let updated = saas.update(one, &renamed, false).await.unwrap();
    assert!(matches!(updated, Created::Done(_)), "{updated:?}");
    let found = listed(None).await;
    let [two] = found.as_slice() else {
        panic!("an update makes no other: {found:?}");
    };
    assert_eq!((&two.guid, two.enabled), (&one.guid, false));
    assert_eq!(two.name, renamed.name);
    let unusable = IntegrationSpec {
        role_arn: format!("{}-that-is-not-there", spec.role_arn),
        ..spec.clone()
    };
    let refused = saas.update(two, &unusable, true).await.unwrap();
    assert!(matches!(refused, Created::NotUsable(_)), "{refused:?}");

    saas.delete(two).await.unwrap();
    saas.delete(two).await.unwrap();
    assert_eq!(listed(None).await, []);
    let refused = saas.create(None, &unusable).await.unwrap();
    assert!(matches!(refused, Created::NotUsable(_)), "{refused:?}");
    assert_eq!(listed(None).await, [], "what cannot be used is not made");
}

/// A role that is seconds old may take a while until it can be used.
async fn made(saas: &impl Saas, spec: &IntegrationSpec, pause: &impl AsyncFn()) -> Option<String> {
    for _ in 0..LOOKS {
        match saas.create(None, spec).await.unwrap() {
            Created::Done(guid) => return guid,
            Created::NotUsable(_) => pause().await,
            Created::AlreadyUsed => panic!("nobody else watches it"),
        }
    }
    panic!("the role never becomes usable");
}
