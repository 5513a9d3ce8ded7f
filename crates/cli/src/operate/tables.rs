//! The tables of `status`, `plan` and `doctor`, which fit into 80 columns.

use std::fmt::Write as _;

use comfy_table::{Cell, Color, ColumnConstraint, Table, Width, presets::ASCII_MARKDOWN};
use towerhook_operate::{
    Comparison, Detail, Row, Status,
    doctor::{Diagnosis, Verdict},
    moment,
};

use crate::{
    table::printable,
    terminal::{columns::fitted, width::wrapped},
};

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
            coloured(Cell::new(standing), standing_colour(row.standing)),
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
    let mut table = fitted::<0>(None);
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
        let _ = writeln!(text, "{}", wrapped(&format!("the trail: {step}"), "  "));
    }
    for why in &comparison.trail_blocked {
        let _ = writeln!(
            text,
            "{}",
            wrapped(&format!("the trail is blocked: {why}"), "  ")
        );
    }
    if let Some(held) = &comparison.held {
        let _ = writeln!(text, "{}", wrapped(&held.to_string(), "  "));
    }
    text
}

/// Every finding, without what mends it.
pub(crate) fn diagnosis(diagnosis: &Diagnosis) -> Table {
    let mut table = fitted(Some(["check", "", "what was found"]));
    for finding in &diagnosis.findings {
        let colour = match finding.verdict {
            Verdict::Pass => Some(Color::Green),
            Verdict::Warn => Some(Color::Yellow),
            Verdict::Fail => Some(Color::Red),
            Verdict::Skip => None,
        };
        table.add_row([
            Cell::new(check_name(finding.check)),
            coloured(Cell::new(finding.verdict.word()), colour),
            Cell::new(printable(&finding.says)),
        ]);
    }
    table
}

/// What mends the findings, in their order. A command or a statement stands alone on its lines, to
/// be copied.
pub(crate) fn mends(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    let mends = diagnosis.findings.iter().flat_map(|finding| {
        let mends = finding.mend.iter();
        mends.map(|mend| (finding.check, mend))
    });
    for (number, (check, mend)) in (1..).zip(mends) {
        let check = check_name(check);
        let end = if mend.text.is_empty() { '.' } else { ':' };
        let what = format!("{number}. {check}: {}{end}", mend.what);
        let _ = writeln!(text, "{}", wrapped(&what, "   "));
        for line in mend.text.lines() {
            let _ = writeln!(text, "   {}", printable(line));
        }
    }
    text
}

fn check_name(check: &str) -> String {
    check.replace('-', " ")
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

fn constrain(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_constraint(REASON);
    }
}

/// The cell in a colour, unless the user wants none. Without a terminal the table has none anyway.
fn coloured(cell: Cell, colour: Option<Color>) -> Cell {
    // Source: no-color.org
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return cell;
    }
    match colour {
        Some(colour) => cell.fg(colour),
        None => cell,
    }
}

fn standing_colour(standing: &str) -> Option<Color> {
    match standing {
        Row::WATCHED => Some(Color::Green),
        Row::UNWATCHED => Some(Color::Red),
        _ => None,
    }
}

#[cfg(test)]
mod widths;

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
            seen: None,
            gap: None,
            code: Some("stack-fails".into()),
            why: Some("its member stack cannot be made: no role".into()),
        }
    }

    fn one() -> Status {
        Status {
            compared: None,
            format_version: 1,
            release: "1.2.3",
            read_at: "2026-01-11T12:00:00Z".parse().unwrap(),
            product: "Plain",
            stack_id: String::new(),
            accounts: vec![row()],
            coverage: Coverage::default(),
            out_of_scope: 0,
            notes: Vec::new(),
            sources: [].into(),
        }
    }

    #[test]
    fn a_table_obeys_no_name_and_repeats_no_reason() {
        let shown = status(&one()).to_string();
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
