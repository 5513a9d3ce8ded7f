//! How large the uploaded functions are, and which crates the bytes belong to.

mod composition;
mod crates;

use anyhow::Context;
use serde::Serialize;
use towerhook_package::lambda::{self, Packaged, Processor};

use crate::Section;
use crate::binaries;
use crate::budgets::Budgets;
use crate::numbers::fixed;
use crate::rows::Rows;

pub use composition::{Composition, Part};

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// The architecture that the zips are for, as the template names it.
    pub architecture: &'static str,
    /// What is uploaded.
    pub packages: Vec<Packaged>,
    /// The bytes by section and crate of each function, built for this machine with symbols.
    pub compositions: Vec<(&'static str, Composition)>,
}

/// Packages the functions for a processor and measures that alone.
///
/// # Errors
/// When they cannot be built.
pub async fn measure_packages(
    processor: Processor,
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Figures> {
    Ok(Figures {
        architecture: processor.name,
        packages: lambda::build(processor, tell).await?,
        compositions: Vec::new(),
    })
}

/// Packages the functions for a processor, and analyzes those built for this machine.
///
/// # Errors
/// When they cannot be built or read.
pub async fn measure(
    processor: Processor,
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Figures> {
    let mut figures = measure_packages(processor, tell).await?;
    tell("building for this machine, with symbols");
    for (function, path) in binaries::build().await?.functions() {
        let program = tokio::fs::read(path).await?;
        let composition = composition::composition(&program)
            .with_context(|| format!("cannot analyze {}", path.display()))?;
        figures.compositions.push((function, composition));
    }
    Ok(figures)
}

/// A sentence for each size that exceeds its budget by more than the tolerance.
///
/// # Errors
/// When a function has no budget.
pub fn beyond(figures: &Figures, budgets: &Budgets) -> anyhow::Result<Vec<String>> {
    let tolerance = budgets.size.tolerance_percent;
    let mut beyond = Vec::new();
    for package in &figures.packages {
        let budget = budgets.size.of(figures.architecture, package.function)?;
        for (what, bytes, budget) in [
            ("bootstrap", package.bootstrap_bytes, budget.bootstrap),
            ("zip", package.zip_bytes, budget.zip),
        ] {
            let tolerated = budget as f64 * (100.0 + tolerance) / 100.0;
            if bytes as f64 > tolerated {
                let percent = (bytes as f64 / budget as f64 - 1.0) * 100.0;
                beyond.push(format!(
                    "the {what} of {} for {} has {bytes} bytes, {percent:.1} % more than its \
                     budget of {budget}",
                    package.function, figures.architecture
                ));
            }
        }
    }
    Ok(beyond)
}

/// The figures as tables.
#[must_use]
pub fn tables(figures: &Figures) -> Vec<Section> {
    let megabytes = |bytes: u64| fixed(bytes as f64 / 1e6, 2);
    let mut sections = vec![
        Rows::of(&figures.packages)
            .column("function", |package| package.function)
            .column("bootstrap", |package| megabytes(package.bootstrap_bytes))
            .column("zip", |package| megabytes(package.zip_bytes))
            .titled(format!("Size for {}, MB", figures.architecture)),
    ];
    if !figures.compositions.is_empty() {
        sections.push(side_by_side("section", figures, |composition| {
            composition.sections.clone()
        }));
        sections.push(side_by_side("crate", figures, |composition| {
            let mut parts = composition.crates.clone();
            parts.push(Part {
                name: "(named by no symbol)".to_owned(),
                bytes: composition.without_symbol,
            });
            parts
        }));
    }
    sections
}

/// The parts of each function in a pair of columns, since the largest differ.
fn side_by_side(kind: &str, figures: &Figures, parts: fn(&Composition) -> Vec<Part>) -> Section {
    let functions = figures.compositions.iter();
    let functions: Vec<_> = functions.map(|(name, all)| (*name, parts(all))).collect();
    let longest = functions.iter().map(|(_, parts)| parts.len()).max();
    let mut rows = Rows::of(0..longest.unwrap_or(0));
    for (name, parts) in &functions {
        rows = rows
            .column(format!("{kind} in {name}"), |row| {
                parts
                    .get(*row)
                    .map_or_else(String::new, |part| part.name.clone())
            })
            .column("kB", |row| {
                let part = parts.get(*row);
                part.map_or_else(String::new, |part| fixed(part.bytes as f64 / 1e3, 0))
            });
    }
    rows.titled(format!("Bytes by {kind}, of programs for this machine, kB"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budgets::budgets;
    use towerhook_package::lambda::ARM64;

    fn figures(zip_bytes: u64) -> Figures {
        Figures {
            architecture: ARM64.name,
            packages: vec![Packaged {
                function: "auth",
                zip: "auth.zip".into(),
                bootstrap_bytes: 1,
                zip_bytes,
            }],
            compositions: vec![],
        }
    }

    #[test]
    fn only_a_size_beyond_the_tolerance_is_reported() {
        let budgets = budgets().unwrap();
        let budget = budgets.size.of("arm64", "auth").unwrap().zip;
        assert!(
            beyond(&figures(budget / 100 * 105), &budgets)
                .unwrap()
                .is_empty()
        );
        let beyond = beyond(&figures(budget / 100 * 110), &budgets).unwrap();
        assert_eq!(beyond.len(), 1);
        for part in ["the zip of auth for arm64", "10.0 %", &budget.to_string()] {
            assert!(beyond[0].contains(part), "{}", beyond[0]);
        }
    }

    #[test]
    fn functions_with_different_crates_share_a_table() {
        let part = |name: &str, bytes| Part {
            name: name.to_owned(),
            bytes,
        };
        let composition = |crates: Vec<Part>| Composition {
            bytes: 5000,
            sections: vec![part(".text", 5000)],
            crates,
            without_symbol: 1000,
        };
        let mut figures = figures(1);
        figures.compositions = vec![
            (
                "setup",
                composition(vec![part("h2", 3000), part("ring", 1000)]),
            ),
            ("auth", composition(vec![part("h2", 4000)])),
        ];
        let sections = tables(&figures);
        assert_eq!(sections.len(), 3);
        let crates = sections[2].table.to_string();
        for text in ["crate in setup", "ring", "(named by no symbol)"] {
            assert!(crates.contains(text), "{crates}");
        }
    }
}
