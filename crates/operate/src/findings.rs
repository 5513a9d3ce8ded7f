//! The accounts as findings of a check, for tools that collect those of many products.

pub(crate) mod asff;
pub(crate) mod ocsf;

use jiff::Timestamp;
use towerhook_core::model::Arn;

use crate::{Row, Status, Unwritable};

/// What is checked of each account.
const CHECK: &str = "account-is-watched";
/// The code of an account whose enrollment is under way.
const UNDER_WAY: &str = "under-way";

/// What the check says of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    /// It cannot be told yet.
    Open,
    Failed,
}

/// What the check says of one account, in both formats alike.
struct Finding<'a> {
    row: &'a Row,
    outcome: Outcome,
    /// The same for the same account and stack, whenever it is written.
    id: String,
    title: String,
    description: String,
    /// Since when it has been so, as far as is known.
    since: Timestamp,
}

/// The findings about the accounts that should be watched.
fn findings(status: &Status) -> impl Iterator<Item = Finding<'_>> {
    let in_scope = |row: &&Row| row.standing != Row::OUT_OF_SCOPE;
    let rows = status.accounts.iter().filter(in_scope);
    rows.map(|row| finding(status, row))
}

fn finding<'a>(status: &Status, row: &'a Row) -> Finding<'a> {
    let product = status.product;
    let (outcome, is) = match (row.standing, row.code.as_deref()) {
        (Row::WATCHED, _) => (Outcome::Passed, "is watched"),
        (_, Some(UNDER_WAY)) => (Outcome::Open, "is not watched yet"),
        (_, _) => (Outcome::Failed, "is not watched"),
    };
    let name = if row.name.is_empty() {
        row.account.to_string()
    } else {
        format!("{} ({})", row.account, row.name)
    };
    let sentence = format!("The account {name} {is} by {product}");
    Finding {
        row,
        outcome,
        id: format!("{}/{CHECK}/{}", status.stack_id, row.account),
        title: format!("Account {is} by {product}"),
        description: match &row.why {
            Some(why) => format!("{sentence}: {why}."),
            None => format!("{sentence}."),
        },
        since: row.since.unwrap_or(status.read_at),
    }
}

/// The stack's ARN, which has the partition, the Region and the management account.
fn stack(status: &Status) -> Result<Arn, Unwritable> {
    status.stack_id.parse().map_err(Unwritable::Stack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;

    #[test]
    fn who_should_not_be_watched_is_no_finding_and_an_enrollment_under_way_is_open() {
        let mut status = testing::status(10);
        status.accounts[0].code = Some(UNDER_WAY.into());
        status.accounts[1].standing = Row::OUT_OF_SCOPE;
        let found: Vec<_> = findings(&status).collect();
        let outcomes: Vec<_> = found.iter().map(|one| one.outcome).collect();
        assert_eq!(found.len(), 9);
        assert_eq!(outcomes[..2], [Outcome::Open, Outcome::Passed]);
        assert_eq!(
            outcomes
                .iter()
                .filter(|one| **one == Outcome::Failed)
                .count(),
            1
        );
        assert_eq!(
            found[4].description,
            "The account 100000000005 (member 5) is not watched by Plain: its member stack cannot be \
             made: no role."
        );
    }
}
