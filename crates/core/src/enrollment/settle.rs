//! Settles what becomes of the outcomes of a plan's actions: the report, and the ledger's records.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Inventory, Plan, Report, Revisit, Standing, WORTHWHILE_WAIT, Watchers,
    coverage::standings,
    outcome::{Outcome, Place, ROLES_SETTLE},
};
use crate::{
    Error, ErrorKind, Read, Result,
    ledger::{Gap, GapCause, Reason, Record},
    model::AccountId,
    planted::{Fault, planted},
    policy::Policy,
    ports::Running,
    provider::Provider,
    retry::{REQUEUE, Retry},
};

/// Only up to this many accounts wait for the end of their operation: in a larger one the first stacks
/// are ready long before the last.
const AWAIT_TOGETHER: usize = 10;

pub(super) struct Tally<'a> {
    provider: &'a dyn Provider,
    policy: &'a Policy,
    inventory: &'a Inventory,
    now: Timestamp,
    /// The plan's records.
    planned: BTreeMap<AccountId, Option<Record>>,
    /// Additional records.
    records: BTreeMap<AccountId, Record>,
    revisits: BTreeMap<AccountId, Revisit>,
    /// Accounts whose registrations the SaaS accepted without returning their ids.
    unnamed: Vec<AccountId>,
    /// How long the SaaS's rate limit forbids calls.
    rate_limited: Option<Duration>,
    report: Report,
}

impl<'a> Tally<'a> {
    /// Starts with the plan's report; the results of its actions follow.
    pub(super) fn new(
        provider: &'a dyn Provider,
        policy: &'a Policy,
        inventory: &'a Inventory,
        plan: &mut Plan,
        now: Timestamp,
    ) -> Self {
        let revisits = std::mem::take(&mut plan.revisits).into_iter();
        let blocked = std::mem::take(&mut plan.blocked);
        let mut tally = Self {
            provider,
            policy,
            inventory,
            now,
            planned: std::mem::take(&mut plan.records),
            records: BTreeMap::new(),
            revisits: revisits.map(|revisit| (revisit.account, revisit)).collect(),
            unnamed: Vec::new(),
            rate_limited: None,
            report: Report {
                enrolled: std::mem::take(&mut plan.enrolled),
                unreadable_items: inventory.unreadable_items.clone(),
                ..Report::default()
            },
        };
        for (account, reason) in blocked {
            tally.report_blocked(account, reason);
        }
        tally
    }

    fn report_blocked(&mut self, account: AccountId, reason: Reason) {
        let words = reason.in_words(self.provider.words());
        self.report.blocked.push((account, words));
        let before = self.inventory.records.get(&account);
        let before = before.and_then(|record| record.reason.as_ref());
        if before.map(Reason::code) != Some(reason.code()) {
            self.report.newly_blocked.push((account, reason));
        }
    }

    /// The report with all records, or only with those that the plan has not already stored.
    pub(super) fn into_report(mut self, is_plan_recorded: bool) -> Report {
        // Revisited soon to learn their ids from the list: once changed by hand, a registration is
        // recognized by its id only.
        let delay = self.rate_limited.unwrap_or(REQUEUE.first);
        for account in std::mem::take(&mut self.unnamed) {
            self.revisit(account, delay, self.attempts(account));
        }
        if self.inventory.scope.all {
            let recorded = |account: &AccountId| self.recorded(account);
            let standings = standings(self.policy, self.inventory, recorded);
            self.report.coverage = Some(standings.iter().map(|(_, standing)| standing).collect());
            let unwatched = standings.into_iter();
            self.report.unwatched = unwatched
                .filter_map(|(account, standing)| match standing {
                    Standing::Unwatched(reason) => Some((account, reason)),
                    _ => None,
                })
                .collect();
        }
        for (account, record) in std::mem::take(&mut self.records) {
            let before = self.inventory.records.get(&account);
            let record = record.following(before, self.inventory.compared, self.now);
            self.records.insert(account, record);
        }
        self.report.gaps = self.gaps_that_ended();
        let mut records = if is_plan_recorded {
            BTreeMap::new()
        } else {
            self.planned
        };
        let done = self.records.into_iter();
        records.extend(done.map(|(account, record)| (account, Some(record))));
        Report {
            records: records.into_iter().collect(),
            revisits: self.revisits.into_values().collect(),
            ..self.report
        }
    }

    /// The gaps that this pass found to have ended.
    fn gaps_that_ended(&self) -> Vec<(AccountId, Gap)> {
        let accounts: BTreeSet<&AccountId> =
            self.planned.keys().chain(self.records.keys()).collect();
        let ended = accounts.into_iter().filter_map(|account| {
            let before = self.inventory.records.get(account);
            let before = before.and_then(|record| record.gap);
            let gap = self.recorded(account)?.gap?;
            (before != Some(gap)).then_some((*account, gap))
        });
        ended.collect()
    }

    /// The account's record as of now; empty if it has none.
    fn known(&self, account: &AccountId) -> Record {
        self.recorded(account).cloned().unwrap_or_default()
    }

    fn recorded(&self, account: &AccountId) -> Option<&Record> {
        let planned = || self.planned.get(account)?.as_ref();
        let before = || self.inventory.records.get(account);
        let recorded = self.records.get(account);
        recorded.or_else(planned).or_else(before)
    }

    /// The result of starting an operation, and the expiry of the token that it gives the accounts' stacks,
    /// if it does.
    pub(super) fn operation(
        &mut self,
        accounts: &[AccountId],
        outcome: Result<(Running, Option<Timestamp>)>,
    ) {
        let (running, token_ends) = match outcome {
            Ok(started) => started,
            Err(error) => return self.not_started(accounts, &error),
        };
        for account in accounts.iter().filter(|_| token_ends.is_some()) {
            let record = Record {
                token_ends,
                ..self.known(account)
            };
            self.records.insert(*account, record);
        }
        self.await_end(accounts, &running);
    }

    fn await_end(&mut self, accounts: &[AccountId], running: &Running) {
        if accounts.len() > AWAIT_TOGETHER {
            return;
        }
        for account in accounts {
            if let Some(revisit) = self.revisits.get_mut(account) {
                revisit.awaits = Some(running.operation.clone());
            }
        }
    }

    fn not_started(&mut self, accounts: &[AccountId], error: &Error) {
        self.report.failures.push(error.chain());
        for account in accounts {
            self.revisits.remove(account);
            if error.kind == ErrorKind::NotFound && !planted(Fault::GoneIsRetried) {
                // Only setup can create a StackSet.
                self.block(*account, self.known(account), Reason::StackSetGone);
            } else {
                self.fall_back(*account, error);
            }
        }
    }

    /// The accounts' stacks are being deleted, to be recreated.
    pub(super) fn recreated(&mut self, accounts: &[AccountId]) {
        for account in accounts {
            let record = Record {
                recreated_at: Some(self.now),
                ..self.known(account)
            };
            self.records.insert(*account, record);
        }
    }

    /// The deletion of the accounts' stacks was requested, or the stacks were left behind.
    pub(super) fn deletion(
        &mut self,
        accounts: &[AccountId],
        retain: bool,
        outcome: Result<Running>,
    ) {
        match outcome {
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => self.not_started(accounts, &error),
            Ok(running) => {
                self.await_end(accounts, &running);
                // A stack that is left behind is not asked to go.
                for account in accounts.iter().filter(|_| !retain) {
                    let known = self.known(account);
                    // A deletion that is still running is not a further attempt.
                    let is_first = known.deletion.is_none();
                    if is_first && self.provider.wanted(self.policy, account).is_none() {
                        // Nothing else watches the account.
                        self.report.left.push(*account);
                    }
                    if running.is_new || is_first {
                        self.records.insert(*account, known.asked_to_go(self.now));
                    }
                }
            }
        }
    }

    pub(super) fn registration(&mut self, account: AccountId, outcome: Outcome) {
        match outcome {
            Outcome::Enrolled(place) => {
                let is_known = place.guid.is_some();
                self.place(account, place);
                self.revisits.remove(&account);
                if !is_known {
                    self.unnamed.push(account);
                }
                self.report.enrolled.push(account);
            }
            // Deleting one of two registrations does not offboard the account.
            Outcome::Changed { removed } => {
                let known = self.known(&account);
                if removed && known.since.is_none() {
                    self.report.left.push(account);
                    // A delayed removal counts from when it happens.
                    if known.left_at.is_some_and(|at| at != self.now) {
                        let left_at = Some(self.now);
                        self.records.insert(account, Record { left_at, ..known });
                    }
                }
            }
            Outcome::OutOfTime => self.revisit(account, Duration::ZERO, self.attempts(account)),
            // Rate limiting is not a failure.
            Outcome::RateLimited(wait) => {
                let wait = wait.max(WORTHWHILE_WAIT);
                self.rate_limited = self.rate_limited.max(Some(wait));
                self.revisit(account, wait, self.attempts(account));
            }
            Outcome::RoleTooNew => self.revisit(account, ROLES_SETTLE, self.attempts(account) + 1),
            Outcome::RoleNotAssumable(why) => {
                let known = self.known(&account);
                let foreign_name = self.foreign_name(&account);
                let record = Record {
                    // Only a recreated role can fix a role that cannot be assumed; other refusals
                    // would stay.
                    unusable_at: (foreign_name.is_none() && self.provider.blames_role(&why))
                        .then(|| known.unusable_at.unwrap_or(self.now)),
                    ..known
                };
                let Some(name) = foreign_name else {
                    return self.failed_attempt(account, record, Reason::RoleNotAssumable(why));
                };
                // Told from the first time on, since only its owner can change that.
                let reason = Reason::ForeignRefused { name, why };
                let told = Record {
                    reason: Some(reason.clone()),
                    ..record.clone()
                };
                self.records.insert(account, told);
                self.failed_attempt(account, record, reason);
            }
            Outcome::AlreadyUsed if self.was_put_back(&account) => {
                // Its own old registration is the one that already uses the account.
                let known = self.known(&account);
                let reason = known.reason.clone().unwrap_or(Reason::AlreadyUsed);
                self.block(account, known, reason);
            }
            Outcome::AlreadyUsed => {
                self.failed_attempt(account, self.known(&account), Reason::AlreadyUsed);
            }
            Outcome::MovedBack(place, why) => {
                self.place(account, place);
                let record = Record {
                    move_failed_at: Some(self.now),
                    ..self.known(&account)
                };
                self.block(account, record, Reason::NotMoved(why));
            }
            Outcome::Failed(error) => {
                self.report.failures.push(error.chain());
                self.fall_back(account, &error);
            }
        }
    }

    /// Whether a move of the account failed within the day, as recorded in the ledger.
    fn was_put_back(&self, account: &AccountId) -> bool {
        let known = self.known(account);
        known.move_failed_within_the_day(self.now) && known.reason.is_some()
    }

    /// What is in the account that no stack of ours made, if it is used.
    fn foreign_name(&self, account: &AccountId) -> Option<String> {
        let view = self.inventory.accounts.get(account)?;
        view.foreign_name(self.provider, self.policy)
    }

    /// Whether no registration of ours watched the account when it was read.
    fn is_unwatched(&self, account: &AccountId) -> bool {
        let view = self.inventory.accounts.get(account);
        matches!(view.map(|view| &view.registrations),
            Some(Read::Ok(Watchers { ours, .. })) if ours.is_empty())
    }

    fn place(&mut self, account: AccountId, place: Place) {
        let Place { store, guid, gap } = place;
        let known = self.known(&account);
        let was_lost = known.since.is_some() && self.is_unwatched(&account);
        let again = was_lost && known.had_gap_within_the_day(self.now);
        let mut record = Record {
            reason: self.foreign_name(&account).map(Reason::Foreign),
            ..known.clone().enrolled(self.now, store, guid)
        };
        let last_seen = || known.last_seen(self.inventory.compared, self.now);
        let gap = if gap {
            Some((self.now, GapCause::Moved))
        } else {
            was_lost.then(|| (last_seen(), GapCause::Deleted))
        };
        if let Some((from, cause)) = gap {
            record.gap_at = Some(self.now);
            // The account counts as watched from the end of the gap.
            record.since = Some(self.now);
            record.gap = Some(Gap {
                from,
                until: self.now,
                cause,
            });
        }
        if again {
            return self.block(account, record, Reason::DeletedAgain);
        }
        self.records.insert(account, record);
    }

    /// Requeues while attempts are left, then reports the account as blocked.
    fn failed_attempt(&mut self, account: AccountId, record: Record, reason: Reason) {
        let attempt = self.attempts(account);
        if attempt < REQUEUE.tries {
            self.revisit(account, REQUEUE.delay(attempt), attempt + 1);
        } else {
            self.block(account, record, reason);
        }
    }

    fn block(&mut self, account: AccountId, record: Record, reason: Reason) {
        self.revisits.remove(&account);
        let record = Record {
            reason: Some(reason.clone()),
            ..record
        };
        self.records.insert(account, record);
        self.report_blocked(account, reason);
    }

    fn fall_back(&mut self, account: AccountId, error: &Error) {
        let attempt = self.attempts(account);
        match REQUEUE.after(error, attempt) {
            Retry::After { delay, counts } => {
                self.revisit(account, delay, attempt + u32::from(counts));
            }
            // The object has disappeared since it was read, so the next pass decides again.
            Retry::GiveUp if error.kind == ErrorKind::NotFound && attempt < REQUEUE.tries => {
                self.revisit(account, REQUEUE.delay(attempt), attempt + 1);
            }
            Retry::GiveUp => self.block(
                account,
                self.known(&account),
                Reason::CallFailed(error.chain()),
            ),
        }
    }

    fn revisit(&mut self, account: AccountId, delay: Duration, attempt: u32) {
        let revisit = Revisit {
            account,
            delay,
            attempt,
            awaits: None,
        };
        self.revisits.insert(account, revisit);
    }

    fn attempts(&self, account: AccountId) -> u32 {
        self.inventory.scope.attempts(&account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{policy::testing::policy, provider::plain::Plain};

    /// The report after a call for an account has failed, with this many attempts used up.
    fn failed(kind: ErrorKind, attempts: u32) -> Report {
        let account = policy().management_account;
        let mut inventory = Inventory::default();
        inventory.scope.accounts.insert(account, attempts);
        let (policy, mut plan) = (policy(), Plan::default());
        let now = Timestamp::UNIX_EPOCH;
        let mut tally = Tally::new(&Plain, &policy, &inventory, &mut plan, now);
        let error = Error::new("registry:Delete", kind, "gone");
        tally.registration(account, Outcome::Failed(error));
        tally.into_report(false)
    }

    #[test]
    fn what_has_disappeared_is_decided_again_ten_times_and_then_reported() {
        for attempts in [0, 9] {
            let report = failed(ErrorKind::NotFound, attempts);
            assert_eq!(report.revisits[0].attempt, attempts + 1);
            assert_eq!(report.blocked, []);
        }
        let report = failed(ErrorKind::NotFound, 10);
        assert_eq!((report.revisits.len(), report.blocked.len()), (0, 1));
    }

    #[test]
    fn what_cannot_pass_is_reported_at_once() {
        let report = failed(ErrorKind::Invalid, 0);
        assert_eq!((report.revisits.len(), report.blocked.len()), (0, 1));
    }
}
