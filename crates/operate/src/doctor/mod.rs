//! What a launch needs, and what a launched stack should look like: each check is a function from
//! the facts to findings, and only [`look`](read::look) reads.

mod account;
mod artifacts;
mod control_policies;
mod facts;
mod finding;
mod landing_zone;
mod names;
mod policy_document;
mod read;
mod running;
mod stack;
mod stack_sets;
#[cfg(test)]
mod testing;
mod trail;
mod trail_policies;
mod vendor;

use jiff::Timestamp;
use serde::Serialize;
use towerhook_core::{Read, counted};

pub use facts::{ArtifactFacts, Control, Facts, Part, Quotas, StackFacts, TrailFacts, VendorFacts};
pub use finding::{Finding, Mend, Verdict};
pub use read::{Deployed, Network, Question, look};

use crate::status::FORMAT_VERSION;

/// Judges some of the facts.
type Check = fn(&Facts) -> Vec<Finding>;

/// The checks in their order: what everything needs comes first.
const CHECKS: [Check; 12] = [
    account::credentials,
    account::management_account,
    landing_zone::check,
    stack_sets::check,
    trail::check,
    trail_policies::check,
    control_policies::check,
    names::check,
    vendor::check,
    artifacts::check,
    stack::check,
    running::check,
];

/// How many of them, the last ones, look at a stack.
const OF_A_STACK: usize = 2;

/// Every finding. The names in its JSON are stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The version of this form.
    pub format_version: u32,
    /// When everything was read.
    pub read_at: Timestamp,
    /// The vendor's product.
    pub product: &'static str,
    /// The stack's name.
    pub stack: String,
    /// The Region.
    pub region: String,
    /// The findings, in the order in which they are best mended.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Judges what was read. Without credentials, nothing was.
    pub fn of(facts: &Facts) -> Self {
        Self::by(&CHECKS, facts)
    }

    /// Judges what a launch rests on, and no stack.
    pub fn before_launch(facts: &Facts) -> Self {
        Self::by(&CHECKS[..CHECKS.len() - OF_A_STACK], facts)
    }

    fn by(checks: &[Check], facts: &Facts) -> Self {
        let count = match facts.caller {
            Read::Ok(_) => checks.len(),
            Read::Unknown(_) => 1,
        };
        Self {
            format_version: FORMAT_VERSION,
            read_at: facts.read_at,
            product: facts.provider.words().title,
            stack: facts.stack_name.clone(),
            region: facts.region.clone(),
            findings: checks[..count]
                .iter()
                .flat_map(|check| check(facts))
                .collect(),
        }
    }

    /// Only what warns or fails.
    pub fn troubles(mut self) -> Self {
        self.findings
            .retain(|one| matches!(one.verdict, Verdict::Warn | Verdict::Fail));
        self
    }

    /// Only what this check found.
    pub fn only(mut self, check: &str) -> Self {
        self.findings.retain(|one| one.check == check);
        self
    }

    /// How many checks were skipped.
    pub fn skipped(&self) -> usize {
        self.count(Verdict::Skip)
    }

    /// Whether anything fails.
    pub fn fails(&self) -> bool {
        self.count(Verdict::Fail) > 0
    }

    /// How many findings there are of each kind, such as "19 passed, 1 warning, 2 failed, 3 skipped".
    pub fn in_words(&self) -> String {
        let [pass, warn, fail, skip] = [Verdict::Pass, Verdict::Warn, Verdict::Fail, Verdict::Skip]
            .map(|verdict| self.count(verdict));
        let warn = counted(warn, "warning");
        format!("{pass} passed, {warn}, {fail} failed, {skip} skipped")
    }

    fn count(&self, verdict: Verdict) -> usize {
        let findings = self.findings.iter();
        findings.filter(|one| one.verdict == verdict).count()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        testing::{facts, unread},
        *,
    };

    #[test]
    fn a_landing_zone_in_order_passes_every_check_and_each_has_a_name_of_its_own() {
        let diagnosis = Diagnosis::of(&facts());
        let others: Vec<_> = diagnosis
            .findings
            .iter()
            .filter(|one| one.verdict != Verdict::Pass)
            .collect();
        assert!(others.is_empty(), "{others:#?}");
        assert!(!diagnosis.fails());
        let names: BTreeSet<_> = diagnosis.findings.iter().map(|one| one.check).collect();
        assert_eq!(names.len(), diagnosis.findings.len());
        assert!(
            diagnosis
                .in_words()
                .ends_with(", 0 warnings, 0 failed, 0 skipped")
        );
    }

    #[test]
    fn before_a_launch_all_is_judged_but_the_stack() {
        let mut before = facts();
        before.stack = Read::Ok(None);
        before.quotas.concurrency = Read::Ok(1);
        before.trusted = unread();
        if let Some(artifacts) = &mut before.artifacts {
            artifacts.objects = Read::Ok(Vec::new());
        }
        let diagnosis = Diagnosis::before_launch(&before);
        assert!(diagnosis.fails());
        assert_eq!(diagnosis.skipped(), 1);
        let troubles = diagnosis.troubles().findings;
        let troubles: Vec<_> = troubles.iter().map(|one| one.check).collect();
        assert_eq!(troubles, ["lambda-concurrency", "artifacts"]);
        let all = Diagnosis::of(&facts()).findings;
        let launched = Diagnosis::before_launch(&facts()).findings;
        let rest: Vec<_> = all[launched.len()..].iter().map(|one| one.check).collect();
        assert_eq!(rest[0], "stack");
        assert_eq!(launched.last().unwrap().check, "artifacts");
    }

    #[test]
    fn without_credentials_nothing_else_is_said() {
        let mut unknown = facts();
        unknown.caller = unread();
        let diagnosis = Diagnosis::of(&unknown);
        assert_eq!(diagnosis.findings.len(), 1);
        assert!(diagnosis.fails());
    }
}
