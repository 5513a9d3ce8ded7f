use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::topic::{CLOUD_TRAIL, make_topic};
use super::{
    Account, EXECUTION_ROLE, Emission, Integrations, LandingZone, Role, RolePolicy, SANDBOX,
    SECURITY, STACK_SET_ROLE, SUSPENDED, TRAIL, create_execution_role, create_role, organizations,
};
use crate::aws_client::AwsClient;
use crate::gateway::Gateway;
use crate::gateway::control_tower::{self, Target};

/// The version of AWSControlTowerBaseline that goes with landing zone 3.3.
pub(super) const BASELINE_VERSION: &str = "4.0";

/// Management, Log Archive, Audit and one member.
pub const MINIMUM_ACCOUNTS: usize = 4;

/// The OUs, parents first, each with its parent and whether Control Tower has registered it.
const UNITS: [(&str, &str, bool); 6] = [
    (SECURITY, "Root", true),
    ("Workloads", "Root", true),
    ("Production", "Workloads", true),
    ("Development", "Workloads", true),
    (SANDBOX, "Root", true),
    (SUSPENDED, "Root", false),
];

/// The OUs of the members, in rotation.
const MEMBER_UNITS: [&str; 3] = ["Production", "Development", SANDBOX];

/// The landing zone to seed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The home Region.
    pub region: String,
    /// 12 digits.
    pub management_account: String,
    /// All accounts that Control Tower manages, the management account included: at least
    /// [`MINIMUM_ACCOUNTS`]. One that is closed and one that Control Tower does not manage are
    /// there besides.
    pub accounts: usize,
    /// Its version.
    pub version: Version,
}

/// The versions of a landing zone that differ for Towerhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 3.3: the trail's topic is in Audit.
    V3,
    /// 4.0, with all its integrations: the trail has a topic of its own in Log Archive.
    V4,
}

impl LandingZone {
    /// Makes the organization, its OUs and accounts, Control Tower's roles, the trail with its
    /// bucket and topic, and the landing zone over them.
    ///
    /// # Errors
    /// When the plan has too few accounts, or the emulator refuses a step.
    pub async fn seed(
        emulator: &AwsClient,
        gateway: &Arc<Gateway>,
        plan: &Plan,
    ) -> anyhow::Result<Self> {
        ensure!(
            plan.accounts >= MINIMUM_ACCOUNTS,
            "a landing zone needs {MINIMUM_ACCOUNTS} accounts: management, Log Archive, Audit and \
             one member"
        );
        let aws = emulator.account(&plan.management_account);
        let organization = organizations(&aws, "DescribeOrganization", json!({})).await?;
        let roots = organizations(&aws, "ListRoots", json!({})).await?;
        let master = json!({"AccountId": plan.management_account});
        let master = organizations(&aws, "DescribeAccount", master).await?;
        let mut landing_zone = Self {
            region: plan.region.clone(),
            organization_id: text(&organization["Organization"]["Id"])?,
            root_id: text(&roots["Roots"][0]["Id"])?,
            units: BTreeMap::new(),
            accounts: vec![Account {
                id: plan.management_account.clone(),
                name: text(&master["Account"]["Name"])?,
                unit: "Root".to_owned(),
                role: Role::Management,
            }],
            emission: Emission::default(),
            aws,
            gateway: Arc::clone(gateway),
        };
        landing_zone.make_administration_role().await?;
        let (log_archive, audit) = landing_zone.make_security_accounts().await?;
        landing_zone.make_trail(&log_archive, &audit).await?;
        let manifest =
            control_tower::LandingZone::manifest_3(&log_archive, &audit, &[&plan.region], None);
        gateway
            .control_tower()
            .set_landing_zone(Some(control_tower::LandingZone {
                version: "3.3".to_owned(),
                home_region: plan.region.clone(),
                organization_id: landing_zone.organization_id.clone(),
                manifest,
                auto_enrollment: false,
            }));
        landing_zone.register_units()?;
        for (baseline, account) in [
            ("LogArchiveBaseline", &log_archive),
            ("AuditBaseline", &audit),
        ] {
            let target = Target::Account(account.clone());
            gateway
                .control_tower()
                .enable_baseline(baseline, None, target, None);
        }
        landing_zone.make_members(plan.accounts - 3).await?;
        landing_zone.make_bystanders().await?;
        if plan.version == Version::V4 {
            landing_zone.upgrade(Integrations::ALL)?;
            landing_zone.give_trail_its_own_topic().await?;
        }
        // There is no listener yet.
        let _ = landing_zone.emission.take_sent();
        Ok(landing_zone)
    }

    /// The role through which Control Tower's StackSets reach the accounts.
    async fn make_administration_role(&self) -> anyhow::Result<()> {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": "arn:aws:iam::*:role/AWSControlTowerExecution",
            }],
        });
        create_role(
            &self.aws,
            "/service-role/",
            STACK_SET_ROLE,
            json!({"Service": "cloudformation.amazonaws.com"}),
            RolePolicy::Inline("AWSControlTowerStackSetRolePolicy", policy),
        )
        .await?;
        Ok(())
    }

    /// The OUs and, in the first, Log Archive and Audit. Returns the ids of these two.
    async fn make_security_accounts(&mut self) -> anyhow::Result<(String, String)> {
        for (name, parent, _) in UNITS {
            self.create_unit(name, parent).await?;
        }
        let mut ids = Vec::new();
        for (name, role) in [("Log Archive", Role::LogArchive), ("Audit", Role::Audit)] {
            let id = self.make_account(name, SECURITY, role).await?;
            create_execution_role(&self.aws, self.aws.account_id(), &id, EXECUTION_ROLE).await?;
            ids.push(id);
        }
        let audit = ids.pop().context("no Audit account")?;
        let log_archive = ids.pop().context("no Log Archive account")?;
        Ok((log_archive, audit))
    }

    /// The organization's trail: its bucket in Log Archive, its topic in Audit.
    async fn make_trail(&self, log_archive: &str, audit: &str) -> anyhow::Result<()> {
        let bucket = format!("aws-controltower-logs-{log_archive}-{}", self.region);
        self.aws
            .account(log_archive)
            .create_bucket(&bucket)
            .await
            .context("cannot make the trail's bucket")?;
        let topics = self.aws.account(audit);
        let topic = make_topic(&topics, "aws-controltower-AllConfigNotifications").await?;
        let trail = json!({
            "Name": TRAIL,
            "S3BucketName": bucket,
            "S3KeyPrefix": self.organization_id,
            "SnsTopicName": topic,
            "IsMultiRegionTrail": true,
            "IsOrganizationTrail": true,
            "EnableLogFileValidation": true,
            "IncludeGlobalServiceEvents": true,
        });
        for (operation, request) in [
            ("CreateTrail", trail),
            ("StartLogging", json!({"Name": TRAIL})),
        ] {
            self.aws
                .json("cloudtrail", CLOUD_TRAIL, operation, request)
                .await
                .context("cannot make the trail")?;
        }
        Ok(())
    }

    fn register_units(&mut self) -> anyhow::Result<()> {
        for (name, _, registered) in UNITS {
            if registered {
                self.enable_unit_baseline(name)?;
            }
        }
        Ok(())
    }

    async fn make_members(&mut self, members: usize) -> anyhow::Result<()> {
        for (number, unit) in (0..members).zip(MEMBER_UNITS.iter().cycle()) {
            let name = format!(
                "{}-{}",
                unit.to_lowercase(),
                number / MEMBER_UNITS.len() + 1
            );
            let id = self.make_account(&name, unit, Role::Member).await?;
            self.enroll_in_control_tower(&id, unit).await?;
        }
        Ok(())
    }

    /// A closed account that Control Tower still lists, and one that it never managed.
    async fn make_bystanders(&mut self) -> anyhow::Result<()> {
        let id = self
            .make_account("retired-1", SANDBOX, Role::Member)
            .await?;
        self.enroll_in_control_tower(&id, SANDBOX).await?;
        self.close_account("retired-1").await?;
        self.make_account("unmanaged-1", SUSPENDED, Role::Unmanaged)
            .await?;
        Ok(())
    }
}

pub(super) fn text(value: &Value) -> anyhow::Result<String> {
    value
        .as_str()
        .map(str::to_owned)
        .context("the emulator's answer lacks a field")
}
