//! The lease, and the work parked under it.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use towerhook_core::{
    ErrorKind, Result,
    ledger::{Holder, Lease, LeaseState, Parking, REMEMBERED, Record, Taken, admitted},
    lifecycle::Parked,
    model::AccountId,
    ports::Leases,
};

use super::{
    Aws, CONDITION_FAILED, DEPLOYMENT, GET, LedgerTable, PUT, Shown, UPDATE, dynamodb, failed,
    has_code,
    item::{
        Item, attribute, document, key, milliseconds, number, set_of, text, texts, time,
        with_document,
    },
};
use crate::call::refusal;

/// CloudFormation's recent requests, each with its time of admission.
pub(super) const REQUESTS: (&str, &str) = ("setup", "requests");
/// The prefix of setup's holders. The time at which their request was admitted follows, so that
/// holders sort in the order of the requests.
const SETUP: &str = "setup/";

const IS_FREE: &str = "attribute_not_exists(held_until) OR held_until <= :now";
/// The holder is an older request of CloudFormation, which a newer one replaces.
const IS_OLDER: &str = "(begins_with(holder, :setup) AND holder < :request)";
/// No newer request has held the lease.
const IS_NEWEST: &str = "(attribute_not_exists(admitted_at) OR admitted_at <= :admitted)";
const IS_AWAITED: &str = "reserved_for = :owner OR \
    ((attribute_not_exists(reserved_until) OR reserved_until <= :now) \
    AND (attribute_not_exists(rests_until) OR rests_until <= :now))";

pub(super) const IS_HOLDER: &str = "holder = :owner";
/// The caller is the holder already, or continues its work.
const IS_OWN: &str = "holder IN (:owner, :from)";
const IS_HOLDER_UNCALLED: &str = "holder = :owner AND attribute_not_exists(called_at)";
/// Releases the lease and starts the cooldown.
const COOLDOWN: &str = "SET rests_until = :until REMOVE holder, held_until, begun";

const HAS_ROOM: &str = "attribute_not_exists(parked) OR size(parked) <= :known";

const ALL_OLD: &str = "ALL_OLD";

/// The deployment's item as it was before a change.
enum Before {
    Changed(Item),
    /// The condition did not hold. DynamoDB may not show the item.
    Refused(Option<Item>),
}

/// The answer of an update.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Updated {
    attributes: Option<Item>,
}

impl<S: AsRef<LedgerTable>> Leases for Aws<S> {
    async fn take_lease(
        &self,
        holder: &Holder,
        from: Option<&Holder>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Lease> {
        let from = from.map(owner);
        let owner = owner(holder);
        let mut values = json!({
            ":now": milliseconds(now),
            ":until": milliseconds(until),
            ":owner": text(&owner),
            ":from": text(from.as_ref().unwrap_or(&owner)),
        });
        let (set, condition) = match holder {
            Holder::Pass(_) => {
                values[":begun"] = set_of(&[&owner]);
                (
                    "ADD begun :begun SET",
                    format!("{IS_OWN} OR (({IS_FREE}) AND ({IS_AWAITED}))"),
                )
            }
            Holder::Setup { admitted, .. } => {
                values[":setup"] = text(SETUP);
                values[":request"] = text(&holders_for(*admitted));
                values[":admitted"] = milliseconds(*admitted);
                let condition = format!(
                    "{IS_NEWEST} AND ({IS_OWN} OR (({IS_FREE}) AND ({IS_AWAITED})) OR {IS_OLDER})"
                );
                ("SET admitted_at = :admitted,", condition)
            }
        };
        let change = format!(
            "{set} holder = :owner, held_until = :until \
             REMOVE called_at, reserved_for, reserved_until"
        );
        let item = match self.change_and_see(&change, &condition, values).await? {
            Before::Changed(item) => {
                let taken = taken(holder, from.as_deref(), &item, now);
                return Ok(Lease::Taken(Box::new(taken)));
            }
            // Without the item the state is unknown; the next attempt reads it.
            Before::Refused(None) => return Ok(Lease::Refused(LeaseState::Held)),
            Before::Refused(Some(item)) => item,
        };
        match holder {
            Holder::Setup { admitted, .. } if newest(&item) > Some(*admitted) => {
                Ok(Lease::Overtaken)
            }
            Holder::Setup { admitted, .. } if is_held_for(&item, *admitted) => Ok(Lease::Shared),
            Holder::Setup { .. } | Holder::Pass(_) => Ok(Lease::Refused(state_of(&item, now))),
        }
    }

    async fn holds_lease(&self, holder: &Holder) -> Result<bool> {
        let request = json!({"Key": key(DEPLOYMENT), "ProjectionExpression": "holder"});
        let item = self.get_item(request).await?.unwrap_or_default();
        Ok(attribute(GET, &item, "holder").is_ok_and(|found| found == owner(holder)))
    }

    async fn reserve_lease(&self, holder: &Holder, until: Timestamp) -> Result<()> {
        let change = json!({
            "TableName": self.table(),
            "Key": key(DEPLOYMENT),
            "UpdateExpression": "SET reserved_for = :owner, reserved_until = :until",
            "ExpressionAttributeValues": {
                ":owner": text(&owner(holder)),
                ":until": milliseconds(until),
            },
        });
        self.update_item(&change).await
    }

    async fn release_lease(&self, holder: &Holder) -> Result<()> {
        let expression = "REMOVE holder, held_until, called_at, begun";
        let values = json!({":owner": text(&owner(holder))});
        let change = self.change(expression, IS_HOLDER, values);
        match dynamodb::update_item(&self.config, &change).await {
            Err(error) if !has_code(&error, CONDITION_FAILED) => Err(failed(UPDATE)(error)),
            _ => Ok(()),
        }
    }

    async fn park(
        &self,
        parked: &[Parked],
        replaced: &[Parked],
        now: Timestamp,
    ) -> Result<Parking> {
        let room = number(Parked::room_for(parked.len()));
        let (change, condition, known) = match replaced {
            [] => ("ADD parked :parked SET", HAS_ROOM, room),
            replaced => (
                "SET parked = :parked,",
                "parked = :known",
                set_of_parked(replaced),
            ),
        };
        let change = format!("{change} called_at = if_not_exists(called_at, :now)");
        let values = json!({
            ":parked": set_of_parked(parked),
            ":now": milliseconds(now),
            ":known": known,
        });
        match self.change_and_see(&change, condition, values).await? {
            Before::Changed(item) => Ok(Parking::Kept {
                lease: state_of(&item, now),
                wake_up_sent_at: time(UPDATE, &item, "called_at").ok(),
            }),
            Before::Refused(item) => {
                let found = item.as_ref().map_or_else(Vec::new, parked_in);
                Ok(Parking::Refused(found))
            }
        }
    }

    async fn close_pass(
        &self,
        holder: &Holder,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        cooldown_until: Timestamp,
        compared: Option<Timestamp>,
    ) -> Result<bool> {
        let rest = (cooldown_until, compared);
        let owner = owner(holder);
        // Usually no work is parked, and a single conditional write confirms that.
        match self
            .close(IS_HOLDER_UNCALLED, &owner, records, done, rest)
            .await
        {
            Err(error) if error.kind == ErrorKind::Conflict => {
                let closed = self.close(IS_HOLDER, &owner, records, done, rest);
                closed.await.map(|()| true)
            }
            closed => closed.map(|()| false),
        }
    }

    async fn admit(&self, request: &str, seen: Timestamp) -> Result<Timestamp> {
        let item = self.item(REQUESTS).await?;
        let mut known = item.as_ref().map_or_else(Vec::new, requests_in);
        if let Some((_, admitted)) = known.iter().find(|(known, _)| known == request) {
            return Ok(*admitted);
        }
        let admitted = admitted(&known, seen);
        known.push((request.to_owned(), admitted));
        let surplus = known.len().saturating_sub(REMEMBERED);
        known.drain(..surplus);
        // If another invocation admits a request at the same time, this write fails and the caller
        // retries.
        let mut put = json!({
            "TableName": self.table(),
            "Item": with_document(PUT, REQUESTS, &known)?,
        });
        let before = item
            .as_ref()
            .and_then(|item| attribute(GET, item, "document").ok());
        match before {
            Some(before) => {
                put["ConditionExpression"] = "document = :known".into();
                put["ExpressionAttributeValues"] = json!({":known": text(before)});
            }
            None => put["ConditionExpression"] = "attribute_not_exists(document)".into(),
        }
        let answer = dynamodb::put_item(&self.config, &put).await;
        answer.map_err(failed(PUT))?;
        Ok(admitted)
    }
}

impl<S: AsRef<LedgerTable>> Aws<S> {
    /// Writes the records, and with the last batch releases the lease if the condition holds, which
    /// then cools down, and notes what was compared.
    async fn close(
        &self,
        condition: &str,
        owner: &str,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        (cooldown_until, compared): (Timestamp, Option<Timestamp>),
    ) -> Result<()> {
        let mut writes = self.writes(records)?;
        let mut values = json!({":owner": text(owner), ":until": milliseconds(cooldown_until)});
        let mut expression = COOLDOWN.to_owned();
        if let Some(compared) = compared {
            expression.insert_str("SET ".len(), "compared_at = :compared, ");
            values[":compared"] = milliseconds(compared);
        }
        if !done.is_empty() {
            expression.push_str(" DELETE parked :done");
            values[":done"] = set_of_parked(done);
        }
        let change = self.change(&expression, condition, values);
        if writes.is_empty() {
            return self.update_item(&change).await;
        }
        writes.push(json!({"Update": change}));
        self.transact(&writes).await
    }

    /// Changes the deployment's item, if the condition holds.
    async fn change_and_see(
        &self,
        expression: &str,
        condition: &str,
        values: Value,
    ) -> Result<Before> {
        let mut change = self.change(expression, condition, values);
        change["ReturnValues"] = ALL_OLD.into();
        change["ReturnValuesOnConditionCheckFailure"] = ALL_OLD.into();
        match dynamodb::update_item(&self.config, &change).await {
            Ok(answer) => {
                let updated: Updated = answer.json(UPDATE)?;
                Ok(Before::Changed(updated.attributes.unwrap_or_default()))
            }
            Err(error) if has_code(&error, CONDITION_FAILED) => {
                let shown: Option<Shown> = refusal(&error);
                Ok(Before::Refused(shown.and_then(|shown| shown.item)))
            }
            Err(error) => Err(failed(UPDATE)(error)),
        }
    }
}

/// An unreadable list counts as empty: each request carries the time at which it was sent.
pub(super) fn requests_in(item: &Item) -> Vec<(String, Timestamp)> {
    document(GET, item).unwrap_or_default()
}

/// A holder as stored in the table.
pub(super) fn owner(holder: &Holder) -> String {
    match holder {
        Holder::Pass(invocation) => format!("pass/{invocation}"),
        Holder::Setup {
            admitted,
            invocation,
        } => format!("{}{invocation}", holders_for(*admitted)),
    }
}

/// The prefix of the holders for one request.
fn holders_for(admitted: Timestamp) -> String {
    format!("{SETUP}{:015}/", admitted.as_millisecond())
}

/// When the newest request that has held the lease was admitted.
fn newest(item: &Item) -> Option<Timestamp> {
    time(UPDATE, item, "admitted_at").ok()
}

/// Whether an invocation for this request holds the lease.
fn is_held_for(item: &Item, admitted: Timestamp) -> bool {
    let holders = holders_for(admitted);
    attribute(UPDATE, item, "holder").is_ok_and(|holder| holder.starts_with(&holders))
}

/// What the new lease holder gets, read from the item as it was before.
pub(super) fn taken(holder: &Holder, from: Option<&str>, item: &Item, now: Timestamp) -> Taken {
    let before = attribute(UPDATE, item, "holder").unwrap_or_default();
    let is_held = time(UPDATE, item, "held_until").is_ok_and(|until| until > now);
    let is_setups = matches!(holder, Holder::Setup { .. }) && before.starts_with(SETUP);
    let unreadable = attribute(UPDATE, item, "unreadable").ok();
    let unreadable = unreadable.and_then(|text| serde_json::from_str(text).ok());
    Taken {
        // An unreadable deployment counts as lost.
        deployment: document(UPDATE, item).ok(),
        parked: parked_in(item),
        unreadable: unreadable.unwrap_or_default(),
        compared: time(UPDATE, item, "compared_at").ok(),
        unfinished: others(item, &owner(holder)),
        superseded: is_setups && is_held && Some(before) != from,
    }
}

/// The state of the lease, read from its item.
pub(super) fn state_of(item: &Item, now: Timestamp) -> LeaseState {
    let later = |name: &str| time(UPDATE, item, name).ok().filter(|until| *until > now);
    if later("held_until").is_some() {
        return LeaseState::Held;
    }
    let until = later("rests_until").max(later("reserved_until"));
    LeaseState::Free {
        not_before: until.unwrap_or(now),
    }
}

/// How many other passes have begun since the lease was last released.
fn others(item: &Item, own: &str) -> usize {
    texts(item, "begun").filter(|begun| *begun != own).count()
}

fn set_of_parked(parked: &[Parked]) -> Value {
    let texts: Vec<&str> = parked.iter().map(Parked::as_text).collect();
    set_of(&texts)
}

fn parked_in(item: &Item) -> Vec<Parked> {
    let texts = texts(item, "parked").map(str::to_owned);
    texts.map(Parked::from_text).collect()
}
