use jiff::SignedDuration;
use towerhook_core::{
    ErrorKind, Result,
    landing_zone::{
        Account, Announcement, BaselineKind, Baselines, BucketNotifications, LandingZone,
        LandingZoneReply, Management, OuTree, TopicSet, Trail,
    },
    model::{AccountId, Arn},
    ports::{
        Accounts, BucketNotificationReads, BucketNotificationWrites, LandingZones, Roles,
        TrailTopics,
    },
    stack_sets::Role,
};

use super::Ports;
use crate::{
    faults::error,
    operation::PROPAGATION,
    rates::{ACCOUNTS_A_PAGE, BASELINE_TARGETS, BASELINES_A_PAGE, UNITS_A_PAGE, pages},
    stack::administration_role,
    state::State,
    units::{self, AUDIT, LOG_ARCHIVE, below_root, id, tree},
};

/// How often a lagging listing misses an account, in per mille.
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
        // A change while the pages are read can shift an account past a page boundary.
        let lacks = !self.world.state().faults.lag.is_zero() && simulation.chance(SHIFTED);
        let call = "organizations:ListAccounts";
        let listed: Vec<Account> = self
            .call(call, |state, _| {
                let organization = state.organization.at(then);
                let mut lacking = None;
                if lacks {
                    let place = simulation.roll(|dice| dice.usize(0..organization.len()));
                    lacking = organization.keys().nth(place).copied();
                }
                let present = organization
                    .values()
                    .filter(|member| Some(member.account.id) != lacking);
                Ok(present.map(|member| member.account.clone()).collect())
            })
            .await?;
        let further = pages(listed.len(), ACCOUNTS_A_PAGE) - 1;
        self.more_in_turn(call, further).await?;
        Ok(listed)
    }

    async fn organizational_units(&self) -> Result<OuTree> {
        self.more("organizations:ListRoots", 1).await?;
        let call = "organizations:ListOrganizationalUnitsForParent";
        let tree = |state: &mut State, _| Ok(tree(state.options.units, &state.unit_names));
        let tree = self.call(call, tree).await?;
        let units = tree.0.len();
        // Each OU is asked for its children, too.
        let of_root = pages(below_root(units), UNITS_A_PAGE);
        let further = of_root - 1 + units;
        self.more_in_turn(call, further).await?;
        Ok(tree)
    }
}

impl LandingZones for Ports {
    async fn landing_zone(&self) -> Result<LandingZoneReply> {
        self.more("controltower:ListLandingZones", 1).await?;
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
        let call = "controltower:ListEnabledBaselines";
        let (baselines, entries) = self
            .call(call, |state, _| {
                let mut enabled = Vec::new();
                let mut entries = state.options.units;
                for (id, member) in state.organization.at(then).iter() {
                    if member.management == Management::NotManaged {
                        continue;
                    }
                    entries += 1;
                    if accounts.is_none_or(|asked| asked.contains(id)) {
                        enabled.push((*id, BaselineKind::ControlTower, member.management));
                    }
                }
                Ok((Baselines::from_enabled(enabled), entries))
            })
            .await?;
        let is_complete = accounts.is_some_and(|asked| baselines.0.len() == asked.len());
        match accounts {
            Some(asked) if asked.len() <= BASELINE_TARGETS && is_complete => {}
            Some(asked) if asked.len() <= BASELINE_TARGETS => {
                self.more(call, pages(entries, BASELINES_A_PAGE)).await?;
            }
            _ => {
                let pages = pages(entries, BASELINES_A_PAGE);
                self.more_in_turn(call, pages - 1).await?;
            }
        }
        if !is_complete {
            // Whether an account without a baseline is managed depends on the landing zone.
            self.more("controltower:ListLandingZones", 1).await?;
            self.more("controltower:GetLandingZone", 1).await?;
        }
        Ok(baselines)
    }

    async fn trail(&self, name: &str) -> Result<Option<Trail>> {
        let asked = self.call("cloudtrail:GetTrail", |state, _| {
            Ok((name == state.trail.name).then(|| state.trail.clone()))
        });
        let trail = asked.await?;
        if trail.is_some() {
            self.more("cloudtrail:GetTrailStatus", 1).await?;
        }
        Ok(trail)
    }
}

impl Roles for Ports {
    async fn role(&self, name: &str) -> Result<Option<Role>> {
        self.call("iam:GetRole", |state, _| {
            let arn = administration_role();
            let trust = state.administration_trust.clone();
            let trust = trust.filter(|_| arn.resource().ends_with(name));
            Ok(trust.map(|trust| Role { arn, trust }))
        })
        .await
    }
}

/// How often S3 cannot publish to a topic yet, in per mille.
const UNPUBLISHABLE: u32 = 100;

impl Ports {
    /// Assumes an announcement's role.
    async fn assume(&self, of: &Announcement) -> Result<()> {
        let call = "sts:AssumeRole";
        self.call(call, |state, now| {
            let since = state.has_role(&of.account, &of.role);
            let settled = SignedDuration::try_from(PROPAGATION).unwrap_or_default();
            if since.is_some_and(|since| now.duration_since(since) >= settled) {
                Ok(())
            } else {
                Err(error(call, ErrorKind::Denied))
            }
        })
        .await
    }
}

impl BucketNotificationReads for Ports {
    async fn notifications(&self, of: &Announcement) -> Result<BucketNotifications> {
        self.assume(of).await?;
        let call = "s3:GetBucketNotification";
        self.call(call, |state, _| {
            if of.bucket != state.trail.bucket {
                return Err(error(call, ErrorKind::NotFound));
            }
            Ok(state.notifications.clone())
        })
        .await
    }
}

impl BucketNotificationWrites for Ports {
    async fn set_notifications(
        &self,
        of: &Announcement,
        found: &BucketNotifications,
        all: &BucketNotifications,
    ) -> Result<TopicSet> {
        if self.notifications(of).await? != *found {
            let call = "s3:PutBucketNotification";
            return Err(error(call, ErrorKind::Conflict));
        }
        let is_early = self.world.simulation().chance(UNPUBLISHABLE);
        self.call("s3:PutBucketNotification", |state, now| {
            if is_early {
                let why = "Unable to validate the destination configurations".to_owned();
                return Ok(TopicSet::NotPublishable(why));
            }
            self.write(state, now, || format!("sets the notifications to {all:?}"));
            let theirs = units::notifications();
            if of.taken_from(all).as_ref().unwrap_or(all) != &theirs {
                let text = format!("a foreign notification was changed: {all:?}");
                state.violate(now, text);
            }
            state.notification_stays = false;
            state.notifications = all.clone();
            Ok(TopicSet::Done)
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
            state.trail.topic = topic.cloned();
            Ok(TopicSet::Done)
        })
        .await
    }
}
