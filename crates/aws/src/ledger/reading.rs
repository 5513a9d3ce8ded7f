//! Parses the table's items without a table or a call: the one entry point for the fuzz target in
//! `fuzz/`, and for the test that replays its seeds.

use jiff::Timestamp;
use serde_json::Value;
use towerhook_core::{
    Result,
    ledger::{Holder, LeaseState, Recorded, Records, Taken},
};

use super::{
    ACCOUNT, ATTEMPT, DEPLOYMENT, PREVIOUS, PROPERTIES,
    item::{Item, key, number, set_of, text},
    lease, recorded_in, records_in,
};

/// One text, parsed as every item and attribute.
#[derive(Debug)]
pub struct Reading {
    /// Setup's recorded state, with the text as the document of each of its items.
    pub recorded: Result<Recorded>,
    /// The records, with the text as the document of one account's item, and as the id of another.
    pub records: Result<Records>,
    /// What a new lease holder gets, with the text as each of the attributes; each line is a parked
    /// text.
    pub taken: Taken,
    /// The state of the lease, parsed likewise.
    pub lease: LeaseState,
    /// The requests of CloudFormation that were admitted.
    pub requests: Vec<(String, Timestamp)>,
}

/// Parses the text in every way, as of `now`, for the account's item with this id.
#[must_use]
pub fn read(stored: &str, account: &str, now: Timestamp) -> Reading {
    let item = |of| with(key(of), "document", text(stored));
    let mut current = item(DEPLOYMENT);
    for name in ["holder", "unreadable"] {
        current = with(current, name, text(stored));
    }
    for name in [
        "held_until",
        "rests_until",
        "reserved_until",
        "called_at",
        "compared_at",
    ] {
        current = with(current, name, number(stored));
    }
    let lines: Vec<&str> = stored.lines().collect();
    for name in ["parked", "begun"] {
        current = with(current, name, set_of(&lines));
    }
    let holder = Holder::Pass("reading".to_owned());
    Reading {
        recorded: recorded_in(&[DEPLOYMENT, PROPERTIES, ATTEMPT, PREVIOUS].map(item)),
        records: records_in(&[(ACCOUNT, account), (ACCOUNT, stored)].map(item)),
        taken: lease::taken(&holder, None, &current, now),
        lease: lease::state_of(&current, now),
        requests: lease::requests_in(&item(lease::REQUESTS)),
    }
}

fn with(mut item: Item, name: &str, value: Value) -> Item {
    item.insert(name.to_owned(), value);
    item
}
