//! What tests need besides Cargo, from Debian's packages.
use tokio::process::Command;

/// Installs packages where that can be done: as root, on Debian and its kin. Errors: `missing`, where not.
pub async fn install(missing: &str, packages: &[&str]) -> Result<(), String> {
    let may_install =
        output("id", &["-u"]).await.as_deref() == Some("0") && output("apt-get", &["--version"]).await.is_some();
    if !may_install {
        return Err(missing.to_owned());
    }
    eprintln!("xtask: installing {}", packages.join(", "));
    let install = [&["install", "-y", "--no-install-recommends"], packages].concat();
    for arguments in [&["update"][..], &install] {
        let status = Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").status().await;
        if !status.is_ok_and(|status| status.success()) {
            return Err(format!("apt-get {} failed", arguments.join(" ")));
        }
    }
    Ok(())
}

/// What a command prints, if it succeeds.
pub async fn output(name: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(name).args(arguments).output().await.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
