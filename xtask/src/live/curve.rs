//! A curve in a chart, with its label: what plots of measurements share.
use plotters::{
    coord::{Shift, ranged1d::Ranged},
    prelude::*,
};

type Outcome<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Chart<'a, 'b, X, Y> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>;

/// The so-manieth one, in a colour of its own.
pub fn draw<'b, X, Y>(
    chart: &mut Chart<'_, 'b, X, Y>,
    place: usize,
    label: &str,
    points: Vec<(f64, f64)>,
) -> Outcome<'b>
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
{
    let colour = Palette99::pick(place).to_rgba();
    chart
        .draw_series([PathElement::new(points, colour.stroke_width(2))])?
        .label(label)
        .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 10, y + 5)], colour.filled()));
    Ok(())
}
