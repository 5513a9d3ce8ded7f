use std::fmt;

use towerhook_core::{
    Result, counted,
    ports::{LedgerReads, StackSetReads},
    stack_sets::InstanceState,
};

/// How far the accounts are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// The instances of the StackSets that are current.
    pub current: usize,
    /// All instances.
    pub instances: usize,
    /// The accounts that the ledger has as enrolled.
    pub enrolled: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            current,
            instances,
            enrolled,
        } = self;
        write!(
            f,
            "{current} of {}, {} enrolled",
            counted(*instances, "StackSet instance"),
            counted(*enrolled, "account")
        )
    }
}

/// Counts the instances of the StackSets whose names begin with `prefix`, and the enrolled accounts
/// if there is a ledger yet.
///
/// # Errors
///
/// Something could not be read.
pub async fn tally(
    stack_sets: &impl StackSetReads,
    prefix: &str,
    ledger: Option<&impl LedgerReads>,
) -> Result<Tally> {
    let mut tally = Tally::default();
    for name in stack_sets.stack_sets_named(prefix).await? {
        let instances = stack_sets.instances(&name, None).await?;
        let current = instances
            .iter()
            .filter(|one| one.state == InstanceState::Current);
        tally.current += current.count();
        tally.instances += instances.len();
    }
    if let Some(ledger) = ledger {
        let records = ledger.records().await?.by_account;
        let enrolled = records.values().filter(|record| record.since.is_some());
        tally.enrolled = enrolled.count();
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use towerhook_world::{Ports, World};

    use super::*;
    use crate::status::testing::enrolled;

    #[test]
    fn instances_and_enrolled_accounts_are_counted() {
        enrolled(3, async |world: World| {
            let ports = Ports::new(&world, "operator");
            let counted = tally(&ports, "", Some(&ports)).await.unwrap();
            assert_eq!(counted.enrolled, 5);
            assert!(counted.instances >= 5, "{counted}");
            assert_eq!(counted.current, counted.instances);
            let none = tally(&ports, "no such prefix", None::<&Ports>).await;
            assert_eq!(none.unwrap(), Tally::default());
        });
    }
}
