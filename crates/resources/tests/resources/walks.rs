//! Whatever way the declaration goes, both engines end with the tables a fresh database gets, and with equal rows.
use std::{fmt::Write as _, sync::Arc};

use kernel::{Random as _, SeededRandom};
use resources::{
    records::{ListQuery, Records, Shown},
    schema::{self, Declaration},
};
use serde_json::{Map, Value as Json, json};
use store::{Ctx, Db, Source};
use testkit::{Engine, TestDb};

use crate::{
    search::matches,
    support::{declare, keyring, user},
};

const WALKS: u64 = 6;
const STEPS: usize = 6;
const ROWS: u64 = 4;

struct Dice(SeededRandom);

impl Dice {
    fn roll(&self, sides: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % sides
    }

    fn one<'a>(&self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap()]
    }
}

#[derive(Clone)]
struct Field {
    name: String,
    kind: &'static str,
    /// `required`, `default` or nothing.
    presence: &'static str,
    is_unique: bool,
    to: Option<String>,
    renamed_from: Option<String>,
}

#[derive(Clone)]
struct Table {
    name: String,
    is_soft_deleted: bool,
    has_index: bool,
    is_searched: bool,
    fields: Vec<Field>,
    renamed_from: Option<String>,
}

const KINDS: [&str; 8] = ["int", "float", "wide", "narrow", "bool", "text", "json", "timestamp"];

fn field(dice: &Dice, number: usize, tables: &[Table]) -> Field {
    let kind = dice.one(&KINDS);
    let to = (dice.roll(4) == 0).then(|| tables[usize::try_from(dice.roll(tables.len() as u64)).unwrap()].name.clone());
    Field {
        name: format!("f{number}"),
        kind,
        presence: if to.is_some() || kind == "json" { "" } else { dice.one(&["required", "default", "", ""]) },
        is_unique: dice.roll(6) == 0 && !matches!(kind, "json" | "bool"),
        to,
        renamed_from: None,
    }
}

/// A table's name also begins its ids, so it is of letters.
fn name(count: usize) -> String {
    count.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

/// Some change of the tables.
fn change(dice: &Dice, tables: &mut Vec<Table>, count: &mut usize) {
    *count += 1;
    for table in tables.iter_mut() {
        table.renamed_from = None;
        table.fields.iter_mut().for_each(|field| field.renamed_from = None);
    }
    if tables.is_empty() || (tables.len() < 3 && dice.roll(4) == 0) {
        let name = name(*count);
        let (is_soft_deleted, has_index, is_searched) = (false, false, true);
        tables.push(Table { name, is_soft_deleted, has_index, is_searched, fields: Vec::new(), renamed_from: None });
        let fresh = field(dice, *count, tables);
        tables.last_mut().unwrap().fields.push(fresh);
        return;
    }
    let chosen = usize::try_from(dice.roll(tables.len() as u64)).unwrap();
    let fresh = field(dice, *count, tables);
    let refers = |tables: &[Table], name: &str| {
        tables.iter().flat_map(|table| &table.fields).any(|field| field.to.as_deref() == Some(name))
    };
    let table = &mut tables[chosen];
    let last = usize::try_from(dice.roll(table.fields.len() as u64)).unwrap();
    match dice.roll(10) {
        0 | 1 => table.fields.push(fresh),
        2 if table.fields.len() > 1 => drop(table.fields.remove(last)),
        3 | 4 => {
            let kept = table.fields[last].name.clone();
            table.fields[last] = Field { name: kept, ..fresh };
        }
        5 => {
            let old = std::mem::replace(&mut table.fields[last].name, fresh.name);
            table.fields[last].renamed_from = Some(old);
        }
        6 => table.is_soft_deleted = !table.is_soft_deleted,
        7 => table.has_index = !table.has_index,
        8 => table.is_searched = !table.is_searched,
        _ if dice.roll(2) == 0 && !refers(tables, &tables[chosen].name.clone()) && tables.len() > 1 => {
            tables.remove(chosen);
        }
        _ => {
            let old = std::mem::replace(&mut tables[chosen].name, name(*count));
            for to in tables.iter_mut().flat_map(|table| &mut table.fields).filter_map(|field| field.to.as_mut()) {
                if *to == old {
                    *to = name(*count);
                }
            }
            tables[chosen].renamed_from = Some(old);
        }
    }
}

fn text(tables: &[Table]) -> String {
    let mut text = String::new();
    for table in tables {
        let _ = writeln!(text, "[{}]\nsoft_delete = {}", table.name, table.is_soft_deleted);
        if let Some(old) = &table.renamed_from {
            let _ = writeln!(text, "renamed_from = \"{old}\"");
        }
        let indexed = table.fields.iter().find(|field| field.to.is_none() && field.kind != "json");
        if let Some(field) = indexed.filter(|_| table.has_index) {
            let name = &field.name;
            let filter = match field.kind {
                "int" => "record.NAME >= -2 && record.NAME != 7",
                "float" | "wide" | "narrow" => "!(record.NAME < 1)",
                "bool" => "record.NAME == true",
                "text" => "record.NAME != \\\"it's\\\"",
                _ => "record.NAME != null",
            };
            let filter = filter.replace("NAME", name);
            let _ = writeln!(
                text,
                "indexes = [[\"{name}\", \"created_at\"], {{ fields = [\"{name}\"], where = \"{filter}\" }}]"
            );
        }
        let searched = table.fields.iter().filter(|field| field.to.is_none() && field.kind == "text");
        let searched: Vec<String> = searched.take(4).map(|field| format!("\"{}\"", field.name)).collect();
        if table.is_searched {
            let _ = writeln!(text, "search = [{}]", searched.join(", "));
        }
        let _ = writeln!(text, "[{}.fields]", table.name);
        for field in &table.fields {
            let kind = match field.kind {
                _ if field.to.is_some() => format!("\"ref\", to = \"{}\"", field.to.as_ref().unwrap()),
                "wide" => "\"decimal\", precision = 12, scale = 3".to_owned(),
                "narrow" => "\"decimal\", precision = 4, scale = 1".to_owned(),
                "text" => "\"text\", max_length = 100".to_owned(),
                kind => format!("\"{kind}\""),
            };
            let presence = match field.presence {
                "required" => ", required = true".to_owned(),
                "default" if field.kind == "timestamp" && field.is_unique => ", on_update = \"now\"".to_owned(),
                "default" if field.kind == "timestamp" => ", default = \"now\"".to_owned(),
                "default" => format!(", default = {}", default(field)),
                _ => String::new(),
            };
            let unique = if field.is_unique { ", unique = true" } else { "" };
            let renamed = field.renamed_from.as_ref().map(|old| format!(", renamed_from = \"{old}\""));
            let renamed = renamed.unwrap_or_default();
            let _ = writeln!(text, "{} = {{ type = {kind}{presence}{unique}{renamed} }}", field.name);
        }
    }
    text
}

fn default(field: &Field) -> &'static str {
    match field.kind {
        "int" => "7",
        "float" => "0.5",
        "wide" | "narrow" => "\"-1.5\"",
        "bool" => "true",
        "text" => "\"it's\"",
        _ => "\"2026-01-02T03:04:05Z\"",
    }
}

fn body(dice: &Dice, table: &Table, number: usize) -> Map<String, Json> {
    let mut body = Map::new();
    for field in &table.fields {
        if field.to.is_some() || (field.presence != "required" && dice.roll(3) == 0) {
            continue;
        }
        let number = i64::try_from(number).unwrap() - 3;
        let value = match field.kind {
            "int" if dice.roll(6) == 0 => json!(number * 1_000_000_007),
            "int" => json!(number),
            "float" if dice.roll(4) == 0 => json!(0.25),
            "float" => json!(f64::from(i32::try_from(number).unwrap())),
            "wide" | "narrow" if dice.roll(4) == 0 => json!(format!("{number}.5")),
            "wide" | "narrow" => json!(number.to_string()),
            "bool" => json!(dice.roll(2) == 0),
            "text" => json!(
                [number.to_string(), "true".to_owned(), format!("word's {number}"), "007".to_owned()]
                    [usize::try_from(dice.roll(4)).unwrap()]
            ),
            "json" => json!({"a": [number, null]}),
            _ => json!("2026-11-21T09:00:00.000001Z"),
        };
        body.insert(field.name.clone(), value);
    }
    body
}

struct Node {
    source: Source,
    records: Records,
    db: TestDb,
}

impl Node {
    async fn new(engine: Engine) -> Self {
        let db = TestDb::open(engine).await;
        let migrations = [platform::migrations(), resources::migrations()].concat();
        store::migrate::apply(&db.ctx(), &migrations).await.unwrap();
        Self { source: db.source.clone(), records: Records::new(declare(""), &keyring()).unwrap(), db }
    }

    fn ctx(&self) -> Ctx {
        self.source.ctx(user(1, &["admin"]), Arc::default())
    }

    /// Goes to `declaration`; otherwise what stands in the way.
    async fn go(&mut self, declaration: &Arc<Declaration>) -> Result<(), String> {
        let plan = schema::apply_destructive(&self.source.system("test"), declaration).await;
        let plan = plan.map_err(|error| error.detail().to_owned())?;
        assert_eq!(plan.refused, Vec::<String>::new());
        self.records = Records::new(Arc::clone(declaration), &keyring()).unwrap();
        // As after a restart: what was prepared before fits the tables no more.
        let db = Db::open(self.db.options()).await.unwrap();
        std::mem::replace(&mut self.source.db, db).close().await;
        Ok(())
    }

    async fn schema(&self) -> Vec<String> {
        store::schema::describe(&self.source.system("test")).await.unwrap()
    }

    /// Every row of every table.
    async fn rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for resource in &self.records.declaration().resources {
            let query = ListQuery { limit: kernel::Limit::new(200).unwrap(), ..ListQuery::default() };
            let page = self.records.list(&self.ctx(), resource, query).await.unwrap();
            let shown = page.items.iter().map(|record| serde_json::to_value(record).unwrap());
            // By name: a column that came later stands later.
            rows.extend(shown.map(|row| format!("{} {:?}", resource.name, sorted(&row))));
        }
        rows
    }

    /// What searches find is what the rows say.
    async fn check_searches(&self) -> usize {
        let mut count = 0;
        for resource in self.records.declaration().resources.iter().filter(|resource| !resource.search.is_empty()) {
            let list = async |search: Option<&str>| {
                let (search, sort) = (search.map(str::to_owned), Some("id".to_owned()));
                let limit = kernel::Limit::new(200).unwrap();
                let query = ListQuery { search, sort, limit, ..ListQuery::default() };
                self.records.list(&self.ctx(), resource, query).await.unwrap().items
            };
            let rows = list(None).await;
            for query in ["true", "wor*", "\"word s\"", "words", "it's", "wor* -words", "007"] {
                let parsed = resources::search::Query::parse(query).unwrap();
                let texts = |record: &Shown| -> Vec<String> {
                    let text = |place: &usize| match &record.values[*place] {
                        kernel::Value::Text(text) => text.clone(),
                        _ => String::new(),
                    };
                    resource.search.iter().map(text).collect()
                };
                let is_match =
                    |record: &&Shown| matches(&parsed, &texts(record).iter().map(String::as_str).collect::<Vec<_>>());
                let expected: Vec<_> = rows.iter().filter(is_match).map(|record| record.id().unwrap()).collect();
                let found = list(Some(query)).await;
                let found: Vec<_> = found.iter().map(|record| record.id().unwrap()).collect();
                assert_eq!(found, expected, "{query} in {}", resource.name);
                count += found.len();
            }
        }
        count
    }
}

fn sorted(row: &Json) -> std::collections::BTreeMap<String, Json> {
    row.as_object().unwrap().clone().into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_walk_ends_where_a_fresh_database_begins() {
    let (mut done, mut refused, mut found) = (0, 0, 0);
    for seed in 1..=WALKS {
        let dice = Dice(SeededRandom::new(seed));
        let mut nodes = [Node::new(Engine::Sqlite).await, Node::new(Engine::Postgres).await];
        let (mut tables, mut count, mut number) = (Vec::new(), 0, 0);
        for step in 0..STEPS {
            let mut next = tables.clone();
            for _ in 0..=dice.roll(3) {
                change(&dice, &mut next, &mut count);
            }
            let text = text(&next);
            let declaration = declare(&text);
            let answers = [nodes[0].go(&declaration).await, nodes[1].go(&declaration).await];
            assert_eq!(answers[0], answers[1], "walk {seed}, step {step}:\n{text}");
            if answers[0].is_err() {
                refused += 1;
                assert_eq!(nodes[0].rows().await, nodes[1].rows().await, "walk {seed}, step {step}:\n{text}");
                continue;
            }
            done += 1;
            tables = next;
            for node in &nodes {
                found += node.check_searches().await;
                let mut fresh = Node::new(node.db.engine).await;
                fresh.go(&declaration).await.unwrap();
                assert_eq!(node.schema().await, fresh.schema().await, "walk {seed}, step {step}:\n{text}");
            }
            assert_eq!(nodes[0].rows().await, nodes[1].rows().await, "walk {seed}, step {step}:\n{text}");
            for table in &tables {
                for _ in 0..dice.roll(ROWS) {
                    number += 1;
                    let body = body(&dice, table, number);
                    for node in &nodes {
                        let resource = declaration.find(&table.name).unwrap();
                        // A unique value may be taken, on both.
                        let _ = node.records.create(&node.ctx(), resource, body.clone()).await;
                    }
                }
            }
            for node in &nodes {
                found += node.check_searches().await;
            }
        }
    }
    assert!(done > 20 && refused > 0, "{done} steps were done and {refused} refused: this proves little");
    assert!(found > 0, "nothing was found: this proves little");
}
