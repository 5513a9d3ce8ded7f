//! Control Tower's API over a landing zone that lives in this process.
//!
//! Shapes follow the service's model of 2018-05-10. The identifiers of landing zone 4.0's own
//! baselines are not public, so [`BASELINES`] has those of 3.3; others can be enabled by
//! identifier.

mod operations;
mod serve;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use operations::operation;

/// Names and identifiers of the baselines that `ListBaselines` answers, as in the example of
/// `aws controltower list-baselines`.
pub const BASELINES: [(&str, &str); 7] = [
    ("AuditBaseline", "4T4HA1KMO10S6311"),
    ("LogArchiveBaseline", "J8HX46AHS5MIKQPD"),
    ("IdentityCenterBaseline", "LN25R72TTG6IGPTQ"),
    ("AWSControlTowerBaseline", "17BSJV3IGJ2QSGA2"),
    ("BackupCentralVaultBaseline", "3WPD0NA6TJ9AOMU2"),
    ("BackupAdminBaseline", "H6C5JFCJJ3CPU3J5"),
    ("BackupBaseline", "APO9ATVPBKFRRGLK"),
];

/// A landing zone, as Control Tower knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct LandingZone {
    /// Version, such as `3.3` or `4.0`.
    pub version: String,
    /// Its home Region: in any other, `GetLandingZone` does not find it.
    pub home_region: String,
    /// The organization's id, `o-…`: part of every target's ARN.
    pub organization_id: String,
    /// The manifest as Control Tower answers it, in the shape of its version.
    pub manifest: Value,
    /// Whether accounts are enrolled when they are moved into a registered OU.
    pub auto_enrollment: bool,
}

impl LandingZone {
    /// A manifest in the shape of version 3.x.
    #[must_use]
    pub fn manifest_3(
        log_archive: &str,
        audit: &str,
        governed_regions: &[&str],
        kms_key_arn: Option<&str>,
    ) -> Value {
        json!({
            "accessManagement": {"enabled": true},
            "securityRoles": {"accountId": audit},
            "governedRegions": governed_regions,
            "organizationStructure": {"security": {"name": "Security"}},
            "centralizedLogging": centralized_logging(log_archive, kms_key_arn),
        })
    }

    /// A manifest in the shape of version 4.0, with AWS Config gathered in the Audit account.
    #[must_use]
    pub fn manifest_4(
        log_archive: &str,
        audit: &str,
        governed_regions: &[&str],
        kms_key_arn: Option<&str>,
    ) -> Value {
        json!({
            "accessManagement": {"enabled": true},
            "securityRoles": {"enabled": true, "accountId": audit},
            "config": centralized_logging(audit, kms_key_arn),
            "governedRegions": governed_regions,
            "centralizedLogging": centralized_logging(log_archive, kms_key_arn),
        })
    }
}

fn centralized_logging(account: &str, kms_key_arn: Option<&str>) -> Value {
    let mut configurations = json!({
        "loggingBucket": {"retentionDays": 365},
        "accessLoggingBucket": {"retentionDays": 3650},
    });
    if let Some(arn) = kms_key_arn {
        configurations["kmsKeyArn"] = json!(arn);
    }
    json!({"accountId": account, "enabled": true, "configurations": configurations})
}

/// The target of a baseline or a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An account, by its 12-digit id.
    Account(String),
    /// An organizational unit, `ou-…`.
    OrganizationalUnit(String),
}

/// A baseline on a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnabledBaseline {
    /// `arn:aws:controltower:<Region>:<management account>:enabledbaseline/X…`
    pub arn: String,
    /// The baseline's identifier, the last part of its ARN: `17BSJV3IGJ2QSGA2`.
    pub baseline: String,
    /// Version of the baseline, which integration accounts' baselines do not have.
    pub version: Option<String>,
    /// Its target.
    pub target: Target,
    /// ARN of the enabled baseline of the OU that an account has it from.
    pub parent: Option<String>,
    /// `SUCCEEDED`, `FAILED` or `UNDER_CHANGE`.
    pub status: String,
}

/// A control on a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnabledControl {
    /// `arn:aws:controltower:<Region>:<management account>:enabledcontrol/X…`
    pub arn: String,
    /// The control's ARN.
    pub control: String,
    /// Its target.
    pub target: Target,
    /// ARN of the enabled control of the OU that an account has it from.
    pub parent: Option<String>,
    /// `SUCCEEDED`, `FAILED` or `UNDER_CHANGE`.
    pub status: String,
}

/// Control Tower, with or without a landing zone.
#[derive(Debug)]
pub struct ControlTower {
    management_account: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    landing_zone: Option<LandingZone>,
    landing_zone_id: String,
    enabled: Vec<EnabledBaseline>,
    controls: Vec<EnabledControl>,
}

impl ControlTower {
    pub(super) fn new(management_account: String) -> Self {
        Self {
            management_account,
            state: Mutex::default(),
        }
    }

    /// Sets up a landing zone, changes the one there is, or takes it down with its baselines.
    pub fn set_landing_zone(&self, landing_zone: Option<LandingZone>) {
        let mut state = self.state();
        if landing_zone.is_none() {
            state.enabled.clear();
            state.controls.clear();
        } else if state.landing_zone_id.is_empty() {
            state.landing_zone_id = identifier(16);
        }
        state.landing_zone = landing_zone;
    }

    /// The landing zone as it is now.
    #[must_use]
    pub fn landing_zone(&self) -> Option<LandingZone> {
        self.state().landing_zone.clone()
    }

    /// Enables a baseline, by name (see [`BASELINES`]) or by identifier, and returns the enabled
    /// baseline's ARN: on an OU, or on an account with the OU's enabled baseline as `parent`. A
    /// baseline that is on the target already keeps its ARN.
    pub fn enable_baseline(
        &self,
        baseline: &str,
        version: Option<&str>,
        target: Target,
        parent: Option<&str>,
    ) -> String {
        let mut state = self.state();
        let region = state
            .landing_zone
            .as_ref()
            .map_or("us-east-1", |zone| zone.home_region.as_str());
        let arn = format!(
            "arn:aws:controltower:{region}:{}:enabledbaseline/X{}",
            self.management_account,
            identifier(16)
        );
        let baseline = BASELINES
            .iter()
            .find(|(name, _)| *name == baseline)
            .map_or(baseline, |(_, id)| id);
        let mut enabled = EnabledBaseline {
            arn,
            baseline: baseline.to_owned(),
            version: version.map(str::to_owned),
            target,
            parent: parent.map(str::to_owned),
            status: "SUCCEEDED".to_owned(),
        };
        let old = state
            .enabled
            .iter_mut()
            .find(|old| old.baseline == enabled.baseline && old.target == enabled.target);
        match old {
            Some(old) => {
                enabled.arn.clone_from(&old.arn);
                *old = enabled.clone();
            }
            None => state.enabled.push(enabled.clone()),
        }
        enabled.arn
    }

    /// Disables every baseline on the target, as when an account is unmanaged.
    pub fn disable_baselines(&self, target: &Target) {
        self.state().enabled.retain(|one| one.target != *target);
    }

    /// Enables a control, by its ARN, and returns the enabled control's ARN: on an OU, or on an
    /// account with the OU's enabled control as `parent`.
    pub fn enable_control(&self, control: &str, target: Target, parent: Option<&str>) -> String {
        let mut state = self.state();
        let region = state
            .landing_zone
            .as_ref()
            .map_or("us-east-1", |zone| zone.home_region.as_str());
        let arn = format!(
            "arn:aws:controltower:{region}:{}:enabledcontrol/X{}",
            self.management_account,
            identifier(16)
        );
        state.controls.push(EnabledControl {
            arn: arn.clone(),
            control: control.to_owned(),
            target,
            parent: parent.map(str::to_owned),
            status: "SUCCEEDED".to_owned(),
        });
        arn
    }

    /// Disables every control on the target.
    pub fn disable_controls(&self, target: &Target) {
        self.state().controls.retain(|one| one.target != *target);
    }

    /// Sets the status of a target's baselines: `SUCCEEDED`, `FAILED` or `UNDER_CHANGE`.
    pub fn set_status(&self, target: &Target, status: &str) {
        for one in &mut self.state().enabled {
            if one.target == *target {
                status.clone_into(&mut one.status);
            }
        }
    }

    /// Every enabled baseline.
    #[must_use]
    pub fn enabled_baselines(&self) -> Vec<EnabledBaseline> {
        self.state().enabled.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An identifier in the alphabet of Control Tower's own.
fn identifier(length: usize) -> String {
    let mut text = Uuid::new_v4().simple().to_string().to_uppercase();
    text.truncate(length);
    text
}
