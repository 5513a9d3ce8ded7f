//! Summaries of repeated measurements.

use serde::Serialize;

/// A summary of some measurements, in their unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quartiles {
    /// The minimum, which other programs on the machine disturb least.
    pub least: f64,
    /// A quarter of them is less.
    pub lower: f64,
    /// Half of them is less.
    pub median: f64,
    /// A quarter of them is more.
    pub upper: f64,
}

impl Quartiles {
    /// Of measurements in any order, interpolated between two of them. `None` without measurements.
    #[must_use]
    pub fn of(measurements: &[f64]) -> Option<Self> {
        let mut sorted = measurements.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let at = |part: f64| {
            let place = part * last as f64;
            let (below, above) = (place.floor(), place.ceil());
            let [low, high] = [below, above].map(|place| sorted[place as usize]);
            low + (high - low) * (place - below)
        };
        Some(Self {
            least: at(0.0),
            lower: at(0.25),
            median: at(0.5),
            upper: at(0.75),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(measurements: &[f64]) -> [f64; 4] {
        let Quartiles {
            least,
            lower,
            median,
            upper,
        } = Quartiles::of(measurements).unwrap();
        [least, lower, median, upper]
    }

    #[test]
    fn quartiles_are_of_the_order_and_not_of_the_sequence() {
        assert_eq!(of(&[5.0, 1.0, 4.0, 2.0, 3.0]), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(of(&[4.0, 1.0, 3.0, 2.0]), [1.0, 1.75, 2.5, 3.25]);
        assert_eq!(of(&[7.0]), [7.0; 4]);
        assert_eq!(Quartiles::of(&[]), None);
    }

    #[test]
    fn one_outlier_moves_no_median() {
        assert_eq!(of(&[1.0, 1.0, 1.0, 1.0, 900.0]), [1.0; 4]);
    }
}
