//! CPU of a request by the rows of its table, as a picture.
use plotters::prelude::*;

use super::{probe::Kind, report::Report};
use crate::live::curve;

const SIZE: (u32, u32) = (960, 540);

/// Returns SVG.
pub fn draw(reports: &[Report]) -> Result<String, String> {
    let mut svg = String::new();
    drawn(reports, &mut svg).map_err(|error| error.to_string())?;
    Ok(svg)
}

fn drawn(reports: &[Report], svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let all = || reports.iter().flat_map(|report| &report.lines);
    let most = all().map(|line| line.cpu).fold(1.0, f64::max) * 1.3;
    let rows = |rows: u64| u32::try_from(rows).map_or(f64::MAX, f64::from);
    let (fewest, many) = all().fold((f64::MAX, 1.0), |(fewest, many), line| {
        (f64::min(fewest, rows(line.rows)), f64::max(many, rows(line.rows)))
    });
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("CPU of the server for a request, µs", ("sans-serif", 22))
        .margin(12)
        .margin_right(40)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d((fewest..many).log_scale(), 0.0..most)?;
    chart.configure_mesh().x_desc("rows").x_label_formatter(&|rows| format!("{rows:.0}")).draw()?;
    for (place, report) in reports.iter().enumerate() {
        for kind in [Kind::Get, Kind::List] {
            let points = report.of(kind).map(|line| (rows(line.rows), line.cpu)).collect();
            let label = format!("{}, {}", kind.name(), report.engine.name());
            curve::draw(&mut chart, 2 * place + usize::from(kind == Kind::List), &label, points)?;
        }
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
    area.present()?;
    Ok(())
}
