//! Tables are made from files people edit and from what backups say: nothing but a table comes of it.
use futures_util::FutureExt as _;
use kernel::{Error, Result};
use resources::schema::{self, MigrationFile, Undeclared};
use serde_json::{Value as Json, json};

use crate::support::{World, declare};

const DOCS: &str = "[docs.fields]\nprice = { type = \"decimal\", precision = 6, scale = 2, default = \"1.50\" }";
const HOSTILE: &str = "0); DROP TABLE users; --";

async fn users(world: &World) -> i64 {
    let system = world.system();
    let count = system.read(|_, tx| async move { tx.query_one("SELECT COUNT(*) FROM users", &[]).await }.boxed());
    count.await.unwrap().get(0).unwrap()
}

fn refusal(made: Result<()>) -> String {
    made.map_or_else(|error: Error| error.detail().to_owned(), |()| "made".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_says_what_tables_there_are_and_nothing_else() {
    testkit::on_both(async |db| {
        let world = World::new(db, "").await;
        let column = |default: Json| {
            let price = json!({"decimal": {"precision": 6, "scale": 2}});
            json!({"name": "price", "type": price, "is_nullable": true, "default": default})
        };
        let id = json!({"name": "id", "type": "id", "is_nullable": false});
        let shape = |column: Json| json!({"columns": [id, column], "indexes": []}).to_string();
        for (name, shape) in [
            ("docs", shape(column(json!(HOSTILE)))),
            ("docs (id text); DROP TABLE users; --", shape(column(json!("1.50")))),
        ] {
            let made = schema::make_recorded(&world.system(), vec![(name.to_owned(), shape)]).await;
            assert!(refusal(made).starts_with("The tables cannot be made"), "{name}");
        }
        assert_eq!(users(&world).await, 0);
        let good = vec![("docs".to_owned(), shape(column(json!("1.50"))))];
        schema::make_recorded(&world.system(), good).await.unwrap();

        // What a copy brings is not trusted either when it is read.
        let bad = shape(column(json!(HOSTILE)));
        let system = world.system();
        let record = system.write(move |_, tx| {
            let bad = [kernel::Value::Json(bad)];
            async move { tx.execute("UPDATE declared_tables SET shape = $1", &bad).await }.boxed()
        });
        record.await.unwrap();
        assert!(schema::apply(&world.system(), &declare(DOCS)).await.is_err());
        assert_eq!(users(&world).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_steps_does_nothing_but_its_steps() {
    testkit::on_both(async |db| {
        let world = World::new(db, "").await;
        let system = world.system();
        let (text, _) = schema::diff(&system, &declare(DOCS), &[], Undeclared::Keep).await.unwrap().unwrap();
        for (good, bad) in [
            ("\"1.50\"", format!("\"{HOSTILE}\"")),
            ("\"price\"", "'a\" text); DROP TABLE users; --'".to_owned()),
            ("table = \"docs\"", "table = 'docs\" (id text); DROP TABLE users; --'".to_owned()),
        ] {
            assert!(text.contains(good), "{good}: {text}");
            let file = MigrationFile::parse("202611211200_docs", &text.replace(good, &bad)).unwrap();
            let refused = schema::apply_files(&system, &[file], true, false).await.unwrap_err();
            let said = refused.detail();
            assert!(said.contains("is no name") || said.contains("is no default"), "{bad}: {said}");
        }
        assert_eq!(users(&world).await, 0);
        let file = MigrationFile::parse("202611211200_docs", &text).unwrap();
        assert_eq!(schema::apply_files(&system, &[file], false, false).await.unwrap().len(), 3);
    })
    .await;
}
