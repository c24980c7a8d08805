//! A real mail server: npm's smtp-server, which says what it received.
use std::{
    env,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::Value as Json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// It ends when this is dropped.
pub struct Sink {
    pub port: u16,
    told: UnboundedReceiver<Json>,
    child: Child,
}

impl Sink {
    /// On any port. `options` as `sink.js` takes them.
    pub async fn start(options: Json) -> Self {
        Self::start_on(0, options).await
    }

    pub async fn start_on(port: u16, mut options: Json) -> Self {
        options["port"] = port.into();
        let modules = variable("HARDPAN_TEST_NODE_MODULES")
            .expect("run `cargo xtask test`, which installs smtp-server by npm, or says why it cannot");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/messages/sink.js");
        let mut command = Command::new("node");
        command.arg(script).arg(options.to_string()).env("NODE_PATH", modules);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node, to run a mail server");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, told) = unbounded_channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = tell.send(serde_json::from_str(&line).unwrap());
            }
        });
        let mut sink = Self { port: 0, told, child };
        let first = sink.receive().await;
        sink.port = first["port"].as_u64().unwrap_or_else(|| panic!("{first}")).try_into().unwrap();
        sink
    }

    /// The next mail: `{from, to, is_secure, user, raw}`.
    pub async fn receive(&mut self) -> Json {
        self.told.recv().await.expect("a mail server that runs")
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A certificate for `localhost` and its key in PEM; `ca.pem` in `folder` vouches for it.
pub fn certificate(folder: &Path) -> (String, String) {
    let run = |arguments: &[&str]| {
        let output =
            std::process::Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let authority = ["req", "-x509", "-days", "2", "-subj", "/CN=Test", "-keyout", "ca.key", "-out", "ca.pem"];
    run(&[&authority[..], &key[..]].concat());
    let request = ["req", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "request.pem"];
    run(&[&request[..], &key[..]].concat());
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    let sign =
        ["x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    run(&[&sign[..], &["-extfile", "names", "-out", "cert.pem"]].concat());
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    (read("cert.pem"), read("key.pem"))
}

#[allow(clippy::disallowed_methods, reason = "the test runner says where its tools are")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}
