//! The figures as tables, and as curves.

use std::collections::{BTreeMap, BTreeSet};

use super::{Comparison, Figures, Part, Run};
use crate::Section;
use crate::numbers::fixed;
use crate::picture::{Curve, Picture};
use crate::rows::Rows;

/// The figures as tables.
#[must_use]
pub fn tables(figures: &Figures) -> Vec<Section> {
    let settled = [
        ("1,000 accounts in a minute, to 100", &figures.burst),
        ("1,000 events in a minute, no news", &figures.repeated),
        ("one account, to 100", &figures.newcomer),
    ];
    vec![
        launches(&figures.runs),
        operations(&figures.runs),
        Rows::of(&figures.limits)
            .column("accounts", |limit| limit.accounts)
            .column("requests, least", |limit| limit.least_requests)
            .column("requests, made", |limit| limit.requests)
            .column("hours, least", |limit| fixed(limit.least_hours, 2))
            .column("hours, taken", |limit| fixed(limit.hours, 2))
            .column("excess, %", |limit| fixed(limit.excess_percent, 1))
            .titled("Scale: launches that wait for the SaaS's 480 requests an hour"),
        Rows::of(&figures.comparisons)
            .column("accounts", |one| one.accounts)
            .column("AWS calls", |one| one.part.aws_calls)
            .column("throttled", |one| sum(&one.part.throttles))
            .column("SaaS requests", |one| one.part.registry_requests)
            .column("invocations", |one| one.part.invocations)
            .column("writes", |one| one.part.writes)
            .column("virtual time", |one| time(one.part.virtual_seconds))
            .titled("Scale: a comparison that finds nothing to do"),
        Rows::of(settled)
            .column("event", |(what, _)| *what)
            .column("AWS calls", |(_, part)| part.aws_calls)
            .column("SaaS requests", |(_, part)| part.registry_requests)
            .column("invocations", |(_, part)| part.invocations)
            .column("passes", |(_, part)| part.passes)
            .column("writes", |(_, part)| part.writes)
            .column("virtual time", |(_, part)| time(part.virtual_seconds))
            .titled("Scale: accounts that arrive, and events without news"),
        Rows::of(&figures.newcomer.calls)
            .column("operation", |(operation, _)| (*operation).clone())
            .column("calls", |(_, calls)| **calls)
            .titled("Scale: calls for one new account, from its event"),
        Rows::of(figures.agreement.operations())
            .column("operation", |(operation, ..)| (*operation).to_owned())
            .column("model", |(_, model, _)| *model)
            .column("sandbox", |(.., sandbox)| *sandbox)
            .titled(
                "Scale: calls of a comparison of 100 accounts, in the model and in the sandbox",
            ),
    ]
}

fn launches(runs: &[Run]) -> Section {
    Rows::of(runs)
        .column("accounts", |run| run.size.accounts)
        .column("units", |run| run.units)
        .column("SaaS limit", |run| {
            if run.size.limited { "480/h" } else { "none" }
        })
        .column("AWS calls, setup", |run| run.setup.aws_calls)
        .column("AWS calls, account", |run| run.enrolling.aws_calls)
        .column("throttled", |run| {
            sum(&run.setup.throttles) + sum(&run.enrolling.throttles)
        })
        .column("SaaS requests", |run| run.registry_requests())
        .column("invocations", |run| run.enrolling.invocations)
        .column("passes", |run| run.enrolling.passes)
        .column("AWS calls, most expensive pass", |run| {
            run.enrolling.dearest_for_aws.aws_calls
        })
        .column("virtual time", |run| time(3600.0 * run.virtual_hours()))
        .column("CPU, s", |run| fixed(run.cpu_seconds, 3))
        .column("peak memory, MiB", |run| fixed(run.peak_memory_mib, 1))
        .titled("Scale: a launch, until every account is enrolled")
}

/// Calls by operation of the largest launch without the SaaS's limit.
fn operations(runs: &[Run]) -> Section {
    let unlimited = runs.iter().filter(|run| !run.size.limited);
    let largest = unlimited.max_by_key(|run| run.size.accounts);
    let parts = || {
        largest
            .into_iter()
            .flat_map(|run| [&run.setup, &run.enrolling])
    };
    let names: BTreeSet<&String> = parts().flat_map(|part| part.calls.keys()).collect();
    let count = |part: Option<&Part>, name: &String| {
        part.and_then(|part| part.calls.get(name))
            .copied()
            .unwrap_or_default()
    };
    Rows::of(names)
        .column("operation", |name| (*name).clone())
        .column("setup", |name| count(parts().next(), name))
        .column("account", |name| count(parts().nth(1), name))
        .column("throttled", |name| {
            let throttles = parts().filter_map(|part| part.throttles.get(*name));
            throttles.sum::<usize>()
        })
        .titled("Scale: calls of the largest launch")
}

fn sum(counts: &BTreeMap<String, usize>) -> usize {
    counts.values().sum()
}

/// Seconds, minutes or hours, whichever reads best.
fn time(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{seconds:.1} s")
    } else if seconds < 7200.0 {
        format!("{:.1} min", seconds / 60.0)
    } else {
        format!("{:.2} h", seconds / 3600.0)
    }
}

/// The figures as curves over the number of accounts.
#[must_use]
pub fn curves(figures: &Figures) -> Vec<Picture> {
    let curve = |name: &str, limited: bool, value: fn(&Run) -> f64| {
        let runs = figures
            .runs
            .iter()
            .filter(|run| run.size.limited == limited);
        let points = runs.map(|run| (run.size.accounts as f64, value(run)));
        Curve {
            name: name.to_owned(),
            // The axes are logarithmic.
            points: points.filter(|(_, value)| *value > 0.0).collect(),
        }
    };
    let compared = |name: &str, value: fn(&Part) -> f64| Curve {
        name: name.to_owned(),
        points: figures
            .comparisons
            .iter()
            .map(|Comparison { accounts, part }| (*accounts as f64, value(part)))
            .collect(),
    };
    let picture = |title: &str, y_label: &str, curves| Picture {
        title: title.to_owned(),
        x_label: "accounts".to_owned(),
        y_label: y_label.to_owned(),
        curves,
    };
    let aws = |run: &Run| (run.setup.aws_calls + run.enrolling.aws_calls) as f64;
    let saas = |run: &Run| run.registry_requests() as f64;
    let minutes = |run: &Run| 60.0 * run.virtual_hours();
    vec![
        picture(
            "Calls of a launch and of a comparison",
            "calls",
            vec![
                curve("AWS", false, aws),
                curve("SaaS", false, saas),
                curve("AWS, SaaS limited to 480/h", true, aws),
                curve("SaaS, limited to 480/h", true, saas),
                compared("AWS, comparison", |part| part.aws_calls as f64),
            ],
        ),
        picture(
            "Time of a launch and of a comparison",
            "minutes",
            vec![
                curve("SaaS without limit", false, minutes),
                curve("SaaS limited to 480/h", true, minutes),
                compared("comparison", |part| part.virtual_seconds / 60.0),
            ],
        ),
        picture(
            "Processor time of a launch, with the simulated world",
            "seconds",
            vec![curve("CPU", false, |run| run.cpu_seconds)],
        ),
        picture(
            "Peak memory of a launch, with the simulated world",
            "MiB",
            vec![curve("peak memory", false, |run| run.peak_memory_mib)],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture;
    use crate::scale::{Agreement, Exponents, Limit, Pass, Size, targets};

    fn figures() -> Figures {
        let sizes = [100, 1_000, 10_000];
        let runs = [false, true].map(|limited| {
            sizes.map(|accounts| Run {
                size: Size { accounts, limited },
                units: 100,
                setup: part(accounts),
                enrolling: part(accounts),
                cpu_seconds: 1.5,
                peak_memory_mib: 10.0,
            })
        });
        let runs = runs.concat();
        let exponents = Exponents::of(&runs).unwrap();
        let limits: Vec<Limit> = runs.iter().filter_map(Limit::of).collect();
        Figures {
            exponents,
            limits,
            runs,
            comparisons: vec![Comparison {
                accounts: 10_000,
                part: part(1),
            }],
            burst: part(1),
            repeated: part(2),
            newcomer: part(3),
            agreement: Agreement::default(),
        }
    }

    fn part(calls: usize) -> Part {
        Part {
            calls: [("sqs:SendMessageBatch".to_owned(), calls)].into(),
            aws_calls: calls,
            registry_requests: calls,
            dearest_for_aws: Pass {
                aws_calls: calls,
                ..Pass::default()
            },
            virtual_seconds: 60.0,
            ..Part::default()
        }
    }

    #[test]
    fn every_figure_has_its_row() {
        let shown = tables(&figures());
        let rows: Vec<usize> = shown
            .iter()
            .map(|one| one.table.row_iter().count())
            .collect();
        assert_eq!(rows, [6, 1, 2, 1, 3, 1, 0]);
        let operations = shown[1].table.to_string();
        assert!(operations.contains("10000"), "{operations}");
    }

    #[test]
    fn targets_are_met_and_missed() {
        let targets = targets(&figures(), &crate::budgets::budgets().unwrap());
        assert!(targets.iter().any(|target| target.met));
        assert!(targets.iter().any(|target| !target.met));
    }

    #[test]
    fn every_curve_can_be_drawn() {
        for picture in curves(&figures()) {
            picture::svg(&picture).unwrap();
        }
    }

    #[test]
    fn times_read_well() {
        assert_eq!(
            [90.0, 600.0, 7200.0].map(time),
            ["90.0 s", "10.0 min", "2.00 h"]
        );
    }
}
