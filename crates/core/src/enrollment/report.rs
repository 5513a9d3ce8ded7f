use std::fmt;

use super::{Coverage, Revisit};
use crate::{
    feed::{FeedReport, FeedView},
    ledger::Record,
    metrics::{Measurement, Metric},
    model::AccountId,
    policy::Deployment,
};

/// Why an account was unwatched for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// The SaaS did not accept it in two stores at once, so it moved from one to the other.
    Move,
    /// Its registration had been deleted and was recreated.
    Deleted,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Move => "its registration moved",
            Self::Deleted => "its registration was deleted and has been recreated",
        })
    }
}

/// The result of executing a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Accounts that are enrolled as of this pass.
    pub enrolled: Vec<AccountId>,
    /// Accounts whose registrations were removed in this pass.
    pub left: Vec<AccountId>,
    /// Accounts that were unwatched for a while, and why.
    pub gaps: Vec<(AccountId, Gap)>,
    /// Accounts to requeue.
    pub revisits: Vec<Revisit>,
    /// Accounts that need an administrator, each with the reason.
    pub blocked: Vec<(AccountId, String)>,
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
}

impl Report {
    /// How many registrations had been deleted by hand and were recreated.
    pub(super) fn deleted(&self) -> usize {
        let deleted = self.gaps.iter().filter(|(_, gap)| *gap == Gap::Deleted);
        deleted.count()
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
        if let Some(coverage) = &self.coverage {
            all.extend(coverage.measurements());
        }
        all
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

    /// Logs everything that an administrator should read.
    pub(super) fn log(&self) {
        for (account, reason) in &self.blocked {
            tracing::error!(%account, reason, "account blocked");
        }
        for why in &self.unreadable_items {
            tracing::error!(why, "ledger item unreadable");
        }
        for (account, gap) in &self.gaps {
            tracing::warn!(%account, %gap, "monitoring gap");
        }
        for failure in &self.failures {
            tracing::warn!(failure, "call failed");
        }
    }
}
