//! The dashboard: its body is JSON, and it shows what the functions really write.

use std::collections::BTreeSet;

use serde_json::Value;
use towerhook_core::metrics::{DIMENSIONS, Metric, NAMESPACE};

use crate::templates::template::{MAINS, Template, argument};

/// The dashboard's body.
fn body(name: &str) -> Value {
    let template = Template::load(name);
    let dashboard = template.resource("Dashboard");
    let text = argument(&dashboard["Properties"]["DashboardBody"]);
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The metrics of a widget as arrays without abbreviations, and without their last element, the options.
fn metrics(widget: &Value) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = Vec::new();
    let given = widget["properties"]["metrics"].as_array();
    for metric in given.into_iter().flatten() {
        let texts = metric.as_array().unwrap().iter().filter_map(Value::as_str);
        let texts: Vec<_> = texts.map(str::to_owned).collect();
        let Some(first) = texts.first() else { continue };
        let before = all.last().cloned().unwrap_or_default();
        all.push(if first == "..." {
            let kept = before.len() - (texts.len() - 1);
            before[..kept].iter().chain(&texts[1..]).cloned().collect()
        } else {
            let whole = |(index, text): (usize, &String)| match text.as_str() {
                "." => before[index].clone(),
                text => text.to_owned(),
            };
            texts.iter().enumerate().map(whole).collect()
        });
    }
    all
}

#[test]
fn every_metric_of_ours_is_in_the_registry_and_has_its_dimensions() {
    let known: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    for name in MAINS {
        let mut ours = 0;
        for widget in body(name)["widgets"].as_array().unwrap() {
            for metric in metrics(widget)
                .iter()
                .filter(|metric| metric[0] == NAMESPACE)
            {
                ours += 1;
                assert!(known.contains(metric[1].as_str()), "{name}: {metric:?}");
                let [stack, provider] = DIMENSIONS;
                assert_eq!(
                    metric[2..4],
                    [stack, "${AWS::StackName}"],
                    "{name}: {metric:?}"
                );
                assert_eq!(metric[4], provider, "{name}: {metric:?}");
            }
        }
        assert!(ours > 8, "{name}: {ours} metrics");
    }
}

#[test]
fn no_two_widgets_lie_on_each_other() {
    for name in MAINS {
        let mut taken = BTreeSet::new();
        for widget in body(name)["widgets"].as_array().unwrap() {
            let number = |field: &str| widget[field].as_u64().unwrap();
            assert!(number("x") + number("width") <= 24, "{name}: {widget}");
            for x in number("x")..number("x") + number("width") {
                for y in number("y")..number("y") + number("height") {
                    assert!(taken.insert((x, y)), "{name}: {widget}");
                }
            }
        }
    }
}
