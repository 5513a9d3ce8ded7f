//! A deployment of 2,000 accounts is removed, however slowly the SaaS lets us.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(dead_code, reason = "each test file uses its part")]
mod memory;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    future::pending,
    time::Duration,
};

use futures::FutureExt;
use memory::{account, deployment, id};
use towerhook_core::{
    Error, ErrorKind, Result,
    enrollment::{Deployment, Registration},
    foundation::{Goal, Progress, STACK_ID_TAG, StackSetSpec, converge},
    landing_zone::*,
    model::{AccountId, Arn, SecretText, SubAccount, account_of_role},
    ports::*,
};

const ACCOUNTS: usize = 2_000;
/// What setup has of CloudFormation's hour.
const HOUR: Duration = Duration::from_secs(58 * 60);
/// What a call to the SaaS takes, as so many are made at once.
const CALL: Duration = Duration::from_millis(50);

/// How the SaaS limits 480 requests an hour.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    /// Not at all.
    None,
    /// As many as were not used, one more every 7.5 s.
    Refilled,
    /// All at once, when the hour is over.
    Hourly,
}

/// AWS and the SaaS, with a clock that only waiting and calling move.
struct World {
    limit: Limit,
    by_stack: bool,
    /// Whose stacks hold a token that works.
    renewed: RefCell<BTreeSet<AccountId>>,
    now: Cell<Duration>,
    left: Cell<f64>,
    at: Cell<Duration>,
    set: RefCell<Option<StackSet>>,
    members: RefCell<BTreeSet<AccountId>>,
    operations: RefCell<BTreeMap<String, (Duration, Vec<AccountId>)>>,
    integrations: RefCell<BTreeMap<String, Integration>>,
    deleted: Cell<usize>,
    listed: Cell<usize>,
    refused: Cell<usize>,
    looks: Cell<usize>,
}

const PER_HOUR: f64 = 480.0;

impl World {
    fn new(limit: Limit, deployment: &Deployment) -> Self {
        let policy = &deployment.policy;
        let integrations = (0..ACCOUNTS).map(|n| {
            let spec = policy.member_integration(&id(n));
            let integration = Integration {
                guid: format!("GUID_{n}"),
                name: spec.name,
                kind: spec.kind,

                ..integration(&spec.role_arn, spec.external_id.as_str())
            };
            (integration.guid.clone(), integration)
        });
        Self {
            limit,
            by_stack: policy.registration == Registration::SnsCustomResource,
            renewed: RefCell::default(),
            now: Cell::default(),
            left: Cell::new(PER_HOUR),
            at: Cell::default(),
            set: RefCell::new(Some(StackSet {
                name: policy.names.member_stack_set(),
                description: String::new(),
                parameters: BTreeMap::new(),
                tags: [(STACK_ID_TAG.to_owned(), policy.stack_id.clone())].into(),
            })),
            members: RefCell::new((0..ACCOUNTS).map(id).collect()),
            operations: RefCell::default(),
            integrations: RefCell::new(integrations.collect()),
            deleted: Cell::default(),
            listed: Cell::default(),
            refused: Cell::default(),
            looks: Cell::default(),
        }
    }

    fn pass(&self, time: Duration) {
        self.now.set(self.now.get() + time);
    }

    /// Takes one request from the hour's, or says when to come back.
    fn request(&self, operation: &'static str) -> Result<()> {
        self.pass(CALL);
        let now = self.now.get();
        let hour = 3600.0;
        let (left, wait) = match self.limit {
            Limit::None => return Ok(()),
            Limit::Refilled => {
                let since = (now - self.at.get()).as_secs_f64();
                self.at.set(now);
                let left = (self.left.get() + since * PER_HOUR / hour).min(PER_HOUR);
                (left, (1.0 - left).max(0.0) * hour / PER_HOUR)
            }
            Limit::Hourly => {
                let window = |time: Duration| (time.as_secs_f64() / hour).floor();
                let fresh = window(now) > window(self.at.get());
                self.at.set(now);
                let left = if fresh { PER_HOUR } else { self.left.get() };
                (left, (window(now) + 1.0) * hour - now.as_secs_f64())
            }
        };
        if left >= 1.0 {
            self.left.set(left - 1.0);
            return Ok(());
        }
        self.left.set(left);
        self.refused.set(self.refused.get() + 1);
        let retry_after = Some(Duration::from_secs(wait.ceil() as u64));
        Err(Error::new(
            operation,
            ErrorKind::Throttled { retry_after },
            "too many requests",
        ))
    }

    /// One Delete of CloudFormation's: whether it was done within the hour, and how far it came.
    fn delete(&self, deployment: &Deployment, request: usize) -> (bool, Progress) {
        self.delete_within(HOUR, deployment, request)
    }

    /// One invocation of setup with that Delete, which has so much time.
    fn delete_within(
        &self,
        time: Duration,
        deployment: &Deployment,
        request: usize,
    ) -> (bool, Progress) {
        let end = self.now.get() + time;
        let sleep = async |time: Duration| {
            self.pass(time);
            if self.now.get() > end {
                self.now.set(end);
                pending::<()>().await;
            }
        };
        let names = [deployment.policy.names.clone()];
        let token = SecretText::from("token");
        let goal = Goal {
            wanted: None,
            retired: &names,
            sub_accounts: &deployment.sub_accounts,
            organization: false,
            trail_topics: &deployment.trail_topics,
            made: &BTreeSet::new(),
            policy: &deployment.policy,
            token: self.by_stack.then_some(&token),
            request: &format!("request {request}"),
        };
        let progress = Progress::default();
        let done = converge(self, self, &goal, &progress, &sleep).now_or_never();
        (done.map(|result| result.unwrap()).is_some(), progress)
    }
}

/// An account's removal takes half a minute, and a hundred go on at a time.
fn time_to_delete(accounts: usize) -> Duration {
    Duration::from_secs(30) * u32::try_from(accounts.div_ceil(100)).unwrap()
}

#[test]
fn without_a_limit_two_thousand_accounts_are_removed_within_the_hour() {
    let deployment = deployment();
    let world = World::new(Limit::None, &deployment);
    let (done, _) = world.delete(&deployment, 0);
    assert!(done);
    assert!(world.integrations.borrow().is_empty() && world.members.borrow().is_empty());
    assert_eq!(*world.set.borrow(), None);
    assert_eq!(world.deleted.get(), ACCOUNTS);
    // Both kinds, before and after.
    assert_eq!(world.listed.get(), 4);
    // The stacks go together, in one operation.
    assert_eq!(world.operations.borrow().len(), 1);
    assert!(world.now.get() < HOUR);
}

#[test]
fn stacks_that_remove_their_integrations_get_a_token_that_works_before_they_go() {
    let mut deployment = deployment();
    deployment.policy.registration = Registration::SnsCustomResource;
    let world = World::new(Limit::Refilled, &deployment);
    // An invocation that goes on where another stopped does not begin anew.
    let minute = Duration::from_secs(60);
    let (done, _) = world.delete_within(minute, &deployment, 0);
    assert!(!done && world.operations.borrow().len() == 1);
    let (done, _) = world.delete(&deployment, 0);
    assert!(done, "the rate limit is nothing to them");
    assert!(world.integrations.borrow().is_empty() && world.members.borrow().is_empty());
    assert_eq!(*world.set.borrow(), None);
    assert_eq!(world.deleted.get(), 0, "none is left for the function");
    assert_eq!(
        world.operations.borrow().len(),
        2,
        "tokens in one operation, the stacks in another"
    );
}

#[test]
fn under_the_rate_limit_each_try_goes_on_where_the_last_one_stopped() {
    for (limit, tries) in [(Limit::Refilled, 4), (Limit::Hourly, 5)] {
        let deployment = deployment();
        let world = World::new(limit, &deployment);
        let mut reasons = Vec::new();
        for request in 0.. {
            let left = world.integrations.borrow().len();
            let (done, progress) = world.delete(&deployment, request);
            if done {
                break;
            }
            let now_left = world.integrations.borrow().len();
            assert!(now_left < left, "{limit:?}: try {request} removed nothing");
            let summary = progress.summary();
            let removed = left - now_left;
            let said = format!("removed are {removed} of {left} integrations and ");
            assert!(summary.contains(&said), "{limit:?}: {summary}");
            assert!(
                summary.contains("too many requests"),
                "{limit:?}: {summary}"
            );
            // No role is taken from under an integration.
            let integrations = world.integrations.borrow();
            let members = world.members.borrow();
            assert!(integrations.len() <= members.len(), "{limit:?}");
            reasons.push(summary);
        }
        assert_eq!(reasons.len() + 1, tries, "{limit:?}: {reasons:#?}");
        assert!(world.integrations.borrow().is_empty() && world.members.borrow().is_empty());
        assert_eq!(*world.set.borrow(), None);
        assert_eq!(world.deleted.get(), ACCOUNTS, "none is removed twice");
        // Two kinds at the start of each try, and once more at the end of all.
        assert_eq!(world.listed.get(), 2 * (tries + 1), "{limit:?}");
        // Who was told to wait has waited: at most one refusal for each request that was allowed,
        // and those under way when the first came.
        let allowed = world.deleted.get() + world.listed.get();
        assert!(
            world.refused.get() <= allowed + 8,
            "{}",
            world.refused.get()
        );
        // An operation takes its time however few stacks it removes.
        let operations = world.operations.borrow().len();
        assert!(
            operations <= ACCOUNTS / 100 + tries,
            "{limit:?}: {operations}"
        );
        // Nor is the organization listed for each integration that goes.
        assert!(
            world.looks.get() <= 3 * operations + 4 * tries,
            "{}",
            world.looks.get()
        );
    }
}

fn integration(role_arn: &str, external_id: &str) -> Integration {
    Integration {
        guid: String::new(),
        sub_account: None,
        organization: false,

        name: String::new(),
        kind: IntegrationKind::Config,
        enabled: true,
        role_arn: role_arn.to_owned(),
        external_id: external_id.to_owned(),
        queue_url: None,
        account_mapping: None,
        health: Health::Good,
    }
}

impl Saas for World {
    async fn profile(&self) -> Result<Profile> {
        unreachable!("a removal does not ask")
    }

    async fn integrations(
        &self,
        _: Option<&SubAccount>,
        kind: IntegrationKind,
    ) -> Result<Vec<Integration>> {
        self.request("lacework:ListCloudAccounts")?;
        self.listed.set(self.listed.get() + 1);
        let all = self.integrations.borrow();
        let of_kind = all.values().filter(|one| one.kind == kind);
        Ok(of_kind.cloned().collect())
    }

    async fn organization_integrations(&self, _: IntegrationKind) -> Result<Vec<Integration>> {
        unreachable!("it is no organization's")
    }

    async fn create(&self, _: Option<&SubAccount>, _: &IntegrationSpec) -> Result<Created> {
        unreachable!("a removal makes nothing")
    }

    async fn update(&self, _: &Integration, _: &IntegrationSpec, _: bool) -> Result<Created> {
        unreachable!("a removal changes nothing")
    }

    async fn delete(&self, existing: &Integration) -> Result<()> {
        self.request("lacework:DeleteCloudAccount")?;
        if self
            .integrations
            .borrow_mut()
            .remove(&existing.guid)
            .is_some()
        {
            self.deleted.set(self.deleted.get() + 1);
        }
        Ok(())
    }
}

impl Accounts for World {
    async fn account(&self, _: &AccountId) -> Result<Option<Account>> {
        unreachable!("all are listed")
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        self.looks.set(self.looks.get() + 1);
        Ok((0..ACCOUNTS).map(|n| account(n, 1)).collect())
    }

    async fn organizational_units(&self) -> Result<OuTree> {
        unreachable!("no name is resolved")
    }
}

impl LandingZones for World {
    async fn landing_zone(&self) -> Result<LandingZoneReply> {
        unreachable!("a removal does not ask")
    }

    async fn baselines(&self, _: Option<&[AccountId]>) -> Result<Baselines> {
        unreachable!("a removal does not ask")
    }

    async fn trail(&self, _: &str) -> Result<Option<Trail>> {
        unreachable!("no trail has a topic of ours")
    }
}

impl TrailTopics for World {
    async fn set_topic(&self, _: &str, _: Option<&Arn>) -> Result<TopicSet> {
        unreachable!("no trail has a topic of ours")
    }
}

impl StackSets for World {
    async fn stack_set(&self, name: &str) -> Result<Option<StackSet>> {
        let set = self.set.borrow();
        Ok(set.as_ref().filter(|set| set.name == name).cloned())
    }

    async fn create_stack_set(&self, _: &StackSetSpec) -> Result<()> {
        unreachable!("a removal makes nothing")
    }

    async fn update_stack_set(&self, _: &StackSetSpec, _: &str) -> Result<Start> {
        unreachable!("a removal changes nothing")
    }

    async fn delete_stack_set(&self, _: &str) -> Result<()> {
        assert!(self.members.borrow().is_empty());
        *self.set.borrow_mut() = None;
        Ok(())
    }

    async fn instances(&self, _: &str, _: Option<&[AccountId]>) -> Result<Vec<StackInstance>> {
        let operations = self.operations.borrow();
        let under_way = |id: &AccountId| {
            let mut all = operations.values();
            all.any(|(end, accounts)| self.now.get() < *end && accounts.contains(id))
        };
        let members = self.members.borrow();
        let instances = members.iter().map(|id| StackInstance {
            account: *id,
            state: if under_way(id) {
                InstanceState::InProgress
            } else {
                InstanceState::Current
            },
            reason: None,
        });
        Ok(instances.collect())
    }

    async fn create_instances(
        &self,
        _: &str,
        _: &[AccountId],
        _: Option<&SecretText>,
        _: &str,
    ) -> Result<Start> {
        unreachable!("a removal makes nothing")
    }

    async fn renew_token(
        &self,
        _: &str,
        accounts: &[AccountId],
        _: &SecretText,
        operation: &str,
    ) -> Result<Start> {
        assert!(self.by_stack);
        self.renewed.borrow_mut().extend(accounts);
        let end = self.now.get() + time_to_delete(accounts.len());
        let ends = (end, Vec::new());
        if self.operations.borrow().contains_key(operation) {
            return Ok(Start::Exists);
        }
        self.operations.borrow_mut().insert(operation.into(), ends);
        Ok(Start::Started)
    }

    async fn delete_instances(
        &self,
        _: &str,
        accounts: &[AccountId],
        retain: bool,
        operation: &str,
    ) -> Result<Start> {
        assert!(!retain, "all can be reached");
        let renewed = self.renewed.borrow();
        assert!(!self.by_stack || accounts.iter().all(|id| renewed.contains(id)));
        let end = self.now.get() + time_to_delete(accounts.len());
        let operation_of = (end, accounts.to_vec());
        let known = self.operations.borrow().contains_key(operation);
        if known {
            return Ok(Start::Exists);
        }
        let operation = operation.to_owned();
        self.operations.borrow_mut().insert(operation, operation_of);
        Ok(Start::Started)
    }

    async fn operation(&self, _: &str, operation: &str) -> Result<OperationState> {
        let operations = self.operations.borrow();
        let (end, accounts) = &operations[operation];
        if self.now.get() < *end {
            return Ok(OperationState::InProgress);
        }
        self.members
            .borrow_mut()
            .retain(|id| !accounts.contains(id));
        if self.by_stack {
            let goes = |one: &Integration| {
                account_of_role(&one.role_arn).is_some_and(|id| accounts.contains(&id))
            };
            self.integrations.borrow_mut().retain(|_, one| !goes(one));
        }
        Ok(OperationState::Succeeded)
    }

    async fn failures(&self, _: &str, _: &str) -> Result<Vec<InstanceFailure>> {
        Ok(Vec::new())
    }
}

impl Stacks for World {
    async fn stack(&self, _: &str) -> Result<Option<Stack>> {
        Ok(None)
    }

    async fn create_stack(&self, _: &StackSetSpec, _: &str) -> Result<()> {
        unreachable!("a removal makes nothing")
    }

    async fn update_stack(&self, _: &StackSetSpec, _: &str) -> Result<()> {
        unreachable!("a removal changes nothing")
    }

    async fn delete_stack(&self, _: &str, _: &str) -> Result<()> {
        unreachable!("the management account has none")
    }
}
