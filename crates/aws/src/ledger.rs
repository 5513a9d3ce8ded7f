use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::{
    operation::query::QueryOutput,
    types::{AttributeValue, Delete, Put, TransactWriteItem},
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use towerhook_core::{
    Result,
    enrollment::{Deployment, Record},
    model::AccountId,
    ports::Ledger,
};

use crate::{
    Aws, LedgerTable,
    classify::{failed, has_code, parse, unusable},
    pages::pages,
};

const GET: &str = "dynamodb:GetItem";
const PUT: &str = "dynamodb:PutItem";
const DELETE: &str = "dynamodb:DeleteItem";
const QUERY: &str = "dynamodb:Query";
const TRANSACT: &str = "dynamodb:TransactWriteItems";

/// `TransactWriteItems` takes at most this many.
const TRANSACTION: usize = 100;

const LEASE: (&str, &str) = ("lease", "pass");
/// An item of its own, since the lease's is deleted with each release.
const RESERVATION: (&str, &str) = ("lease", "reservation");
const DEPLOYMENT: (&str, &str) = ("deployment", "current");
const SUFFIX: (&str, &str) = ("suffix", "external-id");
const ACCOUNT: &str = "account";

const CONDITION_FAILED: &str = "ConditionalCheckFailedException";

type Item = HashMap<String, AttributeValue>;

impl<S: AsRef<LedgerTable>> Ledger for Aws<S> {
    /// A reservation that comes between the two calls costs its owner one more wait.
    async fn take_lease(&self, owner: &str, now: Timestamp, until: Timestamp) -> Result<bool> {
        if let Some(reservation) = self.item(RESERVATION).await?
            && attribute(GET, &reservation, "owner")? != owner
            && time(GET, &reservation, "expires_at")? > now
        {
            return Ok(false);
        }
        let answer = self
            .dynamodb()
            .put_item()
            .table_name(self.table())
            .set_item(Some(key(LEASE)))
            .item("owner", text(owner))
            .item("expires_at", milliseconds(until))
            .condition_expression(
                "attribute_not_exists(#kind) OR #expires_at <= :now OR #owner = :owner",
            )
            .expression_attribute_names("#kind", "kind")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":now", milliseconds(now))
            .expression_attribute_values(":owner", text(owner))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error) if has_code(&error, CONDITION_FAILED) => Ok(false),
            Err(error) => Err(failed(PUT)(error)),
        }
    }

    async fn reserve_lease(&self, owner: &str, until: Timestamp) -> Result<()> {
        self.dynamodb()
            .put_item()
            .table_name(self.table())
            .set_item(Some(key(RESERVATION)))
            .item("owner", text(owner))
            .item("expires_at", milliseconds(until))
            .send()
            .await
            .map_err(failed(PUT))?;
        Ok(())
    }

    async fn release_lease(&self, owner: &str) -> Result<()> {
        let answer = self
            .dynamodb()
            .delete_item()
            .table_name(self.table())
            .set_key(Some(key(LEASE)))
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", text(owner))
            .send()
            .await;
        match answer {
            Err(error) if !has_code(&error, CONDITION_FAILED) => Err(failed(DELETE)(error)),
            _ => Ok(()),
        }
    }

    async fn deployment(&self) -> Result<Option<Deployment>> {
        let item = self.item(DEPLOYMENT).await?;
        item.map(|item| document(GET, &item)).transpose()
    }

    async fn store_deployment(&self, deployment: &Deployment) -> Result<()> {
        self.dynamodb()
            .put_item()
            .table_name(self.table())
            .set_item(Some(with_document(PUT, DEPLOYMENT, deployment)?))
            .send()
            .await
            .map_err(failed(PUT))?;
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
        // A transaction may name an item only once; what was said last counts.
        let latest: BTreeMap<&AccountId, &Option<Record>> =
            records.iter().map(|(id, record)| (id, record)).collect();
        let writes: Vec<TransactWriteItem> = latest
            .into_iter()
            .map(|(id, record)| self.write(id, record.as_ref()))
            .collect::<Result<_>>()?;
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

fn milliseconds(time: Timestamp) -> AttributeValue {
    AttributeValue::N(time.as_millisecond().to_string())
}

fn with_document(
    operation: &'static str,
    of: (&str, &str),
    document: &impl Serialize,
) -> Result<Item> {
    let json =
        serde_json::to_string(document).map_err(|error| unusable(operation, error.to_string()))?;
    let mut item = key(of);
    item.insert("document".to_owned(), AttributeValue::S(json));
    Ok(item)
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
mod tests {
    use serde_json::{Value, json};
    use towerhook_core::ErrorKind;

    use super::*;
    use crate::testing::{Answer, answer, error, setup};

    fn refused() -> Answer {
        error(400, CONDITION_FAILED)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn account(id: &str) -> AccountId {
        id.parse().unwrap()
    }

    #[tokio::test]
    async fn a_lease_is_taken_unless_somebody_else_holds_it() {
        let free = || answer(json!({}));
        let broken = error(500, "InternalServerError");
        let (aws, sent) = setup([free(), answer(json!({})), free(), refused(), free(), broken]);
        assert!(aws.take_lease("me", at(10), at(20)).await.unwrap());
        assert!(!aws.take_lease("me", at(10), at(20)).await.unwrap());
        let failure = aws.take_lease("me", at(10), at(20)).await.unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Unavailable);
        let calls = sent.calls();
        assert_eq!(calls[0].1["ConsistentRead"], true);
        let (_, body) = &calls[1];
        assert_eq!(body["TableName"], "ledger");
        assert_eq!(
            body["Item"],
            json!({
                "kind": {"S": "lease"}, "id": {"S": "pass"},
                "owner": {"S": "me"}, "expires_at": {"N": "20000"},
            })
        );
        assert_eq!(
            body["ExpressionAttributeValues"],
            json!({":now": {"N": "10000"}, ":owner": {"S": "me"}})
        );
        assert!(body["ConditionExpression"].is_string());
    }

    #[tokio::test]
    async fn a_reserved_lease_is_for_its_owner_until_the_reservation_ends() {
        let reserved =
            || answer(json!({"Item": {"owner": {"S": "setup"}, "expires_at": {"N": "15000"}}}));
        let taken = || answer(json!({}));
        let (aws, sent) = setup([
            answer(json!({})),
            reserved(),
            reserved(),
            taken(),
            reserved(),
            taken(),
        ]);
        aws.reserve_lease("setup", at(15)).await.unwrap();
        assert!(!aws.take_lease("pass", at(14), at(20)).await.unwrap());
        assert!(aws.take_lease("setup", at(14), at(20)).await.unwrap());
        assert!(aws.take_lease("pass", at(15), at(20)).await.unwrap());
        let calls = sent.calls();
        let operations: Vec<_> = calls.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            operations,
            [
                "PutItem", "GetItem", "GetItem", "PutItem", "GetItem", "PutItem"
            ]
        );
        assert_eq!(
            calls[0].1["Item"],
            json!({
                "kind": {"S": "lease"}, "id": {"S": "reservation"},
                "owner": {"S": "setup"}, "expires_at": {"N": "15000"},
            })
        );
    }

    #[tokio::test]
    async fn a_lease_that_went_to_somebody_else_stays_theirs() {
        let (aws, sent) = setup([answer(json!({})), refused()]);
        aws.release_lease("me").await.unwrap();
        aws.release_lease("me").await.unwrap();
        let (operation, body) = sent.calls().remove(0);
        assert_eq!(operation, "DeleteItem");
        assert_eq!(
            body["Key"],
            json!({"kind": {"S": "lease"}, "id": {"S": "pass"}})
        );
        assert_eq!(body["ConditionExpression"], "#owner = :owner");
        assert_eq!(body["ExpressionAttributeValues"][":owner"]["S"], "me");
    }

    #[tokio::test]
    async fn the_first_suffix_stays() {
        let stored = answer(json!({"Item": {"suffix": {"S": "FIRST"}}}));
        let (aws, sent) = setup([refused(), stored]);
        assert_eq!(aws.external_id_suffix("FRESH").await.unwrap(), "FIRST");
        let calls = sent.calls();
        assert_eq!(calls[0].1["Item"]["suffix"]["S"], "FRESH");
        assert_eq!(
            calls[0].1["ConditionExpression"],
            "attribute_not_exists(#kind)"
        );
        assert_eq!(calls[1].1["ConsistentRead"], true);
    }

    #[tokio::test]
    async fn no_deployment_is_told_from_one_that_cannot_be_read() {
        let (aws, _) = setup([
            answer(json!({})),
            answer(json!({"Item": {"document": {"S": "{}"}}})),
            error(400, "ResourceNotFoundException"),
        ]);
        assert_eq!(aws.deployment().await.unwrap(), None);
        let unreadable = aws.deployment().await.unwrap_err();
        assert_eq!(unreadable.kind, ErrorKind::Invalid);
        let no_table = aws.deployment().await.unwrap_err();
        assert_eq!(no_table.kind, ErrorKind::NotFound);
    }

    fn record(reason: &str) -> Record {
        Record {
            reason: Some(reason.into()),
            ..Record::default()
        }
    }

    fn item(id: &str, reason: &str) -> Value {
        let document = serde_json::to_string(&record(reason)).unwrap();
        json!({"kind": {"S": "account"}, "id": {"S": id}, "document": {"S": document}})
    }

    #[tokio::test]
    async fn records_are_read_to_the_last_page() {
        let more = json!({"kind": {"S": "account"}, "id": {"S": "111111111111"}});
        let first = json!({"Items": [item("111111111111", "a")], "LastEvaluatedKey": more});
        let last = json!({"Items": [item("222222222222", "b")]});
        let (aws, sent) = setup([answer(first.clone()), answer(last)]);
        assert_eq!(
            aws.records().await.unwrap(),
            [
                (account("111111111111"), record("a")),
                (account("222222222222"), record("b")),
            ]
            .into()
        );
        let calls = sent.calls();
        assert_eq!(calls[0].1["ConsistentRead"], true);
        assert_eq!(
            calls[0].1["ExpressionAttributeValues"],
            json!({":kind": {"S": "account"}})
        );
        assert_eq!(calls[1].1["ExclusiveStartKey"], more);
        let (aws, _) = setup([answer(first), error(500, "InternalServerError")]);
        let half = aws.records().await.unwrap_err();
        assert_eq!(half.kind, ErrorKind::Unavailable);
    }

    #[tokio::test]
    async fn records_are_written_a_hundred_at_a_time_and_each_once() {
        let (aws, sent) = setup([answer(json!({})), answer(json!({}))]);
        let mut records: Vec<_> = (0..101)
            .map(|n| (account(&format!("{n:012}")), Some(record("first"))))
            .collect();
        records.push((account("000000000000"), None));
        aws.store_records(&records).await.unwrap();
        let calls = sent.calls();
        let counts: Vec<usize> = calls
            .iter()
            .map(|(_, body)| body["TransactItems"].as_array().unwrap().len())
            .collect();
        assert_eq!(counts, [100, 1]);
        let writes = &calls[0].1["TransactItems"];
        assert_eq!(
            writes[0]["Delete"]["Key"],
            json!({"kind": {"S": "account"}, "id": {"S": "000000000000"}})
        );
        assert_eq!(writes[1]["Put"]["Item"], item("000000000001", "first"));
        assert_eq!(writes[1]["Put"]["TableName"], "ledger");
    }
}
