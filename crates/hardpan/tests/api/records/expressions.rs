//! Rules one step from the record, rules that only memory can answer, and filters that see what their caller sees.
use serde_json::{Value as Json, json};

use crate::support::{Answer, Person, TestApp};

/// Who owns a project reads and changes its tasks; members see their own. `cost` is for the project's owner.
const APP: &str = r#"
[app]
name = "tested"
[resources.projects]
id_prefix = "prj"
soft_delete = true
[resources.projects.fields]
name = { type = "text", required = true, max_length = 100 }
budget = { type = "int", read = "record.owner_id == actor.id" }
[resources.projects.access]
read = "record.owner_id == actor.id || record.name.startsWith('open')"

[resources.tasks]
id_prefix = "tsk"
[resources.tasks.fields]
title = { type = "text", required = true, max_length = 100 }
cost = { type = "int", read = "record.project.owner_id == actor.id" }
due = { type = "timestamp" }
project = { type = "ref", to = "projects" }
[resources.tasks.access]
read = "record.owner_id == actor.id || record.project.owner_id == actor.id"
create = "record.title.matches('^[A-ZÜ]') && (!has(record.project) || record.project.name != 'open but full')"
update = "record.owner_id == actor.id || record.project.owner_id == actor.id"
"#;

struct Scene {
    app: TestApp,
    ann: Person,
    bob: Person,
    /// Ann's, which everybody reads.
    open: String,
    /// Ann's, which nobody else reads.
    shut: String,
}

async fn on_both_scenes(test: impl AsyncFn(&Scene)) {
    testkit::on_both(async |db| {
        let app = TestApp::with(db, APP, &[]).await;
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let project = async |name: &str, budget: i64| {
            let project = app.create("projects", &ann, &json!({"name": name, "budget": budget})).await;
            project["id"].as_str().unwrap().to_owned()
        };
        let (open, shut) = (project("open", 10).await, project("shut", 20).await);
        test(&Scene { app, ann, bob, open, shut }).await;
    })
    .await;
}

impl Scene {
    async fn task(&self, owner: &Person, title: &str, cost: i64, project: Option<&str>) -> Json {
        self.app.create("tasks", owner, &json!({"title": title, "cost": cost, "project": project})).await
    }

    async fn filtered(&self, resource: &str, person: &Person, filter: &str) -> Answer {
        let encode = |byte: u8| match byte {
            b'a'..=b'z' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        let encoded: String = filter.bytes().map(encode).collect();
        self.app.get(&format!("/api/v1/{resource}?filter={encoded}")).bearer(&person.token).send().await
    }

    /// The titles a filter leaves, sorted: the clock stands still, so ids tell no order.
    async fn titles(&self, person: &Person, filter: &str) -> Vec<String> {
        let page = self.filtered("tasks", person, filter).await.expect(200).json();
        let title = |item: &Json| item["title"].as_str().unwrap().to_owned();
        let mut titles: Vec<String> = page["items"].as_array().unwrap().iter().map(title).collect();
        titles.sort();
        titles
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_may_ask_the_record_that_is_referred_to() {
    on_both_scenes(async |scene| {
        let Scene { app, ann, bob, open, .. } = scene;
        let task = scene.task(bob, "Paint", 5, Some(open)).await;
        let path = TestApp::path("tasks", &task);
        // The project's owner reads and changes what is not theirs, and sees what its writer does not.
        assert_eq!(task.get("cost"), None);
        assert_eq!(app.get(&path).bearer(&ann.token).send().await.expect(200).json()["cost"], 5);
        app.patch(&path, &json!({"title": "Varnish"})).bearer(&ann.token).send().await.expect(200);
        assert_eq!(scene.titles(ann, "true").await, ["Varnish"]);
        // Without the project nothing of it holds.
        app.patch(&path, &json!({"project": null})).bearer(&bob.token).send().await.expect(200);
        app.get(&path).bearer(&ann.token).send().await.expect(404);
        assert_eq!(scene.titles(ann, "true").await, Vec::<String>::new());
        // Nor of one that is deleted.
        app.patch(&path, &json!({"project": open})).bearer(&bob.token).send().await.expect(200);
        app.get(&path).bearer(&ann.token).send().await.expect(200);
        app.delete(&format!("/api/v1/projects/{open}")).bearer(&ann.token).send().await.expect(204);
        app.get(&path).bearer(&ann.token).send().await.expect(404);
        assert_eq!(scene.titles(ann, "true").await, Vec::<String>::new());
        // A change that would lock its maker out is refused.
        let other = scene.task(bob, "Other", 1, None).await;
        app.get(&TestApp::path("tasks", &other)).bearer(&ann.token).send().await.expect(404);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_must_satisfy_the_rule_afterwards_too() {
    on_both_scenes(async |scene| {
        let Scene { app, ann, bob, open, shut } = scene;
        let task = scene.task(bob, "Paint", 5, Some(open)).await;
        let path = TestApp::path("tasks", &task);
        // Ann may move it between her projects, and not out of them.
        app.patch(&path, &json!({"project": shut})).bearer(&ann.token).send().await.expect(200);
        app.patch(&path, &json!({"project": null})).bearer(&ann.token).send().await.expect_problem(403, "forbidden");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_memory_can_answer_is_asked_of_new_records() {
    on_both_scenes(async |Scene { app, ann, .. }| {
        let create = async |body: &Json| app.post("/api/v1/tasks", body).bearer(&ann.token).send().await;
        create(&json!({"title": "Paint"})).await.expect(201);
        create(&json!({"title": "paint"})).await.expect_problem(403, "forbidden");
        let full = app.create("projects", ann, &json!({"name": "open but full"})).await;
        create(&json!({"title": "Paint", "project": full["id"]})).await.expect_problem(403, "forbidden");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_find_by_text_time_and_relation() {
    on_both_scenes(async |scene| {
        let Scene { app, ann, open, shut, .. } = scene;
        scene.task(ann, "Paint the wall", 5, Some(open)).await;
        scene.task(ann, "Varnish", 7, Some(shut)).await;
        scene.task(ann, "Ünal's wall", 9, None).await;
        let late = json!({"title": "Late", "due": "2020-01-01T00:00:00Z"});
        app.create("tasks", ann, &late).await;
        for (filter, expected) in [
            ("record.title.contains('wall')", vec!["Paint the wall", "Ünal's wall"]),
            ("record.title.lowerAscii().startsWith('p')", vec!["Paint the wall"]),
            ("record.title.startsWith('Ü') && record.title.endsWith('wall')", vec!["Ünal's wall"]),
            ("size(record.title) < 5", vec!["Late"]),
            ("record.project.name == 'open'", vec!["Paint the wall"]),
            ("has(record.project.name) && record.project.name != 'open'", vec!["Varnish"]),
            ("!has(record.project)", vec!["Late", "Ünal's wall"]),
            ("record.due < now - duration('365d')", vec!["Late"]),
            ("now - record.created_at < duration('1h') && record.cost in [7, 9]", vec!["Varnish"]),
            ("record.project.budget > 10", vec!["Varnish"]),
            (&format!("record.project == '{open}'"), vec!["Paint the wall"]),
            ("record.title == 'Late' || false", vec!["Late"]),
        ] {
            assert_eq!(scene.titles(ann, filter).await, expected, "{filter}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_does_not_see_more_than_its_caller() {
    on_both_scenes(async |scene| {
        let Scene { ann, bob, open, shut, .. } = scene;
        scene.task(bob, "Paint", 5, Some(open)).await;
        scene.task(ann, "Hers", 6, Some(shut)).await;
        // The cost of his own task is not shown to him: it counts as null, whatever it is compared with.
        assert_eq!(scene.titles(bob, "record.cost == 5").await, Vec::<String>::new());
        assert_eq!(scene.titles(bob, "record.cost == null").await, ["Paint"]);
        assert_eq!(scene.titles(ann, "record.cost == 5").await, ["Paint"]);
        // Nor is the budget of a project he may read.
        assert_eq!(scene.titles(bob, "record.project.budget == 10").await, Vec::<String>::new());
        assert_eq!(scene.titles(bob, "record.project.budget == null").await, ["Paint"]);
        assert_eq!(scene.titles(bob, "record.project.name == 'open'").await, ["Paint"]);
        // No filter widens the rule.
        assert_eq!(scene.titles(bob, "true || record.title == 'Hers'").await, ["Paint"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_is_shut_to_the_caller_is_none_to_the_filter() {
    on_both_scenes(async |scene| {
        let Scene { app, ann, bob, open, .. } = scene;
        scene.task(bob, "Paint", 5, Some(open)).await;
        let rename = json!({"name": "closed"});
        app.patch(&format!("/api/v1/projects/{open}"), &rename).bearer(&ann.token).send().await.expect(200);
        for filter in ["record.project.name == 'closed'", "has(record.project.id)", "record.project.owner_id != null"] {
            assert_eq!(scene.titles(bob, filter).await, Vec::<String>::new(), "{filter}");
        }
        assert_eq!(scene.titles(bob, "record.project.name == null").await, ["Paint"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_filter_is_400_and_says_where() {
    on_both_scenes(async |scene| {
        let Scene { ann, .. } = scene;
        for (filter, message) in [
            ("record.nothing == 1", "at character 8: the record has no field `nothing`"),
            ("record.title.matches('a')", "at character 14: matches() cannot be asked of a database"),
            ("record.title ==", "at character 16: something is missing at the end"),
            ("record.cost == 'x'", "at character 16: this is not a value of type int"),
            ("", "at character 1: something is missing at the end"),
            (&"(".repeat(100), "nested deeper"),
            ("'; DROP TABLE tasks; --", "at character 1: the string has no end"),
        ] {
            let answer = scene.filtered("tasks", ann, filter).await.expect_problem(400, "bad_query");
            let said = answer.json()["errors"][0]["message"].as_str().unwrap().to_owned();
            assert!(said.contains(message), "{filter}: {said}");
        }
        scene.filtered("tasks", ann, &"x".repeat(5_000)).await.expect_problem(400, "bad_query");
    })
    .await;
}
