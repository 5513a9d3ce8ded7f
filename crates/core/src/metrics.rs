//! The metrics that the functions write. Their names, units and meanings stand here only:
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

/// What a metric's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Seconds.
    Seconds,
}

macro_rules! registry {
    ($($name:ident, $unit:ident, $stability:ident, $meaning:literal;)*) => {
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

            /// What its values are.
            pub fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit),* }
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
    OrganizationCompared, Count, Stable,
        "1 for each comparison of the whole organization that ran to its end, and for each request of \
         CloudFormation that setup carried out, which starts one: the silence alarm rests on it.";
    AccountsInScope, Count, Stable,
        "The accounts that should be watched, as of a comparison of the whole organization.";
    AccountsWatched, Count, Stable,
        "Those of them that are.";
    AccountsUnwatched, Count, Stable,
        "Those of them that are not; with the dimension Reason, those for one reason.";
    AccountsEnrolled, Count, Stable,
        "The accounts that a pass enrolled.";
    EnrollmentSeconds, Seconds, Stable,
        "How long an account waited that a pass enrolled for the first time, one value for each: from its \
         news, or from the comparison that found it.";
    AccountsOffboarded, Count, Stable,
        "The accounts that a pass offboarded.";
    AccountsBlocked, Count, Stable,
        "The accounts, and the unreadable items of the ledger, that need an administrator.";
    OffboardingsHeld, Count, Stable,
        "The accounts whose offboarding awaits an administrator's approval.";
    MonitoringGaps, Count, Stable,
        "The accounts that a pass found to have been unwatched for a while.";
    RegistrationsDeleted, Count, Stable,
        "Registrations that had been deleted at the vendor and that a pass recreated.";
    SourcesUnreadable, Count, Stable,
        "Sources that could not be read in three comparisons in a row.";
    TokensIssued, Count, Stable,
        "Written by each successful check of the key: 1 if auth got a new token by it, else 0. A request of \
         CloudFormation that setup carried out is such a check.";
    TokenFailures, Count, Stable,
        "1 for each check of the key that led to no token, or that the vendor refused.";
    TokenSecondsLeft, Seconds, Stable,
        "Written by each successful check of the key: how long the token lasts, or what stands for one.";
    Passes, Count, Internal,
        "Passes that ran to their end.";
    PassesBusy, Count, Internal,
        "Passes that left their work to the one that was running.";
    PassesRequeued, Count, Internal,
        "Passes whose reads failed; their accounts are looked at again.";
    PassesWithoutDeployment, Count, Stable,
        "Passes that found no deployment in the ledger. Until setup records one, no account is reconciled.";
    PassesFailed, Count, Stable,
        "Passes whose records returned to the queue.";
    AccountsRevisited, Count, Internal,
        "The accounts that a pass looks at again.";
    CallsFailed, Count, Internal,
        "Calls of AWS or of the vendor that failed in a pass.";
    AwsCalls, Count, Internal,
        "Requests to AWS in an invocation, with the repeated ones.";
    AwsThrottles, Count, Internal,
        "Those of them that AWS throttled.";
    VendorCalls, Count, Internal,
        "Requests to the vendor in an invocation, with the repeated ones.";
    VendorThrottles, Count, Internal,
        "Those of them that the vendor throttled.";
    VendorCallsLeft, Count, Internal,
        "How many calls the vendor's rate limit leaves, by its last answer that says so.";
    EventsUnsent, Count, Internal,
        "1 for each pass whose events for others could not all be put on the bus.";
    EvidenceUnwritten, Count, Stable,
        "Where evidence is kept: 1 for each comparison of the whole organization whose evidence could not \
         be written, else 0.";
    RecordsMalformed, Count, Stable,
        "Records of the queue that mean nothing; they end in the dead-letter queue.";
    EventsIgnored, Count, Internal,
        "Records that ask for nothing.";
    ControlTowerFailures, Count, Stable,
        "Operations of Control Tower that failed, by its events.";
}

/// What was measured of a metric, in one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurement {
    /// The metric.
    pub metric: Metric,
    /// Its values, in its unit.
    pub values: Vec<u64>,
    /// The code of the reason that it is for, if it is for one only.
    pub reason: Option<String>,
}

impl Metric {
    /// A count of it.
    pub fn count(self, count: usize) -> Measurement {
        self.of(vec![count as u64])
    }

    /// These values of it.
    pub fn of(self, values: Vec<u64>) -> Measurement {
        Measurement {
            metric: self,
            values,
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
