//! Curves as SVG, with logarithmic axes.

use std::ops::Range;

use anyhow::{Context, ensure};
use plotters::chart::SeriesLabelPosition;
use plotters::prelude::*;

use crate::numbers::grouped;

/// Pixels of the whole picture.
const SIZE: (u32, u32) = (800, 480);

/// One colour per curve, distinguishable with any colour blindness.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(110, 110, 110),
];

/// Decades by which an axis exceeds its range: without it, a rounding error in the library can lose the
/// tick at either end.
const MARGIN: f64 = 1e-9;

/// Curves over one pair of axes.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The caption.
    pub title: String,
    /// The quantity on the horizontal axis, with its unit.
    pub x_label: String,
    /// The quantity on the vertical axis, with its unit.
    pub y_label: String,
    /// The curves, at most one per colour.
    pub curves: Vec<Curve>,
}

/// One curve.
#[derive(Debug, Clone)]
pub struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// Its points from left to right, all above zero.
    pub points: Vec<(f64, f64)>,
}

/// Draws the picture. The same picture is the same text.
///
/// # Errors
/// When a curve has no points, one that is not above zero, or there are too many curves or none.
pub fn svg(picture: &Picture) -> anyhow::Result<String> {
    check(picture)?;
    let mut text = String::new();
    draw(picture, &mut text)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(|| format!("{:?} cannot be drawn", picture.title))?;
    Ok(text)
}

fn check(picture: &Picture) -> anyhow::Result<()> {
    let Picture { title, curves, .. } = picture;
    ensure!(
        (1..=COLOURS.len()).contains(&curves.len()),
        "{title:?} has {} curves",
        curves.len()
    );
    for Curve { name, points } in curves {
        ensure!(!points.is_empty(), "{name:?} has no points");
        for (x, y) in points {
            let fits = |value: &f64| value.is_finite() && *value > 0.0;
            ensure!(
                fits(x) && fits(y),
                "{name:?} has a point at {x}, {y}, which no logarithmic axis has"
            );
        }
    }
    Ok(())
}

fn draw(picture: &Picture, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let points = || picture.curves.iter().flat_map(|curve| &curve.points);
    let mut chart = ChartBuilder::on(&area)
        .caption(&picture.title, ("sans-serif", 20))
        .margin(16)
        .margin_right(32)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d(
            decades(points().map(|(x, _)| *x)).log_scale(),
            decades(points().map(|(_, y)| *y)).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc(&picture.x_label)
        .y_desc(&picture.y_label)
        .x_label_formatter(&|x| grouped(*x))
        .y_label_formatter(&|y| grouped(*y))
        .axis_desc_style(("sans-serif", 15))
        .label_style(("sans-serif", 13))
        .bold_line_style(BLACK.mix(0.2))
        .light_line_style(BLACK.mix(0.06))
        .draw()?;
    for (curve, colour) in picture.curves.iter().zip(COLOURS) {
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(curve.points.iter().copied(), style))?
            .label(&curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        let dots = curve.points.iter();
        chart.draw_series(dots.map(|point| Circle::new(*point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 13))
        .draw()?;
    area.present()?;
    Ok(())
}

/// The whole powers of ten around values that are above zero.
fn decades(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (least, most) = values.fold((f64::MAX, f64::MIN_POSITIVE), |(least, most), value| {
        (least.min(value), most.max(value))
    });
    let from = least.log10().floor();
    let to = most.log10().ceil().max(from + 1.0);
    10_f64.powf(from - MARGIN)..10_f64.powf(to + MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(curves: Vec<Curve>) -> Picture {
        Picture {
            title: "Time by size".to_owned(),
            x_label: "accounts".to_owned(),
            y_label: "seconds".to_owned(),
            curves,
        }
    }

    fn curve(name: &str, points: &[(f64, f64)]) -> Curve {
        Curve {
            name: name.to_owned(),
            points: points.to_vec(),
        }
    }

    #[test]
    fn each_curve_is_named_and_has_its_points() {
        let points: Vec<_> = [10.0, 100.0, 1000.0, 10_000.0]
            .map(|accounts| (accounts, accounts / 150.0))
            .into();
        let picture = picture(vec![
            curve("enrolling", &points),
            curve("comparing", &points[1..]),
        ]);
        let text = svg(&picture).unwrap();
        for words in [
            "enrolling",
            "comparing",
            "accounts",
            "10,000",
            "0.01",
            "Time by size",
        ] {
            assert!(text.contains(words), "{words}");
        }
        assert_eq!(text.matches("<circle").count(), 7);
        assert_eq!(text, svg(&picture).unwrap());
    }

    #[test]
    fn a_point_that_no_logarithmic_axis_has_is_refused() {
        for curves in [
            vec![],
            vec![curve("empty", &[])],
            vec![curve("zero", &[(1.0, 0.0)])],
            vec![curve("negative", &[(-1.0, 1.0)])],
            vec![curve("endless", &[(1.0, f64::INFINITY)])],
            vec![curve("one of many", &[(1.0, 1.0)]); COLOURS.len() + 1],
        ] {
            assert!(svg(&picture(curves)).is_err());
        }
    }

    #[test]
    fn a_single_point_has_axes_too() {
        assert!(svg(&picture(vec![curve("one", &[(1.0, 1.0)])])).is_ok());
    }
}
