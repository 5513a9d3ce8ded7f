//! The landing zone: an organization that Control Tower manages, as it is before a launch, and the
//! changes afterwards.
//!
//! The emulator holds accounts, OUs, roles, trail, bucket and topic; the gateway holds Control
//! Tower's view of them. Actions of Control Tower and Organizations are performed here step by
//! step: the account, its OU, its role, its baseline, and only then the event.

mod account_factory;
mod emission;
pub mod events;
mod organization;
mod own_roles;
mod seed;
mod topic;
mod version_4;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use serde_json::{Value, json};

use crate::aws_client::{AwsClient, AwsError};
use crate::gateway::Gateway;
use events::Place;

pub use emission::Emission;
pub use organization::Departure;
pub use own_roles::OWN_EXECUTION_ROLE;
pub use seed::{MINIMUM_ACCOUNTS, Plan, Version};
pub use version_4::{CONTROL, Integrations};

/// The trail that Control Tower sets up.
pub const TRAIL: &str = "aws-controltower-BaselineCloudTrail";

/// The role that Control Tower makes in every account it manages, but not in the management
/// account.
pub const EXECUTION_ROLE: &str = "AWSControlTowerExecution";

/// The role of Control Tower's that StackSets are run with.
pub const STACK_SET_ROLE: &str = "AWSControlTowerStackSetRole";

/// The OU of the Log Archive and the Audit account.
pub const SECURITY: &str = "Security";

/// The OU that Account Factory puts new accounts in, by default.
pub const SANDBOX: &str = "Sandbox";

/// The OU that Control Tower has not registered.
pub const SUSPENDED: &str = "Suspended";

/// The Region that has the events of Organizations.
pub const ORGANIZATIONS_REGION: &str = "us-east-1";

const ORGANIZATIONS: &str = "AWSOrganizationsV20161128";
const IAM_VERSION: &str = "2010-05-08";

/// The role of an account in the landing zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Holds the organization, Control Tower and the main stack.
    Management,
    /// Holds the trail's log files.
    LogArchive,
    /// Holds the trail's topic.
    Audit,
    /// Any other account that Control Tower manages.
    Member,
    /// An account of the organization that Control Tower does not manage.
    Unmanaged,
    /// A closed account. Control Tower still lists it.
    Closed,
    /// An account that has left the organization.
    Departed,
}

impl Role {
    /// Whether such an account should be enrolled; the management account only on request.
    #[must_use]
    pub fn is_enrolled(self, management: bool) -> bool {
        match self {
            Self::Management => management,
            Self::LogArchive | Self::Audit | Self::Member => true,
            Self::Unmanaged | Self::Closed | Self::Departed => false,
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Management => "management",
            Self::LogArchive => "Log Archive",
            Self::Audit => "Audit",
            Self::Member => "member",
            Self::Unmanaged => "not managed",
            Self::Closed => "closed",
            Self::Departed => "departed",
        })
    }
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// 12 digits.
    pub id: String,
    /// Name.
    pub name: String,
    /// Name of the OU it is in; `Root` for none.
    pub unit: String,
    /// Its role in the landing zone.
    pub role: Role,
}

/// The landing zone as it is now.
#[derive(Debug)]
pub struct LandingZone {
    region: String,
    organization_id: String,
    root_id: String,
    units: BTreeMap<String, Unit>,
    accounts: Vec<Account>,
    emission: Emission,
    aws: AwsClient,
    gateway: Arc<Gateway>,
}

#[derive(Debug, Clone)]
struct Unit {
    id: String,
    /// ARN of the baseline that Control Tower enabled on the OU; `None` if it is not registered.
    baseline: Option<String>,
}

impl LandingZone {
    /// All accounts: management first, then in the order in which they were made.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// The account with this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn account(&self, name: &str) -> anyhow::Result<&Account> {
        self.accounts
            .iter()
            .find(|account| account.name == name)
            .with_context(|| format!("the landing zone has no account named {name}"))
    }

    /// The only account with this role.
    ///
    /// # Errors
    /// When there is none.
    pub fn account_of(&self, role: Role) -> anyhow::Result<&Account> {
        self.accounts
            .iter()
            .find(|account| account.role == role)
            .with_context(|| format!("the landing zone has no account that is {role}"))
    }

    /// Id of the OU with this name; `Root` is the organization's root.
    ///
    /// # Errors
    /// When there is none.
    pub fn unit_id(&self, name: &str) -> anyhow::Result<&str> {
        if name == "Root" {
            return Ok(&self.root_id);
        }
        self.units
            .get(name)
            .map(|unit| unit.id.as_str())
            .with_context(|| format!("the landing zone has no OU named {name}"))
    }

    /// The home Region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// `o-…`
    #[must_use]
    pub fn organization_id(&self) -> &str {
        &self.organization_id
    }

    /// The delivery of the events that AWS's services send.
    #[must_use]
    pub fn emission(&self) -> &Emission {
        &self.emission
    }

    /// Sends an event to the default bus of the management account, regardless of [`Emission`]. It
    /// takes `source`, `detail-type`, `detail` and `resources` from the envelope; the bus adds the
    /// rest. Under [`chaos`](crate::chaos) it may arrive twice or not at all.
    ///
    /// # Errors
    /// When the envelope lacks one of the first three, or the bus rejects it.
    pub async fn publish(&self, envelope: &Value) -> anyhow::Result<()> {
        for _ in 0..self.gateway.chaos().deliveries() {
            events::put(&self.aws, envelope).await?;
        }
        Ok(())
    }

    /// Sends events of AWS's services, each to the bus of its Region.
    async fn emit(&self, events: Vec<Value>) -> anyhow::Result<()> {
        let chaos = self.gateway.chaos();
        let passed = self.emission.pass(events).into_iter();
        let passed: Vec<Value> = passed
            .flat_map(|event| std::iter::repeat_n(event, chaos.deliveries()))
            .collect();
        for same in passed.chunk_by(|one, other| one["region"] == other["region"]) {
            let region = same[0]["region"].as_str().unwrap_or(&self.region);
            events::put_all(&self.aws.in_region(region), same).await?;
        }
        Ok(())
    }

    /// The bus of Control Tower's events.
    fn home(&self) -> Place<'_> {
        Place {
            account: self.aws.account_id(),
            region: &self.region,
        }
    }

    /// The bus of Organizations' events.
    fn organizations_place(&self) -> Place<'_> {
        Place {
            account: self.aws.account_id(),
            region: ORGANIZATIONS_REGION,
        }
    }

    async fn organizations(&self, operation: &str, request: Value) -> Result<Value, AwsError> {
        organizations(&self.aws, operation, request).await
    }

    fn account_mut(&mut self, name: &str) -> anyhow::Result<&mut Account> {
        self.accounts
            .iter_mut()
            .find(|account| account.name == name)
            .with_context(|| format!("the landing zone has no account named {name}"))
    }
}

async fn organizations(
    aws: &AwsClient,
    operation: &str,
    request: Value,
) -> Result<Value, AwsError> {
    aws.json("organizations", ORGANIZATIONS, operation, request)
        .await
}

/// A role that `principal` may assume, with a managed policy of AWS's or with a policy of its own.
async fn create_role(
    aws: &AwsClient,
    path: &str,
    name: &str,
    principal: Value,
    policy: RolePolicy<'_>,
) -> Result<(), AwsError> {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    })
    .to_string();
    aws.query(
        "iam",
        "CreateRole",
        IAM_VERSION,
        &[
            ("RoleName", name),
            ("Path", path),
            ("AssumeRolePolicyDocument", &trust),
        ],
    )
    .await?;
    match policy {
        RolePolicy::Managed(arn) => {
            let parameters = [("RoleName", name), ("PolicyArn", arn)];
            aws.query("iam", "AttachRolePolicy", IAM_VERSION, &parameters)
                .await?;
        }
        RolePolicy::Inline(policy_name, document) => {
            let document = document.to_string();
            let parameters = [
                ("RoleName", name),
                ("PolicyName", policy_name),
                ("PolicyDocument", document.as_str()),
            ];
            aws.query("iam", "PutRolePolicy", IAM_VERSION, &parameters)
                .await?;
        }
    }
    Ok(())
}

enum RolePolicy<'a> {
    Managed(&'a str),
    Inline(&'a str, Value),
}

/// A role that StackSets can assume in an account, as Control Tower makes it where it manages one.
async fn create_execution_role(
    aws: &AwsClient,
    management_account: &str,
    account: &str,
    name: &str,
) -> Result<(), AwsError> {
    create_role(
        &aws.account(account),
        "/",
        name,
        json!({"AWS": format!("arn:aws:iam::{management_account}:root")}),
        RolePolicy::Managed("arn:aws:iam::aws:policy/AdministratorAccess"),
    )
    .await
}
