//! Reads the existing resources.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use super::{ConvergeError, Goal};
use crate::{
    Error, ErrorKind, Result,
    foundation::{Observed, Progress, Refusal, waiting::passes},
    landing_zone::AccountState,
    model::{Registration, RegistrationKind, Store},
    ports::{FoundationReads, RegistryReads},
    provider::Words,
};

/// Reads everything except the registrations.
pub(super) async fn observe(aws: &impl FoundationReads, goal: &Goal<'_>) -> Result<Observed> {
    let mut observed = Observed::default();
    let sets = goal
        .stack_sets()
        .into_iter()
        .map(|(name, with_instances)| async move {
            let Some(set) = aws.stack_set(&name).await? else {
                return Ok(None);
            };
            let instances = if with_instances {
                aws.instances(&name, None).await?
            } else {
                Vec::new()
            };
            Result::Ok(Some((name, (set, instances))))
        });
    observed.stack_sets = try_join_all(sets).await?.into_iter().flatten().collect();
    for name in goal.resources().map(|names| names.member_stack_set) {
        if let Some(stack) = aws.stack(&name).await? {
            observed.stacks.insert(name, stack);
        }
    }
    let trails: BTreeSet<&String> = goal
        .deployment
        .trail_topics
        .iter()
        .map(|ours| &ours.trail)
        .collect();
    for name in trails {
        if let Some(trail) = aws.trail(name).await? {
            observed.topics.insert(name.clone(), trail.topic);
        }
    }
    let roles = goal.resources().filter_map(|names| names.feed);
    let roles: BTreeMap<_, _> = roles
        .map(|feed| (feed.log_role, feed.log_stack_set))
        .collect();
    for announcement in &goal.deployment.announcements {
        // Without its instance, the role is not there yet, or not any more.
        let role = announcement.role.rsplit('/').next().unwrap_or_default();
        let set = roles
            .get(role)
            .and_then(|name| observed.stack_sets.get(name));
        let is_there = set.is_some_and(|(_, instances)| {
            let mut instances = instances.iter();
            instances.any(|one| one.account == announcement.account)
        });
        if is_there {
            let found = match aws.notifications(announcement).await {
                Ok(found) => Ok(found),
                // It went with everything that it notified.
                Err(error) if error.kind == ErrorKind::NotFound => Ok(Default::default()),
                Err(error) if error.kind == ErrorKind::Superseded || passes(&error) => {
                    return Err(error);
                }
                Err(error) => Err(error.chain()),
            };
            observed.buckets.insert(announcement.clone(), found);
        }
    }
    observed.made.clone_from(&goal.known.made);
    observed.kept.clone_from(&goal.known.kept);
    let mut sets = observed.stack_sets.values();
    // An account's state matters only for the deletion of its stack.
    if goal.removes_stacks() && sets.any(|(_, instances)| !instances.is_empty()) {
        let active = aws
            .accounts()
            .await?
            .into_iter()
            .filter(|account| account.state == AccountState::Active);
        observed.active = active.map(|account| account.id).collect();
    }
    Ok(observed)
}

/// The registrations of all stores, except those in `refusing`; stores that refuse access are added
/// to it.
pub(super) async fn registrations(
    registry: &impl RegistryReads,
    goal: &Goal<'_>,
    refusing: &mut BTreeSet<Option<Store>>,
    progress: &Progress,
) -> std::result::Result<Vec<Registration>, ConvergeError> {
    if goal.is_blind() {
        return Ok(Vec::new());
    }
    progress.begin(&"reading the registrations");
    let config = goal.removes_members().then_some(RegistrationKind::Account);
    let kinds = [Some(RegistrationKind::Feed), config];
    let mut all = Vec::new();
    for store in std::iter::once(None).chain(goal.deployment.stores.iter().map(Some)) {
        for kind in kinds.into_iter().flatten() {
            if refusing.contains(&store.cloned()) {
                continue;
            }
            match registry.registrations(store, kind).await {
                Ok(found) => all.extend(found),
                // An administrator who deletes the stack may have revoked the key or lost the store
                // before; its registrations stay.
                Err(error) if goal.goes_on_without(&error) => {
                    refusing.insert(store.cloned());
                    let name = store.map_or(goal.deployment.policy.tenant.as_str(), Store::as_str);
                    tracing::error!(
                        store = name,
                        error = error.chain(),
                        "registrations left behind"
                    );
                    let what = format!("the registrations in {name}");
                    goal.note_refusal(progress, &what, &error);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    if goal.deployment.organization && !refusing.contains(&None) {
        let kind = RegistrationKind::Feed;
        match registry.organization_registrations(kind).await {
            Ok(found) => all.extend(found),
            Err(error) if goal.goes_on_without(&error) => {
                goal.note_refusal(
                    progress,
                    "the organization's registration of the trail",
                    &error,
                );
            }
            // The key itself was verified before.
            Err(error) if error.kind == ErrorKind::Unauthorized => {
                return Err(no_organization(goal, &error).into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Every store's list includes the organization's registrations.
    let mut seen = BTreeSet::new();
    all.retain(|registration| seen.insert(registration.guid.clone()));
    Ok(all)
}

fn no_organization(goal: &Goal<'_>, error: &Error) -> Refusal {
    let Words { title, stores, .. } = goal.provider.words();
    let parameter = stores.as_ref().map(|stores| stores.units_parameter);
    Refusal::new(format!(
        "{}: the trail's registration belongs to the {title} organization, which this API key cannot \
         use ({}). Take the key of an organization's administrator, or choose CapabilityType Config.",
        parameter.unwrap_or(title),
        error.chain()
    ))
}
