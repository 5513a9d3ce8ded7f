//! All figures together, as JSON and as the generated parts of the documentation.

mod blocks;
mod targets;

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::budgets::Budgets;
use crate::cost::{self, Bill, Measured, bill, month};
use crate::enroll::Enrollments;
use crate::machine::{self, Machine, machine};
use crate::picture::{Curve, Picture, svg};
use crate::target::{self, Target};
use crate::{Section, cold, enroll, scale, size, steady};

pub use targets::targets;

/// The pages with generated parts, below the workspace's root.
const PAGES: [&str; 2] = ["docs/benchmarks.md", "docs/cost.md"];

/// The share of a processor that Lambda gives a function of 256 MB: a whole one at 1,769 MB (Lambda
/// Developer Guide, *Configure Lambda function memory*).
const ACCOUNT_CORES: f64 = 256.0 / 1769.0;

/// The files of the pictures of [`scale::curves`], in their order.
const SCALE_PICTURES: [&str; 4] = ["scale-calls", "scale-time", "scale-cpu", "scale-memory"];

/// How long auth takes to check the token, in seconds: a start and two or three calls.
const TOKEN_SECONDS: f64 = 0.3;

/// Where the pictures are, below the workspace's root.
const PICTURES: &str = "docs/benchmarks";

/// Every figure; those not measured are left out.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The machine.
    pub machine: Machine,
    /// Starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cold: Option<cold::Figures>,
    /// Work after the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steady: Option<steady::Figures>,
    /// Enrollment of a new account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enroll: Option<enroll::Figures>,
    /// Large organizations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<scale::Figures>,
    /// Size of the uploaded functions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<size::Figures>,
    /// A month's bill, by size of the organization.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cost: Vec<Bill>,
    /// The targets of the measured figures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
}

impl Report {
    /// A report of this machine, without figures yet.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self {
            machine: machine(),
            cold: None,
            steady: None,
            enroll: None,
            scale: None,
            size: None,
            cost: Vec::new(),
            targets: Vec::new(),
        }
    }
}

/// Writes the report as one JSON object.
///
/// # Errors
/// When the file cannot be written.
pub fn write_json(report: &Report, file: &Path) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(report)? + "\n";
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Writes the measured figures into the documentation below `root`: the tables between their marks, and
/// the pictures. Figures that were not measured stay as they are.
///
/// # Errors
/// When a page lacks the marks of a block or cannot be written, or a picture cannot be drawn.
pub fn write_documentation(report: &Report, budgets: &Budgets, root: &Path) -> anyhow::Result<()> {
    let read = |page| {
        let path = root.join(page);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        anyhow::Ok((path, text))
    };
    let mut pages = PAGES.map(read).into_iter().collect::<Result<Vec<_>, _>>()?;
    for (name, sections) in generated(report, budgets) {
        let markdown = blocks::markdown(&sections);
        let page = pages
            .iter_mut()
            .find(|(_, text)| blocks::has(text, name))
            .with_context(|| format!("no page has the marks of {name}"))?;
        page.1 = blocks::replaced(&page.1, name, &markdown)
            .with_context(|| format!("the marks of {name} are not a pair"))?;
    }
    for (path, text) in pages {
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    for (name, picture) in pictures(report) {
        let path = root.join(PICTURES).join(format!("{name}.svg"));
        std::fs::write(&path, svg(&picture)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The bills of a month, if the figures that they depend on were measured.
#[must_use]
pub fn bills(report: &Report) -> Vec<Bill> {
    let (Some(enroll), Some(scale), Some(steady)) = (&report.enroll, &report.scale, &report.steady)
    else {
        return Vec::new();
    };
    // The virtual time is spent waiting for AWS; the function's own processor time comes on top.
    let comparisons = scale.comparisons.iter().filter_map(|comparison| {
        let mut passes = steady.passes.iter();
        let pass = passes.find(|pass| pass.accounts == comparison.accounts)?;
        let seconds = comparison.part.virtual_seconds + pass.cpu_seconds / ACCOUNT_CORES;
        Some((comparison.accounts as f64, seconds))
    });
    let Enrollments {
        announced, settled, ..
    } = &enroll.with_events;
    let measured = Measured {
        comparison_seconds: comparisons.collect(),
        enrollment_invocations: announced.invocations + settled.invocations,
        enrollment_seconds: (announced.billed_ms + settled.billed_ms) / 1000.0,
        token_seconds: TOKEN_SECONDS,
    };
    let months = cost::SIZES
        .iter()
        .filter_map(|size| month(*size, &measured));
    months.map(bill).collect()
}

/// The blocks that have figures, by name.
fn generated(report: &Report, budgets: &Budgets) -> Vec<(&'static str, Vec<Section>)> {
    fn of<F>(figures: &Option<F>, tables: impl Fn(&F) -> Vec<Section>) -> Vec<Section> {
        figures.as_ref().map(tables).unwrap_or_default()
    }
    let enroll = |figures: &enroll::Figures| enroll::tables(figures, &budgets.enroll);
    let blocks = [
        ("machine", machine::tables(&report.machine)),
        ("targets", target::tables(&report.targets)),
        ("cold", of(&report.cold, cold::tables)),
        ("steady", of(&report.steady, steady::tables)),
        ("enroll", of(&report.enroll, enroll)),
        ("scale", of(&report.scale, scale::tables)),
        ("size", of(&report.size, size::tables)),
        ("cost", cost::tables(&report.cost)),
    ];
    let has_figures = |(_, sections): &(_, Vec<Section>)| !sections.is_empty();
    blocks.into_iter().filter(has_figures).collect()
}

/// The pictures that have figures, by the name of their file.
fn pictures(report: &Report) -> Vec<(&'static str, Picture)> {
    let mut pictures = Vec::new();
    if let Some(figures) = &report.steady {
        let curve = |name: &str, value: &dyn Fn(&steady::Pass) -> f64| Curve {
            name: name.to_owned(),
            points: figures
                .passes
                .iter()
                .map(|pass| (pass.accounts as f64, value(pass)))
                .collect(),
        };
        let picture = Picture {
            title: "What one comparison costs the account function".to_owned(),
            x_label: "accounts".to_owned(),
            y_label: "MiB, and seconds".to_owned(),
            curves: vec![
                curve("peak memory, MiB", &|pass| pass.peak_memory_mib),
                curve("received, MiB", &|pass| pass.received_mib),
                curve("processor time, s", &|pass| pass.cpu_seconds),
            ],
        };
        pictures.push(("steady", picture));
    }
    if let Some(figures) = &report.scale {
        pictures.extend(SCALE_PICTURES.into_iter().zip(scale::curves(figures)));
    }
    pictures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budgets::budgets;

    fn documentation(marks: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join(PICTURES)).unwrap();
        let blocks = marks
            .iter()
            .map(|mark| format!("<!-- bench:{mark} -->\n<!-- /bench:{mark} -->\n"));
        std::fs::write(root.path().join(PAGES[0]), blocks.collect::<String>()).unwrap();
        std::fs::write(root.path().join(PAGES[1]), "nothing generated\n").unwrap();
        root
    }

    #[test]
    fn only_measured_figures_are_written() {
        let root = documentation(&["machine", "cold"]);
        let report = Report::of_this_machine();
        write_documentation(&report, &budgets().unwrap(), root.path()).unwrap();
        let page = std::fs::read_to_string(root.path().join(PAGES[0])).unwrap();
        assert!(page.contains(&report.machine.rustc), "{page}");
        assert!(
            page.contains("<!-- bench:cold -->\n<!-- /bench:cold -->"),
            "{page}"
        );
    }

    #[test]
    fn figures_without_a_place_are_refused() {
        let root = documentation(&["cold"]);
        let report = Report::of_this_machine();
        let refused = write_documentation(&report, &budgets().unwrap(), root.path());
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .contains("the marks of machine")
        );
    }

    #[test]
    fn the_pages_have_a_place_for_every_block() {
        let root = towerhook_package::workspace_root();
        let pages = PAGES.map(|page| std::fs::read_to_string(root.join(page)).unwrap());
        for block in [
            "machine", "targets", "cold", "steady", "enroll", "scale", "size", "cost",
        ] {
            let places = pages
                .iter()
                .filter_map(|page| blocks::replaced(page, block, ""));
            assert_eq!(places.count(), 1, "{block}");
        }
    }

    #[test]
    fn the_json_has_the_measured_figures_only() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("bench.json");
        write_json(&Report::of_this_machine(), &file).unwrap();
        let value: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let keys: Vec<_> = value.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["machine"]);
    }
}
