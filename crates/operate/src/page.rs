mod timeline;

use askama::Template;

use self::timeline::Timeline;
use crate::{Row, Status, Unwritable, history::Day, words::moment};

/// The rows that are shown at once: browsers lay out thousands of rows slowly.
const PAGE: usize = 1_000;
/// The longest label in the chart, which a phone's width has room for.
const LABEL: usize = 40;
/// The height of a unit's bar and its label in the chart, in the SVG's units.
const BAR: usize = 34;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    status: &'a Status,
    read_at: String,
    units: Vec<Unit<'a>>,
    timeline: Option<Timeline>,
    reasons: Vec<(&'a str, usize)>,
    gaps: Vec<Interruption<'a>>,
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

/// A time in which an enrolled account was not watched, or is not.
struct Interruption<'a> {
    row: &'a Row,
    from: String,
    until: String,
    cause: String,
}

impl<'a> Interruption<'a> {
    fn of(row: &'a Row) -> impl Iterator<Item = Self> {
        let ended = row.gap.map(|gap| Self {
            row,
            from: moment(gap.from),
            until: moment(gap.until),
            cause: gap.cause.to_string(),
        });
        let open = row.seen.map(|seen| Self {
            row,
            from: moment(seen),
            until: "it is not watched yet".to_owned(),
            cause: row.why.clone().unwrap_or_default(),
        });
        open.into_iter().chain(ended)
    }
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

    /// Its label. A long path loses its beginning, which it shares with others; the table has it whole.
    fn text(&self) -> String {
        let figures = format!(": {} of {}", self.watched, self.in_scope);
        let room = LABEL.saturating_sub(figures.len());
        let length = self.path.chars().count();
        if length <= room {
            return format!("{}{figures}", self.path);
        }
        let end: String = self.path.chars().skip(length - room + 1).collect();
        format!("…{end}{figures}")
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
    page_over_time(status, &[])
}

/// The same with the coverage of earlier days. Of the status's own day, the status counts.
///
/// # Errors
///
/// As [`page`].
pub fn page_over_time(status: &Status, days: &[Day]) -> Result<String, Unwritable> {
    let today = Day::of(status);
    let earlier = days.iter().copied().filter(|day| day.date < today.date);
    let mut days: Vec<_> = earlier.chain([today]).collect();
    days.sort_by_key(|day| day.date);
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
        timeline: Timeline::of(&days),
        reasons: status
            .coverage
            .unwatched
            .iter()
            .map(|(code, count)| (code.as_str(), *count))
            .collect(),
        gaps: status.accounts.iter().flat_map(Interruption::of).collect(),
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
    fn a_long_path_is_shortened_in_the_chart_and_whole_in_the_table() {
        let mut status = testing::status(1);
        let path = "Workloads/Production/Europe, Middle East and Africa";
        status.accounts[0].unit = path.into();
        let page = page(&status).unwrap();
        assert!(
            page.contains(">…/Europe, Middle East and Africa: 0 of 1</text>"),
            "{page}"
        );
        assert!(
            page.contains(&format!("<th scope=\"row\">{path}</th>")),
            "{page}"
        );
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
    fn earlier_days_are_a_chart_with_a_table_and_words() {
        let status = testing::status(10);
        assert!(!page(&status).unwrap().contains("id=\"over-time\""));
        let day = |day, watched| Day {
            date: jiff::civil::date(2026, 1, day),
            watched,
            in_scope: 10,
        };
        // Days that are not before the status say nothing beside it.
        let page = page_over_time(&status, &[day(9, 6), day(7, 10), day(11, 1), day(12, 1)]);
        let page = page.unwrap();
        let words = "100.0 % on 2026-01-07, at least 60.0 % on 2026-01-09, 80.0 % on 2026-01-11.";
        assert!(page.contains(words), "{page}");
        let row = "<th scope=\"row\">2026-01-09</th><td>6</td><td>4</td><td>10</td><td>60.0 %</td>";
        assert!(page.contains(row), "{page}");
        assert!(!page.contains("2026-01-12"), "{page}");
    }

    #[test]
    fn what_is_beyond_the_first_thousand_rows_is_hidden_at_first() {
        let page = page(&testing::status(1_200)).unwrap();
        let (first, later) = page.split_once("<tbody class=\"later\">").unwrap();
        let rows = |text: &str| text.matches("<tr class=\"account\">").count();
        assert_eq!((rows(first), rows(later)), (1_000, 200));
    }
}
