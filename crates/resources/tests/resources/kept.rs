//! What is no longer declared stays, and holds nothing that is.
use std::sync::Arc;

use futures_util::FutureExt as _;
use kernel::Uuid;
use resources::{
    records::{Parts, Records},
    schema::{self, Declaration},
};
use serde_json::{Value as Json, json};

use crate::support::{World, declare, keyring, object};

const FOLDERS: &str = "[folders.fields]\nname = { type = \"text\" }\n";

fn with_links(to: &str, is_required: bool, on_delete: &str) -> String {
    let folder = format!("{{ type = \"ref\", to = \"{to}\", required = {is_required}, on_delete = \"{on_delete}\" }}");
    format!("{FOLDERS}[links.fields]\nname = {{ type = \"text\" }}\nfolder = {folder}\n")
}

async fn follow(world: &World, text: &str) -> (Records, Arc<Declaration>) {
    let declaration = declare(text);
    let plan = schema::apply(&world.system(), &declaration).await.unwrap();
    assert_eq!(plan.refused, Vec::<String>::new());
    assert!(schema::apply(&world.system(), &declaration).await.unwrap().is_empty());
    (Records::new(Arc::clone(&declaration), &keyring()).unwrap(), declaration)
}

/// Two folders and a link to each, in a database of this declaration.
async fn filled(world: &World) -> [(Uuid, Uuid); 2] {
    let (ctx, folders, links) = (world.user(1, &[]), world.resource("folders"), world.resource("links"));
    let mut made = [(Uuid::nil(), Uuid::nil()); 2];
    for pair in &mut made {
        let folder = world.records.create(&ctx, &folders, object(json!({}))).await.unwrap();
        let body = object(json!({"name": "kept", "folder": folder.shown_id().unwrap()}));
        let link = world.records.create(&ctx, &links, body).await.unwrap();
        *pair = (folder.id().unwrap(), link.id().unwrap());
    }
    made
}

async fn shown(world: &World, (records, declaration): &(Records, Arc<Declaration>), id: Uuid) -> Json {
    let links = declaration.find("links").unwrap();
    let found = records.get(&world.user(1, &[]), links, id, &Parts::default()).await.unwrap();
    serde_json::to_value(&found).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_gone_neither_holds_nor_follows_what_it_referred_to() {
    for (is_required, on_delete) in [(false, "restrict"), (true, "restrict"), (true, "cascade"), (false, "set_null")] {
        testkit::on_both(async |db| {
            let world = World::new(db, &with_links("folders", is_required, on_delete)).await;
            let [(gone, one), (stays, other)] = filled(&world).await;
            let without = follow(&world, &format!("{FOLDERS}[links.fields]\nname = {{ type = \"text\" }}")).await;
            let folders = without.1.find("folders").unwrap();
            without.0.delete(&world.user(1, &[]), folders, gone, None).await.unwrap();
            assert_eq!(shown(&world, &without, one).await["name"], "kept");

            // The field comes back with what is still there, and refers to it again.
            let again = follow(&world, &with_links("folders", false, "restrict")).await;
            assert_eq!(shown(&world, &again, one).await["folder"], json!(null), "{on_delete}");
            let found = shown(&world, &again, other).await;
            assert_eq!(found["folder"], kernel::id::encode("folders", stays), "{on_delete}");
            let held = again.0.delete(&world.user(1, &[]), again.1.find("folders").unwrap(), stays, None).await;
            assert_eq!(held.unwrap_err().code(), kernel::Code::ReferenceViolation);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_is_gone_neither_holds_nor_follows_what_it_referred_to() {
    use identity::accounts::AccountKeeper as _;
    for on_delete in ["restrict", "cascade"] {
        testkit::on_both(async |db| {
            let with = with_links("folders", true, on_delete);
            let world = World::new(db, &with).await;
            let [(gone, _), _] = filled(&world).await;
            let (records, declaration) = follow(&world, FOLDERS).await;
            let ctx = world.user(1, &[]);
            records.delete(&ctx, declaration.find("folders").unwrap(), gone, None).await.unwrap();
            // A deleted account does not stay hidden for what nobody can take away.
            let (hook, owner) = (records.clone(), ctx.actor.user_id().unwrap());
            let hide = world.system();
            hide.write(move |ctx, tx| Box::pin(async move { hook.hide(tx, &ctx, owner).await })).await.unwrap();
            assert_eq!(records.purge(&world.system()).await.unwrap(), 1);
            let count = "SELECT (SELECT COUNT(*) FROM links), (SELECT COUNT(*) FROM hidden_owners)";
            let count = hide.read(move |_, tx| async move { tx.query_one(count, &[]).await }.boxed());
            let row = count.await.unwrap();
            assert_eq!((row.get::<i64>(0).unwrap(), row.get::<i64>(1).unwrap()), (2, 0), "{on_delete}");

            // A reference that must be there and is not stands in the way, and is counted.
            let refused = schema::apply(&world.system(), &declare(&with)).await.unwrap_err();
            assert!(refused.detail().contains("2 rows of links have a folder that is not in folders"), "{refused:?}");
            follow(&world, &with_links("folders", false, on_delete)).await;
        })
        .await;
    }
}
