//! `X-Request-Id`: the caller's when it is well-formed, else one of ours, on every answer and in every problem.
use std::collections::BTreeSet;

use web::Method;

use crate::support::on_both;

#[tokio::test(flavor = "multi_thread")]
async fn a_well_formed_id_comes_back() {
    on_both(async |app| {
        let longest = "x".repeat(128);
        for id in ["a", "0", "A.b_c-9", "01a1fd55-7a80-7000-8c2b-12ab34cd56ef", &longest] {
            for (method, path, status) in [
                (Method::GET, "/livez", 200),
                (Method::GET, "/nowhere", 404),
                (Method::GET, "/auth/v1/me", 401),
                (Method::TRACE, "/livez", 405),
                (Method::OPTIONS, "/livez", 204),
                (Method::HEAD, "/livez", 200),
            ] {
                let answer = app.request(method, path).header("x-request-id", id).send().await.expect(status);
                assert_eq!(answer.header("x-request-id"), Some(id), "{path}");
                assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_request_gets_an_id_of_its_own() {
    on_both(async |app| {
        let mut ids = BTreeSet::new();
        for _ in 0..100 {
            let answer = app.get("/nowhere").send().await.expect(404);
            ids.insert(answer.header("x-request-id").unwrap().to_owned());
        }
        assert_eq!(ids.len(), 100);
    })
    .await;
}
