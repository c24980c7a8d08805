//! What the declaration accepts, refuses, and turns into.
use super::{parse::*, plan::Plan, shape::TableShape, *};
use std::collections::BTreeMap;

fn read(text: &str) -> (Declaration, Vec<Problem>) {
    parse(&text.parse().unwrap(), &|name| name == "users")
}

fn keys(text: &str) -> Vec<String> {
    read(text).1.into_iter().filter(|problem| problem.is_error).map(|problem| problem.key).collect()
}

const GOOD: &str = r#"
[folders.fields]
name = { type = "text", required = true }
parent = { type = "ref", to = "folders", on_delete = "cascade" }

[documents]
id_prefix = "doc"
soft_delete = true
indexes = [["owner_id", "created_at"], ["owner_id"]]
[documents.fields]
title = { type = "text", required = true, unique = true }
favourite = { type = "bool", default = false }
price = { type = "decimal", precision = 6, scale = 2, default = "1.5" }
folder = { type = "ref", to = "folders", on_delete = "set_null" }
[documents.access]
read = "record.owner_id == actor.id || actor.has_role('reader')"
"#;

#[test]
fn a_good_declaration_has_no_problems() {
    let (declaration, problems) = read(GOOD);
    assert_eq!(problems, []);
    assert_eq!(declaration.roles(), ["admin", "reader"]);
    let documents = declaration.find("documents").unwrap();
    let required: Vec<_> =
        documents.input().fields.iter().filter(|field| field.is_required).map(|field| field.name.to_string()).collect();
    assert_eq!(required, ["title"]);
    let shape = TableShape::of(documents);
    let indexes: Vec<_> = shape.indexes.iter().map(|index| (index.name.as_str(), index.columns.join(","))).collect();
    assert_eq!(
        indexes,
        [
            ("documents__owner_id__idx", "owner_id,id".to_owned()),
            ("documents__folder__idx", "folder,id".to_owned()),
            ("documents__owner_id__created_at__idx", "owner_id,created_at,id".to_owned()),
            ("documents__title__key", "title".to_owned()),
        ]
    );
}

#[test]
fn each_mistake_is_named_by_its_key() {
    for (text, expected) in [
        ("documents = 1", "resources.documents"),
        ("[Documents.fields]\na = {type=\"int\"}", "resources.Documents"),
        ("[users.fields]\na = {type=\"int\"}", "resources.users"),
        ("[hardpan_x.fields]\na = {type=\"int\"}", "resources.hardpan_x"),
        ("[docs]\n", "resources.docs.fields"),
        ("[docs]\nowner = \"me\"\n[docs.fields]\na = {type=\"int\"}", "resources.docs.owner"),
        ("[docs]\nsoft_delete = 1\n[docs.fields]\na = {type=\"int\"}", "resources.docs.soft_delete"),
        ("[docs]\nsoft_deletes = true\n[docs.fields]\na = {type=\"int\"}", "resources.docs.soft_deletes"),
        ("[docs]\nid_prefix = \"D1\"\n[docs.fields]\na = {type=\"int\"}", "resources.docs.id_prefix"),
        ("[docs]\nid_prefix = \"usr\"\n[docs.fields]\na = {type=\"int\"}", "resources.docs.id_prefix"),
        ("[docs]\nindexes = [[\"b\"]]\n[docs.fields]\na = {type=\"int\"}", "resources.docs.indexes"),
        ("[docs]\nindexes = [\"a\"]\n[docs.fields]\na = {type=\"int\"}", "resources.docs.indexes"),
        ("[docs]\nsearch = [\"a\"]\n[docs.fields]\na = {type=\"int\"}", "resources.docs.search"),
        ("[docs.fields]\nA = {type=\"int\"}", "resources.docs.fields.A"),
        ("[docs.fields]\nid = {type=\"int\"}", "resources.docs.fields.id"),
        ("[docs.fields]\na = \"int\"", "resources.docs.fields.a"),
        ("[docs.fields]\na = {}", "resources.docs.fields.a.type"),
        ("[docs.fields]\na = {type=\"varchar\"}", "resources.docs.fields.a.type"),
        ("[docs.fields]\na = {type=\"int\", max_length=3}", "resources.docs.fields.a.max_length"),
        ("[docs.fields]\na = {type=\"int\", min=3, max=1}", "resources.docs.fields.a.min"),
        ("[docs.fields]\na = {type=\"text\", max_length=0}", "resources.docs.fields.a.max_length"),
        ("[docs.fields]\na = {type=\"int\", default=\"x\"}", "resources.docs.fields.a.default"),
        ("[docs.fields]\na = {type=\"int\", default=1, required=true}", "resources.docs.fields.a.required"),
        ("[docs.fields]\na = {type=\"decimal\", precision=19}", "resources.docs.fields.a.precision"),
        ("[docs.fields]\na = {type=\"decimal\", precision=4, scale=5}", "resources.docs.fields.a.scale"),
        ("[docs.fields]\na = {type=\"enum\"}", "resources.docs.fields.a.values"),
        ("[docs.fields]\na = {type=\"ref\"}", "resources.docs.fields.a.to"),
        ("[docs.fields]\na = {type=\"ref\", to=\"x\"}", "resources.docs.fields.a.to"),
        (
            "[docs.fields]\na = {type=\"ref\", to=\"docs\", required=true, on_delete=\"set_null\"}",
            "resources.docs.fields.a.on_delete",
        ),
        ("[docs.fields]\na = {type=\"json\", unique=true}", "resources.docs.fields.a.unique"),
        ("[docs.fields]\na = {type=\"text\", unique=true, max_length=601}", "resources.docs.fields.a.max_length"),
        ("[docs.fields]\na = {type=\"text\", max_length=3, min_length=4}", "resources.docs.fields.a.min_length"),
        (
            "[docs.fields]\na = {type=\"ref\", to=\"docs\", default=\"docs_01h455vb4pex5vsknk084sn02q\"}",
            "resources.docs.fields.a.default",
        ),
        ("[docs]\nindexes = [[\"a\"]]\n[docs.fields]\na = {type=\"text\"}", "resources.docs.indexes"),
        ("[docs.fields]\na__b = {type=\"int\"}", "resources.docs.fields.a__b"),
        ("[me.fields]\na = {type=\"int\"}", "resources.me"),
        ("[docs.fields]\na = {type=\"int\"}\n[docs.access]\nread = \"record.b == 1\"", "resources.docs.access.read"),
        ("[docs.fields]\na = {type=\"int\"}\n[docs.access]\nreads = \"true\"", "resources.docs.access.reads"),
    ] {
        assert!(keys(text).contains(&expected.to_owned()), "{text}: {:?}", keys(text));
    }
    let two = "[a]\nid_prefix=\"x\"\n[a.fields]\na={type=\"int\"}\n[b]\nid_prefix=\"x\"\n[b.fields]\na={type=\"int\"}";
    assert_eq!(keys(two), ["resources.a.id_prefix", "resources.b.id_prefix"]);
}

fn shapes(text: &str) -> BTreeMap<String, TableShape> {
    let (declaration, problems) = read(text);
    assert_eq!(problems, []);
    declaration.resources.iter().map(|resource| (resource.name.clone(), TableShape::of(resource))).collect()
}

fn plan(old: &str, new: &str) -> (Vec<String>, usize) {
    let plan = Plan::make(&shapes(old), &read(new).0);
    (plan.steps.iter().map(ToString::to_string).collect(), plan.refused.len())
}

#[test]
fn tables_come_before_those_that_refer_to_them() {
    let (steps, refused) = plan("", GOOD);
    assert_eq!(&steps[..2], ["create table folders", "create table documents"]);
    assert_eq!(refused, 0);
    let circle = "[a.fields]\nb={type=\"ref\",to=\"b\"}\n[b.fields]\na={type=\"ref\",to=\"a\",required=true}";
    let (steps, refused) = plan("", circle);
    assert_eq!(&steps[..3], ["create table a", "create table b", "add column a.b"]);
    assert_eq!(refused, 0);
    let stuck =
        "[a.fields]\nb={type=\"ref\",to=\"b\",required=true}\n[b.fields]\na={type=\"ref\",to=\"a\",required=true}";
    assert_eq!(plan("", stuck).1, 1);
}

#[test]
fn deleted_rows_do_not_come_back_by_a_change_of_the_file() {
    let soft = "[a]\nsoft_delete = true\n[a.fields]\nx={type=\"int\"}";
    assert_eq!(plan(soft, "[a.fields]\nx={type=\"int\"}").1, 1);
}

#[test]
fn only_what_loses_nothing_is_planned() {
    let old = "[a.fields]\nx={type=\"int\"}\ny={type=\"text\",required=true}";
    for (new, steps, refused) in [
        (old, vec![], 0),
        ("[a.fields]\ny={type=\"text\",required=true}", vec![], 0),
        ("[a.fields]\nx={type=\"int\"}", vec![], 1),
        ("[a.fields]\nx={type=\"text\"}\ny={type=\"text\",required=true}", vec![], 1),
        ("[a.fields]\nx={type=\"int\",required=true}\ny={type=\"text\",required=true}", vec![], 1),
        (
            "[a.fields]\nx={type=\"int\"}\ny={type=\"text\",required=true}\nz={type=\"int\",default=1}",
            vec!["add column a.z"],
            0,
        ),
        ("[a.fields]\nx={type=\"int\"}\ny={type=\"text\",required=true}\nz={type=\"int\",required=true}", vec![], 1),
        (
            "[a.fields]\nx={type=\"int\",unique=true}\ny={type=\"text\",required=true}",
            vec!["create index a__x__key on a"],
            0,
        ),
    ] {
        let (planned, refusals) = plan(old, new);
        assert_eq!((planned, refusals), (steps.iter().map(ToString::to_string).collect(), refused), "{new}");
    }
}
