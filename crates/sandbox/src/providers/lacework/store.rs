//! The integrations, each in the account or the organization that it was made in.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::time;
use super::verification::{self, Access};
use crate::providers::Verification;
use crate::providers::http::clock::elapsed;

/// The owner of an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Made with `Org-Access: true`.
    Organization,
    /// The tenant's own account, or a sub-account: lower case.
    Account(String),
}

/// An integration as the service keeps it.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) guid: String,
    pub(super) scope: Scope,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) enabled: bool,
    pub(super) data: Map<String, Value>,
    pub(super) props: Option<Value>,
    pub(super) changed_by: String,
    pub(super) changed_at: Timestamp,
    pub(super) created_at: Timestamp,
    pub(super) server_token: Option<Value>,
    pub(super) checked: Checked,
}

/// The last verification. `last_passed` is the last time that one passed.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub(super) verification: Verification,
    pub(super) at: Timestamp,
    pub(super) last_passed: Option<Timestamp>,
}

impl Checked {
    pub(super) fn new(verification: Verification, at: Timestamp) -> Self {
        let last_passed = verification.passed().then_some(at);
        Self {
            verification,
            at,
            last_passed,
        }
    }
}

/// The settings that affect how records are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub(super) now: Timestamp,
    /// From creation to the first state. For its first half there is no state at all.
    pub(super) state_delay: Duration,
    pub(super) mask_external_ids: bool,
}

impl Record {
    /// Absent, then not ok without details ("pending" to the vendor's own clients),
    /// then what the last verification found.
    pub(super) fn state(&self, view: &View) -> Option<Value> {
        let age = elapsed(self.created_at, view.now);
        let (ok, updated, passed, details) = if age < view.state_delay / 2 {
            return None;
        } else if age < view.state_delay {
            (false, self.created_at, None, json!({}))
        } else {
            let checked = &self.checked;
            let has_queue = self.data.contains_key("queueUrl");
            let details = verification::details(&checked.verification, &self.guid, has_queue);
            (
                checked.verification.passed(),
                checked.at,
                checked.last_passed,
                details,
            )
        };
        Some(json!({
            "ok": ok,
            "lastUpdatedTime": updated.as_millisecond(),
            "lastSuccessfulTime": passed.map_or(0, Timestamp::as_millisecond),
            "details": details,
        }))
    }

    /// The integration as the API answers it: the secret of an access key never comes back.
    pub(super) fn to_json(&self, view: &View) -> Value {
        let mut data = self.data.clone();
        if let Some(key) = data.get_mut("accessKeyCredentials") {
            key["secretAccessKey"] = json!("");
        }
        if let Some(credentials) = data.get_mut("crossAccountCredentials")
            && view.mask_external_ids
        {
            credentials["externalId"] = json!("**********");
        }
        let mut object = json!({
            "intgGuid": self.guid,
            "name": self.name,
            "type": self.kind,
            "enabled": u8::from(self.enabled),
            "isOrg": u8::from(self.scope == Scope::Organization),
            "createdOrUpdatedBy": self.changed_by,
            "createdOrUpdatedTime": time::text(self.changed_at),
            "data": data,
        });
        if let Some(state) = self.state(view) {
            object["state"] = state;
        }
        if let Some(props) = &self.props {
            object["props"] = props.clone();
        }
        if let Some(token) = &self.server_token {
            object["serverToken"] = token.clone();
        }
        object
    }
}

/// A guid as the service makes them: the account in capitals and 47 characters.
pub(super) fn new_guid(account: &str) -> String {
    let random = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let account: String = account
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    format!("{account}_{}", &random[..47]).to_ascii_uppercase()
}

/// Whether a second integration of the same AWS account or queue is refused across the whole
/// tenant or within one Lacework account. Which of the two the service does is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DuplicateScope {
    /// Refused wherever in the tenant the first one is.
    #[default]
    Tenant,
    /// Refused only beside the first one.
    Account,
}

/// All integrations, oldest first.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) records: Vec<Record>,
}

impl Store {
    /// The integrations that an account sees: its own and, read-only, the organization's.
    pub(super) fn visible(&self, scope: &Scope) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .filter(move |record| record.scope == *scope || record.scope == Scope::Organization)
    }

    pub(super) fn find(&self, guid: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.guid == guid)
    }

    pub(super) fn find_mut(&mut self, guid: &str) -> Option<&mut Record> {
        self.records.iter_mut().find(|record| record.guid == guid)
    }

    pub(super) fn remove(&mut self, guid: &str) -> bool {
        let before = self.records.len();
        self.records.retain(|record| record.guid != guid);
        self.records.len() < before
    }

    /// The service's refusal if the AWS account or the queue is integrated already, other than by
    /// `except`.
    pub(super) fn duplicate(
        &self,
        kind: &str,
        data: &Map<String, Value>,
        scope: &Scope,
        across: DuplicateScope,
        except: Option<&str>,
    ) -> Option<&'static str> {
        let identity = identity(kind, data)?;
        let taken = self.records.iter().any(|record| {
            record.kind == kind
                && except != Some(record.guid.as_str())
                && (across == DuplicateScope::Tenant || record.scope == *scope)
                && self::identity(&record.kind, &record.data).as_deref() == Some(&identity)
        });
        taken.then_some(if kind == "AwsCfg" {
            "The provided aws account is already used in this Lacework Application."
        } else {
            "Specified AWS SQS resources are already used in this Lacework Application."
        })
    }
}

/// The key that must be unique: an AWS account's configuration, a queue.
fn identity(kind: &str, data: &Map<String, Value>) -> Option<String> {
    let access = Access::of(data)?;
    match kind {
        "AwsCfg" => access.account_id().map(str::to_owned),
        "AwsCtSqs" => access.queue_url,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: &str, account: &str, data: Value) -> Record {
        let now = Timestamp::UNIX_EPOCH;
        Record {
            guid: new_guid(account),
            scope: Scope::Account(account.to_owned()),
            name: "n".to_owned(),
            kind: kind.to_owned(),
            enabled: true,
            data: data.as_object().unwrap().clone(),
            props: None,
            changed_by: "key".to_owned(),
            changed_at: now,
            created_at: now,
            server_token: None,
            checked: Checked::new(Verification::Passed, now),
        }
    }

    fn role(account: &str) -> Value {
        json!({"crossAccountCredentials": {
            "roleArn": format!("arn:aws:iam::{account}:role/r"), "externalId": "e"}})
    }

    fn view(seconds: u64) -> View {
        View {
            now: Timestamp::UNIX_EPOCH + Duration::from_secs(seconds),
            state_delay: Duration::from_secs(10),
            mask_external_ids: false,
        }
    }

    #[test]
    fn guids_look_like_the_services() {
        let guid = new_guid("acme-2");
        assert_eq!(guid.len(), "ACME2_".len() + 47);
        assert!(guid.starts_with("ACME2_"));
        assert!(
            guid.bytes()
                .all(|byte| byte == b'_' || byte.is_ascii_uppercase() || byte.is_ascii_digit())
        );
        assert_ne!(guid, new_guid("acme-2"));
    }

    #[test]
    fn the_state_is_absent_then_pending_then_what_was_verified() {
        let mut record = record("AwsCfg", "acme", role("111122223333"));
        assert_eq!(record.to_json(&view(4)).get("state"), None);
        let pending = &record.to_json(&view(5))["state"];
        assert_eq!(
            (&pending["ok"], &pending["lastSuccessfulTime"]),
            (&json!(false), &json!(0))
        );
        let at = Timestamp::UNIX_EPOCH + Duration::from_secs(7);
        record.checked = Checked::new(Verification::Passed, at);
        let ok =
            json!({"ok": true, "lastUpdatedTime": 7000, "lastSuccessfulTime": 7000, "details": {}});
        assert_eq!(record.to_json(&view(10))["state"], ok);
        let reason = "role r does not exist".to_owned();
        record.checked.verification = Verification::RoleRefused { reason };
        let failed = &record.to_json(&view(10))["state"];
        assert_eq!(failed["ok"], false);
        assert!(
            failed["details"]["message"]
                .as_str()
                .unwrap()
                .contains("role r does not exist")
        );
    }

    #[test]
    fn secrets_never_come_back_and_external_ids_can_be_masked() {
        let gov = json!({"accessKeyCredentials": {
            "accountId": "111122223333", "accessKeyId": "A", "secretAccessKey": "s"}});
        let gov = record("AwsUsGovCfg", "acme", gov);
        assert_eq!(
            gov.to_json(&view(0))["data"]["accessKeyCredentials"]["secretAccessKey"],
            ""
        );
        assert_eq!(
            gov.summary("acme", &view(0)).aws_account_id.as_deref(),
            Some("111122223333")
        );
        let config = record("AwsCfg", "acme", role("111122223333"));
        let mut view = view(0);
        let shown = |view: &View| {
            config.to_json(view)["data"]["crossAccountCredentials"]["externalId"].clone()
        };
        assert_eq!(shown(&view), "e");
        view.mask_external_ids = true;
        assert_eq!(shown(&view), "**********");
        assert_eq!(
            config.summary("acme", &view).external_id.as_deref(),
            Some("e")
        );
    }

    #[test]
    fn an_account_or_a_queue_is_integrated_once() {
        let mut store = Store::default();
        let first = record("AwsCfg", "acme", role("111122223333"));
        let (data, guid) = (first.data.clone(), first.guid.clone());
        store.records.push(first);
        let here = Scope::Account("acme".to_owned());
        let there = Scope::Account("other".to_owned());
        let find =
            |scope: &Scope, across, except| store.duplicate("AwsCfg", &data, scope, across, except);
        let text = Some("The provided aws account is already used in this Lacework Application.");
        assert_eq!(find(&here, DuplicateScope::Account, None), text);
        assert_eq!(find(&there, DuplicateScope::Tenant, None), text);
        assert_eq!(find(&there, DuplicateScope::Account, None), None);
        assert_eq!(find(&here, DuplicateScope::Tenant, Some(&guid)), None);
        assert_eq!(
            store.duplicate("AwsEksAudit", &data, &here, DuplicateScope::Tenant, None),
            None
        );
    }

    #[test]
    fn an_account_sees_its_own_and_the_organizations() {
        let mut store = Store::default();
        store
            .records
            .push(record("AwsCfg", "acme", role("111111111111")));
        store
            .records
            .push(record("AwsCfg", "other", role("222222222222")));
        let mut organization = record("AwsCtSqs", "acme", role("333333333333"));
        organization.scope = Scope::Organization;
        store.records.push(organization);
        let seen = |scope| {
            store
                .visible(&scope)
                .map(|record| record.summary("acme", &view(0)).aws_account_id.unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            seen(Scope::Account("other".to_owned())),
            ["222222222222", "333333333333"]
        );
        assert_eq!(seen(Scope::Organization), ["333333333333"]);
    }
}
