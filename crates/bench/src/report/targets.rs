use super::Report;
use crate::budgets::Budgets;
use crate::target::Target;
use crate::{scale, steady};

/// The size of the organization in the target of the memory after a comparison.
const STEADY_ACCOUNTS: usize = 1000;
/// The largest organization that has targets.
const MANY_ACCOUNTS: usize = 10_000;

/// The targets of the measured figures.
///
/// # Errors
/// When a function has no budget.
pub fn targets(report: &Report, budgets: &Budgets) -> anyhow::Result<Vec<Target>> {
    let mut targets = Vec::new();
    if let Some(figures) = &report.cold {
        for program in &figures.programs {
            let budget = &budgets.cold;
            let Some(ratio) = budget.first_poll_ratio.get(program.name) else {
                continue;
            };
            let of = |what: &str| format!("{}: {what}", program.name);
            targets.push(Target::at_most(
                of("first poll, times the bare runtime's"),
                *ratio,
                program.first_poll_times_bare,
            ));
            targets.extend(program.first_reply_times_bare_call.map(|reached| {
                let what = of("first AWS reply, times that of one signed call");
                Target::at_most(what, budget.first_reply_ratio, reached)
            }));
            targets.push(Target::in_unit(
                of("memory at the first poll"),
                budget.first_poll_memory_mib,
                program.first_poll_memory_mib.median,
                " MiB",
            ));
        }
    }
    if let Some(figures) = &report.steady {
        let budget = &budgets.scale.reconcile_10000;
        let memory_of = [
            (STEADY_ACCOUNTS, budgets.steady.memory_mib),
            (MANY_ACCOUNTS, budget.memory_mib),
        ];
        let pass_of =
            |accounts: usize| figures.passes.iter().find(|pass| pass.accounts == accounts);
        for (accounts, limit) in memory_of {
            targets.extend(pass_of(accounts).map(|pass| {
                let what = format!("account: memory after a comparison of {accounts} accounts");
                Target::in_unit(what, limit, pass.peak_memory_mib, " MiB")
            }));
        }
        targets.extend(pass_of(MANY_ACCOUNTS).map(|pass| {
            let what = format!("account: processor time of a comparison of {MANY_ACCOUNTS}");
            Target::in_unit(what, budget.cpu_seconds, pass.cpu_seconds, " s")
        }));
        targets.extend(growth(&figures.passes, budgets.scale.exponent));
    }
    if let Some(figures) = &report.enroll {
        let budget = &budgets.enroll;
        let enrollments = [
            ("", &figures.with_events, budget.latency_with_events_seconds),
            (
                " without StackSet events",
                &figures.without_events,
                budget.latency_without_events_seconds,
            ),
        ];
        for (when, enrollments, limit) in enrollments {
            targets.push(Target::in_unit(
                format!("new account{when}: time beyond the StackSet operation, median"),
                limit,
                enrollments.latency_seconds.median,
                " s",
            ));
        }
        let of = &figures.with_events.enrolled;
        for (whose, limit, reached) in [
            ("AWS", budget.calls.aws, of.aws_calls),
            ("the SaaS", budget.calls.saas, of.saas_calls),
        ] {
            let what = format!("new account: calls of {whose}");
            targets.push(Target::at_most(what, limit as f64, reached));
        }
    }
    if let Some(figures) = &report.scale {
        targets.extend(scale::targets(figures, budgets));
    }
    if let Some(figures) = &report.size {
        for package in &figures.packages {
            let budget = budgets.size.of(figures.architecture, package.function)?;
            targets.push(Target::in_unit(
                format!("{}: zip for {}", package.function, figures.architecture),
                budget.zip as f64 / 1e6,
                package.zip_bytes as f64 / 1e6,
                " MB",
            ));
        }
    }
    Ok(targets)
}

/// The exponents by which the cost of a comparison grows with the accounts.
fn growth(passes: &[steady::Pass], limit: f64) -> impl Iterator<Item = Target> {
    let fit = |of: fn(&steady::Pass) -> f64| {
        scale::growth(passes.iter().map(|pass| (pass.accounts, of(pass))))
    };
    let exponents = [
        (
            "calls",
            fit(|pass| pass.calls.values().sum::<usize>() as f64),
        ),
        ("processor time", fit(|pass| pass.cpu_seconds)),
        ("peak memory", fit(|pass| pass.peak_memory_mib)),
    ];
    exponents.into_iter().filter_map(move |(what, exponent)| {
        let what = format!("account: exponent of {what}, comparisons of 100 to 10,000");
        exponent.map(|reached| Target::at_most(what, limit, reached))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budgets::budgets;
    use crate::size;
    use towerhook_package::lambda::{ARM64, Packaged};

    #[test]
    fn growth_is_that_of_the_larger_comparisons() {
        let pass = |accounts: usize, cpu_seconds| steady::Pass {
            accounts,
            units: 1,
            first_poll_memory_mib: 1.0,
            peak_memory_mib: 8.0,
            cpu_seconds,
            pass_seconds: 1.0,
            received_mib: 1.0,
            calls: [("organizations:ListAccounts".to_owned(), accounts / 20)].into(),
            writes: 0,
        };
        let passes = [
            pass(10, 99.0),
            pass(100, 1.0),
            pass(1_000, 100.0),
            pass(10_000, 10_000.0),
        ];
        let reached = growth(&passes, 1.05).map(|target| (target.reached, target.met));
        let expected = [("1", true), ("2", false), ("0", true)];
        let expected = expected.map(|(reached, met)| (reached.to_owned(), met));
        assert!(reached.eq(expected));
    }

    #[test]
    fn measured_figures_are_compared_with_their_targets() {
        let mut report = Report::of_this_machine();
        let budgets = budgets().unwrap();
        assert_eq!(targets(&report, &budgets).unwrap(), []);
        let package = |zip_bytes| Packaged {
            function: "auth",
            zip: "auth.zip".into(),
            bootstrap_bytes: 1,
            zip_bytes,
        };
        let budget = budgets.size.of("arm64", "auth").unwrap().zip;
        report.size = Some(size::Figures {
            architecture: ARM64.name,
            packages: vec![package(budget), package(budget + 1)],
            compositions: vec![],
        });
        let targets = targets(&report, &budgets).unwrap();
        assert_eq!([targets[0].met, targets[1].met], [true, false]);
        assert_eq!(targets[0].what, "auth: zip for arm64");
    }
}
