//! The ports in memory: an organization, its StackSets, a ledger and a SaaS, without a clock.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::executor::block_on;
use jiff::Timestamp;
use towerhook_core::{
    Error, ErrorKind, Result,
    enrollment::{
        Capability, Deployment, Destination, Inventory, Plan, Policy, Record, Registration, Report,
        execute,
    },
    foundation::StackSetSpec,
    landing_zone::*,
    lifecycle::{Message, Parked},
    model::{AccountId, Names, OuId, SecretText, SubAccount, account_of_role},
    ports::*,
};

/// All of the world's state.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) baselines: Baselines,
    pub(crate) instances: BTreeMap<AccountId, StackInstance>,
    pub(crate) integrations: Vec<Integration>,
    pub(crate) records: BTreeMap<AccountId, Record>,
    /// What was recorded of the deployment last.
    pub(crate) deployment: Option<Deployment>,
    pub(crate) operations: BTreeSet<String>,
    /// Who holds the lease, and until when.
    pub(crate) lease: Option<(String, Timestamp)>,
    /// What was left for whoever takes it next.
    pub(crate) parked: BTreeSet<Parked>,
    /// When somebody said last that a call for that was sent.
    pub(crate) called_at: Option<Timestamp>,
    /// Who alone may take it, and until when.
    pub(crate) reservation: Option<(String, Timestamp)>,
    /// Operations that answer with an error.
    pub(crate) broken: BTreeSet<&'static str>,
    /// Operations that are refused since another one is under way.
    pub(crate) conflicting: BTreeSet<&'static str>,
    /// Operations that answer that it is enough for a quarter of an hour.
    pub(crate) throttled: BTreeSet<&'static str>,
    /// Whether the SaaS takes an account in more than one store.
    pub(crate) takes_twice: bool,
    /// The stores in which the SaaS cannot use any role.
    pub(crate) unusable: BTreeSet<Option<SubAccount>>,
    /// How often each operation was asked for.
    pub(crate) asked: BTreeMap<&'static str, usize>,
    /// How many integrations were ever made.
    pub(crate) made: usize,
    /// The access token as it is kept.
    pub(crate) token: Option<Token>,
    /// The token that auth makes when it is asked to.
    pub(crate) next_token: Option<Token>,
    /// Every message, and by how much it was delayed.
    pub(crate) sent: Vec<(Message, Duration)>,
    /// Every write, in words.
    pub(crate) writes: Vec<String>,
}

impl State {
    /// How the lease stands for `owner`. It never rests, since no time passes here.
    fn standing(&self, owner: &str, now: Timestamp) -> Standing {
        let others = |held: &Option<(String, Timestamp)>| {
            held.as_ref()
                .is_some_and(|(holder, end)| holder != owner && *end > now)
        };
        match &self.reservation {
            _ if others(&self.lease) => Standing::Held,
            Some((_, until)) if others(&self.reservation) => Standing::Resting(*until),
            _ => Standing::Resting(now),
        }
    }
}

/// The ports.
#[derive(Debug, Default)]
pub(crate) struct Memory(pub(crate) RefCell<State>);

impl Memory {
    fn read<T>(&self, operation: &'static str, f: impl FnOnce(&mut State) -> T) -> Result<T> {
        let mut state = self.0.borrow_mut();
        *state.asked.entry(operation).or_default() += 1;
        if state.throttled.contains(operation) {
            let kind = ErrorKind::Throttled {
                retry_after: Some(Duration::from_secs(900)),
            };
            return Err(Error::new(operation, kind, "enough"));
        }
        if state.conflicting.contains(operation) {
            return Err(Error::new(
                operation,
                ErrorKind::Conflict,
                "OperationInProgress",
            ));
        }
        if state.broken.contains(operation) {
            return Err(Error::new(
                operation,
                ErrorKind::Unavailable,
                "broken on purpose",
            ));
        }
        Ok(f(&mut state))
    }

    /// Carries out a plan, and tells the ledger what came of it.
    pub(crate) fn carry_out(
        &self,
        deployment: &Deployment,
        inventory: &Inventory,
        plan: Plan,
        now: Timestamp,
    ) -> Report {
        let left = || Duration::from_secs(180);
        let done = execute(self, self, deployment, inventory, plan, now, left);
        let report = block_on(done).unwrap();
        block_on(self.store_records(&report.records)).unwrap();
        report
    }

    /// Ends every StackSet operation with success.
    pub(crate) fn settle(&self) {
        for instance in self.0.borrow_mut().instances.values_mut() {
            instance.state = InstanceState::Current;
        }
    }
}

impl Accounts for Memory {
    async fn account(&self, id: &AccountId) -> Result<Option<Account>> {
        self.read("organizations:DescribeAccount", |state| {
            state.accounts.get(id).cloned()
        })
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        self.read("organizations:ListAccounts", |state| {
            state.accounts.values().cloned().collect()
        })
    }

    async fn organizational_units(&self) -> Result<OuTree> {
        Ok(OuTree::default())
    }
}

impl LandingZones for Memory {
    async fn landing_zone(&self) -> Result<LandingZoneReply> {
        Ok(LandingZoneReply::Here(LandingZone::default()))
    }

    async fn baselines(&self, _: Option<&[AccountId]>) -> Result<Baselines> {
        self.read("controltower:ListEnabledBaselines", |state| {
            state.baselines.clone()
        })
    }

    async fn trail(&self, _: &str) -> Result<Option<Trail>> {
        Ok(None)
    }
}

impl StackSets for Memory {
    async fn stack_set(&self, _: &str) -> Result<Option<StackSet>> {
        Ok(None)
    }

    async fn create_stack_set(&self, _: &StackSetSpec) -> Result<()> {
        Ok(())
    }

    async fn update_stack_set(&self, _: &StackSetSpec, _: &str) -> Result<Start> {
        Ok(Start::Started)
    }

    async fn delete_stack_set(&self, _: &str) -> Result<()> {
        Ok(())
    }

    async fn instances(&self, _: &str, asked: Option<&[AccountId]>) -> Result<Vec<StackInstance>> {
        self.read("cloudformation:ListStackInstances", |state| {
            let asked_for = |id: &AccountId| asked.is_none_or(|asked| asked.contains(id));
            state
                .instances
                .values()
                .filter(|i| asked_for(&i.account))
                .cloned()
                .collect()
        })
    }

    async fn create_instances(
        &self,
        _: &str,
        accounts: &[AccountId],
        token: Option<&SecretText>,
        id: &str,
    ) -> Result<Start> {
        self.read("cloudformation:CreateStackInstances", |state| {
            if !state.operations.insert(id.to_owned()) {
                return Start::Exists;
            }
            for account in accounts {
                let instance = StackInstance {
                    account: *account,
                    state: InstanceState::InProgress,
                    reason: None,
                };
                state.instances.insert(*account, instance);
                let with = token.map_or("", |_| " with a token");
                state
                    .writes
                    .push(format!("create stack in {account}{with}"));
            }
            Start::Started
        })
    }

    async fn renew_token(
        &self,
        _: &str,
        accounts: &[AccountId],
        _: &SecretText,
        id: &str,
    ) -> Result<Start> {
        self.read("cloudformation:UpdateStackInstances", |state| {
            if !state.operations.insert(id.to_owned()) {
                return Start::Exists;
            }
            for account in accounts {
                state.writes.push(format!("renew the token in {account}"));
            }
            Start::Started
        })
    }

    async fn delete_instances(
        &self,
        _: &str,
        accounts: &[AccountId],
        retain: bool,
        id: &str,
    ) -> Result<Start> {
        self.read("cloudformation:DeleteStackInstances", |state| {
            if !state.operations.insert(id.to_owned()) {
                return Start::Exists;
            }
            for account in accounts {
                state.instances.remove(account);
                let verb = if retain { "forget" } else { "delete" };
                state.writes.push(format!("{verb} stack in {account}"));
            }
            Start::Started
        })
    }

    async fn operation(&self, _: &str, _: &str) -> Result<OperationState> {
        Ok(OperationState::Succeeded)
    }

    async fn failures(&self, _: &str, _: &str) -> Result<Vec<InstanceFailure>> {
        Ok(Vec::new())
    }
}

impl Ledger for Memory {
    async fn take_lease(&self, owner: &str, now: Timestamp, until: Timestamp) -> Result<Lease> {
        let mut state = self.0.borrow_mut();
        let standing = state.standing(owner, now);
        if standing != Standing::Resting(now) {
            return Ok(Lease::Refused(standing));
        }
        state.lease = Some((owner.to_owned(), until));
        state.called_at = None;
        Ok(Lease::Taken {
            deployment: state.deployment.clone().map(Box::new),
            parked: state.parked.iter().cloned().collect(),
        })
    }

    async fn reserve_lease(&self, owner: &str, until: Timestamp) -> Result<()> {
        self.0.borrow_mut().reservation = Some((owner.to_owned(), until));
        Ok(())
    }

    async fn release_lease(&self, owner: &str) -> Result<()> {
        let lease = &mut self.0.borrow_mut().lease;
        lease.take_if(|(holder, _)| holder == owner);
        Ok(())
    }

    async fn park(&self, parked: &[Parked], _: &[Parked], now: Timestamp) -> Result<Parking> {
        let mut state = self.0.borrow_mut();
        state.parked.extend(parked.iter().cloned());
        let called_at = state.called_at;
        state.called_at.get_or_insert(now);
        let lease = state.standing("", now);
        Ok(Parking::Kept { lease, called_at })
    }

    async fn close_pass(
        &self,
        owner: &str,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        _: Timestamp,
    ) -> Result<bool> {
        self.0
            .borrow_mut()
            .parked
            .retain(|parked| !done.contains(parked));
        self.store_records(records).await?;
        self.release_lease(owner).await?;
        Ok(self.0.borrow().called_at.is_some())
    }

    async fn deployment(&self) -> Result<Option<Deployment>> {
        Ok(None)
    }

    async fn store_deployment(&self, deployment: &Deployment) -> Result<()> {
        self.read("dynamodb:UpdateItem", |state| {
            state.deployment = Some(deployment.clone());
        })
    }

    async fn external_id_suffix(&self, fresh: &str) -> Result<String> {
        Ok(fresh.to_owned())
    }

    async fn records(&self) -> Result<BTreeMap<AccountId, Record>> {
        self.read("dynamodb:Query", |state| state.records.clone())
    }

    async fn store_records(&self, records: &[(AccountId, Option<Record>)]) -> Result<()> {
        self.read("dynamodb:TransactWriteItems", |state| {
            for (id, record) in records.iter().cloned() {
                match record {
                    Some(record) => state.records.insert(id, record),
                    None => state.records.remove(&id),
                };
            }
        })
    }
}

impl Tokens for Memory {
    async fn token(&self) -> Result<Option<Token>> {
        self.read("secretsmanager:GetSecretValue", |state| state.token.clone())
    }

    async fn store_token(&self, _: &Token) -> Result<()> {
        unreachable!("auth stores tokens")
    }
}

impl Functions for Memory {
    async fn refresh_token(&self) -> Result<()> {
        self.read("lambda:Invoke", |state| {
            state.token = state.next_token.clone();
        })
    }

    async fn continue_with(&self, _: &SecretText) -> Result<()> {
        unreachable!("a pass is not continued")
    }
}

impl Messages for Memory {
    async fn send(&self, messages: &[Message], delay: Duration) -> Result<()> {
        let sent = messages.iter().map(|message| (message.clone(), delay));
        self.0.borrow_mut().sent.extend(sent);
        Ok(())
    }
}

impl Saas for Memory {
    async fn profile(&self) -> Result<Profile> {
        Ok(Profile {
            tenant: "acme".into(),
            sub_accounts: Vec::new(),
        })
    }

    async fn integrations(
        &self,
        sub_account: Option<&SubAccount>,
        kind: IntegrationKind,
    ) -> Result<Vec<Integration>> {
        self.read("lacework:ListCloudAccounts", |state| {
            let here = |i: &&Integration| i.sub_account.as_ref() == sub_account && i.kind == kind;
            state.integrations.iter().filter(here).cloned().collect()
        })
    }

    async fn create(
        &self,
        sub_account: Option<&SubAccount>,
        spec: &IntegrationSpec,
    ) -> Result<Created> {
        self.read("lacework:CreateCloudAccount", |state| {
            let mut all = state.integrations.iter();
            if !state.takes_twice && all.any(|i| account_of_role(&i.role_arn) == Some(spec.account))
            {
                return Created::AlreadyUsed;
            }
            if state.unusable.contains(&sub_account.cloned()) {
                return Created::NotUsable("no such luck".into());
            }
            state
                .writes
                .push(format!("create integration of {}", spec.account));
            state.made += 1;
            let guid = format!("GUID_{}", state.made);
            state
                .integrations
                .push(integration(guid.clone(), sub_account.cloned(), spec));
            Created::Done(Some(guid))
        })
    }

    async fn update(
        &self,
        existing: &Integration,
        spec: &IntegrationSpec,
        enabled: bool,
    ) -> Result<Created> {
        self.read("lacework:UpdateCloudAccount", |state| {
            state
                .writes
                .push(format!("update integration of {}", spec.account));
            let fresh = integration(existing.guid.clone(), existing.sub_account.clone(), spec);
            for known in state
                .integrations
                .iter_mut()
                .filter(|i| i.guid == existing.guid)
            {
                *known = Integration {
                    enabled,
                    ..fresh.clone()
                };
            }
            Created::Done(None)
        })
    }

    async fn delete(&self, existing: &Integration) -> Result<()> {
        self.read("lacework:DeleteCloudAccount", |state| {
            state
                .writes
                .push(format!("delete integration {}", existing.name));
            state.integrations.retain(|i| i.guid != existing.guid);
        })
    }
}

/// An integration as the SaaS shows it.
pub(crate) fn integration(
    guid: String,
    sub_account: Option<SubAccount>,
    spec: &IntegrationSpec,
) -> Integration {
    Integration {
        guid,
        sub_account,
        organization: spec.is_of_organization(),
        name: spec.name.clone(),
        kind: spec.kind,
        enabled: true,
        role_arn: spec.role_arn.clone(),
        external_id: spec.external_id.as_str().to_owned(),
        queue_url: spec.queue_url.clone(),
        account_mapping: spec.account_mapping.clone(),
        health: Health::Good,
    }
}

/// The `n`th account's id.
pub(crate) fn id(n: usize) -> AccountId {
    format!("{:012}", 100 + n).parse().unwrap()
}

/// The two units that the tests use.
pub(crate) fn ou(n: usize) -> OuId {
    format!("ou-ab12-0000000{n}").parse().unwrap()
}

/// An active account in a unit.
pub(crate) fn account(n: usize, unit: usize) -> Account {
    Account {
        id: id(n),
        name: format!("account {n}"),
        state: AccountState::Active,
        path: vec!["r-ab12".parse().unwrap(), ou(unit)],
    }
}

/// A deployment to the tenant's own store, with the management account left out.
pub(crate) fn deployment() -> Deployment {
    let policy = Policy {
        stack_id: "arn:aws:cloudformation:us-east-1:000000000099:stack/towerhook/1".into(),
        partition: "aws".into(),
        region: "us-east-1".into(),
        management_account: "000000000099".parse().unwrap(),
        tenant: "acme".into(),
        names: Names {
            resource: "acme".into(),
            prefix: "Lacework-Control-Tower-".parse().unwrap(),
        },
        capability: Capability::CloudTrailAndConfig,
        destination: Destination::Tenant,
        registration: Registration::Function,
        external_id_suffix: "ABCDEFGHIJ".into(),
        adoption: None,
        monitor_existing: true,
        enroll_management: false,
        control_tower: true,
        log_archive: None,
        audit: None,
        offboard_limit_percent: 10,
        approved_offboard: None,
        offboard_unenrolled: false,
    };
    Deployment {
        policy,
        sub_accounts: BTreeSet::new(),
        retired: Vec::new(),
        trail: None,
        organization: false,
        adopting: false,
        trail_topics: BTreeSet::new(),
    }
}
