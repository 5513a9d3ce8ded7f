//! Ages the ledger's times. A recent registration may be missing from a list, and the tests do not
//! wait for that.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::scene::Scene;

impl Scene {
    /// Makes the accounts' records an hour older. No pass may be running.
    ///
    /// # Panics
    /// When the table does not answer.
    pub async fn age_records(&self) {
        for (id, mut record) in self.records().await {
            age(&mut record);
            self.set_record(&id, &record).await;
        }
    }

    async fn set_record(&self, id: &str, record: &Value) {
        let request = json!({
            "TableName": self.stack.output("LedgerTableName").await.unwrap(),
            "Key": {"kind": {"S": "account"}, "id": {"S": id}},
            "UpdateExpression": "SET document = :document",
            "ExpressionAttributeValues": {":document": {"S": record.to_string()}},
        });
        self.inside()
            .json("dynamodb", "DynamoDB_20120810", "UpdateItem", request)
            .await
            .unwrap();
    }
}

fn age(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // A token is identified by its expiry.
            let fields = fields.iter_mut().filter(|(name, _)| *name != "token_ends");
            fields.for_each(|(_, value)| age(value));
        }
        Value::String(text) => {
            if let Ok(at) = text.parse::<Timestamp>() {
                *text = (at - SignedDuration::from_hours(1)).to_string();
            }
        }
        _ => {}
    }
}
