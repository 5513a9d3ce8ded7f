//! What Towerhook costs a month on AWS: its usage at list prices.

mod month;
mod prices;

use serde::Serialize;

use crate::Section;
use crate::numbers::{fixed, grouped};
use crate::rows::Rows;

pub use month::{Measured, Month, month};

/// The organizations that are shown.
pub const SIZES: [u32; 3] = [50, 500, 5000];

/// The API key and the access token.
const SECRETS: f64 = 2.0;
/// The template's alarms.
const ALARMS: f64 = 16.0;
/// The template's dashboards.
const DASHBOARDS: f64 = 1.0;
/// Metrics that are written every hour: seventeen by a comparison of the whole organization, one by auth.
/// Those of failures, of busy and requeued passes, and of unwatched accounts by reason come on top in the
/// hours that have any.
const METRICS: f64 = 18.0;
/// Lambda's own long polls of a queue that may be empty: five at once, as it is while the mapping has
/// a maximum concurrency, of 20 s each.
const IDLE_POLLS: f64 = 5.0 * 3.0 * 60.0 * 730.0;

/// A month's bill.
#[derive(Debug, Clone, Serialize)]
pub struct Bill {
    /// The month's usage.
    pub month: Month,
    /// Its items.
    pub items: Vec<Item>,
}

/// An item of a bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// The service that charges.
    pub service: &'static str,
    /// The unit that it charges for.
    pub unit: &'static str,
    /// How many units a month has.
    pub quantity: f64,
    /// Their price, in US dollars.
    pub dollars: f64,
}

impl Bill {
    /// The total, in US dollars.
    #[must_use]
    pub fn dollars(&self) -> f64 {
        self.items.iter().map(|item| item.dollars).sum()
    }
}

/// The bill of a month.
#[must_use]
pub fn bill(month: Month) -> Bill {
    let item = |service, unit, quantity: f64, price: f64| Item {
        service,
        unit,
        quantity,
        dollars: quantity * price,
    };
    Bill {
        month,
        items: vec![
            item(
                "CloudWatch",
                "custom metrics",
                METRICS,
                prices::METRIC_MONTH,
            ),
            item("CloudWatch", "alarms", ALARMS, prices::ALARM_MONTH),
            item(
                "CloudWatch",
                "dashboards",
                DASHBOARDS,
                prices::DASHBOARD_MONTH,
            ),
            item("CloudWatch", "GB of logs", month.log_gb, prices::LOG_GB),
            item("Secrets Manager", "secrets", SECRETS, prices::SECRET_MONTH),
            item(
                "Secrets Manager",
                "calls",
                month.secret_calls,
                prices::SECRET_CALL,
            ),
            item(
                "SQS",
                "polls of an idle queue",
                IDLE_POLLS,
                prices::SQS_REQUEST,
            ),
            item(
                "SQS",
                "requests for messages",
                month.queue_requests,
                prices::SQS_REQUEST,
            ),
            item(
                "DynamoDB",
                "read units",
                month.read_units,
                prices::DYNAMODB_READ_UNIT,
            ),
            item(
                "DynamoDB",
                "write units",
                month.write_units,
                prices::DYNAMODB_WRITE_UNIT,
            ),
            item(
                "Lambda",
                "GB-seconds",
                month.gb_seconds,
                prices::LAMBDA_GB_SECOND,
            ),
            item(
                "Lambda",
                "invocations",
                month.invocations,
                prices::LAMBDA_REQUEST,
            ),
            // DynamoDB uses the table's key at most once per pass.
            item("KMS", "requests", month.passes, prices::KMS_REQUEST),
        ],
    }
}

/// The bills as tables: dollars by service, and the quantities.
#[must_use]
pub fn tables(bills: &[Bill]) -> Vec<Section> {
    let Some(Bill { items, .. }) = bills.first() else {
        return Vec::new();
    };
    let mut services: Vec<_> = items.iter().map(|item| Some(item.service)).collect();
    services.dedup();
    services.push(None);
    let mut dollars =
        Rows::of(services).column("USD a month", |service| service.unwrap_or("together"));
    let mut counts = Rows::of(0..items.len()).column("used in a month", |place| {
        let Item { service, unit, .. } = &items[*place];
        format!("{service}, {unit}")
    });
    for bill in bills {
        let heading = format!("{} accounts", grouped(bill.month.accounts.into()));
        dollars = dollars.column(&heading, |service| {
            let items = bill.items.iter();
            let items = items.filter(|item| service.is_none_or(|service| service == item.service));
            money(items.map(|item| item.dollars).sum())
        });
        counts = counts.column(&heading, |place| count(bill.items[*place].quantity));
    }
    vec![
        dollars.titled("Cost of a month"),
        counts.titled("What is charged for"),
    ]
}

fn money(dollars: f64) -> String {
    if dollars < 0.005 {
        "< 0.01".to_owned()
    } else {
        fixed(dollars, 2)
    }
}

fn count(quantity: f64) -> String {
    if quantity < 1.0 {
        fixed(quantity, 3)
    } else {
        grouped(quantity)
    }
}

/// The value of a curve at a place, by linear interpolation between its neighbours, or extrapolation
/// from the nearest two. `None` without points.
#[must_use]
pub fn between(curve: &[(f64, f64)], at: f64) -> Option<f64> {
    let after = curve.partition_point(|(x, _)| *x < at);
    let first = after.clamp(1, curve.len().saturating_sub(1).max(1)) - 1;
    let (x, y) = *curve.get(first)?;
    let Some((next_x, next_y)) = curve.get(first + 1) else {
        return Some(y);
    };
    Some(y + (next_y - y) * (at - x) / (next_x - x))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(accounts: u32) -> Month {
        Month {
            accounts,
            passes: 1e6,
            invocations: 1e6,
            gb_seconds: 0.0,
            queue_requests: 0.0,
            read_units: 8e6,
            write_units: 0.0,
            secret_calls: 1e4,
            log_gb: 2.0,
        }
    }

    #[test]
    fn each_thing_is_charged_at_its_price() {
        let bill = bill(quiet(50));
        let dollars = |service: &str, unit: &str| {
            let mut items = bill.items.iter();
            let item = items.find(|item| item.service == service && item.unit == unit);
            (item.unwrap().dollars * 1e4).round() / 1e4
        };
        for (service, unit, expected) in [
            ("CloudWatch", "custom metrics", 5.4),
            ("CloudWatch", "alarms", 1.6),
            ("CloudWatch", "dashboards", 3.0),
            ("CloudWatch", "GB of logs", 1.0),
            ("Secrets Manager", "secrets", 0.8),
            ("Secrets Manager", "calls", 0.05),
            ("SQS", "polls of an idle queue", 0.2628),
            ("DynamoDB", "read units", 1.0),
            ("Lambda", "invocations", 0.2),
        ] {
            assert_eq!(dollars(service, unit), expected, "{service}, {unit}");
        }
        assert!(
            (bill.dollars() - 16.3128).abs() < 1e-9,
            "{}",
            bill.dollars()
        );
    }

    #[test]
    fn bills_are_shown_side_by_side() {
        let sections = tables(&[bill(quiet(50)), bill(quiet(5000))]);
        let dollars = sections[0].table.to_string();
        for text in ["50 accounts", "5,000 accounts", "together", "16.31"] {
            assert!(dollars.contains(text), "{text}: {dollars}");
        }
        assert_eq!(dollars.matches("CloudWatch").count(), 1);
        assert!(sections[1].table.to_string().contains("657,000"));
        assert_eq!(money(0.004), "< 0.01");
    }

    #[test]
    fn a_curve_is_followed_between_its_points_and_beyond() {
        let curve = [(10.0, 1.0), (20.0, 2.0), (40.0, 6.0)];
        for (at, value) in [
            (10.0, 1.0),
            (15.0, 1.5),
            (30.0, 4.0),
            (50.0, 8.0),
            (5.0, 0.5),
        ] {
            assert_eq!(between(&curve, at), Some(value), "{at}");
        }
        assert_eq!(between(&curve[..1], 99.0), Some(1.0));
        assert_eq!(between(&[], 1.0), None);
    }

    #[test]
    fn the_template_has_what_is_charged_by_the_piece() {
        let root = towerhook_package::workspace_root();
        let path = root.join("templates/control-tower-integration.template.yml");
        let template = std::fs::read_to_string(path).unwrap();
        let resources = |kind: &str| template.matches(&format!("Type: AWS::{kind}\n")).count();
        assert_eq!(resources("CloudWatch::Alarm") as f64, ALARMS);
        assert_eq!(resources("CloudWatch::Dashboard") as f64, DASHBOARDS);
        assert_eq!(resources("SecretsManager::Secret") as f64, SECRETS);
    }
}
