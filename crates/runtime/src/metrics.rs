//! CloudWatch metrics in the embedded metric format: lines of JSON on standard output.
//!
//! Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

use std::io::Write;

use jiff::Timestamp;
use metrique_writer_core::{
    Entry, EntryWriter, MetricFlags, Observation, Unit, Value, ValueWriter,
    config::AllowSplitEntries, format::Format, unit::NegativeScale,
};
use metrique_writer_format_emf::Emf;
use towerhook_core::metrics::{self, DIMENSIONS, Measurement, Metric, NAMESPACE, REASON};
use towerhook_http::calls::{self, Counted};
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

    /// Writes an invocation's measurements as CloudWatch metrics, with the calls that it made.
    pub fn emit(&self, now: Timestamp, mut measurements: Vec<Measurement>) {
        measurements.extend(of_calls(calls::AWS.take(), calls::VENDOR.take()));
        let lines = self.lines(now, &measurements);
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

/// The measurements of the calls that were made. What did not happen is not written, since a metric
/// costs money in each hour in which it has a value.
fn of_calls(aws: Counted, vendor: Counted) -> Vec<Measurement> {
    let counts = [
        (Metric::AwsCalls, aws.all),
        (Metric::AwsThrottles, aws.throttled),
        (Metric::VendorCalls, vendor.all),
        (Metric::VendorThrottles, vendor.throttled),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    let left = vendor.left.map(|left| (Metric::VendorCallsLeft, left));
    let all = counts.chain(left);
    all.map(|(metric, count)| metric.of(vec![count])).collect()
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
            writer.value(measurement.metric.name(), &Measured(measurement));
        }
    }
}

struct Measured<'m>(&'m Measurement);

impl Value for Measured<'_> {
    fn write(&self, writer: impl ValueWriter) {
        let Measurement {
            metric,
            values,
            reason,
        } = self.0;
        let reason = reason.as_deref().map(|reason| (REASON, reason));
        let unit = match metric.unit() {
            metrics::Unit::Count => Unit::Count,
            metrics::Unit::Seconds => Unit::Second(NegativeScale::One),
        };
        let values = values.iter().copied().map(Observation::Unsigned);
        writer.metric(values, unit, reason, MetricFlags::empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

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
    fn only_calls_that_were_made_are_written_and_a_limit_of_none_left_is() {
        let counted = |all, throttled, left| Counted {
            all,
            throttled,
            left,
        };
        let nothing = counted(0, 0, None);
        assert_eq!(of_calls(nothing, nothing), []);
        let all = of_calls(counted(7, 2, None), counted(1, 0, Some(0)));
        let all: Vec<_> = all.iter().map(|one| (one.metric, one.values[0])).collect();
        let expected = [
            (Metric::AwsCalls, 7),
            (Metric::AwsThrottles, 2),
            (Metric::VendorCalls, 1),
            (Metric::VendorCallsLeft, 0),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn a_distribution_keeps_each_of_its_values() {
        let lines = lines(&[Metric::EnrollmentSeconds.of(vec![61, 7, 61])]);
        let declared = &lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"];
        assert_eq!(
            declared,
            &json!([{"Name": "EnrollmentSeconds", "Unit": "Seconds"}])
        );
        assert_eq!(
            lines[0]["EnrollmentSeconds"],
            json!({"Values": [61, 7, 61], "Counts": [1, 1, 1]})
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
