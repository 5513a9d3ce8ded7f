//! The cloud accounts that the service holds.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::features::{CORE, TEMPLATE_VERSION};
use super::filter::Row;
use crate::providers::{Registration, Subject, Verification};

/// The fields that a client gives and the service keeps as they are.
pub(super) const GIVEN: [&str; 3] = ["features", "connectedSecurityServices", "customTags"];

/// One cloud account.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    /// Grows from account to account, for the pages of a listing.
    pub(super) number: u64,
    /// The 12 digits.
    pub(super) id: String,
    /// Empty for an account that only another of the vendor's products knows.
    pub(super) role_arn: String,
    pub(super) name: String,
    pub(super) description: String,
    /// [`GIVEN`], and what the unreleased API has besides.
    pub(super) given: Map<String, Value>,
    /// The vendor's products that brought it.
    pub(super) sources: Vec<String>,
    /// The organization or the unit that it was added with.
    pub(super) organization_id: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    /// What the last check of its role found, and when.
    pub(super) verification: Verification,
    pub(super) synced_at: Timestamp,
    /// Whether the vendor's template is newer than the role.
    pub(super) outdated: bool,
    /// What the role does not allow.
    pub(super) missing_permissions: Vec<String>,
}

impl Record {
    pub(super) fn state(&self) -> &'static str {
        match (&self.verification, self.outdated) {
            (Verification::Passed, false) => "managed",
            (Verification::Passed, true) => "outdated",
            _ => "failed",
        }
    }

    /// Whether another product of the vendor brought it, and no role has been given yet.
    pub(super) fn is_bridge(&self) -> bool {
        self.role_arn.is_empty() && !self.sources.is_empty()
    }

    /// The account as the API answers it.
    pub(super) fn to_json(&self) -> Value {
        let mut object = json!({
            "id": self.id,
            "roleArn": self.role_arn,
            "name": self.name,
            "description": self.description,
            "state": self.state(),
            "sources": self.sources,
            "isTerraformDeployed": false,
            "createdDateTime": text(self.created_at),
            "updatedDateTime": text(self.updated_at),
            "lastSyncedDateTime": text(self.synced_at),
        });
        for (name, value) in &self.given {
            object[name] = value.clone();
        }
        object["features"] = self.features();
        for name in GIVEN {
            if object.get(name).is_none() {
                object[name] = json!([]);
            }
        }
        if let Some(id) = &self.organization_id {
            object["organizationID"] = json!(id);
        }
        object
    }

    /// What is missing is shown with the core, which is absent otherwise.
    fn features(&self) -> Value {
        let chosen = self.given.get("features").and_then(Value::as_array);
        let mut features: Vec<Value> = chosen.cloned().unwrap_or_default();
        for feature in &mut features {
            feature["templateVersion"] = json!(TEMPLATE_VERSION);
            feature["missingAwsPermissions"] = json!([]);
        }
        if !self.missing_permissions.is_empty() {
            features.push(json!({
                "id": CORE,
                "regions": [],
                "templateVersion": TEMPLATE_VERSION,
                "missingAwsPermissions": self.missing_permissions,
            }));
        }
        Value::Array(features)
    }

    /// The version that a change must name. The service's is an MD5 of the answer; this digest has
    /// its looks, and nobody but the service can tell them apart.
    pub(super) fn etag(&self) -> String {
        let digest = Sha256::digest(self.to_json().to_string());
        let hex: String = digest[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("\"{hex}\"")
    }

    /// What a filter sees of it.
    pub(super) fn row(&self) -> Row<'_> {
        let chosen = self.given.get("features").and_then(Value::as_array);
        let features = chosen.into_iter().flatten();
        Row {
            name: &self.name,
            state: self.state(),
            id: &self.id,
            features: features.filter_map(|one| one["id"].as_str()).collect(),
        }
    }
}

impl From<&Record> for Registration {
    /// Its name is the description: the service may overwrite the other one.
    fn from(record: &Record) -> Self {
        Self {
            id: record.id.clone(),
            name: record.description.clone(),
            store: "-".to_owned(),
            role_arn: (!record.role_arn.is_empty()).then(|| record.role_arn.clone()),
            external_id: None,
            subject: Subject::Account(record.id.clone()),
            enabled: true,
        }
    }
}

/// The service's notation of a time.
fn text(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// All cloud accounts, oldest first.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) records: Vec<Record>,
    last_number: u64,
}

impl Store {
    pub(super) fn find(&self, id: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.id == id)
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut Record> {
        self.records.iter_mut().find(|record| record.id == id)
    }

    /// Adds an account, in the place of one with the same id.
    pub(super) fn put(&mut self, mut record: Record) {
        self.remove(&record.id);
        self.last_number += 1;
        record.number = self.last_number;
        self.records.push(record);
    }

    pub(super) fn remove(&mut self, id: &str) -> bool {
        let before = self.records.len();
        self.records.retain(|record| record.id != id);
        self.records.len() < before
    }

    /// Whether another account has this name.
    pub(super) fn has_name(&self, name: &str, except: &str) -> bool {
        let mut others = self.records.iter().filter(|record| record.id != except);
        others.any(|record| record.name == name)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::providers::trend_vision_one) fn record(id: &str, name: &str) -> Record {
        let now = Timestamp::UNIX_EPOCH;
        Record {
            number: 0,
            id: id.to_owned(),
            role_arn: format!("arn:aws:iam::{id}:role/VisionOneRole"),
            name: name.to_owned(),
            description: "d".to_owned(),
            given: Map::new(),
            sources: Vec::new(),
            organization_id: None,
            created_at: now,
            updated_at: now,
            verification: Verification::Passed,
            synced_at: now,
            outdated: false,
            missing_permissions: Vec::new(),
        }
    }

    #[test]
    fn a_lost_role_outweighs_an_old_template() {
        let mut record = record("111122223333", "n");
        assert_eq!(record.state(), "managed");
        record.outdated = true;
        assert_eq!(record.state(), "outdated");
        let reason = "gone".to_owned();
        record.verification = Verification::RoleRefused { reason };
        assert_eq!(record.state(), "failed");
    }

    #[test]
    fn an_answer_has_every_list_and_times_in_seconds() {
        let mut record = record("111122223333", "n");
        let shown = record.to_json();
        for name in [
            "features",
            "connectedSecurityServices",
            "customTags",
            "sources",
        ] {
            assert_eq!(shown[name], json!([]), "{name}");
        }
        assert_eq!(shown["createdDateTime"], "1970-01-01T00:00:00Z");
        assert_eq!(shown.get("organizationID"), None);
        record.missing_permissions = vec!["ec2:DescribeInstances".to_owned()];
        let core = &record.to_json()["features"][0];
        assert_eq!(core["id"], CORE);
        assert_eq!(
            core["missingAwsPermissions"],
            json!(["ec2:DescribeInstances"])
        );
    }

    #[test]
    fn the_tag_changes_with_the_answer_alone() {
        let mut record = record("111122223333", "n");
        let tag = record.etag();
        assert_eq!(tag.len(), 34);
        record.number = 7;
        assert_eq!(record.etag(), tag);
        record.outdated = true;
        assert_ne!(record.etag(), tag);
    }

    #[test]
    fn an_account_is_held_once_and_new_ones_come_last() {
        let mut store = Store::default();
        store.put(record("111111111111", "one"));
        store.put(record("222222222222", "two"));
        store.put(record("111111111111", "three"));
        let names: Vec<_> = store.records.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["two", "three"]);
        assert!(store.records[0].number < store.records[1].number);
        assert!(store.has_name("two", "111111111111"));
        assert!(!store.has_name("two", "222222222222"));
        assert!(store.remove("222222222222") && !store.remove("222222222222"));
    }
}
