use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// A value of a metric, as CloudWatch takes it from a line in the embedded metric format.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Datapoint {
    pub(super) namespace: String,
    pub(super) metric: String,
    pub(super) dimensions: BTreeMap<String, String>,
    pub(super) at: Timestamp,
    pub(super) value: f64,
}

/// The values in a log. A line that is not in the format, or lacks what it declares, has none: CloudWatch
/// leaves it out in silence.
pub(super) fn datapoints(log: &str) -> impl Iterator<Item = Datapoint> {
    log.lines()
        .flat_map(|line| of_line(line).unwrap_or_default())
}

fn of_line(line: &str) -> Option<Vec<Datapoint>> {
    let line: Value = serde_json::from_str(line).ok()?;
    let about = line.get("_aws")?;
    let at = Timestamp::from_millisecond(about["Timestamp"].as_i64()?).ok()?;
    let mut all = Vec::new();
    for directive in about["CloudWatchMetrics"].as_array()? {
        for set in directive["Dimensions"].as_array()? {
            let dimension = |name: &Value| {
                let name = name.as_str()?;
                Some((name.to_owned(), line[name].as_str()?.to_owned()))
            };
            let dimensions: BTreeMap<_, _> = set
                .as_array()?
                .iter()
                .map(dimension)
                .collect::<Option<_>>()?;
            for metric in directive["Metrics"].as_array()? {
                let name = metric["Name"].as_str()?;
                all.extend(values(&line[name]).into_iter().map(|value| {
                    Datapoint {
                        namespace: directive["Namespace"]
                            .as_str()
                            .unwrap_or_default()
                            .to_owned(),
                        metric: name.to_owned(),
                        dimensions: dimensions.clone(),
                        at,
                        value,
                    }
                }));
            }
        }
    }
    Some(all)
}

/// One number, those of a list, or those of a distribution, each as often as it was counted.
fn values(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().filter_map(Value::as_f64).collect(),
        Value::Object(distribution) => {
            let list = |name: &str| distribution.get(name).and_then(Value::as_array);
            let values = list("Values").into_iter().flatten();
            let counts = list("Counts").into_iter().flatten();
            let each = values.zip(counts).filter_map(|(value, count)| {
                let count = usize::try_from(count.as_u64()?).ok()?;
                Some(std::iter::repeat_n(value.as_f64()?, count))
            });
            each.flatten().collect()
        }
        one => one.as_f64().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(dimensions: &Value) -> String {
        json!({
            "_aws": {
                "Timestamp": 1_700_000_000_000_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "Ours",
                    "Dimensions": dimensions,
                    "Metrics": [{"Name": "Passes", "Unit": "Count"}],
                }],
            },
            "Stack": "a",
            "Passes": [2, 3],
        })
        .to_string()
    }

    #[test]
    fn a_line_gives_each_of_its_values_for_each_set_of_dimensions() {
        let log = format!("no json\n{{}}\n{}", line(&json!([[], ["Stack"]])));
        let all: Vec<_> = datapoints(&log).collect();
        let values: Vec<_> = all
            .iter()
            .map(|point| (point.dimensions.len(), point.value))
            .collect();
        assert_eq!(values, [(0, 2.0), (0, 3.0), (1, 2.0), (1, 3.0)]);
        assert_eq!(
            (all[2].metric.as_str(), all[2].namespace.as_str()),
            ("Passes", "Ours")
        );
        assert_eq!(all[2].dimensions["Stack"], "a");
        assert_eq!(all[0].at.as_second(), 1_700_000_000);
    }

    #[test]
    fn a_distribution_has_each_value_as_often_as_it_was_counted() {
        let distribution = json!({"Values": [61, 7], "Counts": [2, 1]});
        assert_eq!(values(&distribution), [61.0, 61.0, 7.0]);
        assert_eq!(values(&json!("no number")), [0.0; 0]);
    }

    #[test]
    fn a_line_without_a_dimension_that_it_declares_gives_none() {
        assert_eq!(datapoints(&line(&json!([["Function"]]))).count(), 0);
    }
}
