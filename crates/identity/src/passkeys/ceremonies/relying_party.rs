//! Who asks for passkeys: the name they are bound to, and the origins they are taken from, both out of the configuration alone.
use kernel::{Error, Result};
use platform::single_use::Purpose;
use webauthn_rs::prelude::{Url, Webauthn, WebauthnBuilder};

/// The server as browsers and authenticators know it.
pub(crate) struct RelyingParty(pub(super) Webauthn);

impl RelyingParty {
    /// None where `public_url` has no name: passkeys are bound to names.
    ///
    /// Taken are the origin of `public_url`, and those of `cors_origins` whose host is the same name or lies below it; each exactly,
    /// with its scheme and port.
    pub(crate) fn of(app_name: &str, public_url: &str, cors_origins: &[String]) -> Result<Option<Self>> {
        let Some(origin) = named(public_url) else { return Ok(None) };
        let Some(id) = origin.domain().map(str::to_owned) else { return Ok(None) };
        let builder = WebauthnBuilder::new(&id, &origin).map_err(Error::internal)?;
        let mut builder = builder.rp_name(app_name).timeout(Purpose::PASSKEY_LOGIN.ttl);
        for also in cors_origins.iter().filter_map(|origin| Url::parse(origin).ok()) {
            if also.domain().is_some_and(|host| is_at_or_below(host, &id)) {
                builder = builder.append_allowed_origin(&also);
            }
        }
        builder.build().map(|webauthn| Some(Self(webauthn))).map_err(Error::internal)
    }
}

/// Browsers know this machine by a name only, so at home `http://127.0.0.1:8080` is `http://localhost:8080`.
fn named(public_url: &str) -> Option<Url> {
    let mut url = Url::parse(public_url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    if url.scheme() == "http" && host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()) {
        url.set_host(Some("localhost")).ok()?;
    }
    Some(url)
}

/// With the dot, so that `badexample.com` is not below `example.com`.
fn is_at_or_below(host: &str, name: &str) -> bool {
    host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(public_url: &str, cors: &[&str]) -> Vec<String> {
        let cors: Vec<String> = cors.iter().map(ToString::to_string).collect();
        let party = RelyingParty::of("notes", public_url, &cors).unwrap();
        party.map_or_else(Vec::new, |party| party.0.get_allowed_origins().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn only_origins_at_or_below_the_name_are_taken() {
        let cors =
            ["https://app.example.com", "https://badexample.com", "https://example.com:8443", "https://other.org", "*"];
        assert_eq!(
            origins("https://example.com/api", &cors),
            ["https://example.com/api", "https://app.example.com/", "https://example.com:8443/"]
        );
        // The name is the whole host, never a part of it that others may share.
        assert_eq!(origins("https://api.example.com", &["https://app.example.com"]), ["https://api.example.com/"]);
    }

    #[test]
    fn addresses_have_no_passkeys_but_this_machine_has_a_name() {
        assert_eq!(origins("https://192.0.2.1", &[]), [""; 0]);
        assert_eq!(origins("https://[2001:db8::1]", &[]), [""; 0]);
        assert_eq!(
            origins("http://127.0.0.1:8080", &["http://localhost:3000"]),
            ["http://localhost:8080/", "http://localhost:3000/"]
        );
        assert_eq!(origins("http://[::1]:8080", &[]), ["http://localhost:8080/"]);
    }
}
