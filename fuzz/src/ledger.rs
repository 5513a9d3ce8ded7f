//! Arbitrary ledger contents: an unreadable item counts as lost, and readable ones lead to a plan.

use std::fmt::Debug;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use towerhook_aws::ledger::reading;
use towerhook_core::{
    Read,
    enrollment::{AccountView, Inventory, Watchers, plan},
    feed::FeedView,
    landing_zone::{Account, AccountState, Management},
    ledger::{LeaseState, Record, Source, admitted},
    lifecycle::Scope,
    model::{AccountId, Health, Registration},
    policy::{Deployment, Policy},
    provider::Provider,
    stack_sets::{FeedTemplates, InstanceState, StackInstance, StackSetRoles, Templates},
};
use towerhook_providers::lacework::Lacework;

use super::comes_to_an_end;

/// A valid deployment, for records that need one.
const DEPLOYMENT: &str = include_str!("../seeds/ledger/deployment.json");
const ACCOUNT: &str = "111122223333";
/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;
const STACK_SET_ROLE: &str = "arn:aws:iam::111122223333:role/StackSets";

const TEMPLATES: Templates = Templates {
    feed: Some(FeedTemplates {
        log: "",
        audit: Some(""),
    }),
    member: "",
};

/// The text of any item or attribute of the ledger's table.
pub fn ledger(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let now = Timestamp::from_second(NOW).expect("a time");
    let read = reading::read(text, ACCOUNT, now);

    let recorded = read.recorded.expect("items with ids");
    let is_lost = |id: &str| recorded.unreadable.contains(id);
    assert_eq!(recorded.success.is_none(), is_lost("current"));
    assert_eq!(recorded.attempt.is_none(), is_lost("attempt"));
    assert_eq!(recorded.previous.is_none(), is_lost("previous"));
    assert_eq!(read.taken.deployment, recorded.attempt);
    if let Some(success) = &recorded.success
        && is_lost("properties")
    {
        assert_eq!(success.properties, Value::Null);
    }

    let records = read.records.expect("items with ids");
    let is_unreadable = records.unreadable.contains_key(ACCOUNT);
    let id: AccountId = ACCOUNT.parse().expect("an id");
    let record = records.by_account.get(&id);
    assert_eq!(record.is_none(), is_unreadable);
    assert!(records.by_account.len() <= 1, "no document is an id, too");

    for parked in &read.taken.parked {
        let scope = parked.scope();
        assert!(scope.accounts.len() * 12 <= text.len());
        comes_to_an_end(scope);
    }
    if let LeaseState::Free { not_before } = read.lease {
        assert!(not_before >= now);
    }
    let unreadable = read
        .taken
        .unreadable
        .after(&[(Source::Trail, false)].into(), now);
    assert!(unreadable.lasting().count() <= 6);
    survives(&unreadable);

    let at = admitted(&read.requests, now);
    assert!(read.requests.iter().all(|(_, known)| *known != at));
    survives(&read.requests);

    let previous = recorded.previous.map(|previous| previous.deployment);
    for deployment in recorded.attempt.iter().chain(&previous) {
        survives(deployment);
        leads_to_plans(deployment, record, now);
    }
    if let Some(record) = record {
        survives(record);
        let deployment = serde_json::from_str(DEPLOYMENT).expect("a good seed");
        leads_to_plans(&deployment, Some(record), now);
    }
}

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(read: &T) {
    let written = serde_json::to_string(read).expect("JSON");
    let back: T = serde_json::from_str(&written).expect("what was written");
    assert_eq!(back, *read);
}

/// Every outcome that an account can have.
fn leads_to_plans(deployment: &Deployment, record: Option<&Record>, now: Timestamp) {
    let policy = &deployment.policy;
    let roles = StackSetRoles {
        administration: STACK_SET_ROLE.parse().expect("an ARN"),
        execution: "Execution".to_owned(),
    };
    let footprint = Lacework.footprint(deployment.clone(), &TEMPLATES, &roles);
    assert_eq!(footprint.deployment.policy, *policy);
    let id: AccountId = ACCOUNT.parse().expect("an id");
    for view in views(policy, id) {
        let mut inventory = Inventory {
            scope: Scope::all(),
            token_ends: Some(now),
            ..Inventory::default()
        };
        inventory
            .records
            .extend(record.map(|record| (id, record.clone())));
        inventory.feed = Some(feed_view(&view));
        inventory
            .accounts
            .insert(policy.management_account, view.clone());
        inventory.accounts.insert(id, view);
        let plan = plan(&Lacework, deployment, &inventory, now);
        assert!(plan.records.len() <= 2);
        plan.records.values().flatten().for_each(survives);
        plan.feed.record.iter().for_each(survives);
    }
}

fn views(policy: &Policy, id: AccountId) -> Vec<AccountView> {
    let instance = |state| StackInstance {
        account: id,
        state,
        reason: None,
    };
    let watched = |health| {
        let mut ours =
            Registration::made(&Lacework.wanted(policy, &id).unwrap(), "ACME_1".to_owned());
        ours.health = health;
        Watchers {
            ours: vec![ours],
            others: Vec::new(),
        }
    };
    let view = |state: Option<AccountState>, management, instance, registrations| AccountView {
        account: Read::Ok(state.map(|state| Account {
            id,
            name: "member".to_owned(),
            state,
            path: Vec::new(),
        })),
        management: Read::Ok(management),
        instance: Read::Ok(instance),
        registrations: Read::Ok(registrations),
    };
    let (active, managed) = (Some(AccountState::Active), Management::Managed);
    let failing = Health::Failing("because".to_owned());
    let current = Some(instance(InstanceState::Current));
    vec![
        view(active, managed, None, Watchers::default()),
        view(active, managed, current.clone(), Watchers::default()),
        view(active, managed, current.clone(), watched(Health::Good)),
        view(active, managed, current.clone(), watched(failing)),
        view(
            active,
            managed,
            Some(instance(InstanceState::Inoperable)),
            watched(Health::Unknown),
        ),
        view(
            active,
            managed,
            Some(instance(InstanceState::Outdated)),
            Watchers::default(),
        ),
        view(
            active,
            Management::NotManaged,
            current.clone(),
            watched(Health::Good),
        ),
        view(
            Some(AccountState::Suspended),
            managed,
            current.clone(),
            watched(Health::Good),
        ),
        view(None, managed, current, watched(Health::Good)),
        view(None, managed, None, Watchers::default()),
    ]
}

fn feed_view(view: &AccountView) -> FeedView {
    let registrations = match &view.registrations {
        Read::Ok(watchers) => Read::Ok(watchers.ours.clone()),
        Read::Unknown(why) => Read::Unknown(why.clone()),
    };
    FeedView {
        trail: Read::Ok(None),
        registrations,
        log: view.instance.clone(),
        audit: Some(view.instance.clone()),
        bucket: None,
        is_requeued: false,
    }
}
