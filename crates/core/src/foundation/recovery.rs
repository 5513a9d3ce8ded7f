//! Recovers a deployment that the ledger has lost: the StackSets that carry the stack's own tag
//! show how they were created.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Own, Properties};
use crate::{
    Result,
    landing_zone::{Announcement, TrailTopic},
    model::{AccountId, Arn, IntegrationPrefix, Names, Profile, Store, host},
    policy::{
        Adoption, Deployment, Destination, Policy, PolicyNames, RegistrationMode, Selection, Site,
    },
    ports::FoundationReads,
    provider::{FeedNames, Provider, Traces, role_arn},
    stack_sets::STACK_ID_TAG,
};

/// The remains of a deployment that is not in the ledger.
#[derive(Debug, Default)]
pub(super) struct Remains {
    /// All names under which resources were created.
    names: Vec<Names>,
    tenant: Option<String>,
    member_suffix: Option<String>,
    trail_suffix: Option<String>,
    policy_names: PolicyNames,
    registers_by_stack: bool,
    topics: BTreeSet<TrailTopic>,
    announcements: BTreeSet<Announcement>,
    /// Foreign StackSets.
    spared: BTreeSet<String>,
    /// Accounts that have a member stack.
    pub(super) enrolled: BTreeSet<AccountId>,
}

/// Finds the StackSets of this stack.
///
/// # Errors
///
/// A listing failed.
pub(super) async fn remains(
    aws: &impl FoundationReads,
    own: &Own,
    properties: &Properties,
) -> Result<Remains> {
    let mut remains = Remains::default();
    let named = aws.stack_sets_named(properties.prefix.as_str()).await?;
    for name in named
        .into_iter()
        .filter(|name| is_of(own.provider, &properties.prefix, name))
    {
        let Some(set) = aws.stack_set(&name).await? else {
            continue;
        };
        if !set.tags.contains_key(STACK_ID_TAG) {
            remains.spared.insert(name.clone());
        }
        if set.tags.get(STACK_ID_TAG) != Some(&own.stack_id) {
            continue;
        }
        let traces = own.provider.traces(&set);
        let Some(resource) = traces.resource.clone() else {
            continue;
        };
        let names = Names {
            resource,
            prefix: properties.prefix.clone(),
        };
        let instances = aws.instances(&name, None).await?;
        let accounts: BTreeSet<AccountId> = instances.iter().map(|one| one.account).collect();
        let resources = own.provider.resources(&names);
        if name == resources.member_stack_set {
            remains.take_member(traces, accounts);
        } else if let Some(feed) = resources.feed.filter(|feed| feed.log_stack_set == name) {
            let site = (own.partition.as_str(), own.region.as_str());
            remains.take_log(traces, site, &feed, &accounts);
        }
        if !remains.names.contains(&names) {
            remains.names.push(names);
        }
    }
    Ok(remains)
}

/// Whether a StackSet with this name can belong to a deployment with this prefix. The functions may
/// access no other.
fn is_of(provider: &dyn Provider, prefix: &IntegrationPrefix, stack_set: &str) -> bool {
    let beginnings = provider.resources(&Names {
        resource: String::new(),
        prefix: prefix.clone(),
    });
    let mut beginnings = beginnings.stack_sets();
    beginnings.any(|beginning| stack_set.starts_with(beginning.as_str()))
}

impl Remains {
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    fn take_member(&mut self, traces: Traces, accounts: BTreeSet<AccountId>) {
        self.tenant = traces.tenant.or(self.tenant.take());
        self.member_suffix = traces.suffix;
        self.policy_names = traces.policy_names;
        self.registers_by_stack = traces.registers_by_stack;
        self.enrolled.extend(accounts);
    }

    fn take_log(
        &mut self,
        traces: Traces,
        (partition, region): (&str, &str),
        names: &FeedNames,
        accounts: &BTreeSet<AccountId>,
    ) {
        self.tenant = traces.tenant.or(self.tenant.take());
        self.trail_suffix = traces.suffix;
        let Some(log) = accounts.first() else { return };
        let topic = format!("arn:{partition}:sns:{region}:{log}:{}", names.trail_topic);
        let Ok(topic) = topic.parse::<Arn>() else {
            return;
        };
        self.announcements
            .extend(traces.bucket.map(|bucket| Announcement {
                bucket,
                account: *log,
                id: names.trail_topic.clone(),
                topic: topic.clone(),
                // It is taken off by its id.
                prefix: String::new(),
                role: role_arn(partition, log, &names.log_role),
            }));
        self.topics
            .extend(traces.topic_of.map(|trail| TrailTopic { trail, topic }));
    }

    /// The suffix of the external ids that the roles demand.
    pub(super) fn suffix(&self) -> Option<&String> {
        self.member_suffix.as_ref().or(self.trail_suffix.as_ref())
    }

    /// The properties that must be kept.
    pub(super) fn adoption(&self, properties: &Properties) -> Adoption {
        let single = properties.store.as_ref().map(Store::as_str);
        let wanted = single.or(self.tenant.as_deref()).unwrap_or_default();
        let mut resources = self.names.iter().map(|names| &names.resource);
        Adoption {
            tenant: self.tenant.clone(),
            resource: resources
                .find(|resource| resource.eq_ignore_ascii_case(wanted))
                .cloned(),
            member_suffix: self.suffix().cloned(),
            trail_suffix: self.trail_suffix.clone(),
            policy_names: self.policy_names,
        }
    }

    /// Lets a request that continues from the remains know of all of them. The stores that were
    /// used are unknown, so all are listed.
    pub(super) fn hand_on(
        &self,
        deployment: &mut Deployment,
        profile: Option<&Profile>,
        now: Timestamp,
    ) {
        let all = profile
            .into_iter()
            .flat_map(|profile| profile.stores.clone());
        deployment.stores.extend(all);
        let own = &deployment.policy.names;
        let others = self.names.iter().filter(|names| *names != own).cloned();
        deployment.retired.extend(others);
        deployment.trail_topics.extend(self.topics.iter().cloned());
        let announcements = self.announcements.iter().cloned();
        deployment.announcements.extend(announcements);
        deployment.spared.extend(self.spared.iter().cloned());
        deployment.organization = true;
        deployment.recovered_at = Some(now);
    }

    /// Everything that a removal needs, as far as the parameters still say it.
    pub(super) fn deployment(
        &self,
        own: &Own,
        properties: &Properties,
        now: Timestamp,
    ) -> Deployment {
        let named = || own.provider.tenant_in(&properties.url);
        let tenant = self.tenant.clone().or_else(named);
        let tenant = tenant.unwrap_or_default();
        let stores: BTreeSet<Store> = properties
            .store
            .iter()
            .cloned()
            .chain(properties.mapped_units.iter().map(|(_, sub)| sub.clone()))
            .collect();
        let resource = properties
            .store
            .as_ref()
            .map_or(tenant.as_str(), Store::as_str);
        let names = Names {
            resource: resource.to_owned(),
            prefix: properties.prefix.clone(),
        };
        Deployment {
            retired: self.names.clone(),
            trail_topics: self.topics.clone(),
            announcements: self.announcements.clone(),
            stores,
            organization: true,
            trail: None,
            spared: self.spared.clone(),
            recovered_at: Some(now),
            succeeded_at: None,
            units: Default::default(),
            site: Site {
                principal: properties.principal.clone(),
                url_suffix: own.url_suffix.clone(),
                registration_topic: None,
                permissions_boundary: None,
                management_boundary: None,
                function_roles: None,
                tags: Default::default(),
            },
            policy: Policy {
                stack_id: own.stack_id.clone(),
                partition: own.partition.clone(),
                region: own.region.clone(),
                management_account: own.management_account,
                host: host(&properties.url),
                tenant,
                names,
                capability: properties.capability,
                destination: Destination::Tenant,
                selection: Selection::default(),
                registration_mode: if self.registers_by_stack {
                    RegistrationMode::SnsCustomResource
                } else {
                    RegistrationMode::Function
                },
                external_id_suffix: self.suffix().cloned().unwrap_or_default(),
                external_id: None,
                adoption: Some(self.adoption(properties)),
                monitor_existing: true,
                enroll_management: properties.enroll_management,
                control_tower: false,
                log_archive: None,
                audit: None,
                trail_reader: None,
                retain_protection: properties.retain_protection,
                offboard_limit_percent: properties.offboard_limit_percent,
                approved_offboard: None,
                offboard_unenrolled: false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        foundation::properties::valid,
        policy::testing::{deployment, policy},
        provider::plain::Plain,
    };

    fn names(resource: &str) -> Names {
        Names {
            resource: resource.into(),
            ..policy().names
        }
    }

    fn traces(tenant: &str, suffix: &str) -> Traces {
        Traces {
            tenant: Some(tenant.into()),
            suffix: Some(suffix.into()),
            topic_of: Some("trail".into()),
            ..Traces::default()
        }
    }

    #[test]
    fn only_a_name_that_begins_like_ours_is_read() {
        let prefix = policy().names.prefix;
        let member = Plain.resources(&names("acme")).member_stack_set;
        assert!(is_of(&Plain, &prefix, &member));
        for other in ["Plain-", "Plain-Unrelated", "Other-Member-acme"] {
            assert!(!is_of(&Plain, &prefix, other), "{other}");
        }
    }

    #[test]
    fn the_stack_in_log_archive_tells_of_the_topic_that_it_made() {
        let mut remains = Remains::default();
        assert!(remains.is_empty());
        remains.names.push(names("acme"));
        assert!(!remains.is_empty());
        let feed = Plain.resources(&names("acme")).feed.unwrap();
        let log_archive = "111111111111".parse().unwrap();
        let site = ("aws", "us-east-1");
        remains.take_log(traces("acme", "TRAIL"), site, &feed, &[log_archive].into());
        let topic = remains.topics.first().unwrap();
        assert_eq!(topic.trail, "trail");
        let name = &feed.trail_topic;
        assert_eq!(
            topic.topic.as_str(),
            format!("arn:aws:sns:us-east-1:111111111111:{name}")
        );
        // The suffix of the members' roles comes first.
        assert_eq!(remains.suffix().unwrap(), "TRAIL");
        remains.take_member(traces("acme", "MEMBER"), BTreeSet::new());
        assert_eq!(remains.suffix().unwrap(), "MEMBER");
    }

    #[test]
    fn what_is_there_is_kept_and_handed_on() {
        let mut remains = Remains {
            names: vec![names("Acme"), names("former")],
            spared: ["Foreign".to_owned()].into(),
            ..Remains::default()
        };
        remains.take_member(traces("acme", "MEMBER"), BTreeSet::new());
        let properties = Properties::parse(&Plain, &valid()).unwrap();
        let adoption = remains.adoption(&properties);
        assert_eq!(adoption.tenant.as_deref(), Some("acme"));
        assert_eq!(
            adoption.resource.as_deref(),
            Some("Acme"),
            "as it is written"
        );
        assert_eq!(adoption.member_suffix.as_deref(), Some("MEMBER"));
        assert_eq!(adoption.trail_suffix, None);

        let mut continued = deployment(Policy {
            names: names("Acme"),
            ..policy()
        });
        let profile = Profile {
            tenant: "acme".into(),
            stores: ["one".into(), "two".into()].into(),
            external_id: None,
        };
        let now = Timestamp::UNIX_EPOCH;
        remains.hand_on(&mut continued, Some(&profile), now);
        assert_eq!(continued.retired, [names("former")]);
        assert_eq!(continued.stores.len(), 2);
        assert!(continued.organization && continued.spared.contains("Foreign"));
        assert_eq!(continued.recovered_at, Some(now));
    }
}
