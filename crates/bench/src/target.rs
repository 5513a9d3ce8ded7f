//! A target for a figure.

use serde::Serialize;

use crate::Section;
use crate::numbers::short;
use crate::rows::Rows;

/// A target, and the figure that it limits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Target {
    /// The limited figure.
    pub what: String,
    /// Its maximum, with its unit.
    pub limit: String,
    /// Its value, with its unit.
    pub reached: String,
    /// Whether it is within the limit.
    pub met: bool,
}

impl Target {
    /// A figure without a unit that should be at most its limit.
    pub(crate) fn at_most(what: impl Into<String>, limit: f64, reached: f64) -> Self {
        Self::in_unit(what, limit, reached, "")
    }

    /// A figure in a unit that should be at most its limit.
    pub(crate) fn in_unit(what: impl Into<String>, limit: f64, reached: f64, unit: &str) -> Self {
        Self {
            what: what.into(),
            limit: format!("{}{unit}", short(limit)),
            reached: format!("{}{unit}", short(reached)),
            met: reached <= limit,
        }
    }
}

/// The targets as a table; none when there are none.
#[must_use]
pub fn tables(targets: &[Target]) -> Vec<Section> {
    if targets.is_empty() {
        return Vec::new();
    }
    let rows = Rows::of(targets)
        .column("what", |target| target.what.clone())
        .column("at most", |target| target.limit.clone())
        .column("reached", |target| target.reached.clone())
        .column("met", |target| if target.met { "yes" } else { "no" });
    vec![rows.titled("Targets")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_up_to_its_limit() {
        assert!(Target::at_most("a", 1.0, 1.0).met);
        let missed = Target::in_unit("a", 1.0, 1.01, " s");
        assert!(!missed.met);
        assert_eq!(
            (missed.limit.as_str(), missed.reached.as_str()),
            ("1 s", "1.01 s")
        );
        assert!(tables(&[missed])[0].table.to_string().contains("1.01 s"));
    }
}
