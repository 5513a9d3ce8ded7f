//! Control Tower's own StackSets, which every management account has.

use std::collections::BTreeMap;

use super::model::StackSet;

/// The prefix of their names, reserved for Control Tower.
const PREFIX: &str = "AWSControlTower";

/// Source: AWS Control Tower User Guide, "What are the shared accounts?" and "Resources in the
/// shared accounts".
const NAMES: [&str; 6] = [
    "BP-BASELINE-CLOUDWATCH",
    "BP-BASELINE-CONFIG",
    "BP-BASELINE-ROLES",
    "BP-BASELINE-SERVICE-ROLES",
    "BP-SECURITY-TOPICS",
    "LoggingResources",
];

/// Whether a StackSet of this name is Control Tower's.
pub(super) fn is_control_towers(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// They deploy nothing here: the landing zone makes their resources in the accounts.
pub(super) fn stack_sets(account: &str, region: &str) -> impl Iterator<Item = StackSet> {
    NAMES.into_iter().map(move |name| StackSet {
        name: format!("{PREFIX}{name}"),
        uuid: format!("control-tower-{}", name.to_lowercase()),
        account: account.to_owned(),
        region: region.to_owned(),
        description: None,
        deleted: false,
        template: "{\"Resources\": {}}".to_owned(),
        parameters: BTreeMap::new(),
        capabilities: Vec::new(),
        tags: BTreeMap::new(),
        administration_role: format!(
            "arn:aws:iam::{account}:role/service-role/AWSControlTowerStackSetRole"
        ),
        execution_role: "AWSControlTowerExecution".to_owned(),
        managed_execution: false,
        token: None,
        instances: BTreeMap::new(),
        operations: Vec::new(),
    })
}
