//! Memory and latency over time, as a picture: a row for each engine.
use std::time::Duration;

use plotters::{
    coord::ranged1d::{AsRangedCoord, ValueFormatter},
    prelude::*,
};

use super::{report::Report, sample::Sample};
use crate::live::curve::{self, Area};

const SIZE: (u32, u32) = (1200, 360);
const CAPTION: (&str, u32) = ("sans-serif", 18);
/// Of the scale of latencies, in ms.
const LEAST: f64 = 0.1;

type Curve = (&'static str, fn(&Sample) -> f64);

const MEMORY: [Curve; 2] = [("least resident", |sample| sample.resident), ("most resident", |sample| sample.peak)];
const LATENCY: [Curve; 2] = [("p50", |sample| sample.p50), ("p99", |sample| sample.p99)];

/// Returns SVG.
pub fn draw(reports: &[Report]) -> Result<String, String> {
    let mut svg = String::new();
    drawn(reports, &mut svg).map_err(|error| error.to_string())?;
    Ok(svg)
}

fn drawn(reports: &[Report], svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let height = SIZE.1 * u32::try_from(reports.len())?;
    let area = SVGBackend::with_string(svg, (SIZE.0, height)).into_drawing_area();
    area.fill(&WHITE)?;
    for (report, row) in reports.iter().zip(area.split_evenly((reports.len(), 1))) {
        let (left, right) = row.split_horizontally((50).percent_width());
        let name = report.engine.name();
        panel(report, &left, &format!("{name}: memory of the program, MiB"), MEMORY, 0.0..most(report, MEMORY))?;
        let latencies = (LEAST..most(report, LATENCY)).log_scale();
        panel(report, &right, &format!("{name}: time of an answer, ms"), LATENCY, latencies)?;
    }
    area.present()?;
    Ok(())
}

fn panel<Y>(
    report: &Report,
    area: &Area<'_>,
    caption: &str,
    curves: [Curve; 2],
    scale: Y,
) -> Result<(), Box<dyn std::error::Error>>
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let minutes = |time: Duration| time.as_secs_f64() / 60.0;
    let mut chart = ChartBuilder::on(area)
        .caption(caption, CAPTION)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..minutes(report.length), scale)?;
    chart.configure_mesh().x_desc("minutes").draw()?;
    for (place, (label, figure)) in curves.into_iter().enumerate() {
        let points = report.samples.iter().map(|sample| (minutes(sample.at), figure(sample)));
        curve::draw(&mut chart, place, label, points.collect())?;
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
    Ok(())
}

/// The end of a scale on which all of them have room.
fn most(report: &Report, curves: [Curve; 2]) -> f64 {
    let all = report.samples.iter().flat_map(|sample| curves.map(|(_, figure)| figure(sample)));
    all.fold(1.0, f64::max) * 1.2
}
