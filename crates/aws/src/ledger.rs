//! The ledger's table.
//!
//! | kind | id | |
//! |---|---|---|
//! | `deployment` | `current` | the lease, the work parked under it, when everything was last compared,
//! and the deployment of the last success |
//! | `deployment` | `properties` | that success's properties |
//! | `deployment` | `previous` | the success before it, with its properties |
//! | `deployment` | `attempt` | the state of a request that has not succeeded |
//! | `setup` | `requests` | when CloudFormation's last requests were admitted |
//! | `suffix` | `external-id` | the suffix of the external ids |
//! | `account` | its id | its record |

mod item;
mod lease;
pub mod reading;

use item::{Item, attribute, document, encoded, key, text, time, with_document};
use lease::{IS_HOLDER, owner};

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use towerhook_core::{
    Result,
    ledger::{Holder, Record, Recorded, Records, Success, Unreadable},
    model::AccountId,
    policy::Deployment,
    ports::{LedgerReads, LedgerWrites},
};
use uuid::Uuid;

use crate::{
    Aws, LedgerTable,
    call::services::dynamodb,
    classify::{failed, has_code, parse},
    pages::items,
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

/// The answer of a read, and the body of a refusal that shows the item.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    item: Option<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    items: Option<Vec<Item>>,
    last_evaluated_key: Option<Place>,
}

/// A place among the items of one kind.
#[derive(Deserialize)]
struct Place {
    id: Text,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

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
        let check = json!({
            "TableName": self.table(),
            "Key": key(DEPLOYMENT),
            "ConditionExpression": IS_HOLDER,
            "ExpressionAttributeValues": {":owner": text(&owner(by))},
        });
        let attempt = with_document(TRANSACT, ATTEMPT, attempt)?;
        let writes = [json!({"ConditionCheck": check}), self.put(attempt)];
        self.transact(&writes).await
    }

    async fn store_success(
        &self,
        by: &Holder,
        success: &Success,
        previous: Option<&Success>,
    ) -> Result<()> {
        let values = json!({
            ":owner": text(&owner(by)),
            ":document": text(&encoded(TRANSACT, &success.deployment)?),
        });
        let deployment = self.change("SET document = :document", IS_HOLDER, values);
        let mut writes = vec![
            json!({"Update": deployment}),
            self.put(with_document(TRANSACT, PROPERTIES, &success.properties)?),
            self.delete(ATTEMPT),
        ];
        if let Some(previous) = previous {
            writes.push(self.put(with_document(TRANSACT, PREVIOUS, previous)?));
        }
        self.transact(&writes).await
    }

    async fn store_deployment(&self, by: &Holder, deployment: &Deployment) -> Result<()> {
        self.set(by, "document", &encoded(UPDATE, deployment)?)
            .await
    }

    async fn store_unreadable(&self, by: &Holder, unreadable: &Unreadable) -> Result<()> {
        self.set(by, "unreadable", &encoded(UPDATE, unreadable)?)
            .await
    }

    async fn protect(&self, is_protected: bool) -> Result<()> {
        let change = json!({
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
        let mut item = key(SUFFIX);
        item.insert("suffix".to_owned(), text(fresh));
        let put = json!({
            "TableName": self.table(),
            "Item": item,
            "ConditionExpression": "attribute_not_exists(#kind)",
            "ExpressionAttributeNames": {"#kind": "kind"},
        });
        let answer = dynamodb::put_item(&self.config, &put).await;
        match answer {
            Err(error) if !has_code(&error, CONDITION_FAILED) => return Err(failed(PUT)(error)),
            _ => {}
        }
        let item = self.item(SUFFIX).await?.unwrap_or_default();
        attribute(GET, &item, "suffix").map(str::to_owned)
    }

    async fn store_records(&self, records: &[(AccountId, Option<Record>)]) -> Result<()> {
        self.transact(&self.writes(records)?).await
    }
}

impl<S: AsRef<LedgerTable>> Aws<S> {
    fn table(&self) -> &str {
        &self.settings.as_ref().0
    }

    async fn item(&self, of: (&str, &str)) -> Result<Option<Item>> {
        self.get_item(json!({"Key": key(of)})).await
    }

    /// An item, read consistently.
    async fn get_item(&self, mut request: Value) -> Result<Option<Item>> {
        request["TableName"] = self.table().into();
        request["ConsistentRead"] = true.into();
        let answer = dynamodb::get_item(&self.config, &request).await;
        let shown: Shown = answer.map_err(failed(GET))?.json(GET)?;
        Ok(shown.item)
    }

    /// Writes an attribute of the deployment's item, if `by` holds the lease.
    async fn set(&self, by: &Holder, name: &str, value: &str) -> Result<()> {
        let values = json!({":owner": text(&owner(by)), ":value": text(value)});
        let change = self.change(&format!("SET {name} = :value"), IS_HOLDER, values);
        self.update_item(&change).await
    }

    async fn update_item(&self, change: &Value) -> Result<()> {
        let answer = dynamodb::update_item(&self.config, change).await;
        answer.map(|_| ()).map_err(failed(UPDATE))
    }

    async fn transact(&self, writes: &[Value]) -> Result<()> {
        for chunk in writes.chunks(TRANSACTION) {
            let input = json!({
                "TransactItems": chunk,
                // If the answer is lost, the next attempt is no second transaction.
                "ClientRequestToken": Uuid::new_v4().to_string(),
            });
            let answer = dynamodb::transact_write_items(&self.config, &input).await;
            answer.map_err(failed(TRANSACT))?;
        }
        Ok(())
    }

    fn writes(&self, records: &[(AccountId, Option<Record>)]) -> Result<Vec<Value>> {
        // A transaction may name an item only once, so the last record of an account wins.
        let latest: BTreeMap<&AccountId, &Option<Record>> =
            records.iter().map(|(id, record)| (id, record)).collect();
        let writes = latest.into_iter();
        writes
            .map(|(id, record)| self.write(id, record.as_ref()))
            .collect()
    }

    fn write(&self, id: &AccountId, record: Option<&Record>) -> Result<Value> {
        let of = (ACCOUNT, id.as_str());
        Ok(match record {
            Some(record) => self.put(with_document(TRANSACT, of, record)?),
            None => self.delete(of),
        })
    }

    fn put(&self, item: Item) -> Value {
        json!({"Put": {"TableName": self.table(), "Item": item}})
    }

    fn delete(&self, of: (&str, &str)) -> Value {
        json!({"Delete": {"TableName": self.table(), "Key": key(of)}})
    }

    /// A change of the deployment's item, for an update or a transaction.
    fn change(&self, expression: &str, condition: &str, values: Value) -> Value {
        json!({
            "TableName": self.table(),
            "Key": key(DEPLOYMENT),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        })
    }

    /// All items of a kind, read consistently.
    async fn query(&self, kind: &str) -> Result<Vec<Item>> {
        let mut request = json!({
            "TableName": self.table(),
            "ConsistentRead": true,
            "KeyConditionExpression": "#kind = :kind",
            "ExpressionAttributeNames": {"#kind": "kind"},
            "ExpressionAttributeValues": {":kind": text(kind)},
        });
        let parts = |page: Page| {
            let last = page.last_evaluated_key.map(|place| place.id.text);
            (page.items.unwrap_or_default(), last)
        };
        let listing = items(None, QUERY, parts, async |last| {
            if let Some(id) = last {
                request["ExclusiveStartKey"] = key((kind, id)).into();
            }
            dynamodb::query(&self.config, &request).await
        });
        listing.await
    }
}

fn recorded_in(items: &[Item]) -> Result<Recorded> {
    let mut recorded = Recorded::default();
    let (mut deployment, mut properties) = (None, None);
    for item in items {
        let id = attribute(QUERY, item, "id")?;
        let is_readable = match id {
            id if id == DEPLOYMENT.1 => {
                recorded.compared = time(QUERY, item, "compared_at").ok();
                read(item, &mut deployment)
            }
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

#[cfg(test)]
mod tests;
