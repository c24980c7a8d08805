//! The table as a picture.
use plotters::prelude::*;

use super::report::{Line, Report};

const SIZE: (u32, u32) = (960, 540);

/// Requests a second of each contender, by workload, on a scale by powers of ten. Returns SVG.
pub fn draw(report: &Report) -> Result<String, String> {
    let mut svg = String::new();
    drawn(report, &mut svg).map_err(|error| error.to_string())?;
    Ok(svg)
}

fn drawn(report: &Report, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let workloads = report.workloads();
    let names: Vec<&str> = report.memory.iter().map(|(name, _)| *name).collect();
    let most = report.lines.iter().map(Line::rate).fold(1.0, f64::max);
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let width = i32::try_from(workloads.len() * (names.len() + 1))?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Requests a second", ("sans-serif", 22))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(70)
        .build_cartesian_2d(0..width, (100.0..most * 2.0).log_scale())?;
    let group = i32::try_from(names.len() + 1)?;
    let label = |x: &i32| {
        let workload = usize::try_from(x / group).ok().and_then(|number| workloads.get(number));
        workload.map_or_else(String::new, ToString::to_string)
    };
    chart.configure_mesh().disable_x_mesh().x_labels(workloads.len()).x_label_formatter(&label).draw()?;
    for (place, name) in names.iter().enumerate() {
        let colour = Palette99::pick(place).to_rgba();
        let bars = workloads.iter().enumerate().filter_map(|(number, workload)| {
            let line = report.of(*workload).find(|line| line.name == *name)?;
            let x = group * i32::try_from(number).ok()? + i32::try_from(place).ok()?;
            Some(Rectangle::new([(x, 100.0), (x + 1, line.rate())], colour.filled()))
        });
        chart
            .draw_series(bars)?
            .label(*name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], colour.filled()));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
    area.present()?;
    drop(chart);
    drop(area);
    Ok(())
}
