//! Whose address counts: the peer's, or what trusted proxies say of it.
use serde_json::json;

use crate::support::{PASSWORD, Request, TestApp, on_both, on_both_with};

const FEW: [(&str, &str); 1] = [("HARDPAN_LIMITS__ADDRESS__BURST", "3")];
const PROXIES: (&str, &str) = ("HARDPAN_SERVER__TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8");

/// How many of these are admitted.
async fn admitted(requests: Vec<Request>) -> usize {
    let mut admitted = 0;
    for request in requests {
        admitted += usize::from(request.send().await.status != 429);
    }
    admitted
}

fn get(app: &TestApp, peer: &str) -> Request {
    app.get("/nowhere").peer(peer)
}

/// better-auth#10203, GHSA-p6v2-xcpg-h6xw: whoever went through the addresses of a /64 had as many tries.
#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_ipv6_is_one_address() {
    on_both_with(&FEW, async |app| {
        let peers =
            ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:0:0:1", "2001:db8:0:0:1234:5678:9abc:def0", "2001:db8::5"];
        assert_eq!(admitted(peers.map(|peer| get(&app, peer)).into()).await, 3);
        // The next network is another.
        assert_eq!(admitted(vec![get(&app, "2001:db8:0:1::1")]).await, 1);
        // IPv4 in IPv6 is IPv4.
        let peers = ["203.0.113.1", "::ffff:203.0.113.1", "203.0.113.1", "::ffff:203.0.113.1"];
        assert_eq!(admitted(peers.map(|peer| get(&app, peer)).into()).await, 3);
        assert_eq!(admitted(vec![get(&app, "::ffff:203.0.113.2")]).await, 1);
    })
    .await;
}

/// better-auth#10203, GHSA-p6v2-xcpg-h6xw: the leftmost of `X-Forwarded-For` was believed of anyone.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_says_of_itself_does_not_count() {
    for environment in [&FEW[..], &[FEW[0], PROXIES]] {
        on_both_with(environment, async |app| {
            let spoofed = |nth: u8| {
                get(&app, "203.0.113.1")
                    .header("x-forwarded-for", &format!("198.51.100.{nth}"))
                    .header("x-real-ip", &format!("198.51.100.{nth}"))
                    .header("forwarded", &format!("for=198.51.100.{nth}"))
                    .header("cf-connecting-ip", &format!("198.51.100.{nth}"))
            };
            assert_eq!(admitted((0..10).map(spoofed).collect()).await, 3);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_is_believed_from_right_to_left() {
    on_both_with(&[PROXIES], async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        app.post("/auth/v1/register", &body).send().await.expect(201);
        for (peer, lines, expected) in [
            ("203.0.113.1", &["198.51.100.1"][..], "203.0.113.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            // Whatever stands left of the first untrusted one is the client's own story.
            ("10.0.0.1", &["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["6.6.6.6, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["6.6.6.6", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("fd00::1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            // What is no address ends the walk where it stands.
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, <script>, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ] {
            let mut request = app.post("/auth/v1/login", &body).peer(peer);
            for line in lines {
                request = request.header("x-forwarded-for", line);
            }
            let token = request.send().await.expect(200).json()["access_token"].as_str().unwrap().to_owned();
            let page = app.get("/auth/v1/sessions?limit=200").bearer(&token).send().await.expect(200).json();
            let current = page["items"].as_array().unwrap().iter().find(|session| session["is_current"] == true);
            assert_eq!(current.unwrap()["address"], expected, "{peer} {lines:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_behind_one_proxy_do_not_share_its_allowance() {
    on_both_with(&[FEW[0], PROXIES], async |app| {
        let behind = |client: &str| get(&app, "10.0.0.1").header("x-forwarded-for", client);
        assert_eq!(admitted((0..10).map(|nth| behind(&format!("198.51.100.{nth}"))).collect()).await, 10);
        assert_eq!(admitted((0..10).map(|nth| behind(&format!("6.6.6.{nth}, 198.51.100.77"))).collect()).await, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_trusted_proxies_nobody_is_believed() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let body = json!({"email": ann.email, "password": PASSWORD});
        let request = app.post("/auth/v1/login", &body).peer("10.0.0.1").header("x-forwarded-for", "198.51.100.1");
        let token = request.send().await.expect(200).json()["access_token"].as_str().unwrap().to_owned();
        let page = app.get("/auth/v1/sessions?limit=200").bearer(&token).send().await.expect(200).json();
        let current = page["items"].as_array().unwrap().iter().find(|session| session["is_current"] == true);
        assert_eq!(current.unwrap()["address"], "10.0.0.1");
    })
    .await;
}
