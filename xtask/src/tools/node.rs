//! Programs of Node that tests talk to, installed below `target/tools` when they are missing.
use std::{env, path::PathBuf};

use tokio::process::Command;

use super::debian;

/// Each in exactly this version.
const PACKAGES: [(&str, &str); 3] =
    [("smtp-server", "3.21.6"), ("oidc-provider", "9.13.3"), ("oauth2-mock-server", "9.3.0")];

/// What tests need to run them. When they cannot be had, says why, and the tests that need them say so too.
pub async fn tools() -> Vec<(&'static str, String)> {
    match install().await {
        Ok(modules) => vec![("HARDPAN_TEST_NODE_MODULES", modules.display().to_string())],
        Err(why) => {
            eprintln!(
                "xtask: tests with a real mail server and with providers of log-ins will fail, for they need Node.js 20 or later: {why}"
            );
            Vec::new()
        }
    }
}

async fn install() -> Result<PathBuf, String> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let folder = env::current_dir().map_err(|error| error.to_string())?.join(target).join("tools/node");
    let modules = folder.join("node_modules");
    let is_there = |(name, version): &(&str, &str)| {
        let description = std::fs::read_to_string(modules.join(name).join("package.json")).unwrap_or_default();
        description.contains(&format!("\"version\": \"{version}\""))
    };
    if PACKAGES.iter().all(is_there) {
        return Ok(modules);
    }
    if debian::output("npm", &["--version"]).await.is_none() {
        debian::install("npm is not installed (packages `nodejs` and `npm`)", &["nodejs", "npm"]).await?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    eprintln!("xtask: installing {} by npm", PACKAGES.map(|(name, _)| name).join(", "));
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"])
        .args(PACKAGES.map(|(name, version)| format!("{name}@{version}")))
        .arg("--prefix")
        .arg(&folder);
    let output = npm.output().await.map_err(|error| format!("npm could not be run (package `npm`): {error}"))?;
    if !output.status.success() {
        return Err(format!("npm install failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(modules)
}
