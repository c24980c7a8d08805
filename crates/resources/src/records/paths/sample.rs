//! Values that fit a column, and two records of each resource made of them.
use std::sync::Arc;

use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Decimal, Result, UserId, Uuid, Value, id as ids, schema::Kind};
use serde_json::{Value as Json, json};

use super::super::{Record, store};
use crate::schema::{Declaration, Owner, Resource, place};

/// The id of the `number`th record of every resource, so that references lead somewhere.
pub(super) const fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_0000_0000 | number)
}

/// Writes them past all rules, as one change, because resources may refer to each other in a circle.
pub(super) async fn put(ctx: &Ctx, declaration: &Arc<Declaration>) -> Result<()> {
    let declaration = Arc::clone(declaration);
    ctx.alter(move |ctx, tx| {
        async move {
            for resource in &declaration.resources {
                for number in [1, 2] {
                    let record = record(&ctx, resource, number);
                    let document = store::document(resource, |place| record.values.get(place));
                    store::insert(tx, &record, document.as_ref()).await?;
                }
            }
            Ok(())
        }
        .boxed()
    })
    .await
}

fn record(ctx: &Ctx, resource: &Arc<Resource>, number: u64) -> Record {
    let mut values: Vec<Value> = resource.columns.iter().map(|column| value(&column.kind, number)).collect();
    let mut set = |index: usize, value: Value| {
        if let Some(place) = values.get_mut(index) {
            *place = value;
        }
    };
    set(place::ID, id(number).into());
    set(
        place::OWNER_ID,
        match resource.owner {
            Owner::User => UserId::from_uuid(id(1)).into(),
            Owner::None => Value::Null,
        },
    );
    for index in [place::CREATED_AT, place::UPDATED_AT] {
        set(index, ctx.now().into());
    }
    set(place::VERSION, 1.into());
    if resource.is_soft_deleted {
        set(place::DELETED_AT, Value::Null);
    }
    Record { resource: Arc::clone(resource), values }
}

fn value(kind: &Kind, number: u64) -> Value {
    let small = i64::try_from(number).unwrap_or_default();
    match kind {
        Kind::Id(_) => id(number).into(),
        Kind::Int { .. } => small.into(),
        #[allow(clippy::cast_precision_loss, reason = "1 or 2")]
        Kind::Float => Value::Float(small as f64),
        Kind::Decimal { scale, .. } => Value::Decimal(Decimal::new(small, *scale)),
        Kind::Bool => Value::Bool(number == 1),
        Kind::Timestamp => kernel::Timestamp::from_micros(small).into(),
        Kind::Json { .. } | Kind::Object(_) | Kind::Array { .. } => Value::Json("null".to_owned()),
        Kind::Text { .. } | Kind::Email | Kind::Url | Kind::Date | Kind::Enum(_) => Value::Text(number.to_string()),
    }
}

/// A value as a client would send it, which the column takes.
pub(super) fn json(kind: &Kind) -> Option<Json> {
    Some(match kind {
        Kind::Text { min, .. } => json!("x".repeat((*min).max(1))),
        Kind::Email => json!("ann@example.com"),
        Kind::Url => json!("https://example.com/"),
        Kind::Int { min, .. } => json!(min.max(&1)),
        Kind::Float => json!(1.5),
        Kind::Decimal { scale, .. } => json!(Decimal::new(1, *scale).to_string()),
        Kind::Bool => json!(true),
        Kind::Timestamp => json!("2026-01-01T00:00:00Z"),
        Kind::Date => json!("2026-01-01"),
        Kind::Enum(members) => json!(members.first()?),
        Kind::Id(prefix) => json!(ids::encode(prefix, id(1))),
        Kind::Json { .. } | Kind::Object(_) | Kind::Array { .. } => return None,
    })
}

/// The same in an expression.
pub(super) fn literal(kind: &Kind) -> Option<String> {
    Some(match (kind, json(kind)?) {
        // A decimal is a number there.
        (Kind::Decimal { .. }, Json::String(digits)) => digits,
        (_, Json::String(text)) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        (_, other) => other.to_string(),
    })
}
