//! What development prints at start: where it is, who administers it, and a line to paste.
use std::fmt::Write as _;

use identity::NewAccount;
use kernel::{Code, Random, Result, Secret, actor::ADMIN};

use crate::assemble::Server;

/// Development's administrator.
const ADMINISTRATOR: &str = "admin@localhost";
/// Letters and digits that are not mistaken for each other; 5 bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 120 bits.
const PASSWORD_LENGTH: usize = 24;

pub(super) async fn text(server: &Server) -> Result<String> {
    let url = format!("http://{}", server.config.server.listen);
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!("\nHardpan {version} serves {} in development\n\n", server.config.app.name);
    let _ = writeln!(text, "  URL            {url}");
    if server.config.server.has_public_docs {
        let _ = writeln!(text, "  Documents      {url}/docs");
    }
    if let Some(password) = administrator(server).await? {
        let _ = writeln!(text, "  Administrator  {ADMINISTRATOR}");
        let _ = writeln!(text, "  Password       {password}  (shown once; for this machine alone)");
        let body = format!("{{\"email\":\"{ADMINISTRATOR}\",\"password\":\"{password}\"}}");
        let _ = write!(
            text,
            "\nLog in:\n\n  curl -s {url}/auth/v1/login -H 'Content-Type: application/json' -d '{body}'\n"
        );
    } else {
        let _ = writeln!(text, "  Administrator  {ADMINISTRATOR}  (its password was shown at the first start)");
        let _ = write!(text, "\nSee that it answers:\n\n  curl -s {url}/health\n");
    }
    if let Some(resource) = server.records.declaration().resources.first() {
        let _ = write!(
            text,
            "\nThen, with the access_token of a log-in:\n\n  curl -s {url}/api/v1/{} -H \"Authorization: Bearer $TOKEN\"\n",
            resource.name
        );
    }
    text.push('\n');
    Ok(text)
}

/// The password of the administrator, if this is the first start.
async fn administrator(server: &Server) -> Result<Option<String>> {
    let ctx = server.source.system("start");
    if server.identity.find_by_email(&ctx, ADMINISTRATOR).await?.is_some() {
        return Ok(None);
    }
    let password = password(ctx.random());
    let new = NewAccount {
        email: ADMINISTRATOR.to_owned(),
        password: Secret::new(password.clone()),
        username: None,
        name: Some("Administrator".to_owned()),
    };
    match server.identity.create_user(&ctx, new, &[ADMIN.to_owned()]).await {
        Ok(_) => Ok(Some(password)),
        Err(error) if error.code() == Code::EmailTaken => Ok(None),
        Err(error) => Err(error),
    }
}

/// A password nobody has to remember.
pub(super) fn password(random: &dyn Random) -> String {
    let mut bytes = [0; PASSWORD_LENGTH];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}
