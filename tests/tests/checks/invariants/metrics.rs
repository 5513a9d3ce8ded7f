//! The page about the metrics lists them as the registry has them.

use std::fmt::Write as _;

use towerhook_core::metrics::Metric;

use super::pages::ends_with;

const HEADING: &str = "| metric | stability | what it says |\n|---|---|---|\n";

fn table() -> String {
    let mut table = HEADING.to_owned();
    for metric in Metric::ALL {
        let stability = format!("{:?}", metric.stability()).to_lowercase();
        let (name, meaning) = (metric.name(), metric.meaning());
        writeln!(table, "| `{name}` | {stability} | {meaning} |").unwrap();
    }
    table
}

#[test]
fn the_page_of_metrics_lists_the_registry() {
    ends_with("docs/metrics.md", HEADING, &table());
}
