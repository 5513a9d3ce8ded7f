use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
};

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    counted,
    ledger::Record,
    model::AccountId,
    planted::{Fault, planted},
    policy::Policy,
};

/// Offboardings beyond `OffboardLimitPercent`, held until an administrator approves them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The accounts to offboard.
    pub accounts: BTreeSet<AccountId>,
    /// The value of `ApproveOffboard` that approves them.
    pub digest: String,
    /// How many may be offboarded in a day.
    pub limit: usize,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} would be offboarded, but the limit in 24 hours is {}; \
             set the stack parameter ApproveOffboard={} to allow them",
            counted(self.accounts.len(), "account"),
            self.limit,
            self.digest
        )
    }
}

/// At least this many a day, so that a small organization is not stuck at each closure.
const AT_LEAST: usize = 3;

/// The decision about a set of offboardings.
pub(super) enum Verdict {
    /// Within the limit.
    Fits,
    /// Approved, together with all other accounts that the approval covered.
    Approved(BTreeSet<AccountId>),
    /// Held until approved.
    Held(Held),
}

/// Whether these accounts may be offboarded now.
///
/// Counts over all records, so that many small scopes cannot exceed the limit.
pub(super) fn check(
    policy: &Policy,
    records: &BTreeMap<AccountId, Record>,
    leaving: &BTreeSet<AccountId>,
    now: Timestamp,
) -> Verdict {
    let left = records
        .values()
        .filter(|record| record.left_within_the_day(now) && !planted(Fault::CountedByPass))
        .count();
    if leaving.is_empty() {
        return Verdict::Fits;
    }
    let kept = records
        .iter()
        .filter(|(_, record)| record.held)
        .map(|(id, _)| *id);
    let accounts: BTreeSet<AccountId> = leaving.iter().copied().chain(kept).collect();
    let digest = digest(&accounts, records);
    // The approval covers all of them, even if the first few would be within the limit.
    if policy.approved_offboard.as_deref() == Some(digest.as_str()) {
        return Verdict::Approved(accounts);
    }
    let limit = limit(policy, records, now);
    let fits = left + leaving.len() <= limit || planted(Fault::LimitIsIgnored);
    if fits {
        return Verdict::Fits;
    }
    Verdict::Held(Held {
        accounts,
        digest,
        limit,
    })
}

/// How many accounts may be offboarded, or have their stacks recreated, in 24 hours.
pub(super) fn limit(
    policy: &Policy,
    records: &BTreeMap<AccountId, Record>,
    now: Timestamp,
) -> usize {
    let counted = records
        .values()
        .filter(|record| record.since.is_some() || record.left_within_the_day(now))
        .count();
    let percent = usize::from(policy.offboard_limit_percent);
    AT_LEAST.max((counted * percent).div_ceil(100))
}

/// Twelve hexadecimal digits that identify these accounts and their enrollment times. So an
/// approval works once, and does not cover accounts that were enrolled again.
fn digest(accounts: &BTreeSet<AccountId>, records: &BTreeMap<AccountId, Record>) -> String {
    let mut hash = Sha256::new();
    for id in accounts {
        hash.update(id.as_str());
        let since = records.get(id).and_then(|record| record.since);
        if let Some(since) = since.filter(|_| !planted(Fault::ApprovalStands)) {
            hash.update(since.as_millisecond().to_be_bytes());
        }
    }
    hash.finalize()
        .iter()
        .take(6)
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
