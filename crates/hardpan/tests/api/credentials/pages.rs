//! The pages that mailed links lead to.
use crate::support::on_both;

#[tokio::test(flavor = "multi_thread")]
async fn each_page_may_run_its_own_script_alone() {
    on_both(async |app| {
        for page in ["verify", "reset", "undo", "invitation"] {
            let answer = app.get(&format!("/auth/{page}")).send().await.expect(200);
            assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
            let policy = answer.header("content-security-policy").unwrap().to_owned();
            assert!(policy.contains("script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
            let html = answer.text();
            assert!(html.contains("<form") && html.contains("<button>"), "{html}");
        }
    })
    .await;
}
