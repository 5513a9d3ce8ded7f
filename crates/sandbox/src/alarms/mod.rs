//! CloudWatch's alarms on the functions' own metrics, by a clock of the caller's. The emulator makes no
//! metrics of log lines and evaluates no alarm.

mod change;
mod datapoint;
mod evaluation;

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use towerhook_package::FUNCTIONS;

use crate::aws_client::AwsClient;
use crate::function_logs::FunctionLogs;
pub use change::{Change, changes};
use datapoint::{Datapoint, datapoints};
use evaluation::Alarm;
pub use evaluation::{AlarmState, Verdict};

/// The prefix of CloudWatch's targets.
const TARGET: &str = "GraniteServiceVersion20100801";
/// More than any of our templates has.
const AT_MOST: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    metric_alarms: Vec<serde_json::Value>,
}

/// The metric that each comparison of the whole organization writes.
const OF_COMPARISON: &str = "AccountsInScope";

/// What begins the namespaces of the metrics that AWS writes itself, and the emulator does not.
const OF_AWS: &str = "AWS/";

/// What every alarm is found to be, by its name.
pub type Verdicts = BTreeMap<String, Verdict>;

/// What the schedule of comparisons does from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Nothing is compared any more.
    Stopped,
    /// A comparison an hour, each of which finds what the last one found.
    Hourly,
}

impl Schedule {
    /// The values that it adds until `now`.
    fn go_on(self, points: &mut Vec<Datapoint>, now: Timestamp) {
        let is_comparison = |point: &&Datapoint| point.metric == OF_COMPARISON;
        let last = points.iter().filter(is_comparison).map(|point| point.at);
        let (Self::Hourly, Some(last)) = (self, last.max()) else {
            return;
        };
        let of_last: Vec<_> = { points.iter() }
            .filter(|point| point.at == last)
            .cloned()
            .collect();
        let hours = (1..).map(|hour| last + SignedDuration::from_hours(hour));
        for at in hours.take_while(|at| *at <= now) {
            let again = of_last.iter().cloned();
            points.extend(again.map(|point| Datapoint { at, ..point }));
        }
    }
}

/// The state at `now` of every alarm on a metric that the functions write, if the schedule of
/// comparisons does this until then.
///
/// # Errors
/// When the emulator does not list the alarms, or lists one that cannot be evaluated.
pub async fn states(
    client: &AwsClient,
    logs: &FunctionLogs,
    now: Timestamp,
    schedule: Schedule,
) -> anyhow::Result<Verdicts> {
    let body = json!({"MaxRecords": AT_MOST});
    let listed = client
        .json("monitoring", TARGET, "DescribeAlarms", body)
        .await?;
    let Described { metric_alarms } = serde_json::from_value(listed)?;
    let logs: Vec<String> = FUNCTIONS.iter().map(|(name, _)| logs.read(name)).collect();
    let mut points: Vec<_> = logs.iter().flat_map(|log| datapoints(log)).collect();
    schedule.go_on(&mut points, now);
    let mut verdicts = Verdicts::new();
    for described in metric_alarms {
        let namespace = described["Namespace"].as_str().unwrap_or_default();
        if namespace.starts_with(OF_AWS) {
            continue;
        }
        let text = described.to_string();
        let alarm: Alarm = serde_json::from_value(described).context(text)?;
        let verdict = alarm.verdict(&points, now);
        verdicts.insert(alarm.name, verdict);
    }
    Ok(verdicts)
}
