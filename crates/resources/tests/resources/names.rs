//! Resources may be called as a statement might call what it is about.
use std::sync::Arc;

use resources::{
    records::{ListQuery, Records},
    schema,
};
use serde_json::json;

use crate::support::{World, declare, keyring, object};

const DECLARED: &str = r#"
[NAME]
id_prefix = "item"
search = []
[NAME.fields]
title = { type = "text" }
parent = { type = "ref", to = "NAME" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_may_be_called_as_statements_call_things() {
    for name in ["probe", "given", "given_rows", "ranked", "asked", "related_1", "found", "excluded"] {
        testkit::on_both(async |db| {
            let text = DECLARED.replace("NAME", name);
            let world = World::new(db, &text).await;
            let (ctx, old) = (world.user(1, &[]), world.resource(name));
            let root = world.records.create(&ctx, &old, object(json!({"title": "root"}))).await.unwrap();
            let body = object(json!({"title": "leaf", "parent": root.shown_id().unwrap()}));
            world.records.create(&ctx, &old, body).await.unwrap();

            // Search data is made of rows that are there.
            let declaration = declare(&text.replace("search = []", "search = [\"title\"]"));
            schema::apply(&world.system(), &declaration).await.unwrap();
            let records = Records::new(Arc::clone(&declaration), &keyring()).unwrap();
            let resource = declaration.find(name).unwrap();
            let titles = async |search: Option<&str>, filter: &str| {
                let (search, filter) = (search.map(str::to_owned), Some(filter.to_owned()));
                let page = records.list(&ctx, resource, ListQuery { search, filter, ..ListQuery::default() }).await;
                let items = serde_json::to_value(page.unwrap().items).unwrap();
                items
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item["title"].as_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            };
            assert_eq!(titles(Some("leaf"), "true").await, ["leaf"], "{name}");
            assert_eq!(titles(None, "record.parent.title != 'x' && record.parent != null").await, ["leaf"], "{name}");
            assert_eq!(titles(Some("leaf"), "record.parent.title == 'root'").await, ["leaf"], "{name}");
        })
        .await;
    }
}
