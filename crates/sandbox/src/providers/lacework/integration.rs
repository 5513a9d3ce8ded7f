//! An integration as tests see it.

use serde::Serialize;
use serde_json::Value;

use super::account_mapping;
use super::store::{Record, Scope, View};
use super::verification::Access;
use crate::providers::{Registration, Subject};

/// All that an integration holds, but the secret of an access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Integration {
    /// `intgGuid`.
    pub guid: String,
    /// Name.
    pub name: String,
    /// `type`, such as `AwsCfg`.
    pub kind: String,
    /// The Lacework account or sub-account that holds it, lower case; the tenant's for an
    /// integration of the organization.
    pub account: String,
    /// Whether it belongs to the organization and not to one account.
    pub organization: bool,
    /// Whether it is switched on.
    pub enabled: bool,
    /// The AWS account in the role's ARN, or in the access key.
    pub aws_account_id: Option<String>,
    /// The role, for the types that have one.
    pub role_arn: Option<String>,
    /// The external id as it was given, never masked.
    pub external_id: Option<String>,
    /// The queue, for the types that have one.
    pub queue_url: Option<String>,
    /// Its decoded `accountMappingFile`, for the types that have one.
    pub account_mapping: Option<Value>,
    /// `state.ok`; `None` before the service reports it.
    pub ok: Option<bool>,
}

impl Record {
    pub(super) fn summary(&self, tenant: &str, view: &View) -> Integration {
        let access = Access::of(&self.data);
        let key_account = self
            .data
            .get("accessKeyCredentials")
            .and_then(|key| key["accountId"].as_str());
        Integration {
            guid: self.guid.clone(),
            name: self.name.clone(),
            kind: self.kind.clone(),
            account: match &self.scope {
                Scope::Organization => tenant.to_owned(),
                Scope::Account(name) => name.clone(),
            },
            organization: self.scope == Scope::Organization,
            enabled: self.enabled,
            aws_account_id: access
                .as_ref()
                .and_then(Access::account_id)
                .or(key_account)
                .map(str::to_owned),
            role_arn: access.as_ref().map(|access| access.role_arn.clone()),
            external_id: access.map(|access| access.external_id),
            queue_url: self
                .data
                .get("queueUrl")
                .and_then(Value::as_str)
                .map(str::to_owned),
            account_mapping: self
                .data
                .get("accountMappingFile")
                .and_then(Value::as_str)
                .and_then(account_mapping::decode),
            ok: self.state(view).and_then(|state| state["ok"].as_bool()),
        }
    }
}

impl From<Integration> for Registration {
    fn from(integration: Integration) -> Self {
        let subject = match (
            integration.kind.as_str(),
            integration.aws_account_id,
            integration.queue_url,
        ) {
            ("AwsCfg", Some(account), _) => Subject::Account(account),
            ("AwsCtSqs", _, Some(queue_url)) => Subject::Feed { queue_url },
            _ => Subject::Other,
        };
        Self {
            id: integration.guid,
            name: integration.name,
            store: integration.account,
            role_arn: integration.role_arn,
            external_id: integration.external_id,
            subject,
            enabled: integration.enabled,
        }
    }
}
