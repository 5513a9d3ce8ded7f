//! CloudWatch metrics in the embedded metric format: lines of JSON on standard output.
//!
//! Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use std::io::Write;

use jiff::Timestamp;
use metrique_writer_core::{
    Entry, EntryWriter, MetricFlags, Observation, Unit, Value, ValueWriter,
    config::AllowSplitEntries, format::Format,
};
use metrique_writer_format_emf::Emf;
use towerhook_core::metrics::{DIMENSIONS, Measurement, NAMESPACE, REASON};
use towerhook_providers::Vendor;

/// The metrics of one stack.
#[derive(Debug, Clone)]
pub struct Metrics {
    stack: String,
    provider: &'static str,
}

impl Metrics {
    /// The metrics of the stack of this name.
    #[must_use]
    pub fn new(stack: String, vendor: Vendor) -> Self {
        Self {
            stack,
            provider: vendor.provider().id(),
        }
    }

    /// Writes measurements as CloudWatch metrics.
    pub fn emit(&self, now: Timestamp, measurements: &[Measurement]) {
        let lines = self.lines(now, measurements);
        // A failed write must not fail the work that it counts.
        let _ = std::io::stdout().lock().write_all(&lines);
    }

    /// What [`Metrics::emit`] writes: a line for all measurements, and one for each reason.
    #[must_use]
    pub fn lines(&self, now: Timestamp, measurements: &[Measurement]) -> Vec<u8> {
        let dimensions = DIMENSIONS.map(str::to_owned).to_vec();
        let mut format = Emf::builder(NAMESPACE.to_owned(), vec![dimensions]).build();
        let mut lines = Vec::new();
        let entry = Line {
            metrics: self,
            now,
            measurements,
        };
        if let Err(error) = format.format(&entry, &mut lines) {
            tracing::error!(%error, "metrics not written");
        }
        lines
    }
}

struct Line<'m> {
    metrics: &'m Metrics,
    now: Timestamp,
    measurements: &'m [Measurement],
}

impl Entry for Line<'_> {
    fn write<'a>(&'a self, writer: &mut impl EntryWriter<'a>) {
        writer.config(const { &AllowSplitEntries::new() });
        writer.timestamp(self.now.into());
        let [stack, provider] = DIMENSIONS;
        writer.value(stack, &self.metrics.stack);
        writer.value(provider, self.metrics.provider);
        for measurement in self.measurements {
            writer.value(measurement.metric.name(), &Counted(measurement));
        }
    }
}

struct Counted<'m>(&'m Measurement);

impl Value for Counted<'_> {
    fn write(&self, writer: impl ValueWriter) {
        let Measurement { count, reason, .. } = self.0;
        let reason = reason.as_deref().map(|reason| (REASON, reason));
        let count = Observation::Unsigned(*count as u64);
        writer.metric([count], Unit::Count, reason, MetricFlags::empty());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use towerhook_core::metrics::Metric;

    use super::*;

    fn lines(measurements: &[Measurement]) -> Vec<Value> {
        let now = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let metrics = Metrics::new("ours".into(), Vendor::Lacework);
        let lines = String::from_utf8(metrics.lines(now, measurements)).unwrap();
        let lines = lines.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn each_count_and_each_dimension_is_declared_and_given() {
        let lines = lines(&[Metric::AccountsEnrolled.count(3), Metric::Passes.count(1)]);
        let [line] = &lines[..] else {
            panic!("{lines:?}");
        };
        assert_eq!(line["_aws"]["Timestamp"], 1_700_000_000_000_i64);
        let declared = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(declared["Namespace"], "Towerhook");
        assert_eq!(declared["Dimensions"], json!([["Stack", "Provider"]]));
        assert_eq!(
            declared["Metrics"],
            json!([
                {"Name": "AccountsEnrolled", "Unit": "Count"},
                {"Name": "Passes", "Unit": "Count"},
            ])
        );
        assert_eq!(
            (&line["AccountsEnrolled"], &line["Passes"]),
            (&json!(3), &json!(1))
        );
        assert_eq!(
            (&line["Stack"], &line["Provider"]),
            (&json!("ours"), &json!("lacework"))
        );
    }

    #[test]
    fn what_is_counted_by_reason_has_that_as_a_dimension_beside_the_total() {
        let metric = Metric::AccountsUnwatched;
        let lines = lines(&[metric.count(3), metric.count_for("unread".into(), 2)]);
        let of = |dimensions: Value| {
            let declared = |line: &&Value| {
                line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == json!([dimensions])
            };
            lines.iter().find(declared).unwrap()
        };
        assert_eq!(lines.len(), 2);
        assert_eq!(of(json!(["Stack", "Provider"]))["AccountsUnwatched"], 3);
        let unread = of(json!(["Stack", "Provider", "Reason"]));
        assert_eq!(
            (&unread["Reason"], &unread["AccountsUnwatched"]),
            (&json!("unread"), &json!(2))
        );
    }
}
