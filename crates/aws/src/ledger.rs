use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::{
    operation::{query::QueryOutput, update_item::UpdateItemError},
    types::{
        AttributeValue, Delete, Put, ReturnValue, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem, Update,
    },
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use towerhook_core::{
    ErrorKind, Result,
    enrollment::{Deployment, Record},
    lifecycle::Parked,
    model::AccountId,
    ports::{Lease, Ledger, Parking, Standing},
};

use crate::{
    Aws, LedgerTable,
    classify::{failed, has_code, parse, unusable},
    pages::pages,
};

const GET: &str = "dynamodb:GetItem";
const PUT: &str = "dynamodb:PutItem";
const UPDATE: &str = "dynamodb:UpdateItem";
const QUERY: &str = "dynamodb:Query";
const TRANSACT: &str = "dynamodb:TransactWriteItems";

/// `TransactWriteItems` takes at most this many.
const TRANSACTION: usize = 100;

/// The deployment, with who holds the lease on it: whoever takes it has read it, too.
const DEPLOYMENT: (&str, &str) = ("deployment", "current");
const SUFFIX: (&str, &str) = ("suffix", "external-id");
const ACCOUNT: &str = "account";

const IS_HOLDER: &str = "holder = :owner";
const IS_HOLDER_UNCALLED: &str = "holder = :owner AND attribute_not_exists(called_at)";
/// Gives the lease back and lets it rest.
const REST: &str = "SET rests_until = :until REMOVE holder, held_until";

/// An item holds at most 400 KB, and whoever writes it pays for all of it.
const PARKED_AT_MOST: usize = 100;

const IS_SPARSE: &str = "attribute_not_exists(parked) OR size(parked) < :known";

const CONDITION_FAILED: &str = "ConditionalCheckFailedException";

type Item = HashMap<String, AttributeValue>;

impl<S: AsRef<LedgerTable>> Ledger for Aws<S> {
    async fn take_lease(&self, owner: &str, now: Timestamp, until: Timestamp) -> Result<Lease> {
        let answer = self
            .dynamodb()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key(DEPLOYMENT)))
            .update_expression("SET holder = :owner, held_until = :until REMOVE called_at")
            .condition_expression(
                "(attribute_not_exists(held_until) OR held_until <= :now OR holder = :owner) \
                 AND (reserved_for = :owner OR \
                 ((attribute_not_exists(reserved_until) OR reserved_until <= :now) \
                 AND (attribute_not_exists(rests_until) OR rests_until <= :now)))",
            )
            .expression_attribute_values(":now", milliseconds(now))
            .expression_attribute_values(":until", milliseconds(until))
            .expression_attribute_values(":owner", text(owner))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match answer {
            Ok(answer) => {
                let item = answer.attributes.unwrap_or_default();
                return match recorded(UPDATE, &item) {
                    Ok(deployment) => Ok(Lease::Taken {
                        deployment: deployment.map(Box::new),
                        parked: parked_in(&item),
                    }),
                    Err(error) => {
                        self.release_lease(owner).await?;
                        Err(error)
                    }
                };
            }
            Err(error) => error,
        };
        let refused = match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => refused,
            _ => return Err(failed(UPDATE)(error)),
        };
        // Nobody says why: the next look tells.
        let standing = refused
            .item()
            .map_or(Standing::Held, |item| standing(item, now));
        Ok(Lease::Refused(standing))
    }

    async fn reserve_lease(&self, owner: &str, until: Timestamp) -> Result<()> {
        self.dynamodb()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key(DEPLOYMENT)))
            .update_expression("SET reserved_for = :owner, reserved_until = :until")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":until", milliseconds(until))
            .send()
            .await
            .map_err(failed(UPDATE))?;
        Ok(())
    }

    async fn release_lease(&self, owner: &str) -> Result<()> {
        let answer = self
            .dynamodb()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key(DEPLOYMENT)))
            .update_expression("REMOVE holder, held_until")
            .condition_expression(IS_HOLDER)
            .expression_attribute_values(":owner", text(owner))
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
        let most = AttributeValue::N(PARKED_AT_MOST.to_string());
        let (change, condition, known) = match replaced {
            [] => ("ADD parked :parked SET", IS_SPARSE, most),
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
                    lease: standing(&item, now),
                    called_at: time(UPDATE, &item, "called_at").ok(),
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
        owner: &str,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        rests_until: Timestamp,
    ) -> Result<bool> {
        // As a rule nobody has called, and one try tells that, too.
        match self
            .close(IS_HOLDER_UNCALLED, owner, records, done, rests_until)
            .await
        {
            Err(error) if error.kind == ErrorKind::Conflict => {
                let closed = self.close(IS_HOLDER, owner, records, done, rests_until);
                closed.await.map(|()| true)
            }
            closed => closed.map(|()| false),
        }
    }

    async fn deployment(&self) -> Result<Option<Deployment>> {
        match self.item(DEPLOYMENT).await? {
            Some(item) => recorded(GET, &item),
            None => Ok(None),
        }
    }

    async fn store_deployment(&self, deployment: &Deployment) -> Result<()> {
        self.dynamodb()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key(DEPLOYMENT)))
            .update_expression("SET document = :document")
            .expression_attribute_values(":document", text(&json(UPDATE, deployment)?))
            .send()
            .await
            .map_err(failed(UPDATE))?;
        Ok(())
    }

    async fn external_id_suffix(&self, fresh: &str) -> Result<String> {
        let answer = self
            .dynamodb()
            .put_item()
            .table_name(self.table())
            .set_item(Some(key(SUFFIX)))
            .item("suffix", text(fresh))
            .condition_expression("attribute_not_exists(#kind)")
            .expression_attribute_names("#kind", "kind")
            .send()
            .await;
        match answer {
            Err(error) if !has_code(&error, CONDITION_FAILED) => return Err(failed(PUT)(error)),
            _ => {}
        }
        let item = self.item(SUFFIX).await?.unwrap_or_default();
        attribute(GET, &item, "suffix").map(str::to_owned)
    }

    async fn records(&self) -> Result<BTreeMap<AccountId, Record>> {
        let listing = self
            .dynamodb()
            .query()
            .table_name(self.table())
            .consistent_read(true)
            .key_condition_expression("#kind = :kind")
            .expression_attribute_names("#kind", "kind")
            .expression_attribute_values(":kind", text(ACCOUNT))
            .into_paginator()
            .send();
        let more = |page: &QueryOutput| page.last_evaluated_key().map(|_| "more");
        let mut records = BTreeMap::new();
        for item in pages(QUERY, listing, more)
            .await?
            .iter()
            .flat_map(|page| page.items())
        {
            let id = parse(QUERY, attribute(QUERY, item, "id")?)?;
            records.insert(id, document(QUERY, item)?);
        }
        Ok(records)
    }

    async fn store_records(&self, records: &[(AccountId, Option<Record>)]) -> Result<()> {
        self.transact(self.writes(records)?).await
    }
}

impl<S: AsRef<LedgerTable>> Aws<S> {
    fn table(&self) -> &str {
        &self.settings.as_ref().0
    }

    async fn item(&self, of: (&str, &str)) -> Result<Option<Item>> {
        let answer = self
            .dynamodb()
            .get_item()
            .table_name(self.table())
            .set_key(Some(key(of)))
            .consistent_read(true)
            .send()
            .await
            .map_err(failed(GET))?;
        Ok(answer.item)
    }

    /// Writes the records, and with the last of them gives the lease back where the condition holds.
    async fn close(
        &self,
        condition: &str,
        owner: &str,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        rests_until: Timestamp,
    ) -> Result<()> {
        let mut writes = self.writes(records)?;
        let mut values: Item = [
            (":owner".to_owned(), text(owner)),
            (":until".to_owned(), milliseconds(rests_until)),
        ]
        .into();
        let mut expression = REST.to_owned();
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

    async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<()> {
        for chunk in writes.chunks(TRANSACTION) {
            self.dynamodb()
                .transact_write_items()
                .set_transact_items(Some(chunk.to_vec()))
                .send()
                .await
                .map_err(failed(TRANSACT))?;
        }
        Ok(())
    }

    fn writes(&self, records: &[(AccountId, Option<Record>)]) -> Result<Vec<TransactWriteItem>> {
        // A transaction may name an item only once; what was said last counts.
        let latest: BTreeMap<&AccountId, &Option<Record>> =
            records.iter().map(|(id, record)| (id, record)).collect();
        let writes = latest.into_iter();
        writes
            .map(|(id, record)| self.write(id, record.as_ref()))
            .collect()
    }

    fn write(&self, id: &AccountId, record: Option<&Record>) -> Result<TransactWriteItem> {
        let of = (ACCOUNT, id.as_str());
        let write = TransactWriteItem::builder();
        let write = match record {
            Some(record) => write.put(
                Put::builder()
                    .table_name(self.table())
                    .set_item(Some(with_document(TRANSACT, of, record)?))
                    .build()
                    .map_err(|error| unusable(TRANSACT, error.to_string()))?,
            ),
            None => write.delete(
                Delete::builder()
                    .table_name(self.table())
                    .set_key(Some(key(of)))
                    .build()
                    .map_err(|error| unusable(TRANSACT, error.to_string()))?,
            ),
        };
        Ok(write.build())
    }
}

fn key((kind, id): (&str, &str)) -> Item {
    [("kind", kind), ("id", id)]
        .map(|(name, value)| (name.to_owned(), text(value)))
        .into()
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// How the lease stands, told from what refused it or was found there.
fn standing(item: &Item, now: Timestamp) -> Standing {
    let later = |name: &str| time(UPDATE, item, name).ok().filter(|until| *until > now);
    if later("held_until").is_some() {
        return Standing::Held;
    }
    let until = later("rests_until").max(later("reserved_until"));
    Standing::Resting(until.unwrap_or(now))
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

fn milliseconds(time: Timestamp) -> AttributeValue {
    AttributeValue::N(time.as_millisecond().to_string())
}

fn with_document(
    operation: &'static str,
    of: (&str, &str),
    document: &impl Serialize,
) -> Result<Item> {
    let mut item = key(of);
    item.insert("document".to_owned(), text(&json(operation, document)?));
    Ok(item)
}

fn json(operation: &'static str, document: &impl Serialize) -> Result<String> {
    serde_json::to_string(document).map_err(|error| unusable(operation, error.to_string()))
}

/// The deployment in an item that has none before setup has recorded it.
fn recorded(operation: &'static str, item: &Item) -> Result<Option<Deployment>> {
    item.contains_key("document")
        .then(|| document(operation, item))
        .transpose()
}

fn document<T: DeserializeOwned>(operation: &'static str, item: &Item) -> Result<T> {
    serde_json::from_str(attribute(operation, item, "document")?)
        .map_err(|error| unusable(operation, error.to_string()))
}

fn time(operation: &'static str, item: &Item, name: &str) -> Result<Timestamp> {
    item.get(name)
        .and_then(|value| value.as_n().ok())
        .and_then(|number| Timestamp::from_millisecond(number.parse().ok()?).ok())
        .ok_or_else(|| unusable(operation, format!("an item without {name}")))
}

fn attribute<'a>(operation: &'static str, item: &'a Item, name: &str) -> Result<&'a str> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
        .ok_or_else(|| unusable(operation, format!("an item without {name}")))
}

#[cfg(test)]
mod tests;
