//! Generated expressions, and rows for them to be asked of.
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value as Json, json};

pub const FOLDERS: &str = r#"
[folders]
id_prefix = "fld"
soft_delete = true
[folders.fields]
name = { type = "text" }
size = { type = "int" }
secret = { type = "text", read = "actor.has_role('reader') || record.size == 1" }
parent = { type = "ref", to = "folders" }
[folders.access]
read = "record.owner_id == actor.id || record.parent.owner_id == actor.id"
"#;

pub const TABLE: &str = r#"
[things]
owner = "user"
[things.fields]
n = { type = "int" }
m = { type = "int" }
f = { type = "float" }
d = { type = "decimal", precision = 6, scale = 2 }
big = { type = "decimal", precision = 18, scale = 0 }
b = { type = "bool" }
t = { type = "text" }
u = { type = "text" }
e = { type = "enum", values = ["x", "y"] }
day = { type = "date" }
at = { type = "timestamp" }
must = { type = "int", required = true }
mine = { type = "text", read = "record.owner_id == actor.id" }
folder = { type = "ref", to = "folders" }
shy = { type = "ref", to = "folders", read = "record.b || record.folder.size == 1 || record.owner_id == actor.id" }
"#;

/// Those that end where the texts with a prefix end are among them.
const TEXTS: [&str; 14] =
    ["", "a", "b", "B", "é", "𝄞", "\u{d7ff}", "\u{e000}", "\u{ffff}", "\u{10ffff}", "it's", "ab", "%_", "aBé𝄞\\"];
const INTS: [i64; 6] = [i64::MIN, -1, 0, 1, 2, i64::MAX];
const TIMES: [&str; 4] =
    ["0001-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "2199-01-01T00:00:00.000001Z", "9999-12-01T00:00:00Z"];

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn ordering() -> impl Strategy<Value = &'static str> + Clone {
    select(vec!["==", "!=", "<", "<=", ">", ">="])
}

fn equality() -> impl Strategy<Value = &'static str> + Clone {
    select(vec!["==", "!="])
}

fn text_literal() -> impl Strategy<Value = String> + Clone {
    select(TEXTS.to_vec()).prop_map(quoted)
}

/// Something whose value is a text.
fn text() -> impl Strategy<Value = String> + Clone {
    let field = select(vec![
        "record.t",
        "record.u",
        "record.e",
        "record.mine",
        "record.folder.name",
        "record.folder.secret",
        "record.shy.name",
    ]);
    let field = field.prop_map(str::to_owned);
    prop_oneof![
        4 => field.clone(),
        1 => field.clone().prop_map(|field| format!("{field}.lowerAscii()")),
        1 => field.prop_map(|field| format!("{field}.upperAscii()")),
    ]
}

/// Something whose value is a whole number.
fn number() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        4 => select(vec!["record.n", "record.m", "record.must", "record.version", "record.folder.size", "record.shy.size"]).prop_map(str::to_owned),
        1 => text().prop_map(|text| format!("size({text})")),
    ]
}

/// Something whose value is a time.
fn time() -> impl Strategy<Value = String> + Clone {
    let plain =
        select(vec!["record.at", "record.created_at", "record.folder.created_at", "now"]).prop_map(str::to_owned);
    let shift = select(vec![" + duration('1h30m')", " - duration('3650d')", " + duration('-1ms')"]);
    prop_oneof![3 => plain.clone(), 1 => (plain, shift).prop_map(|(time, shift)| time + shift)]
}

fn comparison() -> impl Strategy<Value = String> {
    let int = select(INTS.to_vec()).prop_map(|int| int.to_string());
    let float = select(vec!["-1.5", "0", "0.1", "1", "-0"]);
    let decimal = select(vec!["-1", "0", "0.10", "9999.99"]);
    let big = select(vec!["'-999999999999999999'", "0", "999999999999999998", "999999999999999999"]);
    let instant = select(TIMES.to_vec()).prop_map(|time| format!("timestamp('{time}')"));
    let nullable = vec![
        "n",
        "f",
        "d",
        "big",
        "b",
        "t",
        "e",
        "day",
        "at",
        "must",
        "mine",
        "folder",
        "owner_id",
        "folder.name",
        "folder.secret",
        "shy",
        "shy.name",
    ];
    let span = select(vec!["duration('0s')", "duration('1h')", "duration('3650d')", "duration('-90s')"]);
    prop_oneof![
        (number(), ordering(), int.clone()).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
        (int.clone(), ordering(), number()).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
        (number(), ordering(), number()).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
        (ordering(), float).prop_map(|(op, v)| format!("record.f {op} {v}")),
        (ordering(), decimal).prop_map(|(op, v)| format!("record.d {op} {v}")),
        (ordering(), big).prop_map(|(op, v)| format!("record.big {op} {v}")),
        (select(vec!["record.t", "record.mine", "record.folder.name"]), ordering(), text_literal())
            .prop_map(|(l, op, r)| format!("{l} {op} {r}")),
        (text(), equality(), text()).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
        (text(), select(vec!["contains", "startsWith", "endsWith"]), prop_oneof![text_literal(), text()])
            .prop_map(|(of, test, what)| format!("{of}.{test}({what})")),
        (select(vec!["record.t", "record.u", "record.folder.name"]), text_literal())
            .prop_map(|(of, what)| format!("{of}.startsWith({what})")),
        (text_literal(), select(vec!["contains", "startsWith", "endsWith"]), text())
            .prop_map(|(of, test, what)| format!("{of}.{test}({what})")),
        (time(), ordering(), prop_oneof![time(), instant]).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
        (time(), time(), ordering(), span).prop_map(|(l, r, op, span)| format!("{l} - ({r}) {op} {span}")),
        ordering().prop_map(|op| format!("record.day {op} '2024-02-29'")),
        equality().prop_map(|op| format!("record.e {op} 'x'")),
        (equality(), select(nullable.clone())).prop_map(|(op, field)| format!("record.{field} {op} null")),
        select(nullable).prop_map(|field| format!("has(record.{field})")),
        (select(vec!["record.owner_id", "record.folder.owner_id"]), equality())
            .prop_map(|(l, op)| format!("{l} {op} actor.id")),
        equality().prop_map(|op| format!("actor.id {op} record.owner_id")),
        equality().prop_map(|op| format!("record.folder.parent {op} record.folder")),
        Just("record.b".to_owned()),
        Just("record.b == false".to_owned()),
        Just("actor.is_authenticated".to_owned()),
        Just("actor.has_role('reader')".to_owned()),
        (number(), vec(prop_oneof![int, Just("null".to_owned())], 0..3))
            .prop_map(|(item, list)| format!("{item} in [{}]", list.join(", "))),
        vec(prop_oneof![text_literal(), text(), Just("null".to_owned())], 0..4)
            .prop_map(|list| format!("record.t in [{}]", list.join(", "))),
    ]
}

pub fn expression() -> impl Strategy<Value = String> {
    comparison().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|rule| format!("!({rule})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} && {right})")),
            (inner.clone(), inner).prop_map(|(left, right)| format!("({left} || {right})")),
        ]
    })
}

/// A row of `things`, without its folder.
pub fn row() -> impl Strategy<Value = Json> {
    let int = || select(INTS.to_vec());
    let text = || option::of(select(TEXTS.to_vec()));
    (
        (option::of(int()), option::of(int()), int()),
        option::of(select(vec![-1.5, 0.0, 0.1, 1.0])),
        option::of(select(vec!["-1", "0", "0.1", "9999.99"])),
        option::of(select(vec!["-999999999999999999", "0", "999999999999999999"])),
        option::of(any::<bool>()),
        (text(), text(), text()),
        option::of(select(vec!["x", "y"])),
        option::of(select(vec!["2024-02-29", "0001-01-01"])),
        option::of(select(TIMES.to_vec())),
    )
        .prop_map(|((n, m, must), f, d, big, b, (t, u, mine), e, day, at)| {
            json!({
                "n": n, "m": m, "must": must, "f": f, "d": d, "big": big, "b": b, "t": t, "u": u, "mine": mine, "e": e,
                "day": day, "at": at,
            })
        })
}

/// A folder made from a few random bits.
pub fn folder(bits: u8, parent: Option<Json>) -> Map<String, Json> {
    let bits = usize::from(bits);
    let mut body = Map::new();
    body.insert("name".into(), json!(TEXTS[bits % TEXTS.len()]));
    body.insert("size".into(), json!(INTS.get(bits % 8)));
    body.insert("secret".into(), json!(TEXTS.get(bits % 16)));
    body.insert("parent".into(), parent.unwrap_or_default());
    body
}
