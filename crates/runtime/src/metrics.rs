//! CloudWatch metrics in the embedded metric format: one line of JSON on standard output.
//!
//! Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Value, json};

/// The namespace of every metric.
pub const NAMESPACE: &str = "Towerhook";

/// The metrics of one function of one stack. Both are dimensions, so that no two stacks in an
/// account share a metric.
#[derive(Debug, Clone)]
pub struct Metrics {
    stack: String,
    function: &'static str,
}

impl Metrics {
    /// The metrics of this stack and function, such as `account`.
    #[must_use]
    pub fn new(stack: String, function: &'static str) -> Self {
        Self { stack, function }
    }

    /// Writes counts as CloudWatch metrics.
    pub fn emit(&self, now: Timestamp, counts: &[(&str, usize)]) {
        let line = self.line(now, counts);
        // A failed write must not fail the work that it counts.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }

    /// The line that [`Metrics::emit`] writes.
    #[must_use]
    pub fn line(&self, now: Timestamp, counts: &[(&str, usize)]) -> Value {
        let metrics: Vec<_> = counts
            .iter()
            .map(|(name, _)| json!({"Name": name, "Unit": "Count"}))
            .collect();
        let mut line = json!({
            "_aws": {
                "Timestamp": now.as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE,
                    "Dimensions": [["Stack", "Function"]],
                    "Metrics": metrics,
                }],
            },
            "Stack": self.stack,
            "Function": self.function,
        });
        for (name, count) in counts {
            line[*name] = json!(count);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_and_each_dimension_is_declared_and_given() {
        let now = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let line = Metrics::new("ours".into(), "account").line(now, &[("Enrolled", 3)]);
        assert_eq!(line["_aws"]["Timestamp"], 1_700_000_000_000_i64);
        let declared = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(declared["Metrics"][0]["Name"], "Enrolled");
        assert_eq!(line["Enrolled"], 3);
        assert_eq!(declared["Dimensions"], json!([["Stack", "Function"]]));
        assert_eq!(line["Stack"], "ours");
        assert_eq!(line["Function"], "account");
    }
}
