//! The browser that tests drive: Chromium and its driver.
use std::path::PathBuf;

use super::debian;

/// What tests need to run it. When it cannot be had, says why, and the tests that need it say so too.
pub async fn tools() -> Vec<(&'static str, String)> {
    match driver().await {
        Ok(driver) => vec![("HARDPAN_TEST_CHROMEDRIVER", driver.display().to_string())],
        Err(why) => {
            eprintln!("xtask: tests in a browser will fail: {why}");
            Vec::new()
        }
    }
}

/// It is installed when it is missing. Errors: it cannot be installed here.
async fn driver() -> Result<PathBuf, String> {
    if let Some(driver) = find() {
        return Ok(driver);
    }
    let missing = "Chromium is not installed; the tests need it (packages `chromium` and `chromium-driver`)";
    debian::install(missing, &["chromium", "chromium-driver"]).await?;
    find().ok_or_else(|| missing.to_owned())
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("chromedriver")).find(|program| program.is_file())
}
