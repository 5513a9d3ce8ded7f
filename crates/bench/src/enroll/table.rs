//! The figures in tables.

use comfy_table::Table;

use super::{Enroll, Figures, Section};

/// The figures as tables, beside their targets.
#[must_use]
pub fn tables(figures: &Figures, budget: &Enroll) -> Vec<Section> {
    vec![
        latency(figures, budget),
        cost(figures, budget),
        calls(figures),
    ]
}

fn latency(figures: &Figures, budget: &Enroll) -> Section {
    let mut table = Table::new();
    table.set_header([
        "events of StackSets",
        "accounts",
        "StackSet operation (s)",
        "beyond it, quartile (s)",
        "median (s)",
        "quartile (s)",
        "target (s)",
        "",
    ]);
    for (what, of, target) in [
        (
            "arrive",
            &figures.with_events,
            budget.latency_with_events_seconds,
        ),
        (
            "are lost",
            &figures.without_events,
            budget.latency_without_events_seconds,
        ),
    ] {
        let beyond = of.latency_seconds;
        table.add_row([
            what.to_owned(),
            of.accounts.to_string(),
            format!("{:.2}", of.operation_seconds.median),
            format!("{:.2}", beyond.lower),
            format!("{:.2}", beyond.median),
            format!("{:.2}", beyond.upper),
            format!("{target}"),
            met(beyond.median < target),
        ]);
    }
    Section {
        title: "From CreateManagedAccount to the integration".to_owned(),
        table,
    }
}

fn cost(figures: &Figures, budget: &Enroll) -> Section {
    let mut table = Table::new();
    table.set_header([
        "one new account",
        "invocations",
        "billed (ms)",
        "GB-seconds",
        "calls of AWS",
        "calls of Lacework",
        "target",
        "",
    ]);
    let Figures {
        with_events: told,
        without_events: untold,
    } = figures;
    let target = format!("{} and {}", budget.aws_calls, budget.saas_calls);
    for (what, cost, is_held) in [
        ("Organizations tells of it", &told.announced, false),
        ("until it is enrolled", &told.enrolled, true),
        ("until nothing is left to look at", &told.settled, false),
        (
            "without events, until it is enrolled",
            &untold.enrolled,
            false,
        ),
        (
            "without events, until nothing is left",
            &untold.settled,
            false,
        ),
    ] {
        let is_met = cost.aws_calls <= budget.aws_calls as f64
            && cost.saas_calls <= budget.saas_calls as f64;
        table.add_row([
            what.to_owned(),
            format!("{:.1}", cost.invocations),
            format!("{:.0}", cost.billed_ms),
            format!("{:.4}", cost.gb_seconds),
            format!("{:.1}", cost.aws_calls),
            format!("{:.1}", cost.saas_calls),
            if is_held {
                target.clone()
            } else {
                String::new()
            },
            if is_held { met(is_met) } else { String::new() },
        ]);
    }
    Section {
        title: "What one new account takes".to_owned(),
        table,
    }
}

fn calls(figures: &Figures) -> Section {
    let mut table = Table::new();
    table.set_header(["call", "until it is enrolled", "until nothing is left"]);
    let all = &figures.with_events;
    for (name, settled) in &all.settled.by_operation {
        let enrolled = all.enrolled.by_operation.get(name).copied();
        table.add_row([
            name.clone(),
            format!("{:.1}", enrolled.unwrap_or_default()),
            format!("{settled:.1}"),
        ]);
    }
    Section {
        title: "Calls of AWS for one new account".to_owned(),
        table,
    }
}

fn met(is_met: bool) -> String {
    if is_met { "met" } else { "not met" }.to_owned()
}
