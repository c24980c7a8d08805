//! The providers of log-ins: four by name, any other OpenID Connect issuer by a table `[oauth.NAME]`.
use kernel::Secret;

use super::{
    environment::Environment, file::AppFile, finding::Finding, model::Provider, setting::Settings, suggest, url,
};

/// The ones that need no issuer, and the key of what tells where they are.
const KNOWN: [(&str, &str); 4] =
    [("google", ""), ("github", "oauth.github.url"), ("linkedin", ""), ("microsoft", "oauth.microsoft.tenant")];
const GOOGLE: &str = "https://accounts.google.com";
const LINKEDIN: &str = "https://www.linkedin.com/oauth";
const KEYS: [&str; 3] = ["issuer", "client_id", "client_secret"];
/// Paths that are taken.
const RESERVED: [&str; 1] = ["token"];

/// The variables of a provider of one's own: its id, its secret, and the file of that.
pub fn variables(name: &str) -> [String; 3] {
    let start = format!("HARDPAN_OAUTH__{}__CLIENT_", name.to_ascii_uppercase());
    [format!("{start}ID"), format!("{start}SECRET"), format!("{start}SECRET_FILE")]
}

/// Those of the table of keys that have a client.
pub fn known(settings: &Settings) -> Vec<Provider> {
    let provider = |(name, place): (&str, &str)| {
        let place = match name {
            "google" => GOOGLE.to_owned(),
            "linkedin" => LINKEDIN.to_owned(),
            // Tokens write it so.
            "microsoft" => settings.text(place)?.to_ascii_lowercase(),
            _ => settings.text(place)?.to_owned(),
        };
        let client_id = settings.text(&format!("oauth.{name}.client_id"))?.to_owned();
        let secret = settings.text(&format!("oauth.{name}.client_secret"));
        let client_secret = secret.map(|secret| Secret::new(secret.to_owned()));
        Some(Provider { name: name.to_owned(), place, client_id, client_secret })
    };
    KNOWN.into_iter().filter_map(provider).collect()
}

/// Those of the app file's own tables; what is wrong with one is reported, and it is left out.
pub fn own(file: &AppFile, environment: &Environment, findings: &mut Vec<Finding>) -> Vec<Provider> {
    file.providers.iter().filter_map(|(name, table)| one(name, table, environment, findings)).collect()
}

/// A program that was built without log-in by providers says so: silence would promise what is not there.
pub fn not_built_in(providers: &[Provider]) -> Vec<Finding> {
    if cfg!(feature = "oidc") {
        return Vec::new();
    }
    let finding = |provider: &Provider| {
        let reason = "is configured, and this program was built without log-in by providers";
        let fix = "build it with the feature oidc, or take the table away";
        Finding::error(format!("oauth.{}", provider.name), reason, fix)
    };
    providers.iter().map(finding).collect()
}

fn one(name: &str, table: &toml::Value, environment: &Environment, findings: &mut Vec<Finding>) -> Option<Provider> {
    let path = |key: &str| format!("oauth.{name}.{key}");
    let before = findings.len();
    let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= 32
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_name || RESERVED.contains(&name) {
        let fix = "use small letters, digits and _, a letter first, and not `token`";
        findings.push(Finding::error(format!("oauth.{name}"), "is no name for a provider", fix));
    }
    for key in table.as_table()?.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        let fix = suggest::nearest(key, KEYS).map_or_else(
            || "a provider has issuer, client_id and client_secret".to_owned(),
            |meant| format!("did you mean {}?", path(meant)),
        );
        findings.push(Finding::error(path(key), "is not a known key", fix));
    }
    let [id_variable, secret_variable, _] = variables(name);
    let mut text = |key: &str| match table.get(key) {
        None => None,
        Some(toml::Value::String(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Some(_) => {
            findings.push(Finding::error(path(key), "is no text", "write a string"));
            None
        }
    };
    let (issuer, id, secret) = (text("issuer"), text("client_id"), text("client_secret"));
    let id = environment.get(&id_variable).map(|(id, _)| id.to_owned()).or(id);
    let secret = environment.secret(&secret_variable, findings).map(|(secret, _)| secret).or(secret);
    match &issuer {
        None => findings.push(Finding::error(path("issuer"), "is missing", "write the issuer's URL")),
        Some(issuer) => findings.extend(fault(issuer).map(|fault| {
            Finding::error(
                path("issuer"),
                format!("is {issuer:?}, which {fault}"),
                "write it as the issuer's tokens do",
            )
        })),
    }
    if id.is_none() {
        let fix = format!("write the client's id, or set {id_variable}");
        findings.push(Finding::error(path("client_id"), "is missing", fix));
    }
    if findings.len() > before {
        return None;
    }
    Some(Provider { name: name.to_owned(), place: issuer?, client_id: id?, client_secret: secret.map(Secret::new) })
}

/// What an issuer may not be (OpenID Connect Core, 2): https, but on this machine.
fn fault(issuer: &str) -> Option<&'static str> {
    let Some(parts) = url::Url::split(issuer) else { return Some("is no URL") };
    let is_home = parts.scheme == "http" && url::is_loopback(parts.host) && !parts.host.is_empty();
    if parts.scheme != "https" && !is_home {
        return Some("is not https");
    }
    if parts.user.is_some() || !parts.query.is_empty() || issuer.contains('#') || parts.host.is_empty() {
        return Some("is more than scheme, host, port and path");
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::config::scene::Scene;

    #[test]
    fn a_tenant_is_written_as_tokens_write_it() {
        for (written, place) in [
            ("8EAEF023-2B34-4DA1-9BAA-8BC8C9D6A490", "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"),
            ("Organizations", "organizations"),
        ] {
            let scene = Scene::new(&format!(
                "[oauth.microsoft]\nclient_id = \"x\"\nclient_secret = \"y\"\ntenant = \"{written}\"\n"
            ));
            let (config, _) = scene.load().ready(Vec::new()).unwrap();
            assert_eq!(config.oauth.providers[0].place, place);
        }
    }
}
