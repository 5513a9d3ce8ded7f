use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{Timestamp, Unit};

use super::{Await, Message, MessageScope};
use crate::{
    model::{AccountId, OuId},
    retry::REQUEUE,
    stack_sets::Operation,
};

/// The most accounts in a message: with ids of 12 digits it stays far below SQS's limit.
pub(super) const ACCOUNTS_PER_MESSAGE: usize = 500;

/// The accounts that a pass reconciles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The whole organization.
    pub all: bool,
    /// All accounts below these OUs.
    pub ous: BTreeSet<OuId>,
    /// Single accounts, with the attempts already used up.
    pub accounts: BTreeMap<AccountId, u32>,
    /// Accounts that a lifecycle event named: they count as new, whatever `MonitorExistingAccounts`
    /// says.
    pub arrived: BTreeSet<AccountId>,
    /// When the news of an account came, where that is known. It is measured, and decides nothing.
    pub since: BTreeMap<AccountId, Timestamp>,
    /// The attempts already used up for `all` and `ous`.
    pub attempt: u32,
    /// A wake-up for the parked work, due at this time.
    pub parked: Option<Timestamp>,
    /// Accounts that wait for the end of an operation.
    pub awaiting: BTreeMap<Operation, Awaiting>,
}

/// The accounts that wait for an operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Awaiting {
    /// How often it was still running.
    pub looks: u32,
    /// The accounts to reconcile after it has ended.
    pub scope: Scope,
}

impl Awaiting {
    /// After this many looks the accounts are reconciled even if the operation is still running: a
    /// pass merges copies of a message, and a look does not.
    const MOST: u32 = 3;

    /// Whether another look is due before the accounts are reconciled anyway.
    pub(crate) fn has_looks_left(&self) -> bool {
        self.looks < Self::MOST
    }

    /// The same after another look.
    pub(crate) fn after_a_look(self) -> Self {
        let looks = self.looks + 1;
        Self { looks, ..self }
    }

    /// The delay before the next look. It quadruples with each: CloudFormation usually announces the end
    /// with an event, so a look only makes up for a lost one.
    pub(crate) fn delay(&self) -> Duration {
        REQUEUE.delay(2 * self.looks)
    }

    fn merge(&mut self, other: Self) {
        self.looks = self.looks.max(other.looks);
        self.scope = std::mem::take(&mut self.scope).merge(other.scope);
    }
}

impl Scope {
    /// The whole organization.
    pub fn all() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// One account, without used attempts.
    pub fn account(id: AccountId) -> Self {
        Self {
            accounts: BTreeMap::from([(id, 0)]),
            ..Self::default()
        }
    }

    /// One account that a lifecycle event named.
    pub fn arrival(id: AccountId) -> Self {
        Self {
            arrived: BTreeSet::from([id]),
            ..Self::account(id)
        }
    }

    /// The accounts of `scope`, once this operation has ended.
    pub fn awaiting(operation: Operation, scope: Self) -> Self {
        Self {
            awaiting: BTreeMap::from([(operation, Awaiting { looks: 0, scope })]),
            ..Self::default()
        }
    }

    /// All accounts below one OU.
    pub fn ou(id: OuId) -> Self {
        Self {
            ous: BTreeSet::from([id]),
            ..Self::default()
        }
    }

    /// Whether there is nothing to reconcile.
    pub fn is_empty(&self) -> bool {
        self.names_no_account() && self.parked.is_none() && self.awaiting.is_empty()
    }

    /// How many accounts it names.
    pub fn named(&self) -> usize {
        let waiting = self.awaiting.values();
        self.accounts.len() + waiting.map(|waiting| waiting.scope.named()).sum::<usize>()
    }

    /// Whether it is only a wake-up for parked work.
    pub fn is_only_a_wake_up(&self) -> bool {
        self.names_no_account() && self.parked.is_some()
    }

    /// Whether it is a comparison of the whole organization, and not a retry of one.
    pub fn is_round(&self) -> bool {
        self.all && self.attempt == 0
    }

    fn names_no_account(&self) -> bool {
        !self.is_wide() && self.accounts.is_empty()
    }

    fn is_wide(&self) -> bool {
        self.all || !self.ous.is_empty()
    }

    /// The same scope, for which all accounts' news without a time came at `at`. It is put in whole
    /// seconds, so that accounts of the same second share a message.
    #[must_use]
    pub fn come_at(mut self, at: Timestamp) -> Self {
        let at = at.round(Unit::Second).unwrap_or(at);
        for id in self.accounts.keys() {
            self.since.entry(*id).or_insert(at);
        }
        for waiting in self.awaiting.values_mut() {
            waiting.scope = std::mem::take(&mut waiting.scope).come_at(at);
        }
        self
    }

    /// The union of both scopes. Of two numbers of attempts the smaller one counts, since there may
    /// be new changes, and of two times of an account's news the earlier one.
    pub fn merge(mut self, other: Self) -> Self {
        self.attempt = match (self.is_wide(), other.is_wide()) {
            (true, true) => self.attempt.min(other.attempt),
            (true, false) => self.attempt,
            (false, _) => other.attempt,
        };
        self.all |= other.all;
        self.parked = self.parked.max(other.parked);
        self.ous.extend(other.ous);
        self.arrived.extend(other.arrived);
        for (id, since) in other.since {
            let known = self.since.entry(id).or_insert(since);
            *known = since.min(*known);
        }
        for (id, attempt) in other.accounts {
            self.accounts
                .entry(id)
                .and_modify(|known| *known = attempt.min(*known))
                .or_insert(attempt);
        }
        for (operation, waiting) in other.awaiting {
            self.awaiting.entry(operation).or_default().merge(waiting);
        }
        self
    }

    /// The attempts already used up for an account.
    pub fn attempts(&self, id: &AccountId) -> u32 {
        self.accounts.get(id).copied().unwrap_or(self.attempt)
    }

    /// Whether a pass over this scope reconciles all that the other one names.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        let is_named = |id| self.all || self.accounts.contains_key(id);
        (self.all || !other.is_wide()) && other.accounts.keys().all(is_named)
    }

    /// The scope without waiting for any operation.
    pub(crate) fn at_once(mut self) -> Self {
        let awaiting = std::mem::take(&mut self.awaiting);
        let scopes = awaiting
            .into_values()
            .map(|waiting| waiting.scope.at_once());
        scopes.fold(self, Self::merge)
    }

    /// The scope after another failed attempt, and the delay before the next. Parts without
    /// attempts left are dropped: the schedule takes over.
    pub fn again(self) -> (Self, Duration) {
        let mut scope = self.at_once();
        let used = scope
            .accounts
            .values()
            .copied()
            .chain([scope.attempt])
            .max()
            .unwrap_or_default();
        scope.attempt = scope.attempt.saturating_add(1);
        for attempt in scope.accounts.values_mut() {
            *attempt = attempt.saturating_add(1);
        }
        scope
            .accounts
            .retain(|_, attempt| *attempt <= REQUEUE.tries);
        if scope.attempt > REQUEUE.tries {
            scope.all = false;
            scope.ous.clear();
        }
        (scope, REQUEUE.delay(used))
    }

    /// The scope as messages. Parked work stays parked.
    pub fn messages(&self) -> Vec<Message> {
        self.messages_of(ACCOUNTS_PER_MESSAGE)
    }

    /// The scope as messages that name at most this many accounts each.
    pub(super) fn messages_of(&self, accounts: usize) -> Vec<Message> {
        Message::bundled(self.single_messages(accounts), accounts)
    }

    fn single_messages(&self, accounts: usize) -> Vec<Message> {
        let mut messages = Vec::new();
        if self.all {
            messages.push(Message::new(MessageScope::All, self.attempt));
        }
        for ou in &self.ous {
            messages.push(Message::new(MessageScope::Ou(ou.clone()), self.attempt));
        }
        let mut alike: BTreeMap<(u32, Option<Timestamp>), Vec<AccountId>> = BTreeMap::new();
        for (id, attempt) in &self.accounts {
            let since = self.since.get(id).copied();
            alike.entry((*attempt, since)).or_default().push(*id);
        }
        for ((attempt, since), ids) in alike {
            for ids in ids.chunks(accounts) {
                let mut message = Message::new(MessageScope::Accounts(ids.to_vec()), attempt);
                message.since = since;
                message.arrived = ids
                    .iter()
                    .copied()
                    .filter(|id| self.arrived.contains(id))
                    .collect();
                messages.push(message);
            }
        }
        for (operation, Awaiting { looks, scope }) in &self.awaiting {
            let awaited = Await {
                operation: operation.clone(),
                looks: *looks,
            };
            let waiting = scope.single_messages(accounts).into_iter();
            messages.extend(waiting.map(|message| Message {
                awaited: Some(awaited.clone()),
                ..message
            }));
        }
        messages
    }
}

/// The scope of the pass that a message asks for.
impl From<Message> for Scope {
    fn from(message: Message) -> Self {
        let Message {
            scope,
            attempt,
            arrived,
            since,
            awaited,
            also,
        } = message;
        // A foreign message may claim more attempts than there are.
        let attempt = attempt.min(REQUEUE.tries);
        let scope = match scope {
            MessageScope::All => Self {
                attempt,
                ..Self::all()
            },
            MessageScope::Ou(ou) => Self {
                attempt,
                ..Self::ou(ou)
            },
            MessageScope::Accounts(ids) => {
                let accounts: BTreeMap<_, _> = ids.into_iter().map(|id| (id, attempt)).collect();
                Self {
                    arrived: (arrived.into_iter())
                        .filter(|id| accounts.contains_key(id))
                        .collect(),
                    since: since
                        .into_iter()
                        .flat_map(|since| accounts.keys().map(move |id| (*id, since)))
                        .collect(),
                    accounts,
                    ..Self::default()
                }
            }
            MessageScope::Parked(at) => Self {
                parked: Some(at),
                ..Self::default()
            },
        };
        let scope = match awaited {
            Some(Await { operation, looks }) => Self {
                awaiting: BTreeMap::from([(operation, Awaiting { looks, scope })]),
                ..Self::default()
            },
            None => scope,
        };
        also.into_iter().map(Self::from).fold(scope, Self::merge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AccountId {
        text.parse().unwrap()
    }

    #[test]
    fn a_merged_scope_survives_the_way_through_messages() {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let one = Scope::arrival(id("111111111111")).come_at(at);
        let two = Scope {
            accounts: [(id("222222222222"), 3)].into(),
            ..Scope::default()
        };
        let merged = one
            .merge(two)
            .merge(Scope::ou("ou-ab12-11112222".parse().unwrap()));
        let back = merged
            .messages()
            .into_iter()
            .map(Scope::from)
            .fold(Scope::default(), Scope::merge);
        assert_eq!(back, merged);
    }

    #[test]
    fn the_earliest_news_of_an_account_counts() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let account = || Scope::account(id("111111111111"));
        let merged = account().come_at(at(9)).merge(account().come_at(at(5)));
        assert_eq!(merged.since[&id("111111111111")], at(5));
        assert_eq!(merged.clone().come_at(at(1)), merged, "it has a time");
    }

    #[test]
    fn what_is_put_off_together_stays_one_message() {
        let accounts = (0..500).map(|n| (id(&format!("{n:012}")), n % 10));
        let scope = Scope {
            accounts: accounts.collect(),
            ..Scope::default()
        };
        let [message] = &scope.messages()[..] else {
            panic!("one message");
        };
        assert_eq!(Scope::from(message.clone()), scope);
        let one_more = scope.clone().merge(Scope::all());
        assert_eq!(one_more.messages().len(), 2);
    }

    #[test]
    fn attempts_in_vain_come_to_an_end() {
        let mut scope = Scope::all().merge(Scope::account(id("111111111111")));
        let mut waits = Vec::new();
        while !scope.is_empty() {
            let (next, wait) = scope.again();
            waits.push(wait.as_secs());
            scope = next;
        }
        assert_eq!(waits.len() as u32, REQUEUE.tries + 1);
        assert!(waits.is_sorted());
        let unit: OuId = "ou-ab12-11111111".parse().unwrap();
        for mut scope in [Scope::all(), Scope::ou(unit)] {
            for _ in 0..REQUEUE.tries {
                scope = scope.again().0;
                assert!(!scope.is_empty());
            }
            assert!(scope.again().0.is_empty());
        }
    }

    #[test]
    fn who_waits_for_an_operation_survives_the_way_through_messages() {
        let operation = |id: &str| Operation {
            stack_set: "Member".into(),
            id: id.into(),
        };
        let waiting = Scope::arrival(id("111111111111")).merge(Scope {
            accounts: [(id("222222222222"), 3)].into(),
            ..Scope::default()
        });
        let scope = Scope::awaiting(operation("one"), waiting)
            .merge(Scope::awaiting(
                operation("two"),
                Scope::account(id("333333333333")),
            ))
            .merge(Scope::account(id("333333333333")));
        assert!(!scope.is_empty());
        assert_eq!(scope.named(), 4);
        let [message] = &scope.messages()[..] else {
            panic!("one message");
        };
        assert_eq!(Scope::from(message.clone()), scope);
        let copies = scope.clone().merge(scope.clone());
        assert_eq!(copies, scope);
    }

    #[test]
    fn news_of_an_account_starts_its_attempts_anew() {
        let tired = Scope {
            accounts: [(id("111111111111"), 9)].into(),
            ..Scope::default()
        };
        let merged = tired.merge(Scope::account(id("111111111111")));
        assert_eq!(merged.attempts(&id("111111111111")), 0);
    }
}
