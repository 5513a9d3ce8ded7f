use jiff::Timestamp;

use crate::{Row, Status};

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    /// The rows cannot be put together.
    #[error("the rows cannot be written as CSV")]
    Csv(#[source] csv::Error),
    /// What was buffered cannot be taken.
    #[error("the CSV cannot be completed")]
    Buffer(#[source] Box<csv::IntoInnerError<csv::Writer<Vec<u8>>>>),
    /// The page cannot be put together.
    #[error("the page cannot be written")]
    Page(#[source] askama::Error),
    /// The JSON cannot be put together.
    #[error("the JSON cannot be written")]
    Json(#[source] serde_json::Error),
    /// The stack's id has no account and Region.
    #[error("the id of the stack is not an ARN, so the accounts cannot be written as findings")]
    Stack(#[source] towerhook_core::model::ParseIdError),
}

/// The columns.
const COLUMNS: [&str; 17] = [
    "account",
    "name",
    "unit",
    "state",
    "management",
    "stack",
    "stack failure",
    "registration",
    "registration failure",
    "standing",
    "watched since",
    "last seen watched",
    "gap from",
    "gap until",
    "gap cause",
    "code",
    "why",
];

/// A row's cells, in the order of [`COLUMNS`].
fn cells(row: &Row) -> [String; COLUMNS.len()] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let moment = |at: Option<Timestamp>| at.map(|at| format!("{at:.0}")).unwrap_or_default();
    [
        row.account.to_string(),
        row.name.clone(),
        row.unit.clone(),
        row.state.to_owned(),
        row.management.to_owned(),
        row.stack.to_owned(),
        text(&row.stack_failure),
        row.registration.to_owned(),
        text(&row.registration_failure),
        row.standing.to_owned(),
        moment(row.since),
        moment(row.seen),
        moment(row.gap.map(|gap| gap.from)),
        moment(row.gap.map(|gap| gap.until)),
        row.gap.map(|gap| gap.cause.to_string()).unwrap_or_default(),
        text(&row.code),
        text(&row.why),
    ]
}

/// The accounts as CSV (RFC 4180), with a header. A cell that a spreadsheet would take for a formula
/// begins with an apostrophe.
///
/// # Errors
///
/// The writer fails, which no value can cause.
pub fn csv(status: &Status) -> Result<Vec<u8>, Unwritable> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(Unwritable::Csv)?;
    for row in &status.accounts {
        let cells = cells(row).map(as_text);
        writer.write_record(&cells).map_err(Unwritable::Csv)?;
    }
    let written = writer.into_inner();
    written.map_err(|error| Unwritable::Buffer(Box::new(error)))
}

/// The cell with an apostrophe before a formula.
///
/// Source: OWASP's page about CSV injection, which lists the characters.
fn as_text(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use std::collections::BTreeMap;

    use towerhook_core::{
        enrollment::Coverage,
        ledger::{Gap, GapCause},
    };

    use crate::{Row, Status};

    /// A status with this many accounts, each fifth of which is not watched.
    pub(crate) fn status(accounts: usize) -> Status {
        let row = |n: usize| {
            let watched = !n.is_multiple_of(5);
            Row {
                account: format!("{:012}", 100_000_000_000 + n).parse().unwrap(),
                name: format!("member {n}"),
                unit: ["Production/Blue", "Staging"][n % 2].into(),
                state: "active",
                management: "managed",
                stack: if watched { "current" } else { "failed" },
                stack_failure: (!watched).then(|| "no role".into()),
                registration: if watched { "works" } else { "none" },
                registration_failure: None,
                standing: if watched {
                    Row::WATCHED
                } else {
                    Row::UNWATCHED
                },
                since: watched.then(|| "2026-01-10T12:00:00Z".parse().unwrap()),
                seen: None,
                gap: (n == 1).then(|| Gap {
                    from: "2026-01-10T11:00:00Z".parse().unwrap(),
                    until: "2026-01-10T12:00:00Z".parse().unwrap(),
                    cause: GapCause::Deleted,
                }),
                code: (!watched).then(|| "stack-fails".into()),
                why: (!watched).then(|| "its member stack cannot be made: no role".into()),
            }
        };
        let unwatched = accounts.div_ceil(5);
        Status {
            compared: None,
            format_version: 1,
            release: "1.2.3",
            read_at: "2026-01-11T12:00:00Z".parse().unwrap(),
            product: "Plain",
            stack_id: "arn:aws:cloudformation:us-east-1:000000000001:stack/towerhook/1".into(),
            accounts: (0..accounts).map(row).collect(),
            coverage: Coverage {
                watched: accounts - unwatched,
                unwatched: BTreeMap::from([("stack-fails".to_owned(), unwatched)]),
            },
            out_of_scope: 0,
            notes: Vec::new(),
            sources: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_is_a_record_and_no_cell_is_a_formula() {
        let mut status = testing::status(2);
        status.accounts[0].name = "=HYPERLINK(\"http://x\")".into();
        status.accounts[1].name = "a, \"b\"\nc".into();
        let written = csv(&status).unwrap();
        let mut reader = csv::Reader::from_reader(written.as_slice());
        assert_eq!(reader.headers().unwrap(), &COLUMNS[..]);
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(&records[0][1], "'=HYPERLINK(\"http://x\")");
        assert_eq!(&records[1][1], "a, \"b\"\nc");
        assert_eq!(&records[1][10], "2026-01-10T12:00:00Z");
        for formula in ["+1", "-1", "@a", "\tx", "\rx"] {
            assert_eq!(as_text(formula.into()), format!("'{formula}"));
        }
        assert_eq!(as_text("100000000000".into()), "100000000000");
    }
}
