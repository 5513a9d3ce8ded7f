use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    enrollment::{Held, Reply},
    landing_zone::{AccountState, Trail},
    ledger::{Holder, Record, Recorded, Unreadable},
    lifecycle::Parked,
    model::{AccountId, Registration, Store, Token},
    stack_sets::{OperationState, Stack, StackInstance, StackSet},
};

use crate::{
    Options,
    faults::Faults,
    queue::Queue,
    rates::Bucket,
    registrations::Registrations,
    rounds::Rounds,
    scale::PassCost,
    stack::StackRequest,
    units::{Deployed, Member, Organization},
    versioned::Versioned,
    wishes::{AtLaunch, Should, Wishes},
};

/// Everything that is so, whether anybody knows it or not.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) organization: Versioned<Organization>,
    pub(crate) instances: Versioned<BTreeMap<(String, AccountId), StackInstance>>,
    /// The stacks that are in each account, by the StackSet's name.
    pub(crate) deployed: BTreeMap<AccountId, BTreeMap<String, Deployed>>,
    pub(crate) stack_sets: BTreeMap<String, KeptStackSet>,
    pub(crate) trail: Trail,
    /// The names of units that somebody has renamed.
    pub(crate) unit_names: BTreeMap<usize, String>,
    pub(crate) stacks: BTreeMap<String, (Stack, Timestamp)>,
    pub(crate) registrations: Versioned<Registrations>,
    pub(crate) made: usize,
    pub(crate) ledger: KeptLedger,
    pub(crate) queue: Queue,
    pub(crate) secrets: KeptSecrets,
    /// The names of rules and secrets that others have made.
    pub(crate) foreign_resources: BTreeSet<String>,
    pub(crate) bucket: (f64, Timestamp),
    pub(crate) faults: Faults,
    pub(crate) counts: BTreeMap<&'static str, usize>,
    /// How many of the calls were refused since there were too many.
    pub(crate) throttles: BTreeMap<&'static str, usize>,
    /// What each operation may still be called, where that is modelled.
    pub(crate) buckets: BTreeMap<&'static str, Bucket>,
    pub(crate) log: Vec<String>,
    pub(crate) logged: bool,
    pub(crate) violations: Vec<String>,
    /// The parameters of the last request that succeeded, then those of one that is under way.
    pub(crate) wishes: Vec<Wishes>,
    pub(crate) at_launch: BTreeMap<AccountId, AtLaunch>,
    /// When it was last so that an account was to go.
    pub(crate) last_to_go: BTreeMap<AccountId, Timestamp>,
    pub(crate) offboarded: Vec<(Timestamp, AccountId)>,
    pub(crate) ever_watched: BTreeSet<AccountId>,
    pub(crate) highest_limit: u8,
    pub(crate) held: Option<Held>,
    /// The accounts that an administrator has let go.
    pub(crate) approved: BTreeSet<AccountId>,
    /// When the SaaS last showed that it could not use an account's role.
    /// When the SaaS answered a listing with something else than its list for the last time.
    pub(crate) odd_list_at: Option<Timestamp>,
    /// The same of the time before.
    pub(crate) odd_list_before: Option<Timestamp>,
    /// When all tokens were revoked for the last time.
    pub(crate) tokens_revoked_at: Option<Timestamp>,
    /// The invocation of setup that writes under each lease.
    pub(crate) writers: BTreeMap<Holder, String>,
    /// When a stack could not be deleted, since it was made.
    pub(crate) undeleted: BTreeMap<(String, AccountId), Vec<Timestamp>>,
    pub(crate) last_failing: BTreeMap<AccountId, Timestamp>,
    /// When somebody last deleted an account's registration, which a listing may still show.
    pub(crate) last_deleted: BTreeMap<AccountId, Timestamp>,
    /// When an account's stack was last given a token, or was to be.
    pub(crate) last_renewed: BTreeMap<AccountId, Timestamp>,
    /// When accounts were last moved.
    pub(crate) moved: BTreeMap<AccountId, Timestamp>,
    /// What befalls the next invocation: it ends after so many steps, or its calls take so long.
    pub(crate) next_crash: Option<u32>,
    pub(crate) next_latency: Option<u64>,
    pub(crate) invocations: usize,
    /// The invocations that had the lease.
    pub(crate) passes: Vec<PassCost>,
    /// What they came to.
    pub(crate) replies: Vec<Rc<Reply>>,
    /// The invocations that the function's timeout ended.
    pub(crate) timeouts: usize,
    /// What administrators want and have not asked for yet.
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
    /// Invocations that are at work.
    pub(crate) at_work: usize,
    /// How many of those are setup's.
    pub(crate) setups_at_work: usize,
    pub(crate) next_setup_latency: Option<u64>,
    pub(crate) next_invoked_twice: bool,
    pub(crate) next_cancelled_after: Option<Duration>,
    /// Whether only an update of the stack mends what somebody did.
    pub(crate) needs_update: bool,
    /// When the ledger was emptied, until an update that began since has succeeded.
    pub(crate) ledger_emptied: Option<Timestamp>,
    /// When the lease was last lost with the ledger.
    pub(crate) lease_lost_at: Option<Timestamp>,
    /// The host that CloudFormation wrote into the functions' environment.
    pub(crate) environment_host: &'static str,
    /// The trust policy of the role that StackSets are run with; nothing where there is no such role.
    pub(crate) administration_trust: Option<String>,
    /// The partition of AWS that all of it is in.
    pub(crate) partition: &'static str,
    /// The main stack is being deleted, and is gone.
    pub(crate) deleting: bool,
    pub(crate) deleted: bool,
    /// Its registrations stayed, since the key was revoked, and the answer said so.
    pub(crate) registrations_stay: bool,
    /// What of ours was left when its deletion had succeeded.
    pub(crate) found_left: Vec<String>,
    /// When it was last so that no answer could be expected.
    pub(crate) last_hampered: Option<Timestamp>,
    /// When an invocation of setup ended without a word for the last time.
    pub(crate) setup_crashed_at: Option<Timestamp>,
    /// Until when IAM may refuse setup what its role has just been given.
    pub(crate) permissions_settle_at: Timestamp,
    /// When the stack of a StackSet was last removed from an account.
    pub(crate) removed: BTreeMap<(AccountId, String), Timestamp>,
    /// What comparisons of everything report.
    pub(crate) rounds: Rounds,
    /// What the SaaS answers to the next listing.
    pub(crate) next_list: Option<OddList>,
    /// Stores in which the SaaS can use no role.
    pub(crate) unusable: BTreeSet<Option<Store>>,
    /// Accounts whose new registrations the SaaS accepts and does not keep.
    pub(crate) unlisted: BTreeSet<AccountId>,
    /// Whether the SaaS lists the organization's registrations as if they were a store's.
    pub(crate) hides_organization: bool,
}

/// A request of CloudFormation that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Whether it succeeded.
    pub success: bool,
    /// The Reason: why it failed, or what an administrator should know all the same.
    pub reason: String,
    /// The custom resource's id from then on.
    pub physical_id: String,
}

/// An answer as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentAnswer {
    /// Where it went.
    pub address: String,
    /// All of it.
    pub body: Vec<u8>,
    /// When.
    pub at: Timestamp,
}

/// A listing that is not what it seems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OddList {
    /// A good answer that lists nothing.
    Empty,
    /// An answer that nobody can read.
    Garbage,
}

#[derive(Debug)]
pub(crate) struct KeptStackSet {
    pub(crate) set: StackSet,
    pub(crate) ours: bool,
    pub(crate) operations: BTreeMap<String, KeptOperation>,
    /// Operations run one after another.
    pub(crate) busy_until: Timestamp,
    /// Tells a StackSet from an earlier one of the same name.
    pub(crate) generation: usize,
    /// When somebody edited it by hand, until it is updated.
    pub(crate) edited_at: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct KeptOperation {
    pub(crate) state: OperationState,
    pub(crate) failures: Vec<(AccountId, String)>,
    /// How many accounts it was asked to work on.
    pub(crate) accounts: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct KeptRegistration {
    pub(crate) registration: Registration,
    pub(crate) ours: bool,
    /// Who made it, and when.
    pub(crate) made_by: String,
    pub(crate) made_at: Timestamp,
    /// Whom it was made for.
    pub(crate) subject: AccountId,
    /// What the SaaS last found, and when it looked.
    pub(crate) checked: (Timestamp, bool),
}

#[derive(Debug, Default)]
pub(crate) struct KeptLedger {
    /// Whether nobody can delete the table.
    pub(crate) is_protected: bool,
    /// The passes that have begun since one last gave the lease back.
    pub(crate) begun: BTreeSet<Holder>,
    pub(crate) lease: Option<(Holder, Timestamp)>,
    pub(crate) reservation: Option<(Holder, Timestamp)>,
    /// When the newest request that had the lease was admitted.
    pub(crate) newest: Option<Timestamp>,
    /// The requests of CloudFormation, in the order in which they came.
    pub(crate) requests: Vec<(String, Timestamp)>,
    /// What was left for whoever takes the lease next.
    pub(crate) parked: BTreeSet<Parked>,
    /// When somebody said last that a call was sent, since the lease was taken.
    pub(crate) called_at: Option<Timestamp>,
    /// Nobody has the lease before this time, but who has reserved it.
    pub(crate) rests_until: Option<Timestamp>,
    pub(crate) recorded: Recorded,
    pub(crate) unreadable: Unreadable,
    /// Items that nobody can understand.
    pub(crate) garbage: BTreeMap<String, String>,
    pub(crate) suffix: Option<String>,
    pub(crate) records: BTreeMap<AccountId, Record>,
    /// The bytes of each record, where its size is modelled.
    pub(crate) sizes: BTreeMap<AccountId, usize>,
}

#[derive(Debug, Default)]
pub(crate) struct KeptSecrets {
    pub(crate) key_version: usize,
    pub(crate) key_works: bool,
    /// When the key was revoked last.
    pub(crate) key_revoked_at: Option<Timestamp>,
    pub(crate) token: Option<Token>,
    pub(crate) tokens: usize,
    /// Until when each token works, or worked.
    pub(crate) issued: BTreeMap<String, Timestamp>,
}

/// How far back evidence may lie: a listing's age and a pass's length.
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

    /// Whether the main stack is there, so that accounts are to be watched.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.wishes.is_empty() && !self.deleting
    }

    /// Whether a service without which nothing can be answered was hardly there in the last hour.
    pub(crate) fn was_hampered(&self, now: Timestamp) -> bool {
        let lately = SignedDuration::from_mins(75);
        self.last_hampered
            .is_some_and(|at| now.duration_since(at) <= lately)
    }

    /// No token works from now on that was issued before.
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

    /// Since when an active account has a role.
    pub(crate) fn has_role(&self, id: &AccountId, arn: &str) -> Option<Timestamp> {
        let active = |member: &&Member| member.account.state == AccountState::Active;
        self.member(id).filter(active)?;
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

    /// To change the organization; what was evidence until now stays so for a while.
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
        // Whoever may have been named by an event may count as new.
        let at_launch = match self.at_launch.get(id) {
            Some(AtLaunch::Yes) => AtLaunch::Yes,
            Some(AtLaunch::No | AtLaunch::Perhaps) | None => AtLaunch::No,
        };
        let control_tower = self.options.control_tower;
        // A reading may be older than what else it is held against.
        self.organization.since(since).any(|organization| {
            let member = organization.get(id);
            if member.is_none() && self.member(id).is_some() {
                // It was not there yet, which is not that it was gone.
                return false;
            }
            let goes = |wishes: &Wishes| {
                wishes.should(id, member, at_launch, control_tower) == Should::BeGone
            };
            self.wishes.iter().any(goes)
        })
    }

    /// Whether there is evidence, or was a moment ago, that an account is to go.
    pub(crate) fn may_go(&self, now: Timestamp, id: &AccountId) -> bool {
        let lately = |at: &Timestamp| now.duration_since(*at) <= EVIDENCE;
        self.is_to_go(id, now - EVIDENCE) || self.last_to_go.get(id).is_some_and(lately)
    }

    /// Whether an account is to go, and already was when a pass that began then read what it acts upon.
    pub(crate) fn had_to_go(&self, began: Timestamp, id: &AccountId) -> bool {
        self.had_to_go_by(self.wish(), began, id)
    }

    /// The same by the parameters of any request that is not settled yet.
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

    /// The parameters in force: those of the last request that succeeded.
    pub(crate) fn wish(&self) -> &Wishes {
        &self.wishes[0]
    }
}
