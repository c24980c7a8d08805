//! Query strings that are wrong: unknown parameters on every route, and everything a list can be asked wrongly.
use web::Route;

use super::{Scene, on_both_scenes, refused};
use crate::support::{SoftKey, Targets, on_both, valid_body};

const BAD_QUERY: (u16, &str) = (400, "bad_query");
const BAD_CURSOR: (u16, &str) = (400, "bad_cursor");

/// Routes that give pages.
fn lists(scene: &Scene) -> impl Iterator<Item = &Route> {
    scene.routes().filter(|route| route.query.iter().any(|field| field.name == "after"))
}

async fn refused_query(scene: &Scene, route: &Route, query: &str, outcome: (u16, &str)) -> Vec<(String, String)> {
    let path = format!("{}?{query}", scene.targets.path(route));
    let shown: String = query.chars().take(100).collect();
    let answer = refused(route, scene.request_to(route, &path), outcome, &shown).await;
    answer.errors()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_no_route_knows_is_400_on_every_route() {
    on_both_scenes(async |scene| {
        for route in scene.routes() {
            for (query, named) in [
                ("no_such=1", "no_such"),
                ("no_such", "no_such"),
                ("=1", ""),
                ("%6Eo_such=", "no_such"),
                ("Limit=1", "Limit"),
            ] {
                let errors = refused_query(scene, route, query, BAD_QUERY).await;
                assert_eq!(
                    errors,
                    [(named.to_owned(), "unknown_parameter".to_owned())],
                    "{} {query}",
                    route.operation.id
                );
            }
            for query in ["fields=a", "expand=a", "count=1", "deleted=1", "cursor=x", "page=2", "offset=5"] {
                refused_query(scene, route, query, BAD_QUERY).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_no_query_is_400_on_every_route() {
    on_both_scenes(async |scene| {
        for route in scene.routes() {
            for query in ["%zz=1", "%ff=1", "a=%ff", "a=%", "%00=1", "?", "a=1?b=2"] {
                refused_query(scene, route, query, BAD_QUERY).await;
            }
            // As long as a request line can be in process; over the wire less is refused by HTTP itself.
            refused_query(scene, route, &"a".repeat(60_000), BAD_QUERY).await;
            refused_query(scene, route, &"&".repeat(60_000), BAD_QUERY).await;
            let errors = refused_query(scene, route, &"a=1&".repeat(1_000), BAD_QUERY).await;
            assert!(errors.len() <= 50, "{} problems in one answer", errors.len());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_a_number_from_1_to_200() {
    on_both_scenes(async |scene| {
        for route in lists(scene) {
            for limit in ["0", "-1", "201", "1000000"] {
                let errors = refused_query(scene, route, &format!("limit={limit}"), BAD_QUERY).await;
                assert_eq!(errors, [("limit".to_owned(), "out_of_range".to_owned())], "{limit}");
            }
            for limit in [
                "",
                "abc",
                "1.5",
                "1e2",
                "0x10",
                "%2010",
                "10%20",
                "99999999999999999999",
                "-99999999999999999999",
                "%D9%A3",
                "%00",
                "1,2",
                "null",
            ] {
                refused_query(scene, route, &format!("limit={limit}"), BAD_QUERY).await;
            }
            for limit in [1, 200] {
                scene
                    .request_to(route, &format!("{}?limit={limit}", scene.targets.path(route)))
                    .send()
                    .await
                    .expect(200);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_may_be_given_once() {
    on_both_scenes(async |scene| {
        for route in lists(scene) {
            for query in ["limit=5&limit=5", "limit=5&%6Cimit=6", "limit=5&limit="] {
                let errors = refused_query(scene, route, query, BAD_QUERY).await;
                assert_eq!(errors, [("limit".to_owned(), "repeated".to_owned())], "{query}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_parameter_is_named() {
    on_both_scenes(async |scene| {
        for route in lists(scene) {
            let errors = refused_query(scene, route, "limit=0&no_such=1&after=%00", BAD_QUERY).await;
            let named: Vec<&str> = errors.iter().map(|(field, _)| field.as_str()).collect();
            assert_eq!(named, ["limit", "no_such", "after"]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_someone_made_up_is_400() {
    on_both_scenes(async |scene| {
        for route in lists(scene) {
            let long = "A".repeat(150);
            for cursor in
                ["", "x", "AAAA", "====", "%20", "null", "1", "..%2f..", "eyJpZCI6MX0", "W10", &long, "%F0%9D%84%9E"]
            {
                refused_query(scene, route, &format!("after={cursor}"), BAD_CURSOR).await;
            }
            refused_query(scene, route, &format!("after={}", "A".repeat(7_000)), BAD_QUERY).await;
        }
    })
    .await;
}

/// A cursor that a list gave.
async fn cursor(scene: &Scene, path: &str) -> String {
    let whose = if path.starts_with("/auth/v1/passkeys") { &scene.targets.holder } else { &scene.administrator };
    let request = scene.app.get(path).bearer(&whose.token);
    let page = request.send().await.expect(200).json();
    page["next"].as_str().unwrap_or_else(|| panic!("{path} has no second page")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_list_or_order_is_400() {
    on_both(async |app| {
        let administrator = app.person("administrator@example.com", &["admin", "reader"]).await;
        let targets = Targets::new(&app, &administrator, &administrator).await;
        // Two of everything, so that a page of one has a next.
        for resource in app.resources() {
            app.create(&resource.name, &administrator, &valid_body(&resource.input(), 77)).await;
        }
        SoftKey::passkey().register(&app, &targets.holder).await;
        let scene = Scene { strong: administrator.clone(), app, administrator, targets };
        let mut cursors = Vec::new();
        for route in lists(&scene) {
            // Of another's sessions and keys there is one alone, and of groups too unless they are asked for.
            if !["list_user_sessions", "list_user_api_keys"].contains(&&*route.operation.id) {
                let group = if route.operation.id.starts_with("aggregate_") { "group=id&" } else { "" };
                let path = format!("{}?{group}limit=1", scene.targets.path(route));
                cursors.push((&*route.operation.id, cursor(&scene, &path).await));
            }
        }
        for (order, query) in [
            ("documents by title", "sort=title"),
            ("documents backwards", "sort=-id"),
            ("documents by two", "sort=title,-rank_int"),
        ] {
            cursors.push((order, cursor(&scene, &format!("/api/v1/documents?limit=1&{query}")).await));
        }
        for route in lists(&scene) {
            for (from, cursor) in &cursors {
                // One's own sessions and keys and those an administrator looks at are one list.
                if *from == route.operation.id
                    || (route.operation.id == "list_user_sessions" && *from == "list_sessions")
                    || (route.operation.id == "list_user_api_keys" && *from == "list_api_keys")
                {
                    continue;
                }
                assert_eq!(refused_query(&scene, route, &format!("after={cursor}"), BAD_CURSOR).await, [], "{from}");
            }
        }
        let (_, own) = &cursors.iter().find(|(from, _)| *from == "list_documents").unwrap();
        let route = scene.app.route("list_documents");
        for (at, letter) in own.char_indices() {
            let other = if letter == 'A' { "B" } else { "A" };
            let changed = format!("{}{other}{}", &own[..at], &own[at + 1..]);
            refused_query(&scene, route, &format!("after={changed}"), BAD_CURSOR).await;
        }
        for changed in [&own[1..], &own[..own.len() - 1], &format!("{own}A"), &format!("{own}=")] {
            refused_query(&scene, route, &format!("after={changed}"), BAD_CURSOR).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_by_what_cannot_be_ordered_is_400() {
    on_both_scenes(async |scene| {
        for resource in scene.app.resources() {
            let route = scene.app.route(&format!("list_{}", resource.name));
            for sort in [
                "no_such",
                "",
                ",",
                "id,",
                ",id",
                "-",
                "--id",
                "%2Bid",
                "id,id",
                "id,-id",
                "ID",
                "id%20desc",
                "id;drop",
                "owner_id.x",
                "%00",
                "rowid",
                "id,owner_id,created_at,updated_at,version",
            ] {
                refused_query(scene, route, &format!("sort={sort}"), BAD_QUERY).await;
            }
            refused_query(scene, route, &format!("sort={}", "x".repeat(5_000)), BAD_QUERY).await;
        }
        for (list, json) in [("list_documents", "data"), ("list_settings", "value")] {
            let errors = refused_query(scene, scene.app.route(list), &format!("sort=-{json}"), BAD_QUERY).await;
            assert_eq!(errors[0].0, "sort");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_cannot_be_read_is_400_and_says_where() {
    on_both_scenes(async |scene| {
        for resource in scene.app.resources() {
            let route = scene.app.route(&format!("list_{}", resource.name));
            let (long, deep) = ("true%7C%7C".repeat(500), format!("{}true", "!".repeat(1_000)));
            for filter in [
                "",
                "%20",
                "record",
                "record.",
                "record.no_such%20%3D%3D%201",
                "record.id%20%3D%201",
                "record.id%20%3D%3D%201",
                "record.version%20%3D%3D%20'x'",
                "record.version%20%3D%3D%209223372036854775808",
                "record.version%20%3E%20null",
                "record.version",
                "1%20%3D%3D%201",
                "true%20true",
                "(true",
                "'",
                "%F0%9D%84%9E",
                "record.id%3B%20drop",
                "record.version%20in%20[1,",
                "unknown()",
                &long,
                &deep,
                &"(".repeat(4_000),
                &"x".repeat(4_000),
            ] {
                let errors = refused_query(scene, route, &format!("filter={filter}"), BAD_QUERY).await;
                assert_eq!(errors[0].0, "filter", "{filter}");
            }
            refused_query(scene, route, &format!("filter={}", "x".repeat(7_000)), BAD_QUERY).await;
        }
        let route = scene.app.route("list_documents");
        let path = format!("{}?filter=record.title%20%3D%3D%20'a'%20%26%26%20record.nope", route.path);
        let problem = scene.request_to(route, &path).send().await.expect_problem(400, "bad_query").json();
        assert_eq!(problem["errors"][0]["message"], "at character 31: the record has no field `nope`");
        // Nothing of JSON can be asked but whether it is null.
        refused_query(scene, route, "filter=record.data%20%3D%3D%20'a'", BAD_QUERY).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_are_none_are_400() {
    on_both_scenes(async |scene| {
        for resource in scene.app.resources() {
            for verb in ["list", "get"] {
                let route = scene.app.route(&format!("{verb}_{}", resource.name));
                for parameter in ["fields", "expand"] {
                    if route.query.iter().all(|field| field.name != parameter) {
                        continue;
                    }
                    for names in ["", ",", "no_such", "id,", ",id", "ID", "id%20", "id,id", "*", "rowid", "folder.name"]
                    {
                        let errors = refused_query(scene, route, &format!("{parameter}={names}"), BAD_QUERY).await;
                        assert_eq!(errors, [(parameter.to_owned(), "invalid".to_owned())], "{names}");
                    }
                    refused_query(scene, route, &format!("{parameter}={}", "x,".repeat(2_000)), BAD_QUERY).await;
                }
            }
        }
        let route = scene.app.route("list_documents");
        for query in ["expand=title", "expand=folder,folder", "expand=owner_id", "fields=title,title"] {
            refused_query(scene, route, query, BAD_QUERY).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_walked_to_from_one_side_alone() {
    on_both(async |app| {
        let administrator = app.person("administrator@example.com", &["admin", "reader"]).await;
        let targets = Targets::new(&app, &administrator, &administrator).await;
        app.create("documents", &administrator, &serde_json::json!({"title": "a"})).await;
        let scene = Scene { strong: administrator.clone(), app, administrator, targets };
        let route = scene.app.route("list_documents");
        let next = cursor(&scene, "/api/v1/documents?limit=1").await;
        let errors = refused_query(&scene, route, &format!("after={next}&before={next}"), BAD_QUERY).await;
        assert_eq!(errors, [("before".to_owned(), "invalid".to_owned())]);
        for cursor in ["", "x", "%F0%9D%84%9E", &next[1..]] {
            refused_query(&scene, route, &format!("before={cursor}"), BAD_CURSOR).await;
        }
        refused_query(&scene, route, &format!("before={next}&sort=title"), BAD_CURSOR).await;
        // Nothing is kept of folders once they are deleted.
        refused_query(&scene, scene.app.route("list_folders"), "deleted=only", BAD_QUERY).await;
        for query in ["deleted=", "deleted=true", "count=", "count=Exact", "count=exact,estimated"] {
            refused_query(&scene, route, query, BAD_QUERY).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aggregate_of_what_cannot_be_computed_is_400() {
    on_both_scenes(async |scene| {
        for resource in scene.app.resources() {
            let route = scene.app.route(&format!("aggregate_{}", resource.name));
            for parameter in ["group", "sum", "avg", "min", "max"] {
                for names in ["", ",", "no_such", "version,", "version,version", "*", "-version", "count(id)", "rowid"]
                {
                    let errors = refused_query(scene, route, &format!("{parameter}={names}"), BAD_QUERY).await;
                    assert_eq!(errors, [(parameter.to_owned(), "invalid".to_owned())], "{names}");
                }
                if parameter != "group" {
                    refused_query(scene, route, &format!("{parameter}=id"), BAD_QUERY).await;
                }
            }
            refused_query(scene, route, "group=id,owner_id,created_at,updated_at,version", BAD_QUERY).await;
            refused_query(scene, route, "filter=record.no_such%20%3D%3D%201", BAD_QUERY).await;
            for other in ["sort=id", "fields=id", "count=exact", "before=x", "deleted=only"] {
                refused_query(scene, route, other, BAD_QUERY).await;
            }
        }
        let route = scene.app.route("aggregate_documents");
        for query in
            ["sum=title", "avg=at", "sum=favourite", "min=favourite", "max=data", "min=folder", "group=data", "avg=day"]
        {
            refused_query(scene, route, query, BAD_QUERY).await;
        }
    })
    .await;
}
