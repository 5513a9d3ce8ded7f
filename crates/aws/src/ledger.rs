//! The ledger's table.
//!
//! | kind | id | |
//! |---|---|---|
//! | `deployment` | `current` | the lease, the work parked under it, and the deployment of the last
//! success |
//! | `deployment` | `properties` | that success's properties |
//! | `deployment` | `previous` | the success before it, with its properties |
//! | `deployment` | `attempt` | the state of a request that has not succeeded |
//! | `setup` | `requests` | when CloudFormation's last requests were admitted |
//! | `suffix` | `external-id` | the suffix of the external ids |
//! | `account` | its id | its record |

mod lease;
pub mod reading;

use lease::{IS_HOLDER, owner};

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::{
    operation::query::QueryOutput,
    types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update},
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use towerhook_core::{
    Result,
    ledger::{Holder, Record, Recorded, Records, Success, Unreadable},
    model::AccountId,
    policy::Deployment,
    ports::{LedgerReads, LedgerWrites},
};

use crate::{
    Aws, LedgerTable,
    call::services::dynamodb,
    classify::{failed, has_code, parse, unusable},
    pages::pages,
};

const GET: &str = "dynamodb:GetItem";
const PUT: &str = "dynamodb:PutItem";
const UPDATE: &str = "dynamodb:UpdateItem";
const UPDATE_TABLE: &str = "dynamodb:UpdateTable";
const QUERY: &str = "dynamodb:Query";
const TRANSACT: &str = "dynamodb:TransactWriteItems";

/// The most writes in one `TransactWriteItems`.
const TRANSACTION: usize = 100;

/// The deployment and its lease. They share an item, so that acquiring the lease also reads the
/// deployment.
const DEPLOYMENT: (&str, &str) = ("deployment", "current");
const PROPERTIES: (&str, &str) = ("deployment", "properties");
const PREVIOUS: (&str, &str) = ("deployment", "previous");
const ATTEMPT: (&str, &str) = ("deployment", "attempt");
const SUFFIX: (&str, &str) = ("suffix", "external-id");
const ACCOUNT: &str = "account";

const CONDITION_FAILED: &str = "ConditionalCheckFailedException";

type Item = HashMap<String, AttributeValue>;

impl<S: AsRef<LedgerTable>> LedgerReads for Aws<S> {
    async fn recorded(&self) -> Result<Recorded> {
        recorded_in(&self.query(DEPLOYMENT.0).await?)
    }

    async fn records(&self) -> Result<Records> {
        records_in(&self.query(ACCOUNT).await?)
    }
}

impl<S: AsRef<LedgerTable>> LedgerWrites for Aws<S> {
    async fn store_attempt(&self, by: &Holder, attempt: &Deployment) -> Result<()> {
        let check = ConditionCheck::builder()
            .table_name(self.table())
            .set_key(Some(key(DEPLOYMENT)))
            .condition_expression(IS_HOLDER)
            .expression_attribute_values(":owner", text(&owner(by)))
            .build()
            .map_err(|error| unusable(TRANSACT, error.to_string()))?;
        let writes = vec![
            TransactWriteItem::builder().condition_check(check).build(),
            self.put(with_document(TRANSACT, ATTEMPT, attempt)?)?,
        ];
        self.transact(writes).await
    }

    async fn store_success(
        &self,
        by: &Holder,
        success: &Success,
        previous: Option<&Success>,
    ) -> Result<()> {
        let deployment = Update::builder()
            .table_name(self.table())
            .set_key(Some(key(DEPLOYMENT)))
            .update_expression("SET document = :document")
            .condition_expression(IS_HOLDER)
            .expression_attribute_values(":owner", text(&owner(by)))
            .expression_attribute_values(":document", text(&json(TRANSACT, &success.deployment)?))
            .build()
            .map_err(|error| unusable(TRANSACT, error.to_string()))?;
        let mut writes = vec![
            TransactWriteItem::builder().update(deployment).build(),
            self.put(with_document(TRANSACT, PROPERTIES, &success.properties)?)?,
            self.delete(ATTEMPT)?,
        ];
        if let Some(previous) = previous {
            writes.push(self.put(with_document(TRANSACT, PREVIOUS, previous)?)?);
        }
        self.transact(writes).await
    }

    async fn store_deployment(&self, by: &Holder, deployment: &Deployment) -> Result<()> {
        self.set(by, "document", &json(UPDATE, deployment)?).await
    }

    async fn store_unreadable(&self, by: &Holder, unreadable: &Unreadable) -> Result<()> {
        self.set(by, "unreadable", &json(UPDATE, unreadable)?).await
    }

    async fn protect(&self, is_protected: bool) -> Result<()> {
        let change = serde_json::json!({
            "TableName": self.table(),
            "DeletionProtectionEnabled": is_protected,
        });
        match dynamodb::update_table(&self.config, &change).await {
            // DynamoDB's answer if the table already has the setting.
            Err(error) if has_code(&error, "ValidationException") => Ok(()),
            answer => answer.map(|_| ()).map_err(failed(UPDATE_TABLE)),
        }
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

    /// Writes an attribute of the deployment's item, if `by` holds the lease.
    async fn set(&self, by: &Holder, name: &str, value: &str) -> Result<()> {
        self.dynamodb()
            .update_item()
            .table_name(self.table())
            .set_key(Some(key(DEPLOYMENT)))
            .update_expression(format!("SET {name} = :value"))
            .condition_expression(IS_HOLDER)
            .expression_attribute_values(":owner", text(&owner(by)))
            .expression_attribute_values(":value", text(value))
            .send()
            .await
            .map_err(failed(UPDATE))?;
        Ok(())
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
        // A transaction may name an item only once, so the last record of an account wins.
        let latest: BTreeMap<&AccountId, &Option<Record>> =
            records.iter().map(|(id, record)| (id, record)).collect();
        let writes = latest.into_iter();
        writes
            .map(|(id, record)| self.write(id, record.as_ref()))
            .collect()
    }

    fn write(&self, id: &AccountId, record: Option<&Record>) -> Result<TransactWriteItem> {
        let of = (ACCOUNT, id.as_str());
        match record {
            Some(record) => self.put(with_document(TRANSACT, of, record)?),
            None => self.delete(of),
        }
    }

    fn put(&self, item: Item) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(self.table())
            .set_item(Some(item))
            .build()
            .map_err(|error| unusable(TRANSACT, error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn delete(&self, of: (&str, &str)) -> Result<TransactWriteItem> {
        let delete = Delete::builder()
            .table_name(self.table())
            .set_key(Some(key(of)))
            .build()
            .map_err(|error| unusable(TRANSACT, error.to_string()))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// All items of a kind, read consistently.
    async fn query(&self, kind: &str) -> Result<Vec<Item>> {
        let listing = self
            .dynamodb()
            .query()
            .table_name(self.table())
            .consistent_read(true)
            .key_condition_expression("#kind = :kind")
            .expression_attribute_names("#kind", "kind")
            .expression_attribute_values(":kind", text(kind))
            .into_paginator()
            .send();
        let more = |page: &QueryOutput| page.last_evaluated_key().map(|_| "more");
        let pages = pages(QUERY, listing, more).await?;
        Ok(pages
            .into_iter()
            .flat_map(|page| page.items.unwrap_or_default())
            .collect())
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

fn recorded_in(items: &[Item]) -> Result<Recorded> {
    let mut recorded = Recorded::default();
    let (mut deployment, mut properties) = (None, None);
    for item in items {
        let id = attribute(QUERY, item, "id")?;
        let is_readable = match id {
            id if id == DEPLOYMENT.1 => read(item, &mut deployment),
            id if id == PROPERTIES.1 => read(item, &mut properties),
            id if id == ATTEMPT.1 => read(item, &mut recorded.attempt),
            id if id == PREVIOUS.1 => read(item, &mut recorded.previous),
            _ => true,
        };
        if !is_readable {
            recorded.unreadable.insert(id.to_owned());
        }
    }
    recorded.success = deployment.map(|deployment| Success {
        deployment,
        properties: properties.unwrap_or_default(),
    });
    Ok(recorded)
}

fn records_in(items: &[Item]) -> Result<Records> {
    let mut records = Records::default();
    for item in items {
        let id = attribute(QUERY, item, "id")?;
        let record = parse(QUERY, id).and_then(|id| Ok((id, document(QUERY, item)?)));
        match record {
            Ok((id, record)) => {
                records.by_account.insert(id, record);
            }
            Err(error) => {
                records.unreadable.insert(id.to_owned(), error.chain());
            }
        }
    }
    Ok(records)
}

/// Reads an item's document into `into`, if the item has one. False if it is unreadable.
fn read<T: DeserializeOwned>(item: &Item, into: &mut Option<T>) -> bool {
    if !item.contains_key("document") {
        return true;
    }
    *into = document(QUERY, item).ok();
    into.is_some()
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
