//! Imports that change what is there.
use futures_util::FutureExt as _;
use resources::records::transfer::{Format, Import};
use serde_json::{Value as Json, json};
use testkit::on_both;

use super::*;

fn by(key: &[&str]) -> Import {
    Import { upsert: key.iter().map(|name| (*name).to_owned()).collect(), ..owned(ANN) }
}

async fn find(world: &World, title: &str) -> Json {
    let exported = export(world, "things", Format::JsonLines).await;
    let mut rows = exported.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    rows.find(|row| row["title"] == title).unwrap_or(Json::Null)
}

#[tokio::test]
async fn an_export_over_itself_changes_nothing() {
    on_both(async |db| {
        let world = world(db).await;
        let file = file((1..=700).map(|n: u128| json!({"id": shown("thg", n), "title": n.to_string()})));
        assert_eq!(import(&world, "things", &by(&["id"]), &file).await.0, summary(700, 0, 0, 0));
        for format in [Format::JsonLines, Format::Csv] {
            let exported = export(&world, "things", format).await;
            let again = Import { format, ..by(&["id"]) };
            assert_eq!(import(&world, "things", &again, &exported).await.0, summary(0, 0, 700, 0));
            assert_eq!(export(&world, "things", format).await, exported);
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_row_does_not_name_stays() {
    on_both(async |db| {
        let world = world(db).await;
        let file = json!({"id": shown("thg", 1), "title": "a", "slug": "s", "count": 1, "data": {"x": 1}}).to_string();
        import(&world, "things", &owned(ANN), &file).await;
        let before = find(&world, "a").await;
        let change = "{\"slug\":\"s\",\"count\":2,\"data\":{\"y\":1},\"version\":40}\n{\"slug\":\"t\",\"title\":\"new\"}\n{\"slug\":\"u\"}";
        for is_dry_run in [true, false] {
            let (found, watched) = import(&world, "things", &Import { is_dry_run, ..by(&["slug"]) }, change).await;
            assert_eq!((found, watched.short()), (summary(1, 1, 0, 1), vec!["3 invalid title:missing".to_owned()]));
        }
        let after = find(&world, "a").await;
        assert_eq!((&after["count"], &after["version"], &after["data"]), (&json!(2), &json!(2), &json!({"y": 1})));
        assert_eq!((&after["id"], &after["created_at"]), (&before["id"], &before["created_at"]));
        assert_eq!(find(&world, "new").await["owner_id"], shown_user(ANN));
        let system = world.system();
        let audited = system.read(|_, tx| {
            async move {
                let sql = "SELECT before, after FROM audit_log WHERE action = 'record.updated'";
                let row = tx.query_one(sql, &[]).await?;
                Ok((row.get::<String>(0)?, row.get::<String>(1)?))
            }
            .boxed()
        });
        let (old, new) = audited.await.unwrap();
        assert!(old.contains("\"count\":1") && new.contains("\"count\":2"), "{old} {new}");
    })
    .await;
}

#[tokio::test]
async fn the_last_row_about_a_record_counts_and_values_may_move() {
    on_both(async |db| {
        let world = world(db).await;
        let file = "{\"title\":\"a\",\"slug\":\"x\"}\n{\"title\":\"b\",\"slug\":\"y\"}\n";
        import(&world, "things", &owned(ANN), file).await;
        let (a, b) = (find(&world, "a").await["id"].clone(), find(&world, "b").await["id"].clone());
        let change = [
            // Free only when the next row has been written.
            json!({"id": b, "slug": "x"}),
            json!({"id": a, "slug": "z"}),
            json!({"id": a, "count": 1}),
            json!({"id": a, "count": 2}),
        ];
        let change = super::file(change);
        let (found, watched) = import(&world, "things", &by(&["id"]), &change).await;
        assert_eq!((found, watched.short()), (summary(0, 4, 0, 0), vec![]));
        let (a, b) = (find(&world, "a").await, find(&world, "b").await);
        assert_eq!((&a["slug"], &a["count"], &b["slug"]), (&json!("z"), &json!(2), &json!("x")));
    })
    .await;
}

#[tokio::test]
async fn records_are_restored_and_never_given_away() {
    on_both(async |db| {
        let world = world(db).await;
        let id = shown("thg", 1);
        let file = json!({"id": id, "title": "a", "deleted_at": "2026-01-01T00:00:00Z"}).to_string();
        import(&world, "things", &owned(ANN), &file).await;
        let stays = json!({"id": id, "count": 1}).to_string();
        import(&world, "things", &by(&["id"]), &stays).await;
        assert_eq!(find(&world, "a").await["deleted_at"], "2026-01-01T00:00:00.000000Z");
        let restored = json!({"id": id, "deleted_at": null}).to_string();
        import(&world, "things", &by(&["id"]), &restored).await;
        assert_eq!(find(&world, "a").await["deleted_at"], Json::Null);
        let given = json!({"id": id, "owner_id": shown_user(BOB)}).to_string();
        let (_, watched) = import(&world, "things", &by(&["id"]), &given).await;
        assert_eq!(watched.short(), ["1 invalid owner_id:fixed"]);
    })
    .await;
}

#[tokio::test]
async fn keys_are_unique() {
    on_both(async |db| {
        let world = world(db).await;
        let row = "{\"title\":\"a\",\"shelf\":1,\"place\":2}\n";
        assert_eq!(import(&world, "things", &by(&["shelf", "place"]), &row.repeat(2)).await.0, summary(1, 0, 1, 0));
        let (ctx, resource) = (world.system(), world.resource("things"));
        for key in [vec!["title"], vec!["shelf"], vec!["nope"]] {
            let mut watched = Watched::default();
            let input = Box::new(std::io::empty());
            let error = world.records.import(&ctx, &resource, &by(&key), input, &mut watched).await.unwrap_err();
            assert_eq!(error.code().as_str(), "bad_query", "{key:?}");
        }
    })
    .await;
}
