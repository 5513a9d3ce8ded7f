//! The choices that landing zone 4.0 leaves to the administrator: its integrations, and how an OU
//! or an account is governed.

use anyhow::Context;
use serde_json::json;

use super::topic::{CLOUD_TRAIL, SNS_VERSION, make_topic};
use super::{EXECUTION_ROLE, IAM_VERSION, LandingZone, Role, TRAIL};
use crate::gateway::control_tower::{self, Target};

/// A control that an administrator may enable on an OU, by the identifier of the controls
/// reference guide.
pub const CONTROL: &str = "arn:aws:controltower:us-east-1::control/AWS-GR_RESTRICT_ROOT_USER";

/// The prefix of the name of the trail's own topic.
///
/// Source: the mandatory control CTSNSPV1 of landing zone 4.0.
const OWN_TOPIC: &str = "aws-controltower-CentralizedLoggingNotifications";

/// The integrations of a landing zone 4.0 that Towerhook asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integrations {
    /// `centralizedLogging`: the Log Archive account and the organization's trail.
    pub logging: bool,
    /// `securityRoles`: the Audit account.
    pub security_roles: bool,
}

impl Integrations {
    /// All of them.
    pub const ALL: Self = Self {
        logging: true,
        security_roles: true,
    };
}

impl LandingZone {
    /// Upgrades to landing zone 4.0 with these integrations. The accounts of those that are off
    /// stay in the organization.
    ///
    /// # Errors
    /// When Log Archive or Audit is missing.
    pub fn upgrade(&self, integrations: Integrations) -> anyhow::Result<()> {
        let log_archive = &self.account_of(Role::LogArchive)?.id;
        let audit = &self.account_of(Role::Audit)?.id;
        let mut manifest = control_tower::LandingZone::manifest_4(
            log_archive,
            audit,
            &[self.region.as_str()],
            None,
        );
        let control_tower = self.gateway.control_tower();
        for (enabled, name, account) in [
            (integrations.logging, "centralizedLogging", log_archive),
            (integrations.security_roles, "securityRoles", audit),
        ] {
            if !enabled {
                manifest[name] = json!({"enabled": false});
                control_tower.disable_baselines(&Target::Account(account.clone()));
            }
        }
        if !integrations.security_roles {
            manifest["config"] = json!({"enabled": false});
        }
        let zone = control_tower.landing_zone().context("no landing zone")?;
        control_tower.set_landing_zone(Some(control_tower::LandingZone {
            version: "4.0".to_owned(),
            manifest,
            ..zone
        }));
        Ok(())
    }

    /// Replaces the baseline of an OU and the accounts in it with another, by name.
    ///
    /// # Errors
    /// When there is no such OU.
    pub fn replace_baseline(&self, unit: &str, baseline: &str) -> anyhow::Result<()> {
        let (target, accounts) = self.targets(unit)?;
        let control_tower = self.gateway.control_tower();
        control_tower.disable_baselines(&target);
        let parent = control_tower.enable_baseline(baseline, Some("1.0"), target, None);
        for account in accounts {
            control_tower.disable_baselines(&account);
            control_tower.enable_baseline(baseline, Some("1.0"), account, Some(&parent));
        }
        Ok(())
    }

    /// Replaces the baseline of an OU and the accounts in it with a control, which alone governs
    /// them from then on.
    ///
    /// # Errors
    /// When there is no such OU.
    pub fn govern_by_control(&self, unit: &str) -> anyhow::Result<()> {
        let (target, accounts) = self.targets(unit)?;
        let control_tower = self.gateway.control_tower();
        control_tower.disable_baselines(&target);
        let parent = control_tower.enable_control(CONTROL, target, None);
        for account in accounts {
            control_tower.disable_baselines(&account);
            control_tower.enable_control(CONTROL, account, Some(&parent));
        }
        Ok(())
    }

    /// Removes Control Tower's role from an account, as where controls alone govern it.
    ///
    /// # Errors
    /// When there is no such account, or the emulator refuses a step.
    pub async fn remove_execution_role(&self, name: &str) -> anyhow::Result<()> {
        let aws = self.aws.account(&self.account(name)?.id);
        let policy = "arn:aws:iam::aws:policy/AdministratorAccess";
        let role = ("RoleName", EXECUTION_ROLE);
        let detach = [role, ("PolicyArn", policy)];
        aws.query("iam", "DetachRolePolicy", IAM_VERSION, &detach)
            .await?;
        aws.query("iam", "DeleteRole", IAM_VERSION, &[role]).await?;
        Ok(())
    }

    /// Gives the trail a topic of its own in Log Archive, as Control Tower does from landing zone
    /// 4.0 on, and answers its ARN. CloudTrail may publish to it, and no other account may
    /// subscribe.
    ///
    /// # Errors
    /// When Log Archive is not there, or the emulator refuses a step.
    pub async fn give_trail_its_own_topic(&self) -> anyhow::Result<String> {
        let aws = self.aws.account(&self.account_of(Role::LogArchive)?.id);
        let topic = make_topic(&aws, OWN_TOPIC).await?;
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Service": "cloudtrail.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": topic,
            }],
        });
        let policy = policy.to_string();
        let form = [
            ("TopicArn", topic.as_str()),
            ("AttributeName", "Policy"),
            ("AttributeValue", &policy),
        ];
        aws.query("sns", "SetTopicAttributes", SNS_VERSION, &form)
            .await?;
        self.set_trail_topic(&topic).await?;
        Ok(topic)
    }

    /// Sets the trail's topic; an empty text removes it. The topic's policy is not checked, as when
    /// Control Tower sets it.
    ///
    /// # Errors
    /// When the emulator refuses it.
    pub async fn set_trail_topic(&self, topic: &str) -> anyhow::Result<()> {
        let request = json!({"Name": TRAIL, "SnsTopicName": topic});
        self.aws
            .json("cloudtrail", CLOUD_TRAIL, "UpdateTrail", request)
            .await?;
        Ok(())
    }

    /// The trail's topic, as the emulator keeps it; empty where it has none.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn trail_topic(&self) -> anyhow::Result<String> {
        let request = json!({"Name": TRAIL});
        let answer = self
            .aws
            .json("cloudtrail", CLOUD_TRAIL, "GetTrail", request)
            .await?;
        Ok(answer["Trail"]["SnsTopicName"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    /// An OU and the accounts in it, as baselines and controls name them.
    fn targets(&self, unit: &str) -> anyhow::Result<(Target, Vec<Target>)> {
        let target = Target::OrganizationalUnit(self.unit_id(unit)?.to_owned());
        let inside = self.accounts.iter().filter(|account| account.unit == unit);
        let accounts = inside.map(|account| Target::Account(account.id.clone()));
        Ok((target, accounts.collect()))
    }
}
