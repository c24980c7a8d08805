//! Aggregates over HTTP.
use kernel::{
    Code, Operation, Result, Scope,
    schema::{Field, Kind, Schema},
};
use web::{Access, Call, Method, Reply, Route, StatusCode};

use super::{
    super::{
        aggregate::AggregateQuery,
        service::{has_extremes, is_number},
    },
    Deps,
    parameters::{after, filter, items, limit, next, search, text},
};
use crate::schema::{Column, Resource};

/// Digits of exact sums and averages, at most.
const PRECISION: u32 = 28;

pub(super) fn route(deps: &Deps, path: &str) -> Route {
    let resource = &deps.1;
    let name = &resource.name;
    Route::new(Method::GET, format!("{path}/aggregate"), format!("aggregate_{name}"), deps, aggregate)
        .access(Access::Rules)
        .scopes([Scope::of(name, Operation::Read)])
        .query(parameters(resource))
        .summary(name.clone(), format!("Counts, sums and extremes of the {name} that the caller may read."))
        .answers(StatusCode::OK, "A page of groups, in the order of what they are grouped by.", Some(page(resource)))
        .errors(&[Code::BadCursor])
}

fn parameters(resource: &Resource) -> Vec<Field> {
    let mut parameters = vec![
        filter(),
        text("group", "Fields whose values make the groups: `state,folder`. By default all records are one group."),
        text("sum", "Fields to sum; whole numbers and decimals exactly."),
        text("avg", "Fields to take the average of; of whole numbers and decimals to six more digits."),
        text("min", "Fields to take the least value of."),
        text("max", "Fields to take the greatest value of."),
        limit(),
        after(),
    ];
    parameters.extend(search(resource).map(|field| field.describe("Words that must be in the searched fields.")));
    parameters
}

async fn aggregate((records, resource): Deps, call: Call) -> Result<Reply> {
    let text = |name| call.query(name).map(str::to_owned);
    let query = AggregateQuery {
        filter: text("filter"),
        search: text("q"),
        group: text("group"),
        sum: text("sum"),
        avg: text("avg"),
        min: text("min"),
        max: text("max"),
        limit: call.limit()?,
        after: text("after"),
    };
    Reply::ok(&records.aggregate(&call.ctx, &resource, query).await?)
}

fn page(resource: &Resource) -> Schema {
    let object = |name: &'static str, fits: fn(&Column) -> bool, kind: fn(&Kind) -> Kind| {
        let columns = resource.columns.iter().filter(|column| fits(column));
        let field = |column: &Column| Field::optional(column.name.clone(), kind(&column.kind)).nullable();
        Field::optional(name, Kind::Object(Schema::new(columns.map(field).collect())))
    };
    let is_ordered = |column: &Column| !matches!(column.kind, Kind::Json { .. });
    let group = object("group", is_ordered, Kind::clone);
    let item = Schema::new(vec![
        Field { is_required: true, ..group },
        Field::required("count", Kind::Int { min: 0, max: i64::MAX }),
        object("sum", is_number, |kind| match kind {
            Kind::Int { .. } => Kind::any_int(),
            Kind::Decimal { scale, .. } => Kind::Decimal { precision: PRECISION, scale: *scale },
            kind => kind.clone(),
        }),
        object("avg", is_number, |kind| match kind {
            Kind::Int { .. } => Kind::Decimal { precision: PRECISION, scale: 6 },
            Kind::Decimal { scale, .. } => Kind::Decimal { precision: PRECISION, scale: scale + 6 },
            kind => kind.clone(),
        }),
        object("min", has_extremes, Kind::clone),
        object("max", has_extremes, Kind::clone),
    ]);
    Schema::new(vec![items(item), next()])
}
