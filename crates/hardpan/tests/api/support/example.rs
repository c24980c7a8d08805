//! Values that fit a schema, and values that do not, made from the schema itself.
use kernel::schema::{Field, Kind, Schema};
use serde_json::{Map, Value as Json, json};

/// A value of this kind; `nth` makes texts differ.
pub fn valid(kind: &Kind, nth: usize) -> Json {
    match kind {
        Kind::Text { min, max } => {
            let text = format!("text number {nth:06}");
            if (*min..=*max).contains(&text.len()) { json!(text) } else { json!("x".repeat((*min).max(1))) }
        }
        Kind::Email => json!(format!("someone{nth}@example.com")),
        Kind::Url => json!("https://example.com/"),
        Kind::Int { min, max } => json!(1.clamp(*min, *max)),
        Kind::Float => json!(1.5),
        Kind::Decimal { .. } => json!("1"),
        Kind::Bool => json!(true),
        Kind::Timestamp => json!("2026-01-02T03:04:05Z"),
        Kind::Date => json!("2026-01-02"),
        Kind::Json { .. } => json!({"a": 1}),
        Kind::Enum(members) => json!(members[0]),
        Kind::Id(prefix) => json!(format!("{prefix}_01h455vb4pex5vsknk084sn02q")),
        Kind::Object(schema) => valid_body(schema, nth),
        Kind::Array { .. } => json!([]),
    }
}

/// An object with every required field and no other.
pub fn valid_body(schema: &Schema, nth: usize) -> Json {
    let required = schema.fields.iter().filter(|field| field.is_required);
    Json::Object(required.map(|field| (field.name.to_string(), valid(&field.kind, nth))).collect::<Map<_, _>>())
}

/// Values that a field must not take, each with the code of the refusal.
pub fn wrong(field: &Field) -> Vec<(Json, &'static str)> {
    let mut wrong = of_kind(&field.kind);
    let takes_any_json = matches!(field.kind, Kind::Json { .. });
    if !takes_any_json {
        wrong.extend(of_another_type(&field.kind).into_iter().map(|value| (value, "wrong_type")));
    }
    wrong
}

/// One value of each JSON type that the kind does not take.
fn of_another_type(kind: &Kind) -> Vec<Json> {
    let all = [json!("text"), json!(7), json!(7.5), json!(true), json!([1]), json!({"a": 1})];
    let is_own = |value: &Json| match kind {
        Kind::Bool => value.is_boolean(),
        Kind::Int { .. } => value.is_i64(),
        Kind::Float => value.is_number(),
        Kind::Array { .. } => value.is_array(),
        Kind::Object(_) => value.is_object(),
        _ => value.is_string(),
    };
    all.into_iter().filter(|value| !is_own(value)).collect()
}

/// Values of the right JSON type that are wrong nevertheless.
fn of_kind(kind: &Kind) -> Vec<(Json, &'static str)> {
    let nul = (json!("a\0b"), "nul");
    match kind {
        Kind::Text { min, max } => {
            let mut wrong = vec![nul, (json!("é".repeat(max + 1)), "too_long")];
            if *min > 0 {
                wrong.push((json!("x".repeat(min - 1)), "too_short"));
            }
            wrong
        }
        Kind::Email => {
            let formats = ["", "nobody", "a@b@c", "a b@example.com", "a@-b.com", "@example.com", "a@", "é@example.com"];
            with_format(&formats, nul)
        }
        Kind::Url => {
            let formats = [
                "",
                "example.com",
                "javascript:alert(1)",
                "ftp://a.example",
                "https://",
                "https://a@b/",
                "https://a b/",
            ];
            with_format(&formats, nul)
        }
        Kind::Int { min, max } => {
            let below = min.checked_sub(1).map(|below| (json!(below), "out_of_range"));
            let above = max.checked_add(1).map(|above| (json!(above), "out_of_range"));
            // Past 64 bits.
            let huge = [json!(9_223_372_036_854_775_808_u64), json!(1e300)].map(|huge| (huge, "wrong_type"));
            huge.into_iter().chain(below).chain(above).collect()
        }
        Kind::Decimal { precision, scale } => {
            let many = "9".repeat(usize::try_from(precision - scale).unwrap() + 1);
            let fine = format!("0.{}", "1".repeat(usize::try_from(*scale).unwrap() + 1));
            let mut wrong = with_format(&["", "1.", ".5", "01", "1e3", "+1", "1,5", "NaN", " 1", "--1", "١"], nul);
            wrong.extend([(json!(many), "out_of_range"), (json!(fine), "out_of_range")]);
            wrong
        }
        Kind::Timestamp => {
            let formats =
                ["", "yesterday", "2026-01-02", "2026-01-02T03:04:05", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z"];
            with_format(&formats, nul)
        }
        Kind::Date => with_format(&["", "2026-1-2", "2026-02-30", "02.01.2026", "2026-01-02T00:00:00Z"], nul),
        Kind::Json { max_bytes } => vec![
            (json!("x".repeat(max_bytes + 1)), "too_long"),
            (json!({"a": ["b\0"]}), "nul"),
            (json!({"a\0": 1}), "nul"),
        ],
        Kind::Enum(_) => vec![nul, (json!("no such member"), "not_a_member"), (json!(""), "not_a_member")],
        Kind::Id(prefix) => {
            let upper = format!("{prefix}_01H455VB4PEX5VSKNK084SN02Q");
            let formats =
                ["", prefix, "zzz_01h455vb4pex5vsknk084sn02q", &upper, "0189a0b1-0000-7000-8000-000000000000"];
            with_format(&formats, nul)
        }
        Kind::Array { items, max } => vec![(Json::Array(vec![valid(items, 0); max + 1]), "too_long")],
        Kind::Float | Kind::Bool | Kind::Object(_) => Vec::new(),
    }
}

fn with_format(texts: &[&str], nul: (Json, &'static str)) -> Vec<(Json, &'static str)> {
    texts.iter().map(|text| (json!(text), "format")).chain([nul]).collect()
}
