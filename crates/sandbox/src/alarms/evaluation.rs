use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::datapoint::Datapoint;

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmState {
    /// The metric is beyond the threshold.
    Alarm,
    /// It is not.
    Ok,
}

/// An alarm on one metric, as CloudWatch describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Alarm {
    /// Its name.
    #[serde(rename = "AlarmName")]
    pub(super) name: String,
    namespace: String,
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    statistic: Statistic,
    /// In seconds.
    period: i64,
    evaluation_periods: i64,
    threshold: f64,
    comparison_operator: Comparison,
    treat_missing_data: Missing,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Dimension {
    name: String,
    value: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Statistic {
    Maximum,
    Minimum,
    Sum,
    SampleCount,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Comparison {
    GreaterThanThreshold,
    LessThanThreshold,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Missing {
    Breaching,
    NotBreaching,
}

impl Alarm {
    /// Its state at `now`: it goes off when each of its periods, the last of which ends then, breaches.
    ///
    /// Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html.
    pub(super) fn state(&self, points: &[Datapoint], now: Timestamp) -> AlarmState {
        let dimensions: BTreeMap<_, _> = { self.dimensions.iter() }
            .map(|Dimension { name, value }| (name.clone(), value.clone()))
            .collect();
        let is_on = |point: &&Datapoint| {
            point.namespace == self.namespace
                && point.metric == self.metric_name
                && point.dimensions == dimensions
        };
        let own: Vec<&Datapoint> = points.iter().filter(is_on).collect();
        let period = SignedDuration::from_secs(self.period);
        let breaches = |ago: i64| {
            let ends = now - SignedDuration::from_secs(self.period * ago);
            let values: Vec<f64> = own
                .iter()
                .filter(|point| point.at <= ends && point.at > ends - period)
                .map(|point| point.value)
                .collect();
            self.breaches(&values)
        };
        if (0..self.evaluation_periods).all(breaches) {
            AlarmState::Alarm
        } else {
            AlarmState::Ok
        }
    }

    /// Whether a period with these values breaches.
    fn breaches(&self, values: &[f64]) -> bool {
        if values.is_empty() {
            return self.treat_missing_data == Missing::Breaching;
        }
        let value = match self.statistic {
            Statistic::Maximum => values.iter().copied().fold(f64::MIN, f64::max),
            Statistic::Minimum => values.iter().copied().fold(f64::MAX, f64::min),
            Statistic::Sum => values.iter().sum(),
            Statistic::SampleCount => values.iter().map(|_| 1.0).sum(),
        };
        match self.comparison_operator {
            Comparison::GreaterThanThreshold => value > self.threshold,
            Comparison::LessThanThreshold => value < self.threshold,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn alarm(changes: &[(&str, Value)]) -> Alarm {
        let mut described = json!({
            "AlarmName": "a",
            "Namespace": "Ours",
            "MetricName": "Passes",
            "Dimensions": [{"Name": "Stack", "Value": "one"}],
            "Statistic": "Sum",
            "Period": 3600,
            "EvaluationPeriods": 3,
            "Threshold": 1.0,
            "ComparisonOperator": "LessThanThreshold",
            "TreatMissingData": "breaching",
        });
        for (key, value) in changes {
            described[*key] = value.clone();
        }
        serde_json::from_value(described).unwrap()
    }

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hour * 3600).unwrap()
    }

    fn point(at: i64, stack: &str, value: f64) -> Datapoint {
        Datapoint {
            namespace: "Ours".into(),
            metric: "Passes".into(),
            dimensions: [("Stack".to_owned(), stack.to_owned())].into(),
            at: hour(at),
            value,
        }
    }

    #[test]
    fn silence_counts_from_the_last_value_and_is_over_with_the_next() {
        let points = [point(0, "one", 1.0), point(9, "one", 1.0)];
        let state = |at| alarm(&[]).state(&points, hour(at));
        let states: Vec<_> = (0..=9).map(state).collect();
        let (ok, off) = (AlarmState::Ok, AlarmState::Alarm);
        assert_eq!(states, [ok, ok, ok, off, off, off, off, off, off, ok]);
    }

    #[test]
    fn another_stacks_values_end_no_silence() {
        let points = [point(0, "two", 1.0)];
        assert_eq!(alarm(&[]).state(&points, hour(0)), AlarmState::Alarm);
    }

    #[test]
    fn a_day_in_which_one_comparison_found_everything_watched_is_no_gap() {
        let gauge = [
            ("Statistic", json!("Minimum")),
            ("Threshold", json!(0)),
            ("EvaluationPeriods", json!(24)),
            ("ComparisonOperator", json!("GreaterThanThreshold")),
            ("TreatMissingData", json!("notBreaching")),
        ];
        let alarm = alarm(&gauge);
        let mut points: Vec<_> = (0..24).map(|at| point(at, "one", 2.0)).collect();
        assert_eq!(alarm.state(&points, hour(22)), AlarmState::Ok);
        assert_eq!(alarm.state(&points, hour(23)), AlarmState::Alarm);
        points[12].value = 0.0;
        assert_eq!(alarm.state(&points, hour(23)), AlarmState::Ok);
    }
}
