use towerhook_core::{
    Result,
    landing_zone::{Account, Baselines, LandingZone, Management, OuTree, Trail},
    model::{AccountId, Arn},
    ports::{Accounts, LandingZoneReply, LandingZones, TopicSet, TrailTopics},
};

use super::Ports;
use crate::units::{AUDIT, LOG_ARCHIVE, id, tree};

/// How often a listing that lags lacks an account, in parts of a thousand.
const SHIFTED: u32 = 200;

impl Accounts for Ports {
    async fn account(&self, id: &AccountId) -> Result<Option<Account>> {
        self.call("organizations:DescribeAccount", |state, _| {
            Ok(state.member(id).map(|member| member.account.clone()))
        })
        .await
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        let then = self.listed_at();
        let simulation = self.world.simulation();
        // What changes while its pages are read can push an account over a page's edge.
        let lacks = !self.world.state().faults.lag.is_zero() && simulation.chance(SHIFTED);
        self.call("organizations:ListAccounts", |state, _| {
            let mut organization = (*state.organization.at(then)).clone();
            if lacks {
                let place = simulation.roll(|dice| dice.usize(0..organization.len()));
                let lacking = organization.keys().nth(place).copied();
                lacking.and_then(|id| organization.remove(&id));
            }
            Ok(organization
                .values()
                .map(|member| member.account.clone())
                .collect())
        })
        .await
    }

    async fn organizational_units(&self) -> Result<OuTree> {
        self.call("organizations:ListOrganizationalUnitsForParent", |_, _| {
            Ok(tree())
        })
        .await
    }
}

impl LandingZones for Ports {
    async fn landing_zone(&self) -> Result<LandingZoneReply> {
        self.call("controltower:GetLandingZone", |state, _| {
            if !state.options.control_tower {
                return Ok(LandingZoneReply::None);
            }
            Ok(LandingZoneReply::Here(LandingZone {
                version: "3.3".into(),
                log_archive: Some(id(LOG_ARCHIVE)),
                audit: Some(id(AUDIT)),
                kms_key: None,
            }))
        })
        .await
    }

    async fn baselines(&self, accounts: Option<&[AccountId]>) -> Result<Baselines> {
        let then = self.listed_at();
        self.call("controltower:ListEnabledBaselines", |state, _| {
            let mut baselines = Baselines::default();
            for (id, member) in state.organization.at(then).iter() {
                let asked = accounts.is_none_or(|asked| asked.contains(id));
                if asked && member.management != Management::NotManaged {
                    baselines.add(*id, member.management);
                }
            }
            Ok(baselines)
        })
        .await
    }

    async fn trail(&self, name: &str) -> Result<Option<Trail>> {
        self.call("cloudtrail:GetTrail", |state, _| {
            Ok((name == "trail").then(|| Trail {
                name: name.to_owned(),
                home_region: Some("us-east-1".into()),
                bucket: "aws-controltower-logs".into(),
                topic: state.trail_topic.clone(),
                kms_key: None,
            }))
        })
        .await
    }
}

impl TrailTopics for Ports {
    async fn set_topic(&self, trail: &str, topic: Option<&Arn>) -> Result<TopicSet> {
        self.call("cloudtrail:UpdateTrail", |state, now| {
            self.write(state, now, || {
                format!("sets the topic of {trail} to {topic:?}")
            });
            state.trail_topic = topic.cloned();
            Ok(TopicSet::Done)
        })
        .await
    }
}
