//! CloudWatch metrics in the embedded metric format: one line of JSON on standard output.
//!
//! Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Value, json};

/// The namespace of every metric.
pub const NAMESPACE: &str = "Towerhook";

/// Writes counts, which CloudWatch makes metrics of, with the function as their dimension.
pub fn emit(function: &str, now: Timestamp, counts: &[(&str, usize)]) {
    let line = embedded(function, now, counts);
    // A metric that cannot be written must not fail what it counts.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn embedded(function: &str, now: Timestamp, counts: &[(&str, usize)]) -> Value {
    let metrics: Vec<_> = counts
        .iter()
        .map(|(name, _)| json!({"Name": name, "Unit": "Count"}))
        .collect();
    let mut line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE, "Dimensions": [["Function"]], "Metrics": metrics,
            }],
        },
        "Function": function,
    });
    for (name, count) in counts {
        line[*name] = json!(count);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_is_declared_and_given() {
        let now = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let line = embedded("account", now, &[("Enrolled", 3)]);
        assert_eq!(line["_aws"]["Timestamp"], 1_700_000_000_000_i64);
        assert_eq!(
            line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"],
            "Enrolled"
        );
        assert_eq!(line["Enrolled"], 3);
        assert_eq!(line["Function"], "account");
    }
}
