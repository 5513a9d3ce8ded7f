//! Recovers a deployment that the ledger has lost: the StackSets that carry the stack's own tag
//! show how they were created.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Own, Properties};
use crate::{
    Result,
    landing_zone::TrailTopic,
    model::{AccountId, IntegrationPrefix, Names, Profile, Store, host},
    policy::{
        Adoption, Deployment, Destination, Policy, PolicyNames, RegistrationMode, Selection, Site,
    },
    ports::FoundationReads,
    provider::{Provider, ResourceNames, Traces},
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
        } else if name == resources.log_stack_set {
            remains.take_log(traces, own, &resources, &accounts);
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
    let mut beginnings = beginnings.stack_sets().into_iter();
    beginnings.any(|beginning| stack_set.starts_with(beginning))
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
        own: &Own,
        resources: &ResourceNames,
        accounts: &BTreeSet<AccountId>,
    ) {
        self.tenant = traces.tenant.or(self.tenant.take());
        self.trail_suffix = traces.suffix;
        if let (Some(trail), Some(log)) = (traces.topic_of, accounts.first()) {
            let Own {
                partition, region, ..
            } = own;
            let topic = format!(
                "arn:{partition}:sns:{region}:{log}:{}",
                resources.trail_topic
            );
            let topic = topic.parse().ok();
            self.topics
                .extend(topic.map(|topic| TrailTopic { trail, topic }));
        }
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
                adoption: Some(self.adoption(properties)),
                monitor_existing: true,
                enroll_management: properties.enroll_management,
                control_tower: false,
                log_archive: None,
                audit: None,
                offboard_limit_percent: properties.offboard_limit_percent,
                approved_offboard: None,
                offboard_unenrolled: false,
            },
        }
    }
}
