//! What the declaration accepts, refuses, and turns into.
use kernel::Permission;

use super::{
    parse::*,
    shape::{Shapes, TableShape},
    *,
};

fn read(text: &str) -> (Declaration, Vec<Problem>) {
    read_with("", text)
}

fn read_with(roles: &str, text: &str) -> (Declaration, Vec<Problem>) {
    parse(&text.parse().unwrap(), &roles.parse().unwrap(), &|name| name == "users")
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

const ROLES: &str = r#"
[reader]
description = "Reads everything"
[support]
permissions = ["users:read", "sessions:manage"]
requires_mfa = true
[admin]
requires_mfa = true
"#;

#[test]
fn roles_are_declared_with_what_they_permit() {
    let (declaration, problems) = read_with(ROLES, GOOD);
    assert_eq!(problems, []);
    let roles: Vec<_> = declaration.roles.iter().map(|role| (role.name.as_str(), role.permissions.names())).collect();
    let all = Permission::ALL.map(Permission::as_str).to_vec();
    assert_eq!(roles, [("reader", vec![]), ("support", vec!["users:read", "sessions:manage"]), ("admin", all)]);
    let of = |name: &str| declaration.roles.iter().find(|role| role.name == name).unwrap();
    assert_eq!(of("reader").description.as_deref(), Some("Reads everything"));
    assert!(of("support").requires_mfa && of("admin").requires_mfa && !of("reader").requires_mfa);
}

#[test]
fn rules_ask_for_declared_roles_if_any_is_declared() {
    let (_, problems) = read_with("[raeder]", GOOD);
    let found: Vec<_> = problems.iter().map(|problem| (problem.key.as_str(), problem.reason.as_str())).collect();
    let reason = "at character 47: there is no role `reader`; declared are admin, raeder";
    assert_eq!(found, [("resources.documents.access.read", reason)]);
    // Fields' rules are rules, too; `admin` need not be declared.
    let text =
        "[notes.fields]\na = { type = \"text\", read = \"actor.has_role('hr')\", write = \"actor.has_role('admin')\" }";
    let keys: Vec<_> = read_with("[editor]", text).1.into_iter().map(|problem| problem.key).collect();
    assert_eq!(keys, ["resources.notes.fields.a.read"]);
    assert_eq!(read(text).1, []);
}

#[test]
fn each_mistake_in_a_role_is_named_with_what_is_known() {
    for (text, key, fix) in [
        ("editor = 1", "roles.editor", "write [roles.editor]"),
        ("[Editor]", "roles.Editor", "use up to 64 of a-z, 0-9 and _, a letter first"),
        (
            "[editor]\npermission = []",
            "roles.editor.permission",
            "known here are permissions, description, requires_mfa",
        ),
        ("[editor]\npermissions = 'users:read'", "roles.editor.permissions", "write a list of strings"),
        (
            "[editor]\npermissions = ['users:read', 'users:write']",
            "roles.editor.permissions",
            "known are users:read, users:manage, roles:manage, sessions:manage, api_keys:manage, health:read, docs:read",
        ),
        ("[editor]\nrequires_mfa = 'yes'", "roles.editor.requires_mfa", "write true or false"),
        ("[admin]\npermissions = ['users:read']", "roles.admin.permissions", "leave it out"),
    ] {
        let problems = read_with(text, "").1;
        let found: Vec<_> = problems.iter().map(|problem| (problem.key.as_str(), problem.fix.as_str())).collect();
        assert_eq!(found, [(key, fix)], "{text}");
    }
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
        (
            "[docs]\nindexes = [{ fields = [\"a\"], where = \"record.b == 1\" }]\n[docs.fields]\na = {type=\"int\"}",
            "resources.docs.indexes",
        ),
        (
            "[docs]\nindexes = [{ fields = [\"a\"], if = \"true\" }]\n[docs.fields]\na = {type=\"int\"}",
            "resources.docs.indexes",
        ),
        (
            "[docs]\nindexes = [{ where = \"record.a == 1\" }]\n[docs.fields]\na = {type=\"int\"}",
            "resources.docs.indexes",
        ),
        ("[docs]\nunique = [[\"a\"]]\n[docs.fields]\na = {type=\"int\"}", "resources.docs.unique"),
        ("[docs.fields]\na = {type=\"int\", default=\"now\"}", "resources.docs.fields.a.default"),
        ("[docs.fields]\na = {type=\"int\", on_update=\"now\"}", "resources.docs.fields.a.on_update"),
        ("[docs.fields]\na = {type=\"date\", on_update=\"then\"}", "resources.docs.fields.a.on_update"),
        ("[docs.fields]\na = {type=\"date\", default=\"now\", required=true}", "resources.docs.fields.a.required"),
        ("[docs]\nsearch = [\"a\"]\n[docs.fields]\na = {type=\"int\"}", "resources.docs.search"),
        ("[docs]\nsearch = [\"a\", \"a\"]\n[docs.fields]\na = {type=\"text\"}", "resources.docs.search"),
        (
            "[docs]\nsearch = [\"a\"]\n[docs.fields]\na = {type=\"text\"}\nhighlights = {type=\"int\"}",
            "resources.docs.search",
        ),
        (
            "[docs]\nsearch = [\"a\", \"b\", \"c\", \"d\", \"e\"]\n[docs.fields]\na = {type=\"text\"}\nb = {type=\"text\"}\n\
             c = {type=\"text\"}\nd = {type=\"text\"}\ne = {type=\"text\"}",
            "resources.docs.search",
        ),
        (
            "[docs]\nsearch = [\"a\"]\n[docs.fields]\na = {type=\"text\", read=\"record.owner_id == actor.id\"}",
            "resources.docs.fields.a.read",
        ),
        ("[docs.fields]\nA = {type=\"int\"}", "resources.docs.fields.A"),
        ("[docs.fields]\nid = {type=\"int\"}", "resources.docs.fields.id"),
        ("[docs.fields]\nhardpan_x = {type=\"int\"}", "resources.docs.fields.hardpan_x"),
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
        ("[docs.fields]\na = {type=\"int\", renamed_from=\"a\"}", "resources.docs.fields.a.renamed_from"),
        ("[docs.fields]\na = {type=\"int\", renamed_from=\"id\"}", "resources.docs.fields.a.renamed_from"),
        (
            "[docs.fields]\na = {type=\"int\", renamed_from=\"b\"}\nb = {type=\"int\"}",
            "resources.docs.fields.a.renamed_from",
        ),
        (
            "[docs.fields]\na = {type=\"int\", renamed_from=\"c\"}\nb = {type=\"int\", renamed_from=\"c\"}",
            "resources.docs.fields.b.renamed_from",
        ),
        ("[docs]\nrenamed_from=\"docs\"\n[docs.fields]\na = {type=\"int\"}", "resources.docs.renamed_from"),
        ("[me.fields]\na = {type=\"int\"}", "resources.me"),
        ("[docs.fields]\na = {type=\"int\"}\n[docs.access]\nread = \"record.b == 1\"", "resources.docs.access.read"),
        ("[docs.fields]\na = {type=\"int\"}\n[docs.access]\nreads = \"true\"", "resources.docs.access.reads"),
    ] {
        assert!(keys(text).contains(&expected.to_owned()), "{text}: {:?}", keys(text));
    }
    let two = "[a]\nid_prefix=\"x\"\n[a.fields]\na={type=\"int\"}\n[b]\nid_prefix=\"x\"\n[b.fields]\na={type=\"int\"}";
    assert_eq!(keys(two), ["resources.a.id_prefix", "resources.b.id_prefix"]);
}

fn shapes(text: &str) -> Shapes {
    let (declaration, problems) = read(text);
    assert_eq!(problems, []);
    declaration.resources.iter().map(|resource| (resource.name.clone(), TableShape::of(resource))).collect()
}

/// The steps, a `!` before those that may lose data, and the number of refusals.
fn plan(old: &str, new: &str, undeclared: Undeclared) -> (Vec<String>, usize) {
    let plan = Plan::make(&shapes(old), &read(new).0, undeclared);
    let marked = |step: &Step| if step.is_destructive() { format!("! {step}") } else { step.to_string() };
    (plan.steps.iter().map(marked).collect(), plan.refused.len())
}

#[test]
fn tables_come_before_those_that_refer_to_them() {
    let (steps, refused) = plan("", GOOD, Undeclared::Keep);
    assert_eq!(&steps[..2], ["create table folders", "create table documents"]);
    assert_eq!(refused, 0);
    let circle = "[a.fields]\nb={type=\"ref\",to=\"b\"}\n[b.fields]\na={type=\"ref\",to=\"a\",required=true}";
    let (steps, refused) = plan("", circle, Undeclared::Keep);
    assert_eq!(&steps[..3], ["create table a", "create table b", "add column a.b"]);
    assert_eq!(refused, 0);
    let stuck =
        "[a.fields]\nb={type=\"ref\",to=\"b\",required=true}\n[b.fields]\na={type=\"ref\",to=\"a\",required=true}";
    assert_eq!(plan("", stuck, Undeclared::Keep).1, 1);
}

const OLD: &str = "[a.fields]\nx={type=\"int\"}\ny={type=\"text\",required=true}";

#[test]
fn what_is_no_longer_declared_stays_unless_it_is_to_be_dropped() {
    let without_x = "[a.fields]\ny={type=\"text\",required=true}";
    let without_y = "[a.fields]\nx={type=\"int\"}";
    for (new, kept, dropped) in [
        (OLD, vec![], vec![]),
        (without_x, vec![], vec!["! drop column a.x"]),
        // Rows must be writable without it.
        (without_y, vec!["change column a.y: may be null"], vec!["! drop column a.y"]),
        ("", vec![], vec!["! drop table a"]),
    ] {
        assert_eq!(plan(OLD, new, Undeclared::Keep), (kept.iter().map(ToString::to_string).collect(), 0), "{new}");
        assert_eq!(plan(OLD, new, Undeclared::Drop), (dropped.iter().map(ToString::to_string).collect(), 0), "{new}");
    }
}

#[test]
fn deleted_rows_do_not_come_back_by_a_change_of_the_file() {
    let soft = "[a]\nsoft_delete = true\n[a.fields]\nx={type=\"int\"}";
    let (steps, _) = plan(soft, "[a.fields]\nx={type=\"int\"}", Undeclared::Keep);
    assert_eq!(steps, ["drop column a.deleted_at"]);
}

#[test]
fn each_difference_has_its_steps() {
    let y = "y={type=\"text\",required=true}";
    for (new, steps) in [
        (format!("[a.fields]\nx={{type=\"float\"}}\n{y}"), vec!["change column a.x: int to float"]),
        (format!("[a.fields]\nx={{type=\"timestamp\"}}\n{y}"), vec!["! change column a.x: int to time"]),
        (format!("[a.fields]\nx={{type=\"int\",required=true}}\n{y}"), vec!["change column a.x: is required"]),
        (format!("[a.fields]\nx={{type=\"int\",default=3}}\n{y}"), vec!["change column a.x: is required, default 3"]),
        (format!("[a.fields]\nx={{type=\"int\"}}\n{y}\nz={{type=\"int\",default=1}}"), vec!["add column a.z"]),
        (format!("[a.fields]\nx={{type=\"int\",unique=true}}\n{y}"), vec!["create index a__x__key on a"]),
        (format!("[a.fields]\nz={{type=\"int\",renamed_from=\"x\"}}\n{y}"), vec!["rename column a.x to z"]),
        (
            format!("[b]\nrenamed_from=\"a\"\n[b.fields]\nx={{type=\"int\"}}\n{y}"),
            vec!["rename table a to b", "drop index a__owner_id__idx on b", "create index b__owner_id__idx on b"],
        ),
        (
            format!("[a]\nowner=\"none\"\n[a.fields]\nx={{type=\"int\"}}\n{y}"),
            vec!["drop index a__owner_id__idx on a", "change column a.owner_id: may be null"],
        ),
    ] {
        assert_eq!(plan(OLD, &new, Undeclared::Keep), (steps.iter().map(ToString::to_string).collect(), 0), "{new}");
    }
}

#[test]
fn an_index_over_a_column_that_changes_is_made_anew() {
    let old = "[a]\nindexes=[[\"x\"]]\n[a.fields]\nx={type=\"int\"}";
    let (steps, _) = plan(old, &old.replace("\"int\"", "\"float\""), Undeclared::Keep);
    let expected = ["drop index a__x__idx on a", "change column a.x: int to float", "create index a__x__idx on a"];
    assert_eq!(steps, expected);
}

#[test]
fn an_index_of_some_records_says_where_it_cannot_be_one() {
    let with = |filter: &str| {
        let fields = "a = {type=\"int\"}\nb = {type=\"text\"}\nc = {type=\"ref\", to=\"docs\"}";
        let text = format!("[docs]\nunique = [{{ fields = [\"a\"], where = \"{filter}\" }}]\n[docs.fields]\n{fields}");
        read(&text).1.into_iter().map(|problem| problem.reason).collect::<Vec<_>>()
    };
    for filter in ["record.a > 1 && record.b != null", "record.a in [1, 2] || !(record.a < 3)", "record.b == 'it''s'"] {
        let filter = filter.replace("''", "\\\\'");
        assert_eq!(with(&filter), Vec::<String>::new(), "{filter}");
    }
    for (filter, reason) in [
        ("record.a == 1 && record.owner_id == actor.id", "where at character 37: an index knows no actor and no time"),
        ("record.b.size() > 1", "where at character 9: an index compares fields with values, and nothing else"),
        ("record.created_at < now", "where at character 21: an index knows no actor and no time"),
    ] {
        assert_eq!(with(filter), [reason]);
    }
    assert_eq!(with("record.c.a == 1").len(), 1);
    assert!(with("record.a ==")[0].contains("at character 12"));
}

#[test]
fn whatever_is_declared_leads_to_sound_tables() {
    let fields = [
        ("text", "\"it's\"", "'it'"),
        ("email", "\"a@b.example\"", "'a'"),
        ("date", "\"2026-01-02\"", "'2026-01-02'"),
        ("int", "-3", "-3"),
        ("float", "0.5", "1"),
        ("float", "1e300", "1.5"),
        ("decimal", "\"-1.5\"", "1"),
        ("decimal", "\"0\"", "-1.5"),
        ("bool", "true", "false"),
        ("timestamp", "\"2026-01-02T03:04:05Z\"", "timestamp('2026-01-02T03:04:05Z')"),
    ];
    for (kind, default, value) in fields {
        let text = format!(
            "[docs]\nindexes = [{{ fields = [\"created_at\"], where = \"record.a != {value}\" }}]\n\
             [docs.fields]\na = {{ type = \"{kind}\", default = {default} }}"
        );
        let (declaration, problems) = read(&text);
        assert_eq!(problems, [], "{text}");
        assert_eq!(Plan::make(&Shapes::new(), &declaration, Undeclared::Keep).refused, Vec::<String>::new(), "{text}");
    }
    let owned = "[docs]\nindexes = [{ fields = [\"a2\"], where = \"record.owner_id != 'usr_01h455vb4pex5vsknk084sn02q'\" }]\n\
                 [docs.fields]\na = { type = \"json\", default = { b = 1 } }\na2 = { type = \"ref\", to = \"docs\" }";
    let (declaration, problems) = read(owned);
    assert_eq!(problems, []);
    assert_eq!(Plan::make(&Shapes::new(), &declaration, Undeclared::Keep).refused, Vec::<String>::new());
}

#[test]
fn what_is_kept_refers_to_nothing() {
    let text = "[a.fields]\nx={type=\"int\"}\nb={type=\"ref\",to=\"b\",required=true}\n[b.fields]\nx={type=\"int\"}";
    let b = "[b.fields]\nx={type=\"int\"}";
    let (steps, refused) = plan(text, &format!("[a.fields]\nx={{type=\"int\"}}\n{b}"), Undeclared::Keep);
    assert_eq!((&steps[1..], refused), (&["change column a.b: may be null, refers to nothing".to_owned()][..], 0));
    assert_eq!(plan(text, b, Undeclared::Keep), (vec!["change column a.b: refers to nothing".to_owned()], 0));
}
