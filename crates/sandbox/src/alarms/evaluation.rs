use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::datapoint::Datapoint;

/// How many of the latest values a reason shows.
const SHOWN: usize = 3;

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmState {
    /// The metric is beyond the threshold.
    Alarm,
    /// It is not.
    Ok,
}

impl fmt::Display for AlarmState {
    /// As CloudWatch has it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Alarm => "ALARM",
            Self::Ok => "OK",
        })
    }
}

/// An alarm's state, and why it has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The state.
    pub state: AlarmState,
    /// The metric's values that led to it, in one line.
    pub reason: String,
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
    pub(super) fn verdict(&self, points: &[Datapoint], now: Timestamp) -> Verdict {
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
        let value = |ago: i64| {
            let ends = now - SignedDuration::from_secs(self.period * ago);
            let values: Vec<f64> = own
                .iter()
                .filter(|point| point.at <= ends && point.at > ends - period)
                .map(|point| point.value)
                .collect();
            self.statistic_of(&values)
        };
        let values: Vec<Option<f64>> = (0..self.evaluation_periods).map(value).collect();
        let breaching = values.iter().filter(|value| self.breaches(**value)).count();
        let state = if breaching == values.len() {
            AlarmState::Alarm
        } else {
            AlarmState::Ok
        };
        let reason = self.reason(&values, breaching);
        Verdict { state, reason }
    }

    /// The value of a period; `None` without data.
    fn statistic_of(&self, values: &[f64]) -> Option<f64> {
        let values = (!values.is_empty()).then(|| values.iter().copied())?;
        Some(match self.statistic {
            Statistic::Maximum => values.fold(f64::MIN, f64::max),
            Statistic::Minimum => values.fold(f64::MAX, f64::min),
            Statistic::Sum => values.sum(),
            Statistic::SampleCount => values.map(|_| 1.0).sum(),
        })
    }

    /// Whether a period with this value breaches.
    fn breaches(&self, value: Option<f64>) -> bool {
        match (value, self.comparison_operator) {
            (None, _) => self.treat_missing_data == Missing::Breaching,
            (Some(value), Comparison::GreaterThanThreshold) => value > self.threshold,
            (Some(value), Comparison::LessThanThreshold) => value < self.threshold,
        }
    }

    fn reason(&self, values: &[Option<f64>], breaching: usize) -> String {
        let than = match self.comparison_operator {
            Comparison::GreaterThanThreshold => "more than",
            Comparison::LessThanThreshold => "less than",
        };
        let one =
            |value: &Option<f64>| value.map_or("no data".to_owned(), |value| value.to_string());
        let mut latest: Vec<String> = values.iter().take(SHOWN).map(one).collect();
        if values.len() > SHOWN {
            latest.push("...".to_owned());
        }
        format!(
            "{} {than} {} in {breaching} of {} periods of {} min, the latest first: {}",
            self.metric_name,
            self.threshold,
            values.len(),
            self.period / 60,
            latest.join(", ")
        )
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
        let state = |at| alarm(&[]).verdict(&points, hour(at)).state;
        let states: Vec<_> = (0..=9).map(state).collect();
        let (ok, off) = (AlarmState::Ok, AlarmState::Alarm);
        assert_eq!(states, [ok, ok, ok, off, off, off, off, off, off, ok]);
    }

    #[test]
    fn another_stacks_values_end_no_silence() {
        let points = [point(0, "two", 1.0)];
        let verdict = alarm(&[]).verdict(&points, hour(0));
        assert_eq!(verdict.state, AlarmState::Alarm);
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
        let state = |points: &[Datapoint], at| alarm.verdict(points, hour(at)).state;
        assert_eq!(state(&points, 22), AlarmState::Ok);
        assert_eq!(state(&points, 23), AlarmState::Alarm);
        points[12].value = 0.0;
        assert_eq!(state(&points, 23), AlarmState::Ok);
    }

    #[test]
    fn the_reason_has_the_latest_values_and_how_many_periods_breach() {
        let points = [point(0, "one", 1.0), point(0, "one", 2.0)];
        let reason = |at| alarm(&[]).verdict(&points, hour(at)).reason;
        assert_eq!(
            reason(1),
            "Passes less than 1 in 2 of 3 periods of 60 min, the latest first: no data, 3, no data"
        );
        let long = alarm(&[("EvaluationPeriods", json!(5))]);
        let long = long.verdict(&points, hour(0)).reason;
        assert!(
            long.ends_with("latest first: 3, no data, no data, ..."),
            "{long}"
        );
    }
}
