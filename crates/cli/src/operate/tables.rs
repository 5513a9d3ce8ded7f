//! The tables of `status` and `plan`, which fit into 80 columns.

use std::fmt::Write as _;

use comfy_table::{
    Cell, Color, ColumnConstraint, ContentArrangement, Table, Width,
    presets::{ASCII_MARKDOWN, UTF8_BORDERS_ONLY},
};
use towerhook_operate::{Comparison, Detail, Row, Status, moment};

use crate::table::printable;

/// The width where there is no terminal.
const WIDTH: u16 = 80;
/// A terminal that is narrower wraps the table itself.
const LEAST_WIDTH: u16 = 60;
/// The least width of a column of reasons, so that times and the names of parameters stay whole.
const REASON: ColumnConstraint = ColumnConstraint::LowerBoundary(Width::Fixed(28));

/// Accounts with a few lines each.
pub(super) fn status(status: &Status) -> Table {
    let mut table = fitted(Some([
        "account",
        "name, unit",
        "stack, registration",
        "standing",
    ]));
    for row in &status.accounts {
        let state = match row.management {
            "managed" => row.state.to_owned(),
            other => format!("{}, {other}", row.state),
        };
        let mut standing = row.standing.to_owned();
        if let Some(since) = row.since {
            let _ = write!(standing, "\nsince {}", moment(since));
        }
        let said = row.why.as_deref();
        let failures = [&row.stack_failure, &row.registration_failure].into_iter();
        let unsaid = failures
            .filter_map(|failure| failure.as_deref())
            .filter(|failure| !said.is_some_and(|said| said.contains(failure)));
        for line in said.into_iter().chain(unsaid) {
            let _ = write!(standing, "\n{}", printable(line));
        }
        table.add_row([
            Cell::new(format!("{}\n{}", row.account, state)),
            Cell::new(format!(
                "{}\n{}",
                printable(&row.name),
                printable(&row.unit).replace('/', " / ")
            )),
            Cell::new(format!("{}\n{}", row.stack, row.registration)),
            coloured(Cell::new(standing), row.standing),
        ]);
    }
    constrain(&mut table, 3);
    table
}

/// One account, with what the ledger remembers.
pub(super) fn detail(detail: &Detail) -> String {
    let row = &detail.row;
    let reason = |what: &str, why: &Option<String>| match why {
        Some(why) => format!("{what}: {why}"),
        None => what.to_owned(),
    };
    let mut lines = vec![
        ("account", row.account.to_string()),
        ("name", row.name.clone()),
        ("unit", row.unit.clone()),
        ("state", row.state.to_owned()),
        ("Control Tower", row.management.to_owned()),
        ("stack", reason(row.stack, &row.stack_failure)),
        (
            "registration",
            reason(row.registration, &row.registration_failure),
        ),
        ("standing", reason(row.standing, &row.why)),
    ];
    let remembered = detail.remembered.iter();
    lines.extend(remembered.map(|(what, value)| (what.as_str(), value.clone())));
    if detail.record.is_none() {
        lines.push(("ledger", "no record".to_owned()));
    }
    lines.extend(detail.notes.iter().map(|note| ("note", note.clone())));
    let mut table = fitted(None);
    for (what, value) in lines {
        table.add_row([what.to_owned(), printable(&value)]);
    }
    format!("{table}\n")
}

/// What would be done, about each account and about the trail.
pub(super) fn comparison(comparison: &Comparison) -> String {
    let mut text = String::new();
    if !comparison.changes.is_empty() {
        let mut table = fitted(Some(["account", "", "why", "next"]));
        for change in &comparison.changes {
            let name = printable(&change.name);
            let account = format!("{}\n{name}", change.account);
            let steps: Vec<_> = change.steps.iter().map(|step| printable(step)).collect();
            table.add_row([
                account,
                change.verb.word().to_owned(),
                printable(&change.why),
                steps.join("\n"),
            ]);
        }
        constrain(&mut table, 2);
        let _ = writeln!(text, "{table}");
    }
    for step in &comparison.trail {
        let _ = writeln!(text, "the trail: {}", printable(step));
    }
    for why in &comparison.trail_blocked {
        let _ = writeln!(text, "the trail is blocked: {}", printable(why));
    }
    if let Some(held) = &comparison.held {
        let _ = writeln!(text, "{held}");
    }
    text
}

/// All columns, for a page of Markdown.
pub(super) fn markdown(status: &Status) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header([
        "account",
        "name",
        "unit",
        "state",
        "Control Tower",
        "stack",
        "registration",
        "standing",
        "watched since",
        "why",
    ]);
    for row in &status.accounts {
        let since = row.since.map(moment).unwrap_or_default();
        let cells = [
            row.account.as_str(),
            &row.name,
            &row.unit,
            row.state,
            row.management,
            row.stack,
            row.registration,
            row.standing,
            &since,
            row.why.as_deref().unwrap_or_default(),
        ];
        table.add_row(cells.map(|cell| printable(cell).replace('|', "\\|")));
    }
    table
}

/// A table that wraps at the terminal's width.
fn fitted(header: Option<[&str; 4]>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    // Some terminals have no width.
    if table.width().is_none_or(|width| width < LEAST_WIDTH) {
        table.set_width(WIDTH);
    }
    if let Some(header) = header {
        table.set_header(header);
    }
    table
}

fn constrain(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_constraint(REASON);
    }
}

/// The cell in the colour of a standing, unless the user wants none. Without a terminal the table
/// has none anyway.
fn coloured(cell: Cell, standing: &str) -> Cell {
    // Source: no-color.org
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return cell;
    }
    match standing {
        Row::WATCHED => cell.fg(Color::Green),
        Row::UNWATCHED => cell.fg(Color::Red),
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::enrollment::Coverage;

    use super::*;

    fn row() -> Row {
        Row {
            account: "111122223333".parse().unwrap(),
            name: "a name\u{1b}[2J|".into(),
            unit: "Workloads/Production".into(),
            state: "active",
            management: "not managed",
            stack: "failed",
            stack_failure: Some("no role".into()),
            registration: "fails",
            registration_failure: Some("AccessDenied".into()),
            standing: Row::UNWATCHED,
            since: None,
            code: Some("stack-fails".into()),
            why: Some("its member stack cannot be made: no role".into()),
        }
    }

    fn one() -> Status {
        Status {
            format_version: 1,
            read_at: "2026-01-11T12:00:00Z".parse().unwrap(),
            product: "Plain",
            stack_id: String::new(),
            accounts: vec![row()],
            coverage: Coverage::default(),
            out_of_scope: 0,
            notes: Vec::new(),
        }
    }

    #[test]
    fn without_a_terminal_a_table_fits_into_80_columns_and_obeys_no_name() {
        let shown = status(&one()).to_string();
        assert!(
            shown.lines().all(|line| line.chars().count() <= 80),
            "{shown}"
        );
        assert!(!shown.contains('\u{1b}'), "{shown}");
        // What the reason says already is not repeated.
        assert_eq!(shown.matches("no role").count(), 1, "{shown}");
        assert!(shown.contains("AccessDenied"), "{shown}");
    }

    #[test]
    fn a_bar_in_a_name_ends_no_column_of_markdown() {
        let shown = markdown(&one()).to_string();
        let line = shown.lines().last().unwrap();
        assert!(line.contains(r"[2J\|"), "{line}");
    }
}
