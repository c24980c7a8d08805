//! `POST /api/v1/{resource}`
use serde_json::json;

use crate::support::on_both;

#[tokio::test(flavor = "multi_thread")]
async fn a_record_keeps_every_kind_of_value_exactly() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let folder = app.create("folders", &ann, &json!({"name": "f"})).await;
        let body = json!({
            "title": "Größe 𝄞", "body": "line\nline", "favourite": true, "folder": folder["id"], "rank_int": -10, "ratio": 0.1,
            "price": "-123456.70", "at": "2024-02-29T12:00:00.000001Z", "day": "0001-01-01",
            "data": {"b": [1, 1.5, null], "a": {}}, "state": "done", "contact": "a@b.example", "link": "https://x.example/y?z#w",
            "slug": "s",
        });
        let answer = app.post("/api/v1/documents", &body).bearer(&ann.token).send().await.expect(201);
        let record = answer.json();
        let path = format!("/api/v1/documents/{}", record["id"].as_str().unwrap());
        assert_eq!((answer.header("location"), answer.header("etag")), (Some(path.as_str()), Some("\"1\"")));
        for (name, value) in body.as_object().unwrap() {
            assert_eq!(&record[name], value, "{name}");
        }
        assert_eq!(record["owner_id"], ann.id);
        let read = app.get(&path).bearer(&ann.token).send().await.expect(200);
        assert_eq!(read.json(), record);
        assert_eq!(String::from_utf8(read.body).unwrap(), String::from_utf8(answer.body).unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_takes_its_default_and_null_is_leaving_out() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for body in [json!({"title": "a"}), json!({"title": "a", "state": null, "favourite": null, "body": null})] {
            let record = app.create("documents", &ann, &body).await;
            assert_eq!(
                (&record["state"], &record["favourite"], &record["body"]),
                (&json!("open"), &json!(false), &json!(null))
            );
        }
    })
    .await;
}
