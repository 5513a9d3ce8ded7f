use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    enrollment::{Held, Reply},
    landing_zone::{AccountState, BucketNotifications, Trail},
    ledger::{Holder, Record, Recorded, Unreadable},
    lifecycle::Parked,
    model::{AccountId, Store, Token},
    stack_sets::{OperationState, Stack, StackInstance, StackSet},
};

use crate::{
    Options,
    cost::PassCost,
    faults::Faults,
    queue::Queue,
    rates::Bucket,
    registrations::Registrations,
    units::{Deployed, Member, Organization, beginning},
    versioned::Versioned,
    wishes::{AtLaunch, Should, StackRequest, Wishes},
};

/// The true state of the world.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) organization: Versioned<Organization>,
    pub(crate) instances: Versioned<BTreeMap<(String, AccountId), StackInstance>>,
    /// The stacks in each account, by StackSet name.
    pub(crate) deployed: BTreeMap<AccountId, BTreeMap<String, Deployed>>,
    pub(crate) stack_sets: BTreeMap<String, KeptStackSet>,
    pub(crate) trail: Trail,
    /// What the trail's bucket notifies.
    pub(crate) notifications: BucketNotifications,
    /// The names of renamed units.
    pub(crate) unit_names: BTreeMap<usize, String>,
    pub(crate) stacks: BTreeMap<String, (Stack, Timestamp)>,
    /// Whether CloudFormation rolls the main stack back.
    pub(crate) rolls_back: bool,
    pub(crate) registrations: Versioned<Registrations>,
    pub(crate) made: usize,
    pub(crate) ledger: KeptLedger,
    pub(crate) queue: Queue,
    pub(crate) secrets: KeptSecrets,
    /// The accounts in which somebody made a role with the name of ours, and when.
    pub(crate) foreign_roles: BTreeSet<AccountId>,
    /// The names of foreign rules and secrets.
    pub(crate) foreign_resources: BTreeSet<String>,
    pub(crate) bucket: (f64, Timestamp),
    pub(crate) faults: Faults,
    pub(crate) counts: BTreeMap<&'static str, usize>,
    /// How many of the calls were throttled.
    pub(crate) throttles: BTreeMap<&'static str, usize>,
    /// The token bucket of each operation, where rate limits are modelled.
    pub(crate) buckets: BTreeMap<&'static str, Bucket>,
    pub(crate) log: Vec<String>,
    pub(crate) logged: bool,
    pub(crate) violations: Vec<String>,
    /// The parameters of the last request that succeeded, then those of one in progress.
    pub(crate) wishes: Vec<Wishes>,
    pub(crate) at_launch: BTreeMap<AccountId, AtLaunch>,
    /// When an account was last out of scope.
    pub(crate) last_to_go: BTreeMap<AccountId, Timestamp>,
    pub(crate) offboarded: Vec<(Timestamp, AccountId)>,
    /// When each account that was ever watched, or called so, last came to be.
    pub(crate) ever_watched: BTreeMap<AccountId, Timestamp>,
    pub(crate) highest_limit: u8,
    pub(crate) held: Option<Held>,
    /// The accounts whose offboarding an administrator has approved.
    pub(crate) approved: BTreeSet<AccountId>,
    /// When the SaaS last answered a listing with something else than its list.
    pub(crate) odd_list_at: Option<Timestamp>,
    /// The time before that.
    pub(crate) odd_list_before: Option<Timestamp>,
    /// When all tokens were last revoked.
    pub(crate) tokens_revoked_at: Option<Timestamp>,
    /// The invocation of setup that writes under each lease.
    pub(crate) writers: BTreeMap<Holder, String>,
    /// The times at which a stack's deletion failed, since its creation.
    pub(crate) undeleted: BTreeMap<(String, AccountId), Vec<Timestamp>>,
    pub(crate) last_failing: BTreeMap<AccountId, Timestamp>,
    /// When an account's registration was last deleted by hand; a listing may still show it.
    pub(crate) last_deleted: BTreeMap<AccountId, Timestamp>,
    /// When an account's stack last got a token, or was supposed to.
    pub(crate) last_renewed: BTreeMap<AccountId, Timestamp>,
    /// When accounts were last moved.
    pub(crate) moved: BTreeMap<AccountId, Timestamp>,
    /// The next invocation's fault: a crash after this many steps, or slow calls.
    pub(crate) next_crash: Option<u32>,
    pub(crate) next_latency: Option<u64>,
    pub(crate) invocations: usize,
    /// The invocations that held the lease.
    pub(crate) passes: Vec<PassCost>,
    /// Their results.
    pub(crate) replies: Vec<Rc<Reply>>,
    /// Invocations that ran into the function's timeout.
    pub(crate) timeouts: usize,
    /// Requests that administrators have not made yet.
    pub(crate) requests: VecDeque<StackRequest>,
    pub(crate) idle: bool,
    pub(crate) writes: usize,
    /// Invocations of setup, and requests of CloudFormation.
    pub(crate) setups: usize,
    pub(crate) asked: usize,
    /// The first answer to each request.
    pub(crate) answers: BTreeMap<String, Answered>,
    /// Every answer, in order.
    pub(crate) sent: Vec<SentAnswer>,
    pub(crate) physical_id: Option<String>,
    /// Invocations in progress.
    pub(crate) at_work: usize,
    /// How many of those are setup's.
    pub(crate) setups_at_work: usize,
    pub(crate) next_setup_latency: Option<u64>,
    pub(crate) next_invoked_twice: bool,
    pub(crate) next_cancelled_after: Option<Duration>,
    /// Whether only an update of the stack repairs a manual change.
    pub(crate) needs_update: bool,
    /// When the ledger was emptied, until an update that began since has succeeded.
    pub(crate) ledger_emptied: Option<Timestamp>,
    /// When the lease was last lost with the ledger.
    pub(crate) lease_lost_at: Option<Timestamp>,
    /// The host that CloudFormation wrote into the functions' environment.
    pub(crate) environment_host: &'static str,
    /// The trust policy of the StackSets' administration role; `None` if the role does not exist.
    pub(crate) administration_trust: Option<String>,
    /// The AWS partition.
    pub(crate) partition: &'static str,
    /// Since when the main stack has been being deleted, or gone.
    pub(crate) deleting_since: Option<Timestamp>,
    pub(crate) deleted: bool,
    /// Whether its registrations stayed, since the key was revoked, and the answer said so.
    pub(crate) registrations_stay: bool,
    /// Whether the deletion left the members' roles and registrations, as it was told.
    pub(crate) keeps: bool,
    /// Whether its notification of the bucket may stay: the role that could take it off was deleted by
    /// hand, or the answer said that it stayed.
    pub(crate) notification_stays: bool,
    /// Our resources that were left when its deletion had succeeded.
    pub(crate) found_left: Vec<String>,
    /// When an answer could last not be expected.
    pub(crate) last_hampered: Option<Timestamp>,
    /// When an invocation of setup last ended without an answer.
    pub(crate) setup_crashed_at: Option<Timestamp>,
    /// Until when IAM may refuse setup's new permissions.
    pub(crate) permissions_settle_at: Timestamp,
    /// When the stack of a StackSet was last removed from an account.
    pub(crate) removed: BTreeMap<(AccountId, String), Timestamp>,
    /// The reports of comparisons of the whole organization.
    pub(crate) rounds: Rounds,
    /// The SaaS's response to the next listing, if it is an odd one.
    pub(crate) next_list: Option<OddList>,
    /// Stores in which the SaaS can use no role.
    pub(crate) unusable: BTreeSet<Option<Store>>,
    /// Accounts whose new registrations the SaaS accepts without storing them.
    pub(crate) unlisted: BTreeSet<AccountId>,
    /// Whether the SaaS lists the organization's registrations as a store's.
    pub(crate) hides_organization: bool,
}

/// A request of CloudFormation that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Whether it succeeded.
    pub success: bool,
    /// The Reason: why it failed, or a warning despite success.
    pub reason: String,
    /// The custom resource's new id.
    pub physical_id: String,
}

/// An answer as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentAnswer {
    /// The URL.
    pub address: String,
    /// The body.
    pub body: Vec<u8>,
    /// The time.
    pub at: Timestamp,
}

/// A wrong response to a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OddList {
    /// A valid response with an empty list.
    Empty,
    /// An unreadable response.
    Garbage,
}

#[derive(Debug)]
pub(crate) struct KeptStackSet {
    pub(crate) set: StackSet,
    pub(crate) ours: bool,
    pub(crate) operations: BTreeMap<String, KeptOperation>,
    /// When the last queued operation ends; operations run one after another.
    pub(crate) busy_until: Timestamp,
    /// Distinguishes a StackSet from an earlier one of the same name.
    pub(crate) generation: usize,
    /// When it was edited by hand; cleared by an update.
    pub(crate) edited_at: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct KeptOperation {
    pub(crate) state: OperationState,
    pub(crate) failures: Vec<(AccountId, String)>,
    /// The number of accounts in the operation's request.
    pub(crate) accounts: usize,
}

#[derive(Debug, Default)]
pub(crate) struct KeptLedger {
    /// Whether the table is protected against deletion.
    pub(crate) is_protected: bool,
    /// The passes that have begun since the lease was last released.
    pub(crate) begun: BTreeSet<Holder>,
    pub(crate) lease: Option<(Holder, Timestamp)>,
    pub(crate) reservation: Option<(Holder, Timestamp)>,
    /// When the newest request that has held the lease was admitted.
    pub(crate) newest: Option<Timestamp>,
    /// CloudFormation's requests, in order of arrival.
    pub(crate) requests: Vec<(String, Timestamp)>,
    /// Work parked for the next holder of the lease.
    pub(crate) parked: BTreeSet<Parked>,
    /// When a wake-up was last recorded as sent, since the lease was acquired.
    pub(crate) wake_up_sent_at: Option<Timestamp>,
    /// The end of the cooldown. Until then, only the holder of the reservation can acquire the
    /// lease.
    pub(crate) cooldown_until: Option<Timestamp>,
    pub(crate) recorded: Recorded,
    pub(crate) unreadable: Unreadable,
    /// Invalid items.
    pub(crate) garbage: BTreeMap<String, String>,
    pub(crate) suffix: Option<String>,
    pub(crate) records: BTreeMap<AccountId, Record>,
    /// The size of each record in bytes, where it is modelled.
    pub(crate) sizes: BTreeMap<AccountId, usize>,
}

#[derive(Debug, Default)]
pub(crate) struct KeptSecrets {
    pub(crate) key_version: usize,
    pub(crate) key_works: bool,
    /// When the key was last revoked.
    pub(crate) key_revoked_at: Option<Timestamp>,
    pub(crate) token: Option<Token>,
    pub(crate) tokens: usize,
    /// The expiry of each token.
    pub(crate) issued: BTreeMap<String, Timestamp>,
}

/// The maximum age of evidence: a listing's lag plus a pass's length.
pub(crate) const EVIDENCE: SignedDuration = SignedDuration::from_mins(10);

impl State {
    pub(crate) fn say(&mut self, now: Timestamp, what: impl FnOnce() -> String) {
        if self.logged {
            let what = what();
            self.log.push(format!("{now:.3} {what}"));
        }
    }

    pub(crate) fn violate(&mut self, now: Timestamp, what: String) {
        self.say(now, || format!("VIOLATION {what}"));
        self.violations.push(format!("{now:.0}: {what}"));
    }

    /// Whether the main stack exists, so that accounts are watched.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.wishes.is_empty() && self.deleting_since.is_none()
    }

    /// Whether a service that answers depend on was mostly down in the last hour.
    pub(crate) fn was_hampered(&self, now: Timestamp) -> bool {
        let lately = SignedDuration::from_mins(75);
        self.last_hampered
            .is_some_and(|at| now.duration_since(at) <= lately)
    }

    /// Revokes all tokens issued so far.
    pub(crate) fn revoke_tokens(&mut self, now: Timestamp) {
        self.tokens_revoked_at = Some(now);
        for ends in self.secrets.issued.values_mut() {
            *ends = now.min(*ends);
        }
    }

    pub(crate) fn member(&self, id: &AccountId) -> Option<&Member> {
        self.organization.get().get(id)
    }

    pub(crate) fn deployed(&self, id: &AccountId, set: &str) -> Option<&Deployed> {
        self.deployed.get(id)?.get(set)
    }

    /// Since when an active account has had a role.
    pub(crate) fn has_role(&self, id: &AccountId, arn: &str) -> Option<Timestamp> {
        let active = |member: &&Member| member.account.state == AccountState::Active;
        self.member(id).filter(active)?;
        if self.foreign_roles.contains(id) {
            return Some(beginning());
        }
        let roles = self
            .deployed
            .get(id)?
            .values()
            .filter_map(|stack| stack.role.as_ref());
        roles
            .filter(|(role, _)| role == arn)
            .map(|(_, since)| *since)
            .min()
    }

    /// Changes the organization. The previous state counts as evidence for a while.
    pub(crate) fn change_organization(&mut self, now: Timestamp) -> &mut Organization {
        self.keep_evidence(now);
        self.organization.change(now)
    }

    pub(crate) fn keep_evidence(&mut self, now: Timestamp) {
        let known: Vec<AccountId> = self.known();
        for id in known {
            if self.is_to_go(&id, now) {
                self.last_to_go.insert(id, now);
            }
        }
    }

    /// Every account that is or was in the organization.
    pub(crate) fn known(&self) -> Vec<AccountId> {
        let watched = self.registrations.get().iter();
        let watched = watched.map(|kept| kept.subject);
        let members = self.organization.get().keys().copied();
        let all: BTreeSet<AccountId> = members.chain(watched).collect();
        all.into_iter().collect()
    }

    pub(crate) fn should(&self, wishes: &Wishes, id: &AccountId) -> Should {
        self.should_be(wishes, id, self.member(id))
    }

    fn should_be(&self, wishes: &Wishes, id: &AccountId, member: Option<&Member>) -> Should {
        let at_launch = self.at_launch.get(id).copied().unwrap_or(AtLaunch::No);
        wishes.should(id, member, at_launch, self.options.control_tower)
    }

    fn is_to_go(&self, id: &AccountId, since: Timestamp) -> bool {
        // An account that an event may have named may count as new.
        let at_launch = match self.at_launch.get(id) {
            Some(AtLaunch::Yes) => AtLaunch::Yes,
            Some(AtLaunch::No | AtLaunch::Perhaps) | None => AtLaunch::No,
        };
        let control_tower = self.options.control_tower;
        // A reading may be older than the others it is compared with.
        self.organization.since(since).any(|organization| {
            let member = organization.get(id);
            if member.is_none() && self.member(id).is_some() {
                // Not created yet, as opposed to gone.
                return false;
            }
            let goes = |wishes: &Wishes| {
                wishes.should(id, member, at_launch, control_tower) == Should::BeGone
            };
            self.wishes.iter().any(goes)
        })
    }

    /// Whether there is or recently was evidence that an account is out of scope.
    pub(crate) fn may_go(&self, now: Timestamp, id: &AccountId) -> bool {
        let lately = |at: &Timestamp| now.duration_since(*at) <= EVIDENCE;
        self.is_to_go(id, now - EVIDENCE) || self.last_to_go.get(id).is_some_and(lately)
    }

    /// Whether an account is out of scope, and already was when a pass that began then read its
    /// data, by the parameters in force and by those of every request that is not settled yet.
    pub(crate) fn had_to_go(&self, began: Timestamp, id: &AccountId) -> bool {
        let mut wishes = self.wishes.iter();
        wishes.all(|wishes| self.had_to_go_by(wishes, began, id))
    }

    /// Likewise, by the parameters of any of them.
    pub(crate) fn might_have_to_go(&self, began: Timestamp, id: &AccountId) -> bool {
        let mut wishes = self.wishes.iter();
        wishes.any(|wishes| self.had_to_go_by(wishes, began, id))
    }

    fn had_to_go_by(&self, wishes: &Wishes, began: Timestamp, id: &AccountId) -> bool {
        let lag = SignedDuration::try_from(self.faults.lag).unwrap_or_default();
        let mut organizations = self.organization.since(began - lag);
        organizations.all(|organization| {
            let member = organization.get(id);
            self.should_be(wishes, id, member) == Should::BeGone
        })
    }

    /// The StackSet with the role that reads the trail, by the parameters in force.
    pub(crate) fn log_stack_set(&self) -> Option<String> {
        let feed = self.wishes.first()?.resources().feed;
        feed.map(|feed| feed.log_stack_set)
    }

    /// The parameters in force: those of the last request that succeeded.
    pub(crate) fn wish(&self) -> &Wishes {
        &self.wishes[0]
    }
}

/// The last comparisons of the whole organization.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    /// For each service, the number of comparisons in a row in which it was down.
    pub(crate) down: BTreeMap<&'static str, usize>,
    /// The accounts that the last one reported as blocked.
    pub(crate) blocked: BTreeSet<AccountId>,
}

impl Rounds {
    /// Every service is up again.
    pub(crate) fn calm(&mut self) {
        self.down.clear();
    }
}
