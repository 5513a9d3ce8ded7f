//! What the table's items are read as, with no table and no call: the one entry for the fuzz target in
//! `fuzz/`, and for the test that replays its seeds. Nothing else needs it.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use towerhook_core::{
    Result,
    ledger::{Holder, LeaseState, Recorded, Records, Taken},
};

use super::{
    ACCOUNT, ATTEMPT, DEPLOYMENT, Item, PREVIOUS, PROPERTIES, key, lease, recorded_in, records_in,
    text,
};

/// One text as every item and attribute would be read.
#[derive(Debug)]
pub struct Reading {
    /// All that setup has recorded, were it the document of each of these items.
    pub recorded: Result<Recorded>,
    /// The records, were it the document of an account's item, and the id of another one.
    pub records: Result<Records>,
    /// What comes with the lease, were it each of the attributes of that item; a line is a parked text.
    pub taken: Taken,
    /// How the lease stands, likewise.
    pub lease: LeaseState,
    /// The requests of CloudFormation that were admitted.
    pub requests: Vec<(String, Timestamp)>,
}

/// Reads the text in every way, as of `now`, for the account's item of this id.
#[must_use]
pub fn read(stored: &str, account: &str, now: Timestamp) -> Reading {
    let item = |of| with(key(of), "document", text(stored));
    let mut current = item(DEPLOYMENT);
    for name in ["holder", "unreadable"] {
        current = with(current, name, text(stored));
    }
    for name in ["held_until", "rests_until", "reserved_until", "called_at"] {
        current = with(current, name, AttributeValue::N(stored.to_owned()));
    }
    let lines = || AttributeValue::Ss(stored.lines().map(str::to_owned).collect());
    for name in ["parked", "begun"] {
        current = with(current, name, lines());
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

fn with(mut item: Item, name: &str, value: AttributeValue) -> Item {
    item.insert(name.to_owned(), value);
    item
}
