mod deployment;
mod lease;
mod parking;
mod records;
mod requests;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use towerhook_core::{
    ErrorKind,
    ledger::{Lease, LeaseState, Parking, Reason, Source, Taken},
    lifecycle::{Parked, Scope},
    model::Names,
    policy::{Capability, Destination, Policy, RegistrationMode, Selection, Site},
    ports::Leases,
};

use super::*;
use crate::testing::{Answer, answer, error, setup};

fn refused() -> Answer {
    error(400, CONDITION_FAILED)
}

/// The item as returned by a failed condition.
fn refused_with(item: Value) -> Answer {
    refused().body(&json!({"__type": CONDITION_FAILED, "Item": item}))
}

fn done() -> Answer {
    answer(json!({}))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

fn pass(invocation: &str) -> Holder {
    Holder::Pass(invocation.into())
}

/// An invocation of setup for a request admitted at this second.
fn request(admitted: i64, invocation: &str) -> Holder {
    Holder::Setup {
        admitted: at(admitted),
        invocation: invocation.into(),
    }
}

fn deployment_key() -> Value {
    json!({"kind": {"S": "deployment"}, "id": {"S": "current"}})
}

/// An item with a document.
fn item(kind: &str, id: &str, document: &impl Serialize) -> Value {
    let document = serde_json::to_string(document).unwrap();
    json!({"kind": {"S": kind}, "id": {"S": id}, "document": {"S": document}})
}

fn record(reason: &str) -> Record {
    Record {
        reason: Some(Reason::Unread(reason.into())),
        ..Record::default()
    }
}

fn record_item(id: &str, reason: &str) -> Value {
    item("account", id, &record(reason))
}

fn parked(invocation: &str) -> Parked {
    Parked::of(invocation, &Scope::all()).remove(0)
}

/// A source that could not be read in one comparison.
fn unreadable() -> Unreadable {
    Unreadable::default().after(&[(Source::Trail, false)].into(), at(1))
}

/// The deployment of a landing zone without a trail, with this external id suffix.
fn deployment(suffix: &str) -> Deployment {
    let policy = Policy {
        stack_id: "arn:aws:cloudformation:eu-west-1:999999999999:stack/towerhook/1".into(),
        partition: "aws".into(),
        region: "eu-west-1".into(),
        management_account: account("999999999999"),
        host: "acme.lacework.net".into(),
        tenant: "acme".into(),
        names: Names {
            resource: "acme".into(),
            prefix: "Lacework-Control-Tower-".parse().unwrap(),
        },
        capability: Capability::Config,
        destination: Destination::Tenant,
        selection: Selection::default(),
        registration_mode: RegistrationMode::Function,
        external_id_suffix: suffix.into(),
        external_id: None,
        retain_protection: false,
        adoption: None,
        monitor_existing: true,
        enroll_management: false,
        control_tower: true,
        log_archive: None,
        trail_reader: None,
        audit: None,
        offboard_limit_percent: 10,
        approved_offboard: None,
        offboard_unenrolled: false,
    };
    let principal = "arn:aws:iam::434813966438:role/lacework-platform";
    Deployment {
        policy,
        announcements: Default::default(),
        site: Site {
            function_roles: None,
            principal: Some(principal.parse().unwrap()),
            url_suffix: "amazonaws.com".into(),
            registration_topic: None,
            permissions_boundary: None,
            management_boundary: None,
            tags: BTreeMap::new(),
        },
        units: BTreeMap::new(),
        stores: [].into(),
        retired: Vec::new(),
        trail_topics: [].into(),
        trail: None,
        organization: false,
        spared: Default::default(),
        recovered_at: None,
        succeeded_at: None,
    }
}
