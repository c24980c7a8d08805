//! The post: takes mail from the outbox to the mail server, a folder or the log.
use std::{error::Error as _, fs, io, path::PathBuf, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{Error, Result};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor,
    transport::smtp::{
        self,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};

use super::{
    address::Mailbox,
    letter::{self, Encoding, Envelope},
    model::Payload,
    template::Template,
    templates::{Rendered, Templates},
    url::{MailUrl, Security, Server},
};
use crate::outbox::{Deliver, Failure, Parcel};

/// How long the mail server may take to let us connect.
const CONNECTING: Duration = Duration::from_secs(15);
/// How long it may take for all of a mail: it may look at one for minutes before it takes it (RFC 5321, 4.5.3.2.6).
const PATIENCE: Duration = Duration::from_mins(10);

/// Where mail goes and who it is from.
pub struct Post {
    way: Way,
    from: Mailbox,
    templates: Templates,
    /// What message ids end with.
    host: String,
}

enum Way {
    Log { shows_text: bool },
    Folder(PathBuf),
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
}

/// How the post works.
#[derive(Clone, Debug)]
pub struct Settings {
    pub url: MailUrl,
    pub from: Mailbox,
    /// The host of `app.public_url`.
    pub host: String,
    /// A PEM file of authorities that may vouch for the mail server, besides the public ones.
    pub tls_ca: Option<PathBuf>,
    /// Whether `log:` shows what a mail says: links in it let whoever reads them in.
    pub logs_text: bool,
}

impl Post {
    /// Errors: internal, for a file of authorities that cannot be used.
    pub fn new(settings: Settings, templates: Templates) -> Result<Self> {
        let way = match &settings.url {
            MailUrl::Log => Way::Log { shows_text: settings.logs_text },
            MailUrl::Folder(folder) => Way::Folder(folder.clone()),
            MailUrl::Smtp(server) => Way::Smtp(Box::new(transport(server, &settings)?)),
        };
        Ok(Self { way, from: settings.from, templates, host: settings.host })
    }

    async fn send(&self, parcel: &Parcel) -> Result<(), Failure> {
        let read = self.read(parcel).map_err(|error| {
            tracing::error!(?error, id = %parcel.id, "a mail cannot be written");
            Failure::permanent("it cannot be written; the log says why")
        })?;
        let Some((to, rendered)) = read else { return Ok(()) };
        if let Way::Log { shows_text } = self.way {
            log(&to, &rendered, shows_text);
            return Ok(());
        }
        let message_id = format!("{}@{}", parcel.id, self.host);
        let envelope = Envelope { from: &self.from, to: &to, at: parcel.created_at, message_id };
        let encoding = if matches!(self.way, Way::Folder(_)) { Encoding::Plain } else { Encoding::Portable };
        let letter = letter::write(&envelope, rendered, encoding).map_err(|error| {
            tracing::error!(?error, id = %parcel.id, "a mail cannot be written");
            Failure::permanent("it cannot be written; the log says why")
        })?;
        match &self.way {
            Way::Folder(folder) => drop_into(folder.clone(), parcel.id.to_string(), letter.formatted()).await,
            Way::Smtp(transport) => transport.send(letter).await.map(|_| ()).map_err(|error| judged(&error)),
            Way::Log { .. } => Ok(()),
        }
    }

    /// None when it is for nobody.
    fn read(&self, parcel: &Parcel) -> Result<Option<(Mailbox, Rendered)>> {
        let payload = Payload::open(&parcel.payload)?;
        if payload.is_pretence {
            return Ok(None);
        }
        let template = Template::find(&payload.template).ok_or_else(|| Error::internal("an unknown template"))?;
        let to = Mailbox::new(payload.name.as_deref(), &payload.to)?;
        Ok(Some((to, self.templates.render(template, &payload.values)?)))
    }
}

impl Deliver for Post {
    fn kind(&self) -> &'static str {
        super::service::MAIL
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), Failure>> {
        self.send(parcel).boxed()
    }
}

fn transport(server: &Server, settings: &Settings) -> Result<AsyncSmtpTransport<Tokio1Executor>> {
    let tls = |wrap: fn(TlsParameters) -> Tls| -> Result<Tls> {
        let mut parameters = TlsParameters::builder(server.host.clone());
        if let Some(path) = &settings.tls_ca {
            let unusable = |error: Box<dyn std::error::Error + Send + Sync>| {
                Error::internal(error).with_detail(format!("The certificate file {} cannot be used.", path.display()))
            };
            let pem = fs::read(path).map_err(|error| unusable(error.into()))?;
            parameters =
                parameters.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| unusable(error.into()))?);
        }
        parameters.build_rustls().map(wrap).map_err(Error::internal)
    };
    let tls = match server.security {
        Security::Tls => tls(Tls::Wrapper)?,
        Security::StartTls => tls(Tls::Required)?,
        Security::Loopback => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .tls(tls)
        .timeout(Some(CONNECTING))
        .hello_name(ClientId::Domain(settings.host.clone()));
    if let Some((name, password)) = &server.credentials {
        builder = builder.credentials(Credentials::new(name.clone(), password.expose().clone()));
    }
    Ok(builder.build())
}

/// What a failure means. The server's own words may repeat the address: its code alone is kept.
fn judged(error: &smtp::Error) -> Failure {
    if let Some(code) = error.status().map(|code| code.to_string()) {
        let words = error.source().map(ToString::to_string).unwrap_or_default();
        return refused(&code, enhanced(&words));
    }
    if error.is_timeout() {
        return Failure::retry("the mail server did not answer in time");
    }
    let untrusted = || Failure::retry("no trusted TLS connection to the mail server");
    if error.is_tls() {
        return untrusted();
    }
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            // How a handshake ends that failed.
            if io.kind() == io::ErrorKind::InvalidData {
                return untrusted();
            }
            return Failure::retry(format!("the mail server cannot be reached: {}", io.kind()));
        }
        source = inner.source();
    }
    Failure::retry("the mail server does not speak as it should, or offers no TLS")
}

/// What a refusal means: one of the recipient stays. All others are about us, as a wrong password, a sender that is not verified or a list
/// we are on, and end when that is mended.
fn refused(code: &str, enhanced: Option<[u16; 3]>) -> Failure {
    let (is_of_recipient, reason) = match enhanced {
        // RFC 3463: 5.1 are addresses, of which 7 and 8 are the sender's; 5.2 are mailboxes.
        Some([class, subject, detail]) => (
            class == 5 && (subject == 2 || subject == 1 && !matches!(detail, 7 | 8)),
            format!("the mail server answered {code} {class}.{subject}.{detail}"),
        ),
        // What it was the answer to is not known here: these three are mostly to RCPT (RFC 5321, 4.3.2).
        None => (matches!(code, "550" | "551" | "553"), format!("the mail server answered {code}")),
    };
    if is_of_recipient { Failure::permanent(reason) } else { Failure::retry(reason) }
}

/// The status code that words begin with, as in `5.1.1 no such user` (RFC 2034).
fn enhanced(words: &str) -> Option<[u16; 3]> {
    let mut numbers = words.split_whitespace().next()?.split('.').map(str::parse);
    let code = [numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?];
    numbers.next().is_none().then_some(code)
}

/// Written whole or not at all; the same letter again takes the place of the first.
async fn drop_into(folder: PathBuf, id: String, letter: Vec<u8>) -> Result<(), Failure> {
    let write = move || -> io::Result<()> {
        fs::create_dir_all(&folder)?;
        let (part, whole) = (folder.join(format!(".{id}.part")), folder.join(format!("{id}.eml")));
        fs::write(&part, letter)?;
        fs::rename(part, whole)
    };
    let written = tokio::task::spawn_blocking(write).await;
    let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
    written.map_err(|error| Failure::retry(format!("the folder cannot be written: {}", error.kind())))
}

fn log(to: &Mailbox, rendered: &Rendered, shows_text: bool) {
    if shows_text {
        tracing::info!("mail to {to}: {}\n\n{}", rendered.subject, rendered.text);
    } else {
        tracing::warn!(subject = rendered.subject, "a mail was not sent: mail.url is log:");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_the_recipient_stay_and_all_others_pass() {
        let is_permanent =
            |code: &str, words: &str| matches!(refused(code, enhanced(words)), Failure::Permanent { .. });
        for (code, words) in [
            ("550", "no such user"),
            ("551", ""),
            ("553", "5.1.3 bad syntax"),
            ("550", "5.1.1 <ann@example.com>: unknown"),
            ("554", "5.2.1 mailbox disabled"),
            ("552", "5.2.2 mailbox full"),
        ] {
            assert!(is_permanent(code, words), "{code} {words}");
        }
        for (code, words) in [
            // As a greeting, from a list of blocked addresses, of a sender that is not verified, of too many mails.
            ("554", "no SMTP service here"),
            ("554", "5.7.1 your address is blocked"),
            ("550", "5.7.1 blocked"),
            ("553", "5.1.8 sender not verified"),
            ("550", "5.1.7 sender"),
            ("552", ""),
            ("535", "5.7.8 wrong password"),
            ("450", "4.2.1 busy"),
            ("450", ""),
        ] {
            assert!(!is_permanent(code, words), "{code} {words}");
        }
    }
}
