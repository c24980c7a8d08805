//! Tables follow the declaration on both engines.
use std::sync::Arc;

use kernel::Code;
use resources::{
    records::{Parts, Records},
    schema,
};
use serde_json::json;

use crate::support::{World, declare, keyring, object};

const OLD: &str = r#"
[parents.fields]
name = { type = "text", required = true, unique = true }
[children]
soft_delete = true
[children.fields]
parent = { type = "ref", to = "parents", required = true, on_delete = "restrict" }
friend = { type = "ref", to = "children", on_delete = "set_null" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn new_columns_and_indexes_are_added_and_old_rows_get_defaults() {
    testkit::on_both(async |db| {
        let world = World::new(db, OLD).await;
        let ctx = world.user(1, &[]);
        let parents = world.resource("parents");
        let parent = world.records.create(&ctx, &parents, object(json!({"name": "a"}))).await.unwrap();

        let new = OLD.replace(
            "unique = true }",
            "unique = true }\ncolour = { type = \"enum\", values = [\"it's\", \"b\"], default = \"it's\" }\n\
             price = { type = \"decimal\", precision = 6, scale = 2, default = \"-0.5\" }\n\
             is_on = { type = \"bool\", default = true }\nat = { type = \"timestamp\" }",
        );
        let declaration = declare(&new);
        let plan = schema::apply(&world.system(), &declaration).await.unwrap();
        assert_eq!((plan.steps.len(), plan.refused.len()), (4, 0));
        let records = Records::new(Arc::clone(&declaration), &keyring()).unwrap();
        let found = records
            .get(&ctx, declaration.find("parents").unwrap(), parent.id().unwrap(), &Parts::default())
            .await
            .unwrap();
        let shown = serde_json::to_value(&found).unwrap();
        assert_eq!(
            (&shown["colour"], &shown["price"], &shown["is_on"], &shown["at"]),
            (&json!("it's"), &json!("-0.50"), &json!(true), &json!(null))
        );
        let again = schema::apply(&world.system(), &declaration).await.unwrap();
        assert!(again.is_empty());

        let refused = declare(&OLD.replace("\"text\"", "\"int\""));
        let plan = schema::apply(&world.system(), &refused).await.unwrap();
        assert_eq!(plan.refused.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_start_at_once_make_each_table_once() {
    testkit::on_both(async |db| {
        let world = World::new(db, "").await;
        let declaration = declare(OLD);
        let (one, two) = (world.system(), world.system());
        let (one, two) = tokio::join!(schema::apply(&one, &declaration), schema::apply(&two, &declaration));
        let mut steps = [one.unwrap().steps.len(), two.unwrap().steps.len()];
        steps.sort_unstable();
        assert_eq!(steps[0], 0);
        assert!(steps[1] > 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_kept_whole() {
    testkit::on_both(async |db| {
        let world = World::new(db, OLD).await;
        let (ctx, stranger) = (world.user(1, &[]), world.user(2, &[]));
        let (parents, children) = (world.resource("parents"), world.resource("children"));
        let records = &world.records;
        let parent = records.create(&ctx, &parents, object(json!({"name": "a"}))).await.unwrap();
        let body = object(json!({"parent": parent.shown_id().unwrap()}));

        let twin = records.create(&ctx, &parents, object(json!({"name": "a"}))).await.unwrap_err();
        assert_eq!((twin.code(), twin.fields()[0].field.as_str()), (Code::UniqueViolation, "name"));
        let foreign = records.create(&stranger, &children, body.clone()).await.unwrap_err();
        assert_eq!((foreign.code(), foreign.fields()[0].code), (Code::Invalid, "not_found"));

        let child = records.create(&ctx, &children, body).await.unwrap();
        let held = records.delete(&ctx, &parents, parent.id().unwrap(), None).await.unwrap_err();
        assert_eq!(held.code(), Code::ReferenceViolation);
        records.delete(&ctx, &children, child.id().unwrap(), None).await.unwrap();
        let gone = records.get(&ctx, &children, child.id().unwrap(), &Parts::default()).await.unwrap_err();
        assert_eq!(gone.code(), Code::NotFound);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_deleted_account_are_hidden_at_once_and_purged() {
    use identity::accounts::AccountKeeper as _;
    testkit::on_both(async |db| {
        let world = World::new(db, &format!("{OLD}\n[parents.access]\nread = \"true\"")).await;
        let (ctx, stranger) = (world.user(1, &[]), world.user(2, &[]));
        let (parents, children) = (world.resource("parents"), world.resource("children"));
        let parent = world.records.create(&ctx, &parents, object(json!({"name": "a"}))).await.unwrap();
        let body = object(json!({"parent": parent.shown_id().unwrap()}));
        world.records.create(&ctx, &children, body).await.unwrap();
        let id = parent.id().unwrap();
        assert!(world.records.get(&stranger, &parents, id, &Parts::default()).await.is_ok());

        let (hook, owner) = (world.records.clone(), ctx.actor.user_id().unwrap());
        world.system().write(move |ctx, tx| Box::pin(async move { hook.hide(tx, &ctx, owner).await })).await.unwrap();
        assert_eq!(
            world.records.get(&stranger, &parents, id, &Parts::default()).await.unwrap_err().code(),
            Code::NotFound
        );
        assert_eq!(world.records.purge(&world.system()).await.unwrap(), 2);
        assert_eq!(world.records.purge(&world.system()).await.unwrap(), 0);
    })
    .await;
}

const LINKED: &str = r#"
[folders.fields]
name = { type = "text" }
next = { type = "ref", to = "folders", on_delete = "restrict" }
[folders.access]
read = "true"
[links.fields]
folder = { type = "ref", to = "folders", on_delete = "restrict" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_somebody_refers_to_does_not_keep_the_others() {
    use identity::accounts::AccountKeeper as _;
    testkit::on_both(async |db| {
        let world = World::new(db, LINKED).await;
        let (ctx, stranger) = (world.user(1, &[]), world.user(2, &[]));
        let (folders, links) = (world.resource("folders"), world.resource("links"));
        let mut ids = Vec::new();
        for _ in 0..10 {
            let folder = world.records.create(&ctx, &folders, object(json!({}))).await.unwrap();
            ids.push(folder.shown_id().unwrap());
        }
        // The oldest refers to the newest, and a stranger to one in the middle.
        let oldest = kernel::id::decode("folders", &ids[0]).unwrap();
        world.records.update(&ctx, &folders, oldest, None, object(json!({"next": ids[9]}))).await.unwrap();
        world.records.create(&stranger, &links, object(json!({"folder": ids[4]}))).await.unwrap();
        let (hook, owner) = (world.records.clone(), ctx.actor.user_id().unwrap());
        let hide = world.system();
        hide.write(move |ctx, tx| Box::pin(async move { hook.hide(tx, &ctx, owner).await })).await.unwrap();
        assert_eq!(world.records.purge(&world.system()).await.unwrap(), 9);
        // The one that is held stays, unseen.
        let held = kernel::id::decode("folders", &ids[4]).unwrap();
        assert_eq!(
            world.records.get(&stranger, &folders, held, &Parts::default()).await.unwrap_err().code(),
            Code::NotFound
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_value_is_free_again_once_its_record_is_deleted() {
    let text = "[notes]\nsoft_delete = true\n[notes.fields]\nslug = { type = \"text\", unique = true }";
    testkit::on_both(async |db| {
        let world = World::new(db, text).await;
        let (ctx, notes) = (world.user(1, &[]), world.resource("notes"));
        let body = object(json!({"slug": "a"}));
        let first = world.records.create(&ctx, &notes, body.clone()).await.unwrap();
        let twin = world.records.create(&ctx, &notes, body.clone()).await.unwrap_err();
        assert_eq!((twin.code(), twin.fields().len()), (Code::UniqueViolation, 1));
        world.records.delete(&ctx, &notes, first.id().unwrap(), None).await.unwrap();
        world.records.create(&ctx, &notes, body).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_merged_by_a_patch_and_stays_bounded() {
    let text = "[notes.fields]\ndata = { type = \"json\", max_bytes = 30 }";
    testkit::on_both(async |db| {
        let world = World::new(db, text).await;
        let (ctx, notes) = (world.user(1, &[]), world.resource("notes"));
        let note = world.records.create(&ctx, &notes, object(json!({"data": {"a": 1, "b": {"c": 2}}}))).await.unwrap();
        let id = note.id().unwrap();
        let patch = |data| world.records.update(&ctx, &notes, id, None, object(json!({"data": data})));
        let merged = patch(json!({"a": null, "b": {"d": 3}})).await.unwrap();
        assert_eq!(serde_json::to_value(&merged).unwrap()["data"], json!({"b": {"c": 2, "d": 3}}));
        let long = patch(json!({"e": "0123456789"})).await.unwrap_err();
        assert_eq!((long.code(), long.fields()[0].code), (Code::Invalid, "too_long"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_be_unique_among_some_records_alone() {
    let text = "[notes]\nunique = [{ fields = [\"slug\"], where = \"record.state == 'live' && record.weight != 1.50\" }]\n\
                [notes.fields]\nslug = { type = \"text\", max_length = 100 }\n\
                weight = { type = \"decimal\", precision = 6, scale = 2 }\n\
                state = { type = \"enum\", values = [\"draft\", \"live\"], default = \"draft\" }";
    testkit::on_both(async |db| {
        let world = World::new(db, text).await;
        let (ctx, notes) = (world.user(1, &[]), world.resource("notes"));
        let create = |body| world.records.create(&ctx, &notes, object(body));
        for _ in 0..2 {
            create(json!({"slug": "a"})).await.unwrap();
            create(json!({"slug": "a", "state": "live", "weight": "1.5"})).await.unwrap();
        }
        create(json!({"slug": "a", "state": "live"})).await.unwrap();
        let twin = create(json!({"slug": "a", "state": "live", "weight": "2"})).await.unwrap_err();
        assert_eq!((twin.code(), twin.fields()[0].field.as_str()), (Code::UniqueViolation, "slug"));
    })
    .await;
}

const STAMPED: &str = "[notes.fields]\ntitle = { type = \"text\" }\n";
const STAMPS: &str =
    "begun = { type = \"date\", default = \"now\" }\nseen = { type = \"timestamp\", on_update = \"now\" }\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_server_sets_times_and_old_records_have_theirs() {
    testkit::on_both(async |db| {
        let clock = Arc::clone(&db.clock);
        let world = World::new(db, STAMPED).await;
        let ctx = world.user(1, &[]);
        let old = world.records.create(&ctx, &world.resource("notes"), object(json!({"title": "a"}))).await.unwrap();
        let before = serde_json::to_value(&old).unwrap();

        let declaration = declare(&format!("{STAMPED}{STAMPS}"));
        schema::apply(&world.system(), &declaration).await.unwrap();
        let records = Records::new(Arc::clone(&declaration), &keyring()).unwrap();
        let notes = Arc::clone(declaration.find("notes").unwrap());
        let found =
            serde_json::to_value(records.get(&ctx, &notes, old.id().unwrap(), &Parts::default()).await.unwrap())
                .unwrap();
        assert_eq!((&found["begun"], &found["seen"]), (&json!("2026-11-21"), &before["updated_at"]));

        clock.advance(std::time::Duration::from_mins(1));
        let note = records.create(&ctx, &notes, object(json!({"title": "b", "begun": "2020-02-29"}))).await.unwrap();
        let shown = serde_json::to_value(&note).unwrap();
        assert_eq!((&shown["begun"], &shown["seen"]), (&json!("2020-02-29"), &shown["created_at"]));
        clock.advance(std::time::Duration::from_mins(1));
        let body = object(json!({"title": "c", "begun": null}));
        let changed = records.update(&ctx, &notes, note.id().unwrap(), None, body).await.unwrap();
        let shown = serde_json::to_value(&changed).unwrap();
        assert_eq!((&shown["begun"], &shown["seen"]), (&json!("2026-11-21"), &shown["updated_at"]));
        assert_ne!(shown["seen"], shown["created_at"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_of_their_own_migrate_once() {
    testkit::on_both(async |db| {
        let options = db.options();
        let world = World::new(db, OLD).await;
        let (ctx, parents) = (world.user(1, &[]), world.resource("parents"));
        for name in ["a", "b"] {
            world.records.create(&ctx, &parents, object(json!({"name": name}))).await.unwrap();
        }
        // Another type, so that SQLite builds the table anew.
        let declaration = declare(
            &OLD.replace("name = {", "size = { type = \"int\", default = 3 }\ntitle = { renamed_from = \"name\","),
        );
        let nodes = [(); 3].map(|()| {
            let (options, source, declaration) = (options.clone(), world.source.clone(), Arc::clone(&declaration));
            tokio::spawn(async move {
                let db = store::Db::open(options).await.unwrap();
                let source = store::Source { db, ..source };
                let plan = schema::apply(&source.system("test"), &declaration).await.unwrap();
                source.db.close().await;
                plan.steps.len()
            })
        });
        let mut steps = Vec::new();
        for node in nodes {
            steps.push(node.await.unwrap());
        }
        steps.sort_unstable();
        assert_eq!((steps[0], steps[1]), (0, 0));
        assert!(steps[2] > 2);
    })
    .await;
}
