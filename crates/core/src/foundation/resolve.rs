//! Checks the parameters against the facts, and resolves every name to an id.
//!
//! A parameter keeps the meaning that it had in the last success for as long as it is unchanged: a
//! renamed OU, or a trail that lost its topic, does not block an unrelated update.

mod scope;
mod shared_account;
mod tenant;
mod trail;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::shared_account::{AUDIT, LOG_ARCHIVE, SharedAccount, shared_account};
pub use self::{
    shared_account::log_archive,
    trail::{foreign_topic, no_queue_account, whole_trail},
};
use super::{Properties, Refusal, Refusals};
use crate::{
    landing_zone::{Account, LandingZone, LandingZoneReply, OuTree, Trail, TrailTopic},
    ledger::Success,
    model::{AccountId, Names, Profile, RegistrationSpec, Store, host},
    policy::{Adoption, DeployedTrail, Deployment, Policy, Site},
    provider::{FeedNames, Provider},
};

/// The function's own settings, and this deployment's existing properties.
#[derive(Debug, Clone)]
pub struct Context {
    /// The main stack's id.
    pub stack_id: String,
    /// `aws`, `aws-us-gov` ...
    pub partition: String,
    /// The Region that the stack is in.
    pub region: String,
    /// The DNS suffix of the partition, such as `amazonaws.com`.
    pub url_suffix: String,
    /// The account that the stack is in.
    pub management_account: AccountId,
    /// The random suffix of this deployment's external ids.
    pub external_id_suffix: String,
    /// Properties of an adopted deployment, if one is taken over.
    pub adoption: Option<Adoption>,
    /// The topics that an earlier request of this deployment may have given a trail.
    pub trail_topics: BTreeSet<TrailTopic>,
    /// The name of the permissions boundary for the management account's own stack.
    pub management_boundary: Option<String>,
    /// The ARNs of the functions' roles, if a role in Log Archive trusts them.
    pub function_roles: Option<String>,
    /// The main stack's own tags.
    pub tags: BTreeMap<String, String>,
}

/// The facts that were read before anything is created.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Control Tower's answer.
    pub landing_zone: LandingZoneReply,
    /// The trail `ExistingCloudTrailName`.
    pub trail: Option<Trail>,
    /// Every account of the organization.
    pub accounts: Vec<Account>,
    /// Every organizational unit.
    pub units: OuTree,
    /// The key's owner; `None` if the SaaS refuses the key.
    pub profile: Option<Profile>,
}

/// The result of resolving the parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The deployment to record.
    pub deployment: Deployment,
    /// Facts that have changed without effect, in sentences for the administrator.
    pub remarks: Vec<String>,
}

/// The last successful request, as far as its properties are still valid.
struct Last<'a> {
    success: Option<&'a Success>,
    properties: &'a Value,
    remarks: Vec<String>,
}

impl<'a> Last<'a> {
    /// The last deployment, if none of these properties has changed since.
    fn unchanged(&self, names: &[&str]) -> Option<&'a Deployment> {
        let success = self.success?;
        let mut names = names.iter();
        names
            .all(|name| success.properties.get(*name) == self.properties.get(*name))
            .then_some(&success.deployment)
    }

    /// The resolved value, or the recorded one if the facts no longer match.
    fn settle<T>(&mut self, found: Result<T, Refusal>, recorded: Option<T>) -> Result<T, Refusal> {
        match (found, recorded) {
            (Ok(found), _) => Ok(found),
            (Err(refusal), Some(recorded)) => {
                self.remarks.push(refusal.to_string());
                Ok(recorded)
            }
            (Err(refusal), None) => Err(refusal),
        }
    }
}

/// Checks the parameters against the facts, and resolves every name. `raw` is the value that
/// `properties` was parsed from.
///
/// # Errors
///
/// The parameters that do not match the facts, if they are new. The landing zone and the tenant are
/// checked first, and the trail once all others match.
pub fn resolve(
    provider: &dyn Provider,
    properties: &Properties,
    raw: &Value,
    facts: &Facts,
    context: &Context,
    last: Option<&Success>,
) -> Result<Resolved, Refusal> {
    let mut last = Last {
        success: last,
        properties: raw,
        remarks: Vec::new(),
    };
    let landing_zone = landing_zone(&mut last, facts, context)?;
    let profile = facts.profile.as_ref();
    let tenant = tenant::tenant(provider, properties, profile, &last)?;
    let external_id = tenant::external_id(provider, properties, profile, &mut last)?;
    let adopted = context.adoption.as_ref();
    let tenant = in_its_case(tenant, adopted.and_then(|adopted| adopted.tenant.as_ref()));
    let mut units = scope::Units::new(&facts.units, &last);
    let mut refusals = Refusals::default();
    let destination =
        scope::destination(provider, properties, facts, &tenant, &mut units, &mut last);
    let destination = refusals.note(destination);
    let selection = scope::selection(properties, facts, &mut units, &last);
    let selection = refusals.note(selection);
    let (units, remarks) = units.into_named();
    last.remarks.extend(remarks);
    let resource = properties
        .store
        .as_ref()
        .map_or(tenant.as_str(), Store::as_str)
        .to_owned();
    let resource = in_its_case(
        resource,
        adopted.and_then(|adopted| adopted.resource.as_ref()),
    );
    let names = Names {
        resource,
        prefix: properties.prefix.clone(),
    };
    let log = account(&LOG_ARCHIVE, properties, facts, &landing_zone, &mut last);
    let log = refusals.note(log);
    let audit = account(&AUDIT, properties, facts, &landing_zone, &mut last);
    let audit = refusals.note(audit);
    let (Some(destination), Some(selection), Some(log), Some(audit)) =
        (destination, selection, log, audit)
    else {
        return Err(refusals.into_one());
    };
    let reads_by_role = |feed: FeedNames| feed.audit_stack_set.is_none();
    let reads_by_role = provider.resources(&names).feed.is_some_and(reads_by_role);
    let trail_reader = log.filter(|_| reads_by_role && properties.capability.cloud_trail());
    let policy = Policy {
        stack_id: context.stack_id.clone(),
        partition: context.partition.clone(),
        region: context.region.clone(),
        management_account: context.management_account,
        host: host(&properties.url),
        tenant,
        names,
        capability: properties.capability,
        destination,
        selection,
        registration_mode: properties.registration_mode,
        external_id_suffix: adopted
            .and_then(|adopted| adopted.member_suffix.clone())
            .unwrap_or_else(|| context.external_id_suffix.clone()),
        external_id,
        adoption: context.adoption.clone(),
        monitor_existing: properties.monitor_existing,
        enroll_management: properties.enroll_management,
        control_tower: landing_zone.is_there(),
        log_archive: log,
        audit,
        trail_reader,
        retain_protection: properties.retain_protection,
        offboard_limit_percent: properties.offboard_limit_percent,
        approved_offboard: properties.approved_offboard.clone(),
        offboard_unenrolled: properties.offboard_unenrolled,
    };
    let site = Site {
        principal: properties.principal.clone(),
        url_suffix: context.url_suffix.clone(),
        registration_topic: if policy.registers_by_stack() {
            provider.registration_topic(&properties.url, &policy.region)
        } else {
            None
        },
        permissions_boundary: properties.permissions_boundary.clone(),
        management_boundary: context.management_boundary.clone(),
        function_roles: context.function_roles.clone(),
        tags: context.tags.clone(),
    };
    let trail = trail::deployed(
        provider,
        properties,
        facts,
        &landing_zone,
        context,
        &policy,
        &mut last,
    )?;
    scope::remark_shared_accounts(&policy, trail.as_ref(), facts, &mut last.remarks);
    Ok(Resolved {
        deployment: deployment(policy, site, units, trail),
        remarks: last.remarks,
    })
}

fn deployment(
    policy: Policy,
    site: Site,
    units: BTreeMap<String, crate::model::OuId>,
    trail: Option<DeployedTrail>,
) -> Deployment {
    let own_topic = trail.iter().filter(|trail| trail.source.makes_topic);
    let own_topic = own_topic.map(|trail| TrailTopic {
        trail: trail.source.name.clone(),
        topic: trail.source.topic.clone(),
    });
    let announcement = trail.as_ref();
    let announcement = announcement.and_then(|trail| trail.source.announcement.clone());
    let registration = trail.as_ref().and_then(|trail| trail.registration.as_ref());
    Deployment {
        stores: policy.destination.stores(),
        trail_topics: own_topic.collect(),
        announcements: announcement.into_iter().collect(),
        retired: Vec::new(),
        organization: registration.is_some_and(RegistrationSpec::is_of_organization),
        spared: BTreeSet::new(),
        recovered_at: None,
        succeeded_at: None,
        policy,
        site,
        units,
        trail,
    }
}

/// The landing zone, as far as it is known.
enum Zone<'a> {
    Here(&'a LandingZone),
    /// It was here, and no longer answers.
    Recorded,
    None,
}

impl Zone<'_> {
    fn is_there(&self) -> bool {
        !matches!(self, Self::None)
    }
}

fn landing_zone<'a>(
    last: &mut Last<'_>,
    facts: &'a Facts,
    context: &Context,
) -> Result<Zone<'a>, Refusal> {
    let was_there = last
        .unchanged(&[])
        .is_some_and(|deployment| deployment.policy.control_tower);
    let found = match &facts.landing_zone {
        LandingZoneReply::Here(landing_zone) => Ok(Zone::Here(landing_zone)),
        LandingZoneReply::None if was_there => Err(Refusal::new(
            "Control Tower no longer has a landing zone; the recorded one stays in use.",
        )),
        LandingZoneReply::None => Ok(Zone::None),
        LandingZoneReply::Elsewhere(home) => Err(not_home(&context.region, home)),
    };
    let recorded = last.success.map(|_| {
        if was_there {
            Zone::Recorded
        } else {
            Zone::None
        }
    });
    last.settle(found, recorded)
}

/// Why a stack in this Region does not work, since Control Tower's home Region is another one.
pub fn not_home(region: &str, home: &str) -> Refusal {
    Refusal::new(format!(
        "This stack is in Region {region} and Control Tower's home Region is {home}. \
         Launch it in {home}."
    ))
}

/// Log Archive and Audit are enrolled as members for Config, too.
fn account(
    which: &SharedAccount,
    properties: &Properties,
    facts: &Facts,
    landing_zone: &Zone<'_>,
    last: &mut Last<'_>,
) -> Result<Option<AccountId>, Refusal> {
    let unchanged = last.unchanged(&[which.parameter(), "CapabilityType"]);
    let recorded = unchanged.map(|deployment| which.recorded(&deployment.policy));
    let needed = properties.capability.cloud_trail();
    let found = match landing_zone {
        Zone::Here(landing_zone) => {
            shared_account(which, properties, facts, Some(landing_zone), needed)
        }
        Zone::None => shared_account(which, properties, facts, None, needed),
        Zone::Recorded => match recorded {
            Some(recorded) => return Ok(recorded),
            None => shared_account(which, properties, facts, None, needed),
        },
    };
    last.settle(found, recorded)
}

/// A name in the letter case of the adopted deployment, if only that differs.
fn in_its_case(name: String, adopted: Option<&String>) -> String {
    let adopted = adopted.filter(|adopted| adopted.eq_ignore_ascii_case(&name));
    adopted.cloned().unwrap_or(name)
}

/// A hint for a pattern that was given instead of a name.
pub(super) fn no_pattern(name: &str) -> &'static str {
    if name.contains(['*', '?']) {
        " (patterns are not supported here)"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        policy::testing::{deployment, policy},
        stack_sets::STACK_ID_TAG,
    };

    #[test]
    fn a_landing_zone_that_no_longer_answers_stays_in_use_with_a_remark() {
        let facts = Facts {
            landing_zone: LandingZoneReply::None,
            trail: None,
            accounts: Vec::new(),
            units: OuTree::default(),
            profile: None,
        };
        let Policy {
            stack_id,
            partition,
            region,
            management_account,
            ..
        } = policy();
        let context = Context {
            stack_id: stack_id.clone(),
            partition,
            region,
            url_suffix: "amazonaws.com".into(),
            management_account,
            external_id_suffix: "ABCDEFGHIJ".into(),
            adoption: None,
            trail_topics: BTreeSet::new(),
            management_boundary: None,
            function_roles: None,
            tags: [(STACK_ID_TAG.to_owned(), stack_id)].into(),
        };
        for control_tower in [true, false] {
            let success = Success {
                deployment: deployment(Policy {
                    control_tower,
                    ..policy()
                }),
                properties: Value::Null,
            };
            let mut last = Last {
                success: Some(&success),
                properties: &Value::Null,
                remarks: Vec::new(),
            };
            let zone = landing_zone(&mut last, &facts, &context).unwrap();
            assert_eq!(zone.is_there(), control_tower);
            assert_eq!(last.remarks.len(), usize::from(control_tower));
        }
    }
}
