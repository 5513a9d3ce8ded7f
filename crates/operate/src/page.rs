use askama::Template;

use crate::{Row, Status, Unwritable, words::moment};

/// The rows that are shown at once: browsers lay out thousands of rows slowly.
const PAGE: usize = 1_000;
/// The height of a unit's bar and its label in the chart, in the SVG's units.
const BAR: usize = 34;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    status: &'a Status,
    read_at: String,
    units: Vec<Unit<'a>>,
    reasons: Vec<(&'a str, usize)>,
    rows: Vec<Cells<'a>>,
    chart_height: usize,
    page: usize,
}

/// One account's row.
struct Cells<'a> {
    row: &'a Row,
    since: String,
    /// Whether the rows from here on are beyond the first page.
    begins_later: bool,
}

/// One unit's bar, in percent of the chart's width.
struct Unit<'a> {
    path: &'a str,
    watched: usize,
    in_scope: usize,
    /// The width of the watched part.
    full: usize,
    /// The width of the rest.
    rest: usize,
    /// The top of its label.
    top: usize,
}

impl Unit<'_> {
    fn unwatched(&self) -> usize {
        self.in_scope - self.watched
    }

    /// The baseline of its label.
    fn label(&self) -> usize {
        self.top + 12
    }

    /// The top of its bar.
    fn bar(&self) -> usize {
        self.top + 17
    }
}

/// The status as one page of HTML, which needs no other file and no network.
///
/// # Errors
///
/// The template cannot be filled, which no value can cause.
pub fn page(status: &Status) -> Result<String, Unwritable> {
    let by_unit = status.by_unit();
    let most = by_unit.values().map(|(_, in_scope)| *in_scope).max();
    let most = most.unwrap_or_default().max(1);
    let unit = |(index, (path, (watched, in_scope))): (usize, (_, _))| Unit {
        path,
        watched,
        in_scope,
        full: watched * 100 / most,
        rest: (in_scope - watched) * 100 / most,
        top: index * BAR,
    };
    let units: Vec<_> = by_unit.into_iter().enumerate().map(unit).collect();
    let rows = status.accounts.iter().enumerate();
    let page = Page {
        read_at: moment(status.read_at),
        chart_height: units.len() * BAR,
        units,
        reasons: status
            .coverage
            .unwatched
            .iter()
            .map(|(code, count)| (code.as_str(), *count))
            .collect(),
        rows: rows
            .map(|(index, row)| Cells {
                row,
                since: row.since.map(moment).unwrap_or_default(),
                begins_later: index == PAGE,
            })
            .collect(),
        page: PAGE,
        status,
    };
    page.render().map_err(Unwritable::Page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;

    #[test]
    fn the_page_has_the_totals_and_asks_no_network() {
        let page = page(&testing::status(10)).unwrap();
        assert!(page.contains("8 of 10 accounts are watched"), "{page}");
        assert!(page.contains("default-src 'none'"));
        for foreign in ["://", "src=", "<link", "@import", "fetch("] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        for needed in [
            "<caption",
            "scope=\"col\"",
            "aria-sort",
            "aria-live",
            "role=\"img\"",
        ] {
            assert!(page.contains(needed), "{needed}");
        }
        assert_eq!(page.matches("<tr class=\"account\">").count(), 10);
    }

    #[test]
    fn names_and_reasons_are_text_and_no_markup() {
        let mut status = testing::status(1);
        let attack = "</td><script>alert(1)</script>\"'&";
        status.accounts[0].name = attack.into();
        status.accounts[0].unit = attack.into();
        status.accounts[0].why = Some(attack.into());
        status.notes = vec![attack.into()];
        let page = page(&status).unwrap();
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
    }

    #[test]
    fn what_is_beyond_the_first_thousand_rows_is_hidden_at_first() {
        let page = page(&testing::status(1_200)).unwrap();
        let (first, later) = page.split_once("<tbody class=\"later\">").unwrap();
        let rows = |text: &str| text.matches("<tr class=\"account\">").count();
        assert_eq!((rows(first), rows(later)), (1_000, 200));
    }
}
