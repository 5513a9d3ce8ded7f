//! Connectors, and what is kept of them.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::identities::account_in;
use crate::providers::{Registration, Subject};

/// How the service gets into a connector's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// By assuming the role with this ARN.
    Role(String),
    /// With the access key of this id. Its secret is not kept.
    AccessKey(String),
    /// With the role of the instance on which the manager itself runs.
    InstanceRole,
}

/// One account of AWS that the service knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// Unique, and never given twice.
    pub id: u32,
    /// Its name; not unique.
    pub display_name: String,
    /// The account's 12 digits.
    pub account_id: String,
    /// How the service gets into the account.
    pub access: Access,
    /// Whether it also looks for Amazon `WorkSpaces`.
    pub workspaces_enabled: bool,
    /// When the service last looked at the account.
    pub last_sync: Timestamp,
}

impl Connector {
    /// The role that the service assumes, if it is a role.
    #[must_use]
    pub fn role_arn(&self) -> Option<&str> {
        match &self.access {
            Access::Role(arn) => Some(arn),
            Access::AccessKey(_) | Access::InstanceRole => None,
        }
    }

    /// As the API shows it.
    pub(super) fn to_json(&self) -> Value {
        let mut shown = json!({
            "displayName": self.display_name,
            "accountId": self.account_id,
            "accountAlias": "",
            "lastSyncTime": self.last_sync.as_millisecond(),
            "syncedRegions": [],
            "workspacesEnabled": self.workspaces_enabled,
            "ID": self.id,
        });
        match &self.access {
            Access::Role(arn) => shown["crossAccountRoleArn"] = json!(arn),
            Access::AccessKey(id) => shown["accessKey"] = json!(id),
            Access::InstanceRole => shown["useInstanceRole"] = json!(true),
        }
        shown
    }

    /// What it has in common with other vendors' registrations.
    pub(super) fn registration(&self, external_id: &str) -> Registration {
        let role_arn = self.role_arn().map(str::to_owned);
        Registration {
            id: self.id.to_string(),
            name: self.display_name.clone(),
            store: "-".to_owned(),
            external_id: role_arn.is_some().then(|| external_id.to_owned()),
            role_arn,
            subject: Subject::Account(self.account_id.clone()),
            enabled: true,
        }
    }
}

/// The account of a role, where this is a role's ARN.
pub(super) fn account_of_role(role_arn: &str) -> Option<&str> {
    let account = account_in(role_arn);
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_role = role_arn.starts_with("arn:")
        && role_arn.split(':').nth(2) == Some("iam")
        && role_arn
            .split(':')
            .nth(5)
            .is_some_and(|resource| resource.starts_with("role/"));
    (is_account && is_role).then_some(account)
}

/// All connectors of the tenant, oldest first.
#[derive(Debug, Default)]
pub(super) struct Store {
    all: Vec<Connector>,
    given: u32,
}

impl Store {
    pub(super) fn all(&self) -> &[Connector] {
        &self.all
    }

    pub(super) fn find(&self, id: u32) -> Option<&Connector> {
        self.all.iter().find(|connector| connector.id == id)
    }

    pub(super) fn find_mut(&mut self, id: u32) -> Option<&mut Connector> {
        self.all.iter_mut().find(|connector| connector.id == id)
    }

    pub(super) fn has_account(&self, account: &str) -> bool {
        let mut all = self.all.iter();
        all.any(|connector| connector.account_id == account)
    }

    /// Adds one under an id of its own.
    pub(super) fn add(&mut self, mut connector: Connector) -> &Connector {
        self.given += 1;
        connector.id = self.given;
        self.all.push(connector);
        &self.all[self.all.len() - 1]
    }

    /// Whether there was such a connector.
    pub(super) fn remove(&mut self, id: u32) -> bool {
        let before = self.all.len();
        self.all.retain(|connector| connector.id != id);
        self.all.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_roles_arn_names_an_account() {
        let role = "arn:aws:iam::111122223333:role/path/name";
        assert_eq!(account_of_role(role), Some("111122223333"));
        let role = "arn:aws-us-gov:iam::111122223333:role/name";
        assert_eq!(account_of_role(role), Some("111122223333"));
        for other in [
            "",
            "name",
            "arn:aws:iam::1111:role/name",
            "arn:aws:iam::11112222333x:role/name",
            "arn:aws:iam::111122223333:user/name",
            "arn:aws:sts::111122223333:role/name",
        ] {
            assert_eq!(account_of_role(other), None, "{other}");
        }
    }

    #[test]
    fn an_id_is_never_given_twice() {
        let mut store = Store::default();
        let connector = Connector {
            id: 0,
            display_name: "one".to_owned(),
            account_id: "111122223333".to_owned(),
            access: Access::InstanceRole,
            workspaces_enabled: false,
            last_sync: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(store.add(connector.clone()).id, 1);
        assert!(store.remove(1));
        assert!(!store.remove(1));
        assert_eq!(store.add(connector).id, 2);
    }
}
