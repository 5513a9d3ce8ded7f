//! The lease, and the work parked under it.

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{
        AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
    },
};
use jiff::Timestamp;
use towerhook_core::{
    ErrorKind, Result,
    ledger::{Holder, Lease, LeaseState, Parking, REMEMBERED, Record, Taken, admitted},
    lifecycle::Parked,
    model::AccountId,
    ports::Leases,
};

use super::{
    Aws, CONDITION_FAILED, DEPLOYMENT, GET, Item, LedgerTable, PUT, TRANSACT, UPDATE, attribute,
    document, failed, has_code, key, milliseconds, text, time, unusable, with_document,
};

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
        let mut request = self
            .dynamodb()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key(DEPLOYMENT)))
            .expression_attribute_values(":now", milliseconds(now))
            .expression_attribute_values(":until", milliseconds(until))
            .expression_attribute_values(":owner", text(&owner))
            .expression_attribute_values(":from", text(from.as_ref().unwrap_or(&owner)))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let (set, condition) = match holder {
            Holder::Pass(_) => {
                request = request.expression_attribute_values(":begun", set_of(&owner));
                (
                    "ADD begun :begun SET",
                    format!("{IS_OWN} OR (({IS_FREE}) AND ({IS_AWAITED}))"),
                )
            }
            Holder::Setup { admitted, .. } => {
                request = request
                    .expression_attribute_values(":setup", text(SETUP))
                    .expression_attribute_values(":request", text(&holders_for(*admitted)))
                    .expression_attribute_values(":admitted", milliseconds(*admitted));
                let condition = format!(
                    "{IS_NEWEST} AND ({IS_OWN} OR (({IS_FREE}) AND ({IS_AWAITED})) OR {IS_OLDER})"
                );
                ("SET admitted_at = :admitted,", condition)
            }
        };
        let answer = request
            .update_expression(format!(
                "{set} holder = :owner, held_until = :until \
                 REMOVE called_at, reserved_for, reserved_until"
            ))
            .condition_expression(condition)
            .send()
            .await;
        let error = match answer {
            Ok(answer) => {
                let item = answer.attributes.unwrap_or_default();
                let taken = taken(holder, from.as_deref(), &item, now);
                return Ok(Lease::Taken(Box::new(taken)));
            }
            Err(error) => error,
        };
        let refused = match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => refused,
            _ => return Err(failed(UPDATE)(error)),
        };
        // Without the item the state is unknown; the next attempt reads it.
        let Some(item) = refused.item() else {
            return Ok(Lease::Refused(LeaseState::Held));
        };
        match holder {
            Holder::Setup { admitted, .. } if newest(item) > Some(*admitted) => {
                Ok(Lease::Overtaken)
            }
            Holder::Setup { admitted, .. } if is_held_for(item, *admitted) => Ok(Lease::Shared),
            Holder::Setup { .. } | Holder::Pass(_) => Ok(Lease::Refused(state_of(item, now))),
        }
    }

    async fn holds_lease(&self, holder: &Holder) -> Result<bool> {
        let answer = self
            .dynamodb()
            .get_item()
            .table_name(self.table())
            .set_key(Some(key(DEPLOYMENT)))
            .consistent_read(true)
            .projection_expression("holder")
            .send()
            .await
            .map_err(failed(GET))?;
        let item = answer.item.unwrap_or_default();
        Ok(attribute(GET, &item, "holder").is_ok_and(|found| found == owner(holder)))
    }

    async fn reserve_lease(&self, holder: &Holder, until: Timestamp) -> Result<()> {
        self.dynamodb()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key(DEPLOYMENT)))
            .update_expression("SET reserved_for = :owner, reserved_until = :until")
            .expression_attribute_values(":owner", text(&owner(holder)))
            .expression_attribute_values(":until", milliseconds(until))
            .send()
            .await
            .map_err(failed(UPDATE))?;
        Ok(())
    }

    async fn release_lease(&self, holder: &Holder) -> Result<()> {
        let answer = self
            .dynamodb()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key(DEPLOYMENT)))
            .update_expression("REMOVE holder, held_until, called_at, begun")
            .condition_expression(IS_HOLDER)
            .expression_attribute_values(":owner", text(&owner(holder)))
            .send()
            .await;
        match answer {
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
        let room = AttributeValue::N(Parked::room_for(parked.len()).to_string());
        let (change, condition, known) = match replaced {
            [] => ("ADD parked :parked SET", HAS_ROOM, room),
            replaced => ("SET parked = :parked,", "parked = :known", texts(replaced)),
        };
        let answer = self
            .dynamodb()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key(DEPLOYMENT)))
            .update_expression(format!(
                "{change} called_at = if_not_exists(called_at, :now)"
            ))
            .condition_expression(condition)
            .expression_attribute_values(":parked", texts(parked))
            .expression_attribute_values(":now", milliseconds(now))
            .expression_attribute_values(":known", known)
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let item = answer.attributes.unwrap_or_default();
                Ok(Parking::Kept {
                    lease: state_of(&item, now),
                    wake_up_sent_at: time(UPDATE, &item, "called_at").ok(),
                })
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => Ok(
                    Parking::Refused(refused.item().map_or_else(Vec::new, parked_in)),
                ),
                _ => Err(failed(UPDATE)(error)),
            },
        }
    }

    async fn close_pass(
        &self,
        holder: &Holder,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        cooldown_until: Timestamp,
    ) -> Result<bool> {
        let owner = owner(holder);
        // Usually no work is parked, and a single conditional write confirms that.
        match self
            .close(IS_HOLDER_UNCALLED, &owner, records, done, cooldown_until)
            .await
        {
            Err(error) if error.kind == ErrorKind::Conflict => {
                let closed = self.close(IS_HOLDER, &owner, records, done, cooldown_until);
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
        let put = self
            .dynamodb()
            .put_item()
            .table_name(self.table())
            .set_item(Some(with_document(PUT, REQUESTS, &known)?));
        let before = item
            .as_ref()
            .and_then(|item| attribute(GET, item, "document").ok());
        let put = match before {
            Some(before) => put
                .condition_expression("document = :known")
                .expression_attribute_values(":known", text(before)),
            None => put.condition_expression("attribute_not_exists(document)"),
        };
        put.send().await.map_err(failed(PUT))?;
        Ok(admitted)
    }
}

impl<S: AsRef<LedgerTable>> Aws<S> {
    /// Writes the records, and with the last batch releases the lease if the condition holds.
    async fn close(
        &self,
        condition: &str,
        owner: &str,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        cooldown_until: Timestamp,
    ) -> Result<()> {
        let mut writes = self.writes(records)?;
        let mut values: Item = [
            (":owner".to_owned(), text(owner)),
            (":until".to_owned(), milliseconds(cooldown_until)),
        ]
        .into();
        let mut expression = COOLDOWN.to_owned();
        if !done.is_empty() {
            expression.push_str(" DELETE parked :done");
            values.insert(":done".to_owned(), texts(done));
        }
        if writes.is_empty() {
            let answer = self
                .dynamodb()
                .update_item()
                .table_name(self.table())
                .set_key(Some(key(DEPLOYMENT)))
                .update_expression(expression)
                .condition_expression(condition)
                .set_expression_attribute_values(Some(values))
                .send()
                .await;
            return answer.map(|_| ()).map_err(failed(UPDATE));
        }
        let update = Update::builder()
            .table_name(self.table())
            .set_key(Some(key(DEPLOYMENT)))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(|error| unusable(TRANSACT, error.to_string()))?;
        writes.push(TransactWriteItem::builder().update(update).build());
        self.transact(writes).await
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

fn set_of(owner: &str) -> AttributeValue {
    AttributeValue::Ss(vec![owner.to_owned()])
}

/// How many other passes have begun since the lease was last released.
fn others(item: &Item, own: &str) -> usize {
    let begun = item.get("begun").and_then(|value| value.as_ss().ok());
    let others = begun.into_iter().flatten().filter(|begun| *begun != own);
    others.count()
}

fn texts(parked: &[Parked]) -> AttributeValue {
    let texts = parked.iter().map(|parked| parked.as_text().to_owned());
    AttributeValue::Ss(texts.collect())
}

fn parked_in(item: &Item) -> Vec<Parked> {
    let texts = item.get("parked").and_then(|value| value.as_ss().ok());
    let texts = texts.into_iter().flatten();
    texts.cloned().map(Parked::from_text).collect()
}
