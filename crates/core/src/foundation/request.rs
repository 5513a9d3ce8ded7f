//! Carries out each kind of request.

mod known;
mod look;
mod removal;
mod restoration;
mod takeover;

pub(super) use known::KnownRegistrations;
use takeover::{Asked, Takeover};

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    Context, Facts, Footprint, Own, Progress, Properties,
    access::Access,
    attributes::attributes,
    converge::{Goal, converge},
    former_requests::{Former, deployments, former, inherit, mark_existing},
    lease::await_lease,
    reason::SetupError,
    recovery::{self, Remains},
    refusals::{refuse_changes, refuse_other_tenant, refuse_partition, remark_gap, warn_of_key},
    resolve,
    waiting::{Guard, Waiting},
};
use crate::{
    ErrorKind,
    custom_resource::{Request, RequestType},
    ledger::{Holder, Recorded, Success},
    lifecycle::{Message, MessageScope},
    model::AccountId,
    planted::{Fault, planted},
    policy::Deployment,
    ports::{
        Clock, FanOut, LedgerReads, LedgerWrites, Registry, SetupPorts, StackReads, TokenIssuer,
    },
};

/// After this time, all calls that an overtaken request had sent have taken effect.
///
/// Both clients end a call after at most 65 s.
const CALLS_END: SignedDuration = SignedDuration::from_secs(70);

/// The work of one invocation on a request.
pub(super) struct Work<'a, A, S, C> {
    aws: Waiting<'a, A, A, C>,
    registry: Waiting<'a, S, A, C>,
    guard: Guard<'a, A, C>,
    own: &'a Own,
    holder: &'a Holder,
    request: &'a Request,
}

impl<'a, A, S, C> Work<'a, A, S, C>
where
    A: SetupPorts,
    S: Registry + TokenIssuer,
    C: Clock,
{
    pub(super) fn new(
        aws: &'a A,
        registry: &'a S,
        own: &'a Own,
        guard: &Guard<'a, A, C>,
        holder: &'a Holder,
        request: &'a Request,
    ) -> Self {
        Self {
            aws: guard.over(aws),
            registry: guard.over(registry),
            guard: guard.clone(),
            own,
            holder,
            request,
        }
    }

    fn progress(&self) -> &Progress {
        self.guard.progress
    }

    /// Carries out the request as far as possible in this invocation, which ends at `ends` and
    /// continues `from` an earlier one.
    pub(super) async fn carry_out(
        &self,
        from: Option<&Holder>,
        ends: Timestamp,
        fresh_suffix: &str,
    ) -> Result<(), SetupError> {
        let request_type = self.request.request_type;
        if request_type != RequestType::Create {
            self.progress().begin_making();
        }
        // A rollback must not be refused even while waiting for the lease.
        if request_type == RequestType::Update
            && let Ok(recorded) = self.aws.recorded().await
        {
            self.restored(&recorded).await;
        }
        self.progress()
            .begin(&"waiting for a pass of the account function to end");
        let taken = await_lease(&self.guard, self.holder, from, ends).await?;
        let unsettled_until = taken.superseded.then(|| self.guard.clock.now() + CALLS_END);
        self.progress().begin(&"reading the ledger");
        if request_type == RequestType::Delete {
            self.delete(unsettled_until).await?;
            // CloudFormation deletes the table next.
            return Ok(self.aws.protect(false).await?);
        }
        self.create_or_update(unsettled_until, fresh_suffix).await?;
        self.protect_ledger().await?;
        // Released before the fan-out: otherwise its messages would be parked until the schedule
        // fires.
        self.guard.release().await;
        self.start_enrollment().await
    }

    async fn create_or_update(
        &self,
        unsettled_until: Option<Timestamp>,
        fresh_suffix: &str,
    ) -> Result<(), SetupError> {
        let recorded = self.aws.recorded().await;
        // An earlier invocation may have created resources, unless the ledger says otherwise.
        if recorded
            .as_ref()
            .map_or(true, |recorded| deployments(recorded).next().is_some())
        {
            self.progress().begin_making();
        }
        let recorded = recorded?;
        self.remark_losses(&recorded);
        match self.restored(&recorded).await {
            Some(success) => self.restore(success, &recorded, unsettled_until).await,
            None => {
                let properties = own_properties(&self.request.properties);
                self.change(properties, &recorded, unsettled_until, fresh_suffix)
                    .await
            }
        }
    }

    /// The former success that the request restores. Its attributes are returned whatever becomes of
    /// the request: without one of them, CloudFormation would fail a rollback that went well.
    async fn restored<'r>(&self, recorded: &'r Recorded) -> Option<&'r Success> {
        let properties = own_properties(&self.request.properties);
        let success = match former(recorded, &properties, self.guard.clock.now()) {
            Some(Former::Restored(success)) => Some(success),
            Some(Former::PerhapsRestored(success)) if self.is_rolled_back().await => Some(success),
            _ => None,
        };
        let success = success.filter(|_| !planted(Fault::RollbackIsChecked));
        self.progress().restores(success.is_some());
        if let Some(success) = success {
            let attributes = attributes(self.own.provider, &success.deployment);
            self.progress().return_attributes(attributes);
        }
        success
    }

    /// Whether CloudFormation rolls the stack back. If that cannot be read, it counts as no: nothing
    /// is taken away, and nothing is left unchecked.
    async fn is_rolled_back(&self) -> bool {
        let stack = self.aws.stack(&self.own.stack_id).await;
        matches!(stack, Ok(Some(stack)) if stack.rolls_back)
    }

    /// Reaches the state that the parameters describe, after checking them.
    async fn change(
        &self,
        raw: Value,
        recorded: &Recorded,
        unsettled_until: Option<Timestamp>,
        fresh_suffix: &str,
    ) -> Result<(), SetupError> {
        let progress = self.progress();
        let provider = self.own.provider;
        if let Some(refusal) = &self.own.wrong_setting {
            return Err(refusal.clone().into());
        }
        refuse_partition(provider, &self.own.partition)?;
        let properties = Properties::parse(provider, &raw)?;
        self.own.require_trust(&properties)?;
        let success = recorded.success.as_ref();
        let previous = deployments(recorded).next();
        if let Some(previous) = previous {
            refuse_changes(provider, &properties, previous)?;
        }
        self.require_stack_set_roles(&raw, success).await?;
        progress.begin(&"getting an access token");
        let access = self.checked_access(&raw, success).await?;
        progress.begin(&"reading the landing zone");
        let facts = self.facts(&properties, &access).await?;
        // An Update without a record means that the ledger was emptied.
        let remains = match (previous, self.request.request_type) {
            (None, RequestType::Update) if !planted(Fault::RecordlessIsLaunch) => {
                Some(recovery::remains(&self.aws, self.own, &properties).await?)
            }
            _ => None,
        };
        if properties.adopt {
            self.require_no_other_stack().await?;
        }
        let asked = Asked {
            properties: &properties,
            raw: &raw,
            facts: &facts,
            success,
        };
        let (context, spared) = self
            .context(&asked, previous, remains.as_ref(), fresh_suffix)
            .await?;
        let resolved = resolve(provider, &properties, &raw, &facts, &context, success)?;
        for remark in resolved.remarks {
            progress.remark(remark);
        }
        let mut deployment = resolved.deployment;
        deployment.spared = spared;
        for previous in deployments(recorded) {
            refuse_other_tenant(provider, &deployment, previous)?;
            inherit(&mut deployment, previous, facts.profile.as_ref());
        }
        if let Some(remains) = &remains {
            let now = self.guard.clock.now();
            remains.hand_on(&mut deployment, facts.profile.as_ref(), now);
        }
        remark_gap(provider, &deployment, progress);
        let mut footprint =
            provider.footprint(deployment, &self.own.templates, &self.own.stack_set_roles);
        self.require_no_other_role(&footprint).await?;
        let deployment = &footprint.deployment;
        // Recorded before any resource is created, so that a Delete always finds everything.
        self.aws.store_attempt(self.holder, deployment).await?;
        if planted(Fault::AttemptIsInForce) {
            self.aws.store_deployment(self.holder, deployment).await?;
        }
        warn_of_key(provider, deployment);
        progress.return_attributes(attributes(provider, deployment));
        let wanted = Some(&footprint);
        let guid = self
            .converge(
                &self.registry,
                wanted,
                deployment,
                recorded,
                &access,
                unsettled_until,
            )
            .await?;
        if let Some(guid) = guid {
            let now = self.guard.clock.now();
            footprint.deployment = footprint.deployment.with_trail_guid(&guid, now);
        }
        let existing = self.existing(&facts, remains.as_ref());
        self.conclude(footprint, raw, success, &existing, access.is_refused())
            .await
    }

    /// Brings the existing resources of a deployment to the desired state; `None` deletes them.
    async fn converge(
        &self,
        registry: &impl Registry,
        wanted: Option<&Footprint>,
        deployment: &Deployment,
        recorded: &Recorded,
        access: &Access,
        unsettled_until: Option<Timestamp>,
    ) -> Result<Option<String>, SetupError> {
        let records = self.records().await?;
        let now = self.guard.clock.now();
        let known = KnownRegistrations::new(self.own.provider, wanted, recorded, &records, now);
        let goal = Goal {
            provider: self.own.provider,
            wanted,
            deployment,
            known: &known,
            access,
            holder: self.holder,
            request: &self.request.request_id,
            lenient: self.progress().is_restoring(),
            has_succeeded: recorded.success.is_some(),
            unsettled_until: unsettled_until.max(known.unlisted_until),
        };
        let clock = self.guard.clock;
        Ok(converge(&self.aws, registry, clock, &goal, self.progress()).await?)
    }

    /// Records the success. Everything that the request retired is gone by now, unless it could not
    /// be read.
    async fn conclude(
        &self,
        footprint: Footprint,
        properties: Value,
        previous: Option<&Success>,
        existing: &BTreeSet<AccountId>,
        is_blind: bool,
    ) -> Result<(), SetupError> {
        let mut deployment = footprint.deployment.clone();
        let monitor_existing = deployment.policy.monitor_existing;
        if !(monitor_existing && self.request.request_type == RequestType::Create) {
            let records = self.aws.records().await?.by_account;
            let changed = mark_existing(&records, monitor_existing, existing);
            if !changed.is_empty() {
                self.aws.store_records(&changed).await?;
            }
        }
        if !is_blind {
            settle(&mut deployment, &footprint);
        }
        deployment.succeeded_at = Some(self.guard.clock.now());
        let success = Success {
            deployment,
            properties,
        };
        Ok(self
            .aws
            .store_success(self.holder, &success, previous)
            .await?)
    }

    /// Protects the ledger, whose contents cannot be recreated. A failure does not fail the
    /// request.
    async fn protect_ledger(&self) -> Result<(), SetupError> {
        self.progress().begin(&"protecting the ledger");
        match self.aws.protect(true).await {
            Err(error) if error.kind == ErrorKind::Superseded => Err(error.into()),
            Err(error) => {
                let why = error.chain();
                self.progress().remark(format!(
                    "The ledger is not protected against deletion: {why}"
                ));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn start_enrollment(&self) -> Result<(), SetupError> {
        self.progress()
            .begin(&"starting the enrollment of all accounts");
        let all = Message::new(MessageScope::All, 0);
        Ok(self.aws.publish(&all).await?)
    }

    /// The accounts that count as existing at launch with `MonitorExistingAccounts=No`. If the
    /// ledger was emptied, that is every account without a stack.
    fn existing(&self, facts: &Facts, remains: Option<&Remains>) -> BTreeSet<AccountId> {
        let all = facts.accounts.iter().map(|account| account.id);
        match remains {
            Some(remains) => all.filter(|id| !remains.enrolled.contains(id)).collect(),
            None if self.request.request_type == RequestType::Create => all.collect(),
            None => BTreeSet::new(),
        }
    }

    fn remark_losses(&self, recorded: &Recorded) {
        for id in &recorded.unreadable {
            self.progress().remark(format!(
                "The ledger's item deployment/{id} cannot be read and counts as lost."
            ));
        }
    }

    /// The context in which names are resolved, and the StackSets that are still foreign.
    async fn context(
        &self,
        asked: &Asked<'_>,
        previous: Option<&Deployment>,
        remains: Option<&Remains>,
        fresh_suffix: &str,
    ) -> Result<(Context, BTreeSet<String>), SetupError> {
        let known = previous
            .map(|previous| &previous.policy.external_id_suffix)
            .or_else(|| remains.and_then(Remains::suffix));
        let external_id_suffix = match known {
            Some(suffix) => suffix.clone(),
            None => self.aws.external_id_suffix(fresh_suffix).await?,
        };
        let own = self.own;
        let mut context = Context {
            stack_id: own.stack_id.clone(),
            partition: own.partition.clone(),
            region: own.region.clone(),
            url_suffix: own.url_suffix.clone(),
            management_account: own.management_account,
            management_boundary: own.management_boundary.clone(),
            function_roles: own.function_roles.clone(),
            external_id_suffix,
            adoption: None,
            trail_topics: previous
                .map(|previous| previous.trail_topics.clone())
                .unwrap_or_default(),
            tags: self.own_tags().await?,
        };
        let Takeover { adoption, spared } = match (previous, remains) {
            (None, Some(remains)) => Takeover {
                adoption: (!remains.is_empty()).then(|| remains.adoption(asked.properties)),
                ..Takeover::default()
            },
            (previous, _) => self.takeover(asked, &context, previous).await?,
        };
        context.adoption = adoption;
        Ok((context, spared))
    }

    /// The main stack's tags, which are copied to what setup creates, except AWS's own.
    async fn own_tags(&self) -> Result<BTreeMap<String, String>, SetupError> {
        let stack = self.aws.stack(&self.own.stack_id).await?;
        let tags = stack.map(|stack| stack.tags).unwrap_or_default();
        let given = tags.into_iter().filter(|(key, _)| !key.starts_with("aws:"));
        Ok(given.collect())
    }
}

/// Clears the retired names, and counts what was taken over as ours.
fn settle(deployment: &mut Deployment, footprint: &Footprint) {
    deployment.retired.clear();
    for name in footprint.stack_sets() {
        deployment.spared.remove(name);
    }
    let trail = footprint.trail.as_ref();
    let topic = trail.and_then(|trail| trail.topic.clone());
    deployment.trail_topics = topic.into_iter().collect();
    let announcement = trail.and_then(|trail| trail.announcement.clone());
    deployment.announcements = announcement.into_iter().collect();
}

/// The properties without those that CloudFormation adds.
fn own_properties(properties: &Value) -> Value {
    let mut own = properties.clone();
    if let Some(map) = own.as_object_mut() {
        map.remove("ServiceToken");
        map.remove("ServiceTimeout");
    }
    own
}
