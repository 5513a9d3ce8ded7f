use super::{Coverage, Inventory, Revisit, coverage::unwatched_code};
use crate::{
    Read,
    feed::{FeedReport, FeedView},
    happening::{Happening, Named},
    landing_zone::Account,
    ledger::{Gap, GapCause, Reason, Record},
    metrics::{Measurement, Metric},
    model::AccountId,
    policy::Deployment,
    provider::Words,
};

/// The result of executing a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Accounts that are enrolled as of this pass.
    pub enrolled: Vec<AccountId>,
    /// How long each of them waited that was not enrolled before, in seconds.
    pub enrollment_seconds: Vec<u64>,
    /// Accounts whose registrations were removed in this pass.
    pub left: Vec<AccountId>,
    /// Accounts that are watched again after a gap.
    pub gaps: Vec<(AccountId, Gap)>,
    /// Accounts to requeue.
    pub revisits: Vec<Revisit>,
    /// Accounts that need an administrator, each with the reason.
    pub blocked: Vec<(AccountId, String)>,
    /// Those of them whose reason the ledger did not have before.
    pub newly_blocked: Vec<(AccountId, Reason)>,
    /// Failed calls, each as the whole error chain.
    pub failures: Vec<String>,
    /// Records that are not written yet.
    pub records: Vec<(AccountId, Option<Record>)>,
    /// Unreadable items of the ledger, each with the reason.
    pub unreadable_items: Vec<String>,
    /// How many sources could not be read in three comparisons in a row.
    pub unreadable_sources: usize,
    /// How much is watched, after a pass over the whole organization.
    pub coverage: Option<Coverage>,
    /// The accounts that should be watched and are not, after such a pass. Without a reason, the
    /// enrollment is under way.
    pub unwatched: Vec<(AccountId, Option<Reason>)>,
}

impl Report {
    /// How many registrations had been deleted by hand and were recreated.
    pub(super) fn deleted(&self) -> usize {
        let deleted = self.gaps.iter();
        deleted
            .filter(|(_, gap)| gap.cause == GapCause::Deleted)
            .count()
    }

    /// The metrics of the pass that it reports.
    pub(super) fn measurements(&self) -> Vec<Measurement> {
        let blocked = self.blocked.len() + self.unreadable_items.len();
        let mut all = vec![
            Metric::Passes.count(1),
            Metric::AccountsEnrolled.count(self.enrolled.len()),
            Metric::AccountsOffboarded.count(self.left.len()),
            Metric::MonitoringGaps.count(self.gaps.len()),
            Metric::RegistrationsDeleted.count(self.deleted()),
            Metric::AccountsRevisited.count(self.revisits.len()),
            Metric::AccountsBlocked.count(blocked),
            Metric::SourcesUnreadable.count(self.unreadable_sources),
            Metric::CallsFailed.count(self.failures.len()),
        ];
        if !self.enrollment_seconds.is_empty() {
            all.push(Metric::EnrollmentSeconds.of(self.enrollment_seconds.clone()));
        }
        if let Some(coverage) = &self.coverage {
            all.extend(coverage.measurements());
        }
        all
    }

    /// What others are told of, with the accounts' names as they were read.
    pub(super) fn happenings(&self, inventory: &Inventory, words: &Words) -> Vec<Happening> {
        let named = |id: &AccountId| {
            let view = inventory.accounts.get(id);
            let account = match view.map(|view| &view.account) {
                Some(Read::Ok(account)) => account.as_ref(),
                _ => None,
            };
            let name = account.map(|account: &Account| account.name.clone());
            Named {
                id: *id,
                name: name.unwrap_or_default(),
            }
        };
        let enrolled = self
            .enrolled
            .iter()
            .map(|id| Happening::Enrolled(named(id)));
        let left = self.left.iter().map(|id| Happening::Offboarded(named(id)));
        let blocked = self.newly_blocked.iter();
        let blocked = blocked.map(|(id, reason)| Happening::Blocked {
            account: named(id),
            code: reason.code(),
            reason: reason.in_words(words),
        });
        let compared = self.coverage.iter().map(|coverage| Happening::Compared {
            watched: coverage.watched,
            unwatched: coverage.unwatched.clone(),
        });
        enrolled
            .chain(left)
            .chain(blocked)
            .chain(compared)
            .collect()
    }

    /// Adds the feed's result; the feed's account is Log Archive.
    pub(super) fn add_feed(
        &mut self,
        view: Option<&FeedView>,
        feed: &FeedReport,
        deployment: &Deployment,
    ) {
        let unread = view.into_iter().flat_map(FeedView::failures);
        self.failures.extend(unread);
        self.failures.extend(feed.failures.iter().cloned());
        if let Some(account) = deployment.policy.log_archive {
            let blocked = feed.blocked.iter().cloned();
            self.blocked.extend(blocked.map(|why| (account, why)));
        }
    }

    /// Logs everything that an administrator should read, and each account that is not watched.
    pub(super) fn log(&self, words: &Words) {
        for account in &self.enrolled {
            tracing::info!(%account, "account enrolled");
        }
        for account in &self.left {
            tracing::info!(%account, "account offboarded");
        }
        for (account, reason) in &self.blocked {
            tracing::error!(%account, reason, "account blocked");
        }
        for why in &self.unreadable_items {
            tracing::error!(why, "ledger item unreadable");
        }
        for (account, Gap { from, until, cause }) in &self.gaps {
            tracing::warn!(%account, gap = %cause, %from, %until, "monitoring gap");
        }
        for failure in &self.failures {
            tracing::warn!(failure, "call failed");
        }
        for (account, reason) in &self.unwatched {
            let code = unwatched_code(reason.as_ref());
            let reason = reason.as_ref().map(|reason| reason.in_words(words));
            tracing::info!(%account, code, reason, "account unwatched");
        }
    }
}
