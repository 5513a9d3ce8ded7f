//! Handles existing resources: which ones a request takes over, which it leaves alone, and which
//! conflict with it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{SetupError, Work};
use crate::{
    ErrorKind,
    foundation::{Context, Facts, Properties, Refusal, resolve},
    ledger::Success,
    model::{AccountId, RegistrationKind},
    policy::{Adoption, Deployment},
    ports::{
        Clock, ForeignResources, Registry, RegistryReads, SetupPorts, StackSetReads, TokenIssuer,
    },
    provider::{FeedFootprint, Footprint, Found, OwnIntegration, Traces},
    stack_sets::{STACK_ID_TAG, StackSet, is_owned_by, may_be_taken_over},
};

/// How many accounts one remark names.
const NAMED: usize = 20;

/// The request's input.
pub(super) struct Asked<'a> {
    pub(super) properties: &'a Properties,
    pub(super) raw: &'a Value,
    pub(super) facts: &'a Facts,
    pub(super) success: Option<&'a Success>,
}

/// How to handle the existing resources.
#[derive(Default)]
pub(super) struct Takeover {
    /// The properties that must be kept.
    pub(super) adoption: Option<Adoption>,
    /// The StackSets that stay if this request fails.
    pub(super) spared: BTreeSet<String>,
}

impl<A, S, C> Work<'_, A, S, C>
where
    A: SetupPorts,
    S: Registry + TokenIssuer,
    C: Clock,
{
    /// Checks the existing resources before a deployment, or another part of it, is created.
    /// Changes nothing.
    pub(super) async fn takeover(
        &self,
        asked: &Asked<'_>,
        context: &Context,
        previous: Option<&Deployment>,
    ) -> Result<Takeover, SetupError> {
        self.progress()
            .begin(&"looking for a deployment to take over");
        let Some(previous) = previous else {
            return self.before_launch(asked, context).await;
        };
        let before = previous.policy.adoption.clone();
        let unchanged = Takeover {
            adoption: before.clone(),
            ..Takeover::default()
        };
        if !asked.properties.adopt && previous.spared.is_empty() {
            return Ok(unchanged);
        }
        let mut fresh = self.specified(asked, context, before.clone())?;
        let policy = &previous.policy;
        if previous.trail.is_some() {
            fresh.trail = None;
        }
        if policy.capability.config() {
            fresh.member = None;
        }
        let is_new = fresh.trail.is_some() || fresh.member.is_some();
        if !is_new || fresh.deployment.policy.names != policy.names {
            return Ok(unchanged);
        }
        let theirs = fresh.stack_sets().cloned().collect();
        let Some(integration) = self.own.provider.own_integration() else {
            return Ok(unchanged);
        };
        let taken = self.take(integration, asked, &fresh, theirs);
        let Takeover { adoption, spared } = taken.await?;
        let adoption = match adoption {
            Some(part) => Some(joined(part, previous)?),
            None => before,
        };
        Ok(Takeover { adoption, spared })
    }

    async fn before_launch(
        &self,
        asked: &Asked<'_>,
        context: &Context,
    ) -> Result<Takeover, SetupError> {
        let fresh = self.specified(asked, context, None)?;
        if self.own.provider.retains() {
            return self.left_behind(&fresh).await;
        }
        let policy = &fresh.deployment.policy;
        let Some(integration) = self.own.provider.own_integration() else {
            return Ok(Takeover::default());
        };
        let all = self.aws.stack_sets_named("").await?;
        if !asked.properties.adopt {
            if let Some(remark) = integration.beside(&all, policy)? {
                self.progress().remark(remark);
            }
            return Ok(Takeover::default());
        }
        let theirs = integration.to_take_over(&all, policy)?;
        let named = Adoption {
            resource: Some(theirs.resource),
            ..Adoption::default()
        };
        let fresh = self.specified(asked, context, Some(named))?;
        self.take(integration, asked, &fresh, theirs.stack_sets)
            .await
    }

    /// What a former stack of this name left in place, since it was to.
    async fn left_behind(&self, fresh: &Footprint) -> Result<Takeover, SetupError> {
        let Some(member) = &fresh.member else {
            return Ok(Takeover::default());
        };
        let set = self.aws.stack_set(&member.name).await?;
        let is_left = |set: &StackSet| {
            set.tags.contains_key(STACK_ID_TAG)
                && !is_owned_by(&set.tags, &member.stack_id)
                && may_be_taken_over(&set.tags, &member.stack_id)
        };
        let Some(set) = set.filter(is_left) else {
            return Ok(Takeover::default());
        };
        let Traces {
            resource, suffix, ..
        } = self.own.provider.traces(&set);
        let adoption = Adoption {
            resource,
            member_suffix: suffix,
            ..Adoption::default()
        };
        Ok(Takeover {
            adoption: Some(adoption),
            spared: [set.name].into(),
        })
    }

    /// The footprint for the parameters, with these properties kept.
    fn specified(
        &self,
        asked: &Asked<'_>,
        context: &Context,
        adoption: Option<Adoption>,
    ) -> Result<Footprint, Refusal> {
        let Asked {
            properties,
            raw,
            facts,
            success,
        } = asked;
        let context = Context {
            adoption,
            ..context.clone()
        };
        let provider = self.own.provider;
        let resolved = resolve(provider, properties, raw, facts, &context, *success)?;
        Ok(provider.footprint(
            resolved.deployment,
            &self.own.templates,
            &self.own.stack_set_roles,
        ))
    }

    async fn take(
        &self,
        integration: &dyn OwnIntegration,
        asked: &Asked<'_>,
        fresh: &Footprint,
        theirs: BTreeSet<String>,
    ) -> Result<Takeover, SetupError> {
        let found = self.find(fresh, asked.facts).await?;
        let adopted = integration.adopt(fresh, &found, &asked.facts.accounts)?;
        let Some(adopted) = adopted else {
            return Ok(Takeover::default());
        };
        if !adopted.unwatched.is_empty() {
            self.progress().remark(unwatched(&adopted.unwatched));
        }
        Ok(Takeover {
            adoption: Some(adopted.adoption),
            spared: theirs,
        })
    }

    /// Reads the existing resources under the names of `footprint`.
    async fn find(&self, footprint: &Footprint, facts: &Facts) -> Result<Found, SetupError> {
        let trail = footprint.trail.iter();
        let one = trail.flat_map(FeedFootprint::stack_sets);
        let one = one.map(|(set, _)| (set, true));
        // A member StackSet may have thousands of instances, whose external ids all have the same
        // suffix.
        let all = one.chain(footprint.member.iter().map(|member| (member, false)));
        let mut found = Found::default();
        for (spec, with_instances) in all {
            let name = &spec.name;
            let Some(set) = self.aws.stack_set(name).await? else {
                continue;
            };
            let instances = if with_instances {
                self.aws.instances(name, None).await?
            } else {
                Vec::new()
            };
            found.stack_sets.insert(name.clone(), (set, instances));
        }
        let profile = facts.profile.iter();
        let stores = profile.flat_map(|profile| profile.stores.iter().map(Some));
        for store in std::iter::once(None).chain(stores) {
            for kind in [RegistrationKind::Feed, RegistrationKind::Account] {
                let listed = self.registry.registrations(store, kind).await?;
                found.registrations.extend(listed);
            }
        }
        Ok(found)
    }

    /// While the stack of the vendor's own integration exists, its function reacts to events, and
    /// its deletion would uninstall the deployment.
    pub(super) async fn require_no_other_stack(&self) -> Result<(), SetupError> {
        let own = self.own;
        let Some(integration) = own.provider.own_integration() else {
            return Ok(());
        };
        let title = own.provider.words().title;
        let (rule, name) = (integration.rule(), integration.secret());
        self.progress().begin(&format!(
            "looking for the stack of {title}'s own integration"
        ));
        if self.aws.rule_exists(rule).await? {
            return Err(still_there(title, "rule", rule).into());
        }
        let secret = format!(
            "arn:{}:secretsmanager:{}:{}:secret:{name}",
            own.partition, own.region, own.management_account
        );
        match self.aws.secret_exists(&secret).await {
            Ok(false) => Ok(()),
            Ok(true) => Err(still_there(title, "secret", name).into()),
            // Secrets Manager may answer this for a secret that does not exist.
            Err(error) if error.kind == ErrorKind::Denied => {
                tracing::warn!(
                    error = error.chain(),
                    "cannot describe the old stack's secret"
                );
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn still_there(title: &str, what: &str, name: &str) -> Refusal {
    Refusal::new(format!(
        "AdoptExistingDeployment: the {what} {name} is there, so the stack of {title}'s own integration is, \
         too, and its deletion would uninstall what is taken over. Remove it first, as docs/adoption.md says."
    ))
}

fn unwatched(accounts: &BTreeSet<AccountId>) -> String {
    let named: Vec<&str> = accounts.iter().take(NAMED).map(AccountId::as_str).collect();
    let more = match accounts.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "Accounts that the deployment watches but the parameters leave out are no longer watched: {}{more}.",
        named.join(", ")
    )
}

/// The kept properties of both parts, if one is taken over later than the other.
fn joined(part: Adoption, previous: &Deployment) -> Result<Adoption, Refusal> {
    let policy = &previous.policy;
    if part
        .tenant
        .as_ref()
        .is_some_and(|name| *name != policy.tenant)
    {
        return Err(Refusal::new(format!(
            "AdoptExistingDeployment: what is there has external ids of {} and this deployment's are of \
             {}. Uninstall it first.",
            part.tenant.unwrap_or_default(),
            policy.tenant
        )));
    }
    let before = policy.adoption.clone().unwrap_or_default();
    let is_members = part.member_suffix.is_some();
    // The members' suffix applies to the trail, too, unless that has its own.
    let own = previous.trail.as_ref().filter(|_| is_members);
    let own = own.map(|_| policy.external_id_suffix.clone());
    Ok(Adoption {
        tenant: before.tenant.or(part.tenant),
        resource: before.resource.or(part.resource),
        member_suffix: part.member_suffix.or(before.member_suffix),
        trail_suffix: part.trail_suffix.or(before.trail_suffix).or(own),
        policy_names: if is_members {
            part.policy_names
        } else {
            before.policy_names
        },
    })
}
