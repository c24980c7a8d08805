//! Records that are long: no more of them are read than an answer holds.
use std::sync::Arc;

use kernel::{Code, Limit, Uuid};
use resources::records::{
    ListQuery, Listing, Parts,
    transfer::{Export, Format},
};
use serde_json::json;
use store::{Db, Options, Source, statement::Recording};
use testkit::TestDb;

use crate::support::{World, object, user};

const TABLES: &str = r#"
[texts]
search = ["word"]
[texts.fields]
n = { type = "int" }
word = { type = "text", max_length = 100 }
body = { type = "text", max_length = 1000000 }
data = { type = "json", max_bytes = 1000000 }
mine = { type = "text", max_length = 1000000, read = "record.owner_id == actor.id" }
[texts.access]
read = "true"
[links.fields]
n = { type = "int" }
text = { type = "ref", to = "texts" }
[links.access]
read = "true"
"#;

const LENGTH: usize = 500_000;

/// Whoever asks through this has every statement heard.
async fn recorded(options: Options, world: &World) -> (Recording, Source) {
    let recording = Recording::default();
    let db = Db::open(Options { recording: Some(recording.clone()), ..options }).await.unwrap();
    (recording, Source { db, ..world.source.clone() })
}

/// Of how many records the statements since the last time can have read a long value at once.
fn read(recording: &Recording) -> Vec<usize> {
    let texts = recording.take().into_iter().filter(|text| text.contains("\"body\"") && !text.contains("octet_length"));
    texts.map(|text| text.split_once(" AND id IN (").map_or(usize::MAX, |(_, ids)| ids.matches('$').count())).collect()
}

fn ids(page: &Listing) -> Vec<Uuid> {
    page.items.iter().map(|item| item.id().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_reads_no_more_than_it_holds() {
    testkit::on_both(async |db: TestDb| {
        let options = db.options();
        let world = World::new(db, TABLES).await;
        let (texts, links) = (world.resource("texts"), world.resource("links"));
        let ctx = world.user(1, &[]);
        let (mut all, mut all_links) = (Vec::new(), Vec::new());
        for n in 0..14 {
            // The longest is longer than a page; short ones stand between.
            let length = [LENGTH, 10, LENGTH, LENGTH, 10, LENGTH, 1_000_000][n % 7];
            let mut body =
                json!({"n": n, "word": "fox", "body": "x".repeat(length), "data": {"a": "x".repeat(length / 5)}});
            if n % 7 == 6 {
                body["data"] = json!("y".repeat(999_000));
                body["mine"] = json!("z".repeat(500_000));
            }
            let text = world.records.create(&ctx, &texts, object(body)).await.unwrap();
            let link = json!({"n": n, "text": text.shown_id().unwrap()});
            all_links.push(world.records.create(&ctx, &links, object(link)).await.unwrap().id().unwrap());
            all.push(text.id().unwrap());
        }
        let (recording, source) = recorded(options, &world).await;
        let ctx = source.ctx(user(1, &[]), Arc::default());
        for (resource, query, expected) in [
            (&texts, ListQuery { sort: Some("n".into()), ..ListQuery::default() }, &all),
            (&texts, ListQuery { search: Some("fox".into()), ..ListQuery::default() }, &all),
            (
                &links,
                ListQuery {
                    sort: Some("n".into()),
                    parts: Parts { expand: Some("text".into()), fields: None },
                    ..ListQuery::default()
                },
                &all_links,
            ),
        ] {
            let page = async |after: Option<String>, before: Option<String>| {
                let query = ListQuery { limit: Limit::new(200).unwrap(), after, before, ..query.clone() };
                world.records.list(&ctx, resource, query).await.unwrap()
            };
            let (mut walked, mut pages, mut after) = (Vec::new(), Vec::new(), None);
            loop {
                recording.take();
                let page = page(after, None).await;
                let bytes = serde_json::to_string(&page).unwrap().len();
                assert!(bytes < 2_200_000 || page.items.len() == 1, "{bytes} bytes in {}", page.items.len());
                assert_eq!(read(&recording), [page.items.len()]);
                walked.extend(ids(&page));
                pages.push(ids(&page));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert!((4..14).contains(&pages.len()), "{} pages", pages.len());
            let mut expected = expected.clone();
            if query.search.is_some() {
                // Ranks differ between the engines.
                walked.sort();
                expected.sort();
            }
            assert_eq!(walked, expected);
        }
        // What is hidden does not make pages shorter.
        let lengths = async |number: u128| {
            let ctx = source.ctx(user(number, &[]), Arc::default());
            let query = ListQuery {
                sort: Some("n".into()),
                parts: Parts { fields: Some("n,mine".into()), expand: None },
                ..ListQuery::default()
            };
            world.records.list(&ctx, &texts, query).await.unwrap().items.len()
        };
        assert_eq!(lengths(2).await, 14);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_over_too_much_is_refused_before_it_is_read() {
    testkit::on_both(async |db: TestDb| {
        let options = db.options();
        let world = World::new(db, TABLES).await;
        let texts = world.resource("texts");
        let ctx = world.user(1, &[]);
        let mut ids = Vec::new();
        for _ in 0..10 {
            let body = json!({"body": "x".repeat(1_000_000), "data": "y".repeat(999_000)});
            ids.push(world.records.create(&ctx, &texts, object(body)).await.unwrap().shown_id().unwrap());
        }
        let (recording, source) = recorded(options, &world).await;
        let ctx = source.ctx(user(1, &[]), Arc::default());
        let delete = async |ids: &[String]| {
            recording.take();
            world.records.batch(&ctx, &texts, object(json!({"delete": ids}))).await
        };
        assert_eq!(delete(&ids).await.unwrap_err().code(), Code::BodyTooLarge);
        assert_eq!(read(&recording), Vec::<usize>::new());
        assert_eq!(delete(&ids[..7]).await.unwrap().deleted, 7);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_reads_few_long_records_at_once_after_many_short_ones() {
    testkit::on_both(async |db: TestDb| {
        let clock = std::sync::Arc::clone(&db.clock);
        let world = World::new(db, TABLES).await;
        let texts = world.resource("texts");
        let user = world.user(1, &[]);
        for n in 0..130 {
            let body = json!({"n": n, "body": "x".repeat(if n < 100 { 1 } else { LENGTH })});
            world.records.create(&user, &texts, object(body)).await.unwrap();
            // Records are read by their ids, which are as old as they are to the millisecond.
            clock.advance(std::time::Duration::from_millis(1));
        }
        let all = Export { format: Format::JsonLines, fields: Vec::new(), filter: None, has_deleted: false };
        let (mut file, mut pages) = (Vec::new(), vec![0]);
        let mut heard = |total| pages.push(total);
        let total = world.records.export(&world.system(), &texts, &all, &mut file, &mut heard).await.unwrap();
        assert_eq!((total, std::str::from_utf8(&file).unwrap().lines().count()), (130, 130));
        let long: Vec<u64> =
            pages.windows(2).filter(|pair| pair[1] > 100).map(|pair| pair[1] - pair[0].max(100)).collect();
        // 4 MiB, and a record.
        assert!(long.len() > 3 && long.iter().all(|records| *records <= 9), "{pages:?}");
    })
    .await;
}
