//! The figures as tables, and as curves.

use comfy_table::Table;

use super::{Comparison, Figures, Part, Run};
use crate::Section;
use crate::picture::{Curve, Picture};

/// The figures as tables.
#[must_use]
pub fn tables(figures: &Figures) -> Vec<Section> {
    let section = |title: &str, table| Section {
        title: title.to_owned(),
        table,
    };
    vec![
        section(
            "Scale: a launch, until every account is enrolled",
            launches(&figures.runs),
        ),
        section(
            "Scale: calls of the largest launch",
            operations(&figures.runs),
        ),
        section(
            "Scale: launches that wait for the SaaS's 480 requests an hour",
            limits(figures),
        ),
        section(
            "Scale: a comparison that finds nothing to do",
            comparisons(&figures.comparisons),
        ),
        section(
            "Scale: accounts that arrive, and events without news",
            settled(figures),
        ),
        section(
            "Scale: calls for one new account, from its event",
            of_newcomer(figures),
        ),
        section(
            "Scale: calls of a comparison of 100 accounts, in the model and in the sandbox",
            agreement(figures),
        ),
        section("Scale: targets", checks(figures)),
    ]
}

fn limit_of(run: &Run) -> &'static str {
    if run.size.limited { "480/h" } else { "none" }
}

fn launches(runs: &[Run]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "accounts",
        "units",
        "SaaS limit",
        "AWS calls, setup",
        "AWS calls, account",
        "throttled",
        "SaaS requests",
        "invocations",
        "passes",
        "AWS calls, dearest",
        "virtual time",
        "CPU, s",
        "peak memory, MiB",
    ]);
    for run in runs {
        let throttled = [&run.setup, &run.enrolling].map(|part| part.throttles.values().sum());
        table.add_row([
            run.size.accounts.to_string(),
            run.units.to_string(),
            limit_of(run).to_owned(),
            run.setup.aws_calls.to_string(),
            run.enrolling.aws_calls.to_string(),
            throttled.iter().sum::<usize>().to_string(),
            run.registry_requests().to_string(),
            run.enrolling.invocations.to_string(),
            run.enrolling.passes.to_string(),
            run.enrolling.dearest_for_aws.aws_calls.to_string(),
            time(3600.0 * run.virtual_hours()),
            format!("{:.3}", run.cpu_seconds),
            format!("{:.1}", run.peak_memory_mib),
        ]);
    }
    table
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

fn operations(runs: &[Run]) -> Table {
    let mut table = Table::new();
    table.set_header(["operation", "setup", "account", "throttled"]);
    let unlimited = runs.iter().filter(|run| !run.size.limited);
    let Some(run) = unlimited.max_by_key(|run| run.size.accounts) else {
        return table;
    };
    let Run {
        setup, enrolling, ..
    } = run;
    let mut names: Vec<&String> = setup.calls.keys().chain(enrolling.calls.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let [by_setup, by_account] = [setup, enrolling].map(|part| count(&part.calls, name));
        let [one, other] = [setup, enrolling].map(|part| count(&part.throttles, name));
        let throttled = one + other;
        let row = [by_setup, by_account, throttled].map(|count| count.to_string());
        table.add_row(std::iter::once(name.clone()).chain(row));
    }
    table
}

fn count(counts: &std::collections::BTreeMap<String, usize>, name: &str) -> usize {
    counts.get(name).copied().unwrap_or_default()
}

fn limits(figures: &Figures) -> Table {
    let mut table = Table::new();
    table.set_header([
        "accounts",
        "requests, least",
        "requests, made",
        "hours, least",
        "hours, taken",
        "excess, %",
    ]);
    for limit in &figures.limits {
        table.add_row([
            limit.accounts.to_string(),
            limit.least_requests.to_string(),
            limit.requests.to_string(),
            format!("{:.2}", limit.least_hours),
            format!("{:.2}", limit.hours),
            format!("{:.1}", limit.excess_percent),
        ]);
    }
    table
}

fn settled(figures: &Figures) -> Table {
    let mut table = Table::new();
    table.set_header([
        "what comes",
        "AWS calls",
        "SaaS requests",
        "invocations",
        "passes",
        "writes",
        "virtual time",
    ]);
    let parts: [(&str, &Part); 3] = [
        ("1,000 accounts in a minute, to 100", &figures.burst),
        ("1,000 events in a minute, no news", &figures.repeated),
        ("one account, to 100", &figures.newcomer),
    ];
    for (what, part) in parts {
        table.add_row([
            what.to_owned(),
            part.aws_calls.to_string(),
            part.registry_requests.to_string(),
            part.invocations.to_string(),
            part.passes.to_string(),
            part.writes.to_string(),
            time(part.virtual_seconds),
        ]);
    }
    table
}

fn of_newcomer(figures: &Figures) -> Table {
    let mut table = Table::new();
    table.set_header(["operation", "calls"]);
    for (operation, calls) in &figures.newcomer.calls {
        table.add_row([operation.clone(), calls.to_string()]);
    }
    table
}

fn agreement(figures: &Figures) -> Table {
    let mut table = Table::new();
    table.set_header(["operation", "model", "sandbox"]);
    for (operation, model, sandbox) in figures.agreement.operations() {
        table.add_row([operation.to_owned(), model.to_string(), sandbox.to_string()]);
    }
    table
}

fn comparisons(comparisons: &[Comparison]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "accounts",
        "AWS calls",
        "throttled",
        "SaaS requests",
        "invocations",
        "writes",
        "virtual time",
    ]);
    for Comparison { accounts, part } in comparisons {
        table.add_row([
            accounts.to_string(),
            part.aws_calls.to_string(),
            part.throttles.values().sum::<usize>().to_string(),
            part.registry_requests.to_string(),
            part.invocations.to_string(),
            part.writes.to_string(),
            time(part.virtual_seconds),
        ]);
    }
    table
}

fn checks(figures: &Figures) -> Table {
    let mut table = Table::new();
    table.set_header(["what", "measured", "target, at most", "met"]);
    for check in &figures.checks {
        let met = if check.met { "met" } else { "not met" };
        let [measured, at_most] = [check.measured, check.at_most].map(number);
        table.add_row([check.what.clone(), measured, at_most, met.to_owned()]);
    }
    table
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
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
    use crate::scale::{Agreement, Exponents, Limit, Pass, Size, checks};

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
        let mut figures = Figures {
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
            checks: Vec::new(),
        };
        figures.checks = checks::all(&figures, &crate::budgets::budgets().unwrap());
        figures
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
    fn every_check_says_whether_it_is_met() {
        let figures = figures();
        let shown = tables(&figures);
        let targets = shown.last().unwrap().table.to_string();
        assert!(targets.contains("not met"), "{targets}");
        assert_eq!(targets.matches("met").count(), 1 + figures.checks.len());
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
        assert_eq!([2.0, 1.234].map(number), ["2", "1.23"]);
    }
}
