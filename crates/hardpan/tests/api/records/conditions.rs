//! `If-Match` on PATCH and DELETE of records.
use serde_json::{Value as Json, json};

use crate::support::{Person, Request, TestApp, on_both};

struct Scene {
    app: TestApp,
    ann: Person,
    path: String,
}

impl Scene {
    /// A folder of Ann's at version 3.
    async fn new(app: TestApp) -> Self {
        let ann = app.register("ann@example.com").await;
        let folder = app.create("folders", &ann, &json!({"name": "1"})).await;
        let scene = Self { path: TestApp::path("folders", &folder), app, ann };
        for name in ["2", "3"] {
            scene.patch(&json!({"name": name})).send().await.expect(200);
        }
        scene
    }

    fn patch(&self, body: &Json) -> Request {
        self.app.patch(&self.path, body).bearer(&self.ann.token)
    }

    async fn version(&self) -> Json {
        self.app.get(&self.path).bearer(&self.ann.token).send().await.expect(200).json()["version"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_carried_out_when_one_of_the_tags_is_the_versions() {
    on_both(async |app| {
        let scene = Scene::new(app).await;
        let mut version = 3;
        for form in ["\"{}\"", "*", "\"1\", \"{}\"", "\"{}\",\"1\"", "\"x\" ,\t\"{}\"", "W/\"1\", \"{}\"", " \"{}\" "] {
            let header = form.replace("{}", &version.to_string());
            let answer =
                scene.patch(&json!({"name": format!("for {version}")})).header("if-match", &header).send().await;
            version += 1;
            assert_eq!(answer.expect(200).json()["version"], version, "{header}");
        }
    })
    .await;
}

/// RFC 9110, 5.3: a list may come in several lines.
#[tokio::test(flavor = "multi_thread")]
async fn the_tags_may_come_in_several_lines() {
    on_both(async |app| {
        let scene = Scene::new(app).await;
        let patch = scene.patch(&json!({"name": "x"})).header("if-match", "\"1\"").header("if-match", "\"3\"");
        patch.send().await.expect(200);
        let patch = scene.patch(&json!({"name": "y"})).header("if-match", "\"1\"").header("if-match", "\"3\"");
        patch.send().await.expect_problem(412, "version_mismatch");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_for_another_version_is_412_and_changes_nothing() {
    on_both(async |app| {
        let scene = Scene::new(app).await;
        for header in ["\"2\"", "\"4\"", "\"1\", \"2\"", "W/\"3\"", "W/\"3\", W/\"2\"", "\"three\"", "\"\""] {
            let patch = scene.patch(&json!({"name": "x"})).header("if-match", header).send().await;
            patch.expect_problem(412, "version_mismatch");
            let delete = scene.app.delete(&scene.path).bearer(&scene.ann.token).header("if-match", header).send().await;
            delete.expect_problem(412, "version_mismatch");
        }
        assert_eq!(scene.version().await, 3);
        scene.app.delete(&scene.path).bearer(&scene.ann.token).header("if-match", "\"3\"").send().await.expect(204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_changes_nothing_is_for_its_version_too() {
    on_both(async |app| {
        let scene = Scene::new(app).await;
        scene
            .patch(&json!({"name": "3"}))
            .header("if-match", "\"2\"")
            .send()
            .await
            .expect_problem(412, "version_mismatch");
        scene.patch(&json!({"name": "3"})).header("if-match", "\"3\"").send().await.expect(200);
        assert_eq!(scene.version().await, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_version_is_not_no_record() {
    on_both(async |app| {
        let scene = Scene::new(app).await;
        let nothing = "/api/v1/folders/fld_01h455vb4pex5vsknk084sn02q";
        for header in ["*", "\"1\""] {
            let patch =
                scene.app.patch(nothing, &json!({"name": "x"})).bearer(&scene.ann.token).header("if-match", header);
            patch.send().await.expect_problem(404, "not_found");
            let delete = scene.app.delete(nothing).bearer(&scene.ann.token).header("if-match", header);
            delete.send().await.expect_problem(404, "not_found");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_can_require_the_version() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let ann = app.register("ann@example.com").await;
        let setting = app.create("settings", &admin, &json!({"key": "a"})).await;
        let path = TestApp::path("settings", &setting);
        let patch = |body: Json| app.patch(&path, &body).bearer(&admin.token);
        patch(json!({"key": "b"})).send().await.expect_problem(428, "version_required");
        app.delete(&path).bearer(&admin.token).send().await.expect_problem(428, "version_required");
        // Who may not see it is not told what it needs.
        app.delete(&path).bearer(&ann.token).send().await.expect_problem(404, "not_found");
        app.delete(&path).send().await.expect_problem(401, "unauthenticated");
        patch(json!({"key": "b"})).header("if-match", "\"2\"").send().await.expect_problem(412, "version_mismatch");
        patch(json!({"key": "b"})).header("if-match", "\"1\"").send().await.expect(200);
        patch(json!({"key": "c"})).header("if-match", "*").send().await.expect(200);
        app.delete(&path).bearer(&admin.token).header("if-match", "\"3\"").send().await.expect(204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_does_not_mind() {
    on_both(async |app| {
        let scene = Scene::new(app).await;
        let get = scene.app.get(&scene.path).bearer(&scene.ann.token).header("if-match", "\"1\"");
        get.send().await.expect(200);
    })
    .await;
}
