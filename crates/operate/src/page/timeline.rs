use crate::history::Day;

/// The height of the chart between its lowest and its highest line, in the SVG's units.
const HEIGHT: u64 = 100;
/// What is above the highest line.
const ABOVE: u64 = 22;
/// What is left free at both sides, in hundredths of a percent, so that no point is cut in half.
const MARGIN: i64 = 100;
/// With more days than this, the line alone shows them.
const DOTS: usize = 31;

/// The chart of the coverage over time.
pub(super) struct Timeline {
    /// The days in their order.
    pub(super) points: Vec<Point>,
    /// The chart in words.
    pub(super) words: String,
    /// The percentage of the lowest line.
    pub(super) lowest: u64,
}

/// A day's place in the chart.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) date: String,
    pub(super) watched: u64,
    pub(super) in_scope: u64,
    pub(super) percent: String,
    /// Its distance from the left, in percent.
    pub(super) x: String,
    /// Its distance from the top.
    pub(super) y: u64,
}

impl Point {
    pub(super) fn unwatched(&self) -> u64 {
        self.in_scope - self.watched
    }
}

impl Timeline {
    /// The chart of these days, which are in order and of which there are two at least.
    pub(super) fn of(days: &[Day]) -> Option<Self> {
        let (first, last) = (days.first()?, days.last()?);
        let span = i64::from((last.date - first.date).get_days());
        let least = days.iter().min_by_key(|day| day.thousandths())?;
        if span == 0 {
            return None;
        }
        let lowest = (least.thousandths() / 100 * 10).min(90);
        let point = |day: &Day| {
            let gone = i64::from((day.date - first.date).get_days());
            let x = MARGIN + gone * (10_000 - 2 * MARGIN) / span;
            Point {
                date: day.date.to_string(),
                watched: day.watched,
                in_scope: day.in_scope,
                percent: percent(day),
                x: format!("{}.{:02}", x / 100, x % 100),
                y: ABOVE + (1_000 - day.thousandths()) * HEIGHT / (1_000 - lowest * 10),
            }
        };
        Some(Self {
            points: days.iter().map(point).collect(),
            words: format!(
                "{} on {}, at least {} on {}, {} on {}.",
                percent(first),
                first.date,
                percent(least),
                least.date,
                percent(last),
                last.date
            ),
            lowest,
        })
    }

    /// The line's pieces, each from one point to the next.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (&Point, &Point)> {
        self.points.iter().zip(self.points.iter().skip(1))
    }

    pub(super) fn has_dots(&self) -> bool {
        self.points.len() <= DOTS
    }

    pub(super) fn top(&self) -> u64 {
        ABOVE
    }

    pub(super) fn bottom(&self) -> u64 {
        ABOVE + HEIGHT
    }
}

fn percent(day: &Day) -> String {
    let thousandths = day.thousandths();
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn days(figures: &[(i8, u64)]) -> Vec<Day> {
        let day = |(day, watched): &(i8, u64)| Day {
            date: date(2026, 1, *day),
            watched: *watched,
            in_scope: 200,
        };
        figures.iter().map(day).collect()
    }

    #[test]
    fn a_day_stands_where_its_date_and_its_coverage_put_it() {
        let timeline = Timeline::of(&days(&[(1, 200), (2, 150), (5, 190)])).unwrap();
        assert_eq!(timeline.lowest, 70);
        let places: Vec<_> = timeline
            .points
            .iter()
            .map(|p| (p.x.as_str(), p.y))
            .collect();
        assert_eq!(places, [("1.00", 22), ("25.50", 105), ("99.00", 38)]);
        assert_eq!(timeline.pieces().count(), 2);
        assert_eq!(
            timeline.words,
            "100.0 % on 2026-01-01, at least 75.0 % on 2026-01-02, 95.0 % on 2026-01-05."
        );
    }

    #[test]
    fn full_coverage_has_room_below_and_one_day_makes_no_chart() {
        let timeline = Timeline::of(&days(&[(1, 200), (3, 200)])).unwrap();
        assert_eq!(timeline.lowest, 90);
        assert!(
            timeline
                .points
                .iter()
                .all(|point| point.y == timeline.top())
        );
        assert!(Timeline::of(&days(&[(1, 200)])).is_none());
        assert!(Timeline::of(&[]).is_none());
    }
}
