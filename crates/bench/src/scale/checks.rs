//! The targets: how the cost may grow, and how much one pass and one launch may cost.

use serde::Serialize;

use super::{BURST, COMPARED, Comparison, Figures, Run, UNITS};
use crate::budgets::Budgets;
use crate::target::Target;

/// Requests that the SaaS allows in an hour, and in a burst after an idle hour.
const REQUESTS_PER_HOUR: f64 = 480.0;
/// The requests to the SaaS that a launch needs besides one per account: a token, the profile, two
/// listings and the trail's registration by the custom resource, and a listing by a pass.
const REQUESTS_BESIDES: usize = 6;
/// A pass lists the registrations of accounts, in the one store that the model has, and a pass over
/// everything the trail's.
const LISTINGS_OF_A_PASS: usize = 2;
/// The sizes between which growth is judged.
const GROWS: std::ops::RangeInclusive<usize> = 100..=10_000;

/// The powers by which a launch's cost grows with the accounts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Exponents {
    /// Of the calls to AWS and the SaaS.
    pub calls: f64,
    /// Of the processor time.
    pub cpu: f64,
    /// Of the peak memory.
    pub memory: f64,
}

impl Exponents {
    /// Fitted to the launches without the SaaS's limit; `None` where there are fewer than two.
    #[must_use]
    pub fn of(runs: &[Run]) -> Option<Self> {
        let fit = |cost: fn(&Run) -> f64| {
            let unlimited = runs.iter().filter(|run| !run.size.limited);
            growth(unlimited.map(|run| (run.size.accounts, cost(run))))
        };
        Some(Self {
            calls: fit(|run| run.calls() as f64)?,
            cpu: fit(|run| run.cpu_seconds)?,
            memory: fit(|run| run.peak_memory_mib)?,
        })
    }
}

/// The power by which a cost grows with the accounts, from 100 to 10,000 of them; `None` where fewer
/// than two such sizes were measured.
pub fn growth(costs: impl Iterator<Item = (usize, f64)>) -> Option<f64> {
    let judged = costs.filter(|(accounts, _)| GROWS.contains(accounts));
    let points = judged.map(|(accounts, cost)| (accounts as f64, cost));
    exponent(&points.collect::<Vec<_>>())
}

/// The slope of the line that fits the points' logarithms best, by least squares.
fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    if points.len() < 2 {
        return None;
    }
    let count = points.len() as f64;
    let logarithms: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let middle_x = logarithms.iter().map(|(x, _)| x).sum::<f64>() / count;
    let middle_y = logarithms.iter().map(|(_, y)| y).sum::<f64>() / count;
    let products = logarithms
        .iter()
        .map(|(x, y)| (x - middle_x) * (y - middle_y));
    let squares = logarithms.iter().map(|(x, _)| (x - middle_x).powi(2));
    Some(products.sum::<f64>() / squares.sum::<f64>())
}

/// How long a launch takes that waits for the SaaS's limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Limit {
    /// Accounts besides the landing zone's own three.
    pub accounts: usize,
    /// The requests that every launch needs.
    pub least_requests: usize,
    /// The requests sent, including refused ones.
    pub requests: usize,
    /// The hours that the limit alone dictates.
    pub least_hours: f64,
    /// The hours that it took.
    pub hours: f64,
    /// How much longer than that it took, in percent.
    pub excess_percent: f64,
}

impl Limit {
    /// `None` where the SaaS has no limit, or allows all needed requests in one burst.
    #[must_use]
    pub fn of(run: &Run) -> Option<Self> {
        let least_requests = run.watched() + REQUESTS_BESIDES;
        let least_hours = (least_requests as f64 - REQUESTS_PER_HOUR) / REQUESTS_PER_HOUR;
        let hours = run.virtual_hours();
        (run.size.limited && least_hours > 0.0).then(|| Self {
            accounts: run.size.accounts,
            least_requests,
            requests: run.registry_requests(),
            least_hours,
            hours,
            excess_percent: 100.0 * (hours / least_hours - 1.0),
        })
    }
}

/// The AWS calls that a pass over everything may cost: one per page of 20 accounts, of 100 baselines and
/// of 100 written records, one per unit, and a few more.
fn calls_of_a_pass(organization: usize, units: usize, creations: usize) -> usize {
    let pages = |items: usize, a_page: usize| items.div_ceil(a_page);
    15 + pages(organization, 20) + units + pages(organization, 100) + pages(creations, 100)
}

/// All targets of the figures.
pub(crate) fn targets(figures: &Figures, budgets: &Budgets) -> Vec<Target> {
    let Budgets { scale, enroll, .. } = budgets;
    let Exponents { calls, cpu, memory } = figures.exponents;
    let mut targets: Vec<Target> = [
        ("calls", calls),
        ("processor time", cpu),
        ("peak memory", memory),
    ]
    .map(|(what, exponent)| {
        let what = format!("launch: exponent of {what}, 100 to 10,000 accounts");
        Target::at_most(what, scale.exponent, exponent)
    })
    .into();
    for run in &figures.runs {
        let limit = if run.size.limited { ", 480/h" } else { "" };
        let launch = format!("launch, {} accounts{limit}", run.size.accounts);
        let of_aws = run.enrolling.dearest_for_aws;
        let bound = calls_of_a_pass(run.organization(), run.units, of_aws.creations);
        let of_saas = run.enrolling.dearest_for_saas;
        for (what, bound, reached) in [
            (
                "AWS calls of the most expensive pass",
                bound,
                of_aws.aws_calls,
            ),
            (
                "SaaS requests of the most expensive pass",
                LISTINGS_OF_A_PASS + of_saas.creations,
                of_saas.registry_requests,
            ),
        ] {
            let what = format!("{launch}: {what}");
            targets.push(Target::at_most(what, bound as f64, reached as f64));
        }
    }
    let timeouts = figures.runs.iter().map(|run| run.enrolling.timeouts);
    let what = "launches: invocations that ran into the function's timeout";
    targets.push(Target::at_most(what, 0.0, timeouts.sum::<usize>() as f64));
    // In a smaller launch the last minutes weigh too much.
    for limit in figures
        .limits
        .iter()
        .filter(|limit| limit.accounts == COMPARED)
    {
        let accounts = limit.accounts;
        let what = format!("launch, {accounts} accounts, 480/h: excess over the limit, %");
        let at_most = scale.over_limit_percent;
        targets.push(Target::at_most(what, at_most, limit.excess_percent));
    }
    let largest = figures.comparisons.iter();
    for Comparison { part, .. } in largest.filter(|one| one.accounts == COMPARED) {
        let limit = &scale.reconcile_10000;
        let bound = calls_of_a_pass(COMPARED + 3, UNITS, 0);
        for (what, at_most, reached) in [
            (
                "invocations",
                limit.invocations as f64,
                part.invocations as f64,
            ),
            ("virtual seconds", limit.seconds, part.virtual_seconds),
            ("writes", limit.writes as f64, part.writes as f64),
            ("AWS calls", bound as f64, part.aws_calls as f64),
        ] {
            let what = format!("comparison, {COMPARED} accounts: {what}");
            targets.push(Target::at_most(what, at_most, reached));
        }
    }
    for (accounts, part) in [
        ("new accounts", &figures.burst),
        ("enrolled accounts", &figures.repeated),
    ] {
        let what = format!("{BURST} events in a minute for {accounts}: passes");
        let at_most = scale.burst_passes as f64;
        targets.push(Target::at_most(what, at_most, part.passes as f64));
    }
    let newcomer = &figures.newcomer;
    for (whose, at_most, reached) in [
        ("AWS", enroll.calls_as_on_aws.aws, newcomer.aws_calls),
        (
            "the SaaS",
            enroll.calls_as_on_aws.saas,
            newcomer.registry_requests,
        ),
    ] {
        let what = format!("one new account as on AWS: calls of {whose}");
        targets.push(Target::at_most(what, at_most as f64, reached as f64));
    }
    let what = "comparison, 100 accounts: calls in which model and sandbox differ";
    let differences = figures.agreement.differences();
    targets.push(Target::at_most(what, 0.0, differences as f64));
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::{Part, Size};

    fn run(accounts: usize, limited: bool) -> Run {
        let enrolling = Part {
            aws_calls: accounts * accounts,
            registry_requests: 2 * accounts,
            virtual_seconds: 3600.0,
            ..Part::default()
        };
        Run {
            size: Size { accounts, limited },
            units: 5,
            setup: Part::default(),
            enrolling,
            cpu_seconds: accounts as f64,
            peak_memory_mib: 8.0,
        }
    }

    #[test]
    fn exponents_are_the_powers_of_the_larger_launches() {
        let mut runs: Vec<Run> = [1, 10, 100, 1_000, 10_000].map(|n| run(n, false)).into();
        runs[0].cpu_seconds = 1e9;
        runs.push(run(1_000, true));
        let exponents = Exponents::of(&runs).unwrap();
        assert!((exponents.cpu - 1.0).abs() < 1e-9);
        assert!(exponents.memory.abs() < 1e-9);
        assert!(exponents.calls > 1.9 && exponents.calls < 2.0);
        assert_eq!(Exponents::of(&runs[..3]), None);
    }

    #[test]
    fn the_limit_dictates_the_hours_beyond_the_first_480_requests() {
        let limit = Limit::of(&run(952, true)).unwrap();
        assert_eq!((limit.least_requests, limit.requests), (960, 1904));
        assert!((limit.least_hours - 1.0).abs() < 1e-9);
        assert!(limit.excess_percent.abs() < 1e-9);
        assert_eq!(Limit::of(&run(100, true)), None);
        assert_eq!(Limit::of(&run(952, false)), None);
    }

    #[test]
    fn a_pass_costs_its_pages() {
        assert_eq!(calls_of_a_pass(10_003, 100, 0), 15 + 501 + 100 + 101);
        assert_eq!(calls_of_a_pass(20, 5, 1), 15 + 1 + 5 + 1 + 1);
    }
}
