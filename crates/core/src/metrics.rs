//! The metrics that the functions write, all of them counts. Their names and meanings stand here only:
//! `docs/metrics.md` is held to this file, and so are the templates' alarms.

/// The namespace of every metric.
pub const NAMESPACE: &str = "Towerhook";

/// The dimensions of every metric: the stack's name and the vendor's, so that no two stacks in an
/// account share a metric.
pub const DIMENSIONS: [&str; 2] = ["Stack", "Provider"];

/// The further dimension of what is counted by reason.
pub const REASON: &str = "Reason";

/// Whether administrators can build alarms of their own on a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// Its name and its meaning stay until a release that says otherwise under "breaking".
    Stable,
    /// For finding a fault; it may change with any release.
    Internal,
}

macro_rules! registry {
    ($($name:ident, $stability:ident, $meaning:literal;)*) => {
        /// A metric of the functions.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $(#[doc = $meaning] $name,)*
        }

        impl Metric {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in CloudWatch.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// Whether its name and meaning stay.
            pub fn stability(self) -> Stability {
                match self { $(Self::$name => Stability::$stability),* }
            }

            /// What it says, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),* }
            }
        }
    };
}

registry! {
    OrganizationCompared, Stable,
        "1 for each comparison of the whole organization that ran to its end, and for each request of \
         CloudFormation that setup carried out, which starts one: the silence alarm rests on it.";
    AccountsInScope, Stable,
        "The accounts that should be watched, as of a comparison of the whole organization.";
    AccountsWatched, Stable,
        "Those of them that are.";
    AccountsUnwatched, Stable,
        "Those of them that are not; with the dimension Reason, those for one reason.";
    AccountsEnrolled, Stable,
        "The accounts that a pass enrolled.";
    AccountsOffboarded, Stable,
        "The accounts that a pass offboarded.";
    AccountsBlocked, Stable,
        "The accounts, and the unreadable items of the ledger, that need an administrator.";
    OffboardingsHeld, Stable,
        "The accounts whose offboarding awaits an administrator's approval.";
    MonitoringGaps, Stable,
        "The accounts that a pass found to have been unwatched for a while.";
    RegistrationsDeleted, Stable,
        "Registrations that had been deleted at the vendor and that a pass recreated.";
    SourcesUnreadable, Stable,
        "Sources that could not be read in three comparisons in a row.";
    TokensIssued, Stable,
        "Written by each successful check of the key: 1 if it led to a new token, else 0.";
    TokenFailures, Stable,
        "1 for each check of the key that led to no token, or that the vendor refused.";
    Passes, Internal,
        "Passes that ran to their end.";
    PassesBusy, Internal,
        "Passes that left their work to the one that was running.";
    PassesRequeued, Internal,
        "Passes whose reads failed; their accounts are looked at again.";
    PassesWithoutDeployment, Stable,
        "Passes that found no deployment in the ledger. Until setup records one, no account is reconciled.";
    PassesFailed, Stable,
        "Passes whose records returned to the queue.";
    AccountsRevisited, Internal,
        "The accounts that a pass looks at again.";
    CallsFailed, Internal,
        "Calls of AWS or of the vendor that failed in a pass.";
    EventsUnsent, Internal,
        "1 for each pass whose events for others could not all be put on the bus.";
    EvidenceUnwritten, Stable,
        "Where evidence is kept: 1 for each comparison of the whole organization whose evidence could not \
         be written, else 0.";
    RecordsMalformed, Stable,
        "Records of the queue that mean nothing; they end in the dead-letter queue.";
    EventsIgnored, Internal,
        "Records that ask for nothing.";
    ControlTowerFailures, Stable,
        "Operations of Control Tower that failed, by its events.";
}

/// What was measured of a metric, in one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurement {
    /// The metric.
    pub metric: Metric,
    /// The count.
    pub count: usize,
    /// The code of the reason that it is for, if it is for one only.
    pub reason: Option<String>,
}

impl Metric {
    /// A count of it.
    pub fn count(self, count: usize) -> Measurement {
        Measurement {
            metric: self,
            count,
            reason: None,
        }
    }

    /// A count of it, for one reason.
    pub fn count_for(self, reason: String, count: usize) -> Measurement {
        Measurement {
            reason: Some(reason),
            ..self.count(count)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_metrics_share_a_name_and_each_says_what_it_means() {
        let names: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), Metric::ALL.len());
        for metric in Metric::ALL {
            assert!(metric.meaning().ends_with('.'), "{metric:?}");
        }
    }
}
