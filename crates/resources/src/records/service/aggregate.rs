//! Aggregates: groups of the records that the caller may read, counted and computed by the database.
use std::sync::Arc;

use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Decimal, Error, Page, Result, Value, schema::Kind};
use serde_json::{Map, Value as Json};

use super::{
    super::{
        Scope, SortKey, View,
        aggregate::{AggregateQuery, Group, Measured, Measures, Sum, Total},
        bad_query, cursor,
        model::InColumn,
        store::{self, Question},
    },
    Records,
    access::allowed,
    filter::filter,
    search::search,
    sort::check_keys,
};
use crate::schema::{Column, Operation, Resource};

/// Most fields one parameter names.
const MAX_FIELDS: usize = 8;
/// Digits an average has beyond those of its field, at most.
const MORE_DIGITS: u32 = 6;

/// An aggregate as it was understood.
#[derive(Clone)]
struct Asked {
    measures: Measures,
    sum: Vec<usize>,
    avg: Vec<usize>,
}

impl Records {
    /// Errors: 401 as for lists; 400 for what is asked wrongly, and for sums that do not fit their type.
    pub async fn aggregate(&self, ctx: &Ctx, resource: &Arc<Resource>, query: AggregateQuery) -> Result<Page<Group>> {
        let rule = allowed(ctx, resource, Operation::Read)?;
        let view = View::new(ctx, resource);
        let mut scope = Scope::new(self.declaration(), resource, rule);
        let read = |text: &String| filter(ctx, self.declaration(), &view, text);
        scope.filter = query.filter.as_ref().map(read).transpose()?;
        scope.search = query.search.as_ref().map(|text| search(&view, text)).transpose()?;
        let asked = Asked::new(&view, &query)?;
        let key = |column: &usize| SortKey { column: *column, is_descending: false };
        let keys: Vec<SortKey> = asked.measures.group.iter().map(key).collect();
        check_keys("group", &view, &keys)?;
        let list = format!("{}/aggregate", resource.name);
        let after = query.after.map(|after| cursor::decode(&self.cursor_key, &list, resource, &keys, &after));
        let (after, limit) = (after.transpose()?, query.limit.get());
        let (sorted_by, measures) = (keys.clone(), asked.measures.clone());
        let mut found = ctx
            .read_any(move |_, tx| {
                async move {
                    let question = Question { scope: &scope, view: &view, measures: &measures };
                    store::aggregate(tx, &question, &sorted_by, after.as_ref(), limit + 1).await
                }
                .boxed()
            })
            .await?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| has_more);
        let next = last.map(|last| {
            let mut values = vec![Value::Null; resource.columns.len()];
            for (column, value) in asked.measures.group.iter().zip(&last.group) {
                values.iter_mut().skip(*column).take(1).for_each(|place| place.clone_from(value));
            }
            cursor::encode(&self.cursor_key, &list, resource, &keys, &values)
        });
        let items = found.iter().map(|found| asked.group(resource, found)).collect::<Result<_>>()?;
        Ok(Page { items, next })
    }
}

impl Asked {
    fn new(view: &View, query: &AggregateQuery) -> Result<Self> {
        let sum = fields(view, "sum", query.sum.as_deref(), is_number)?;
        let avg = fields(view, "avg", query.avg.as_deref(), is_number)?;
        let mut totals = sum.clone();
        totals.extend(avg.iter().filter(|column| !sum.contains(column)));
        let measures = Measures {
            group: query.group.as_deref().map(|text| view.fields("group", text)).transpose()?.unwrap_or_default(),
            totals,
            min: fields(view, "min", query.min.as_deref(), has_extremes)?,
            max: fields(view, "max", query.max.as_deref(), has_extremes)?,
        };
        Ok(Self { measures, sum, avg })
    }

    fn group(&self, resource: &Resource, found: &Measured) -> Result<Group> {
        let total = |place: &usize| {
            let totals = self.measures.totals.iter().zip(&found.totals);
            totals.filter(|(column, _)| *column == place).map(|(_, total)| total).next()
        };
        let each = |places: &[usize], of: &dyn Fn(&Column, &Total) -> Result<Json>| -> Result<Map<String, Json>> {
            let columns = places.iter().filter_map(|place| Some((resource.columns.get(*place)?, total(place)?)));
            columns.map(|(column, total)| Ok((column.name.clone(), of(column, total)?))).collect()
        };
        Ok(Group {
            group: named(resource, &self.measures.group, &found.group)?,
            count: found.count,
            sum: each(&self.sum, &sum)?,
            avg: each(&self.avg, &average)?,
            min: named(resource, &self.measures.min, &found.min)?,
            max: named(resource, &self.measures.max, &found.max)?,
        })
    }
}

/// The fields a parameter names, each of a type that fits. Errors: 400.
fn fields(view: &View, parameter: &'static str, text: Option<&str>, fits: fn(&Column) -> bool) -> Result<Vec<usize>> {
    let places = text.map(|text| view.fields(parameter, text)).transpose()?.unwrap_or_default();
    if places.len() > MAX_FIELDS {
        return Err(bad_query(parameter, format!("at most {MAX_FIELDS} fields can be named")));
    }
    match places.iter().filter_map(|place| view.resource.columns.get(*place)).find(|column| !fits(column)) {
        Some(column) => Err(bad_query(parameter, format!("`{}` has no {parameter}", column.name))),
        None => Ok(places),
    }
}

pub(in crate::records) const fn is_number(column: &Column) -> bool {
    matches!(column.kind, Kind::Int { .. } | Kind::Float | Kind::Decimal { .. })
}

/// What is ordered and not so long that a page of it would be.
pub(in crate::records) fn has_extremes(column: &Column) -> bool {
    let is_text = matches!(column.kind, Kind::Text { .. } | Kind::Email | Kind::Url | Kind::Enum(_));
    let is_ordered = is_text || matches!(column.kind, Kind::Timestamp | Kind::Date);
    is_number(column) || is_ordered && column.text_bytes() <= super::sort::MAX_BYTES
}

fn named(resource: &Resource, places: &[usize], values: &[Value]) -> Result<Map<String, Json>> {
    let columns = places.iter().filter_map(|place| resource.columns.get(*place)).zip(values);
    let shown = |(column, value): (&Column, &Value)| {
        Ok((column.name.clone(), serde_json::to_value(InColumn(column, value)).map_err(Error::internal)?))
    };
    columns.map(shown).collect()
}

/// Null of nothing, as for every other field. Errors: 400 where it does not fit the field's type.
fn sum(column: &Column, total: &Total) -> Result<Json> {
    let too_large = || bad_query("sum", format!("the sum of `{}` is larger than its type holds", column.name));
    match (total.sum, &column.kind) {
        _ if total.count == 0 => Ok(Json::Null),
        (Sum::Exact(digits), Kind::Decimal { scale, .. }) => {
            let sum = Decimal::try_from_i128_with_scale(digits, *scale).map_err(|_| too_large())?;
            Ok(sum.to_string().into())
        }
        (Sum::Exact(digits), _) => Ok(i64::try_from(digits).map_err(|_| too_large())?.into()),
        (Sum::Float(sum), _) if sum.is_finite() => Ok(sum.into()),
        (Sum::Float(_), _) => Err(too_large()),
    }
}

/// Of exact numbers exact up to a few more digits, the last one rounded half to even.
fn average(column: &Column, total: &Total) -> Result<Json> {
    let too_large = || bad_query("avg", format!("the sum of `{}` is larger than its type holds", column.name));
    match total.sum {
        _ if total.count == 0 => Ok(Json::Null),
        Sum::Exact(digits) => {
            let scale = if let Kind::Decimal { scale, .. } = column.kind { scale } else { 0 };
            let digits = digits.checked_mul(10_i128.pow(MORE_DIGITS)).ok_or_else(too_large)?;
            let quotient = divide(digits, i128::from(total.count));
            let average = Decimal::try_from_i128_with_scale(quotient, scale + MORE_DIGITS).map_err(|_| too_large())?;
            let mut average = average.normalize();
            average.rescale(average.scale().max(scale));
            Ok(average.to_string().into())
        }
        // A count is far below where floats lose whole numbers.
        #[allow(clippy::cast_precision_loss)]
        Sum::Float(sum) if sum.is_finite() => Ok((sum / total.count as f64).into()),
        Sum::Float(_) => Err(too_large()),
    }
}

/// `digits / count`, half to even.
const fn divide(digits: i128, count: i128) -> i128 {
    let (quotient, rest) = (digits / count, digits % count);
    let twice = rest.abs() * 2;
    if twice > count || twice == count && quotient % 2 != 0 { quotient + digits.signum() } else { quotient }
}

#[cfg(test)]
mod tests {
    use super::divide;

    #[test]
    fn halves_go_to_the_even_side() {
        for (digits, count, expected) in
            [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (2, 3, 1), (-2, 3, -1), (1, 3, 0), (6, 3, 2)]
        {
            assert_eq!(divide(digits, count), expected, "{digits}/{count}");
        }
    }
}
