//! Rows that are refused, and the rest that is not.
use std::time::Duration;

use futures_util::FutureExt as _;
use resources::records::transfer::{Format, Import};
use serde_json::json;
use testkit::{Engine, TestDb, on_both};

use super::*;

#[tokio::test]
async fn each_row_is_refused_by_itself_and_says_why() {
    on_both(async |db| {
        let world = world(db).await;
        let (ann, stranger) = (shown_user(ANN), shown_user(99));
        let file = [
            json!({"title": "good"}).to_string(),
            json!({"title": 5, "count": "x", "nope": 1}).to_string(),
            json!({"count": 1}).to_string(),
            json!({"title": null}).to_string(),
            "{\"title\":".to_owned(),
            json!({"title": "x", "owner_id": stranger}).to_string(),
            json!({"title": "x", "folder": shown("fld", 5)}).to_string(),
            json!({"title": "x", "slug": "a", "owner_id": ann}).to_string(),
            json!({"title": "x", "slug": "a"}).to_string(),
            json!({"title": "x", "shelf": 1, "place": 1}).to_string(),
            json!({"title": "x", "shelf": 1, "place": 1}).to_string(),
            json!({"title": "x", "shelf": 1, "place": null}).to_string(),
            json!({"title": "x", "id": shown("thg", 7)}).to_string(),
            json!({"title": "x", "id": shown("thg", 7)}).to_string(),
            json!({"title": "x", "id": "fld_1", "version": 0, "created_at": "today"}).to_string(),
            json!({"title": "x", "version": i64::MAX}).to_string(),
            // Of a record that is deleted already: its value is free.
            json!({"title": "x", "slug": "a", "deleted_at": "2026-01-01T00:00:00Z"}).to_string(),
            String::new(),
            json!({"title": "good"}).to_string(),
        ];
        let expected = [
            "2 invalid nope:unknown_field title:wrong_type count:wrong_type",
            "3 invalid title:missing",
            "4 invalid title:null",
            "5 malformed",
            "6 invalid owner_id:not_found",
            "7 invalid folder:not_found",
            "9 invalid slug:taken",
            "11 invalid shelf:taken place:taken",
            "14 invalid id:taken",
            "15 invalid id:format created_at:format version:out_of_range",
            "16 invalid version:out_of_range",
        ];
        let file = file.join("\n");
        for is_dry_run in [true, false] {
            let (found, watched) = import(&world, "things", &Import { is_dry_run, ..owned(ANN) }, &file).await;
            assert_eq!(watched.short(), expected);
            assert_eq!(found, summary(7, 0, 0, 11));
            let there = export(&world, "things", Format::JsonLines).await.lines().count();
            assert_eq!(there, if is_dry_run { 0 } else { 7 });
        }
        // Once more: what names its id or a unique value is there already.
        let (found, watched) = import(&world, "things", &owned(ANN), &file).await;
        assert_eq!(found.created, 4);
        let short = watched.short();
        for taken in ["8 invalid slug:taken", "10 invalid shelf:taken place:taken", "13 invalid id:taken"] {
            assert!(short.iter().any(|line| line == taken), "{taken}: {short:?}");
        }
        let (_, watched) = import(&world, "things", &lines(), "{\"title\":\"x\"}").await;
        assert_eq!(watched.short(), ["1 invalid owner_id:missing"]);
    })
    .await;
}

#[tokio::test]
async fn records_of_nobody_have_no_owner() {
    on_both(async |db| {
        let world = world(db).await;
        let file = format!("{}\n{}", json!({"key": "a"}), json!({"key": "b", "owner_id": shown_user(ANN)}));
        let (found, watched) = import(&world, "settings", &lines(), &file).await;
        assert_eq!((found.created, watched.short()), (1, vec!["2 invalid owner_id:no_owner".to_owned()]));
        let (ctx, resource) = (world.system(), world.resource("settings"));
        let mut watched = Watched::default();
        let input = Box::new(std::io::empty());
        let error = world.records.import(&ctx, &resource, &owned(ANN), input, &mut watched).await.unwrap_err();
        assert_eq!(error.code().as_str(), "bad_query");
    })
    .await;
}

#[tokio::test]
async fn tables_have_a_header_that_fits_and_rows_that_fit_it() {
    on_both(async |db| {
        let world = world(db).await;
        let table = Import { format: Format::Csv, ..owned(ANN) };
        let file = b"\xef\xbb\xbftitle,data,count\r\n\"a\r\nb\",{},-5\r\nshort\r\nx,{a},1\r\nb\xffd,,\r\nx,,many\r\n'=1,,\r\n\"open,,\r\n";
        let (found, watched) = import_bytes(&world, "things", &table, file).await;
        assert_eq!(watched.short(), [
            "4 malformed",
            "5 invalid data:format",
            "6 malformed",
            "7 invalid count:wrong_type",
            "9 malformed",
        ]);
        assert_eq!(found, summary(2, 0, 0, 5));
        let titles = export(&world, "things", Format::JsonLines).await;
        assert!(titles.contains(r#""title":"a\r\nb""#) && titles.contains(r#""title":"=1""#), "{titles}");

        let mut long = b"title\n\"".to_vec();
        long.resize(17 * 1024 * 1024, b'x');
        let (_, watched) = import_bytes(&world, "things", &table, &long).await;
        assert_eq!(watched.short(), ["2 too_long"]);

        let (ctx, resource) = (world.system(), world.resource("things"));
        let mut watched = Watched::default();
        let input = Box::new(&b"title,nope,title\n"[..]);
        let error = world.records.import(&ctx, &resource, &table, input, &mut watched).await.unwrap_err();
        let fields: Vec<_> = error.fields().iter().map(|error| (error.field.as_str(), error.code)).collect();
        assert_eq!(fields, [("nope", "unknown_field"), ("title", "duplicate")]);
    })
    .await;
}

#[tokio::test]
async fn rows_may_refer_to_later_ones() {
    on_both(async |db| {
        let world = world(db).await;
        // A chain from its end to its root, over more than two chunks.
        let row = |number: u128, parent: Option<u128>| {
            json!({"id": shown("fld", number), "name": "x", "parent": parent.map(|parent| shown("fld", parent))})
        };
        let chain = (1..=1200).rev().map(|number| row(number, (number > 1).then(|| number - 1)));
        // These never find theirs: one has no parent, two are each other's.
        let lost = [row(2001, Some(9999)), row(2002, Some(2003)), row(2003, Some(2002))];
        let file = file(chain.chain(lost));
        for is_dry_run in [true, false] {
            let (found, watched) = import(&world, "folders", &Import { is_dry_run, ..owned(ANN) }, &file).await;
            assert_eq!(found, summary(1200, 0, 0, 3));
            assert_eq!(watched.short(), [
                "1201 invalid parent:not_found",
                "1202 invalid parent:not_found",
                "1203 invalid parent:not_found"
            ]);
        }
    })
    .await;
}

/// Whoever is quicker between the check and the write makes the whole chunk fail; only the row that is to blame is refused.
#[tokio::test]
async fn a_chunk_that_fails_is_written_row_by_row() {
    let world = world(TestDb::open(Engine::Postgres).await).await;
    let system = world.system();
    let other = system.write(|ctx, tx| {
        async move {
            let sql = "INSERT INTO settings (id, created_at, updated_at, version, key) VALUES ($1, $2, $2, 1, 'k300')";
            tx.execute(sql, &[Uuid::from_u128(5).into(), ctx.now().into()]).await?;
            tokio::time::sleep(Duration::from_millis(1500)).await;
            Ok(())
        }
        .boxed()
    });
    let file = file((1..=600).map(|number| json!({"key": format!("k{number}")})));
    let late = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        import(&world, "settings", &lines(), &file).await
    };
    let (other, (found, watched)) = tokio::join!(other, late);
    other.unwrap();
    assert_eq!((found, watched.short()), (summary(599, 0, 0, 1), vec!["300 invalid key:taken".to_owned()]));
}

#[tokio::test]
async fn the_audit_trail_counts_chunks() {
    on_both(async |db| {
        let world = world(db).await;
        let file = "{\"title\":\"x\"}
"
        .repeat(1100);
        import(&world, "things", &Import { is_dry_run: true, ..owned(ANN) }, &file).await;
        import(&world, "things", &owned(ANN), &file).await;
        let system = world.system();
        let entries = system.read(|_, tx| {
            async move {
                    tx.query("SELECT action, target_type, actor_type, after FROM audit_log ORDER BY id", &[]).await
                }
                .boxed()
        });
        let mut rows = Vec::new();
        for entry in entries.await.unwrap() {
            let [action, target, actor, after] = [0, 1, 2, 3].map(|column| entry.get::<String>(column).unwrap());
            assert_eq!((action.as_str(), target.as_str(), actor.as_str()), ("records.imported", "things", "test"));
            rows.push(after);
        }
        rows.sort();
        assert_eq!(rows, ["{\"rows\":100}", "{\"rows\":500}", "{\"rows\":500}"]);
    })
    .await;
}
