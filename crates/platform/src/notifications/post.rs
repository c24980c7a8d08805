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

/// How long the mail server may take for one step.
const PATIENCE: Duration = Duration::from_secs(15);

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
        .timeout(Some(PATIENCE))
        .hello_name(ClientId::Domain(settings.host.clone()));
    if let Some((name, password)) = &server.credentials {
        builder = builder.credentials(Credentials::new(name.clone(), password.expose().clone()));
    }
    Ok(builder.build())
}

/// What a failure means. The server's own words may repeat the address: its code alone is kept.
fn judged(error: &smtp::Error) -> Failure {
    if let Some(code) = error.status().map(|code| code.to_string()) {
        let reason = format!("the mail server answered {code}");
        // 55x is about the recipient or the message (RFC 5321, 4.2.3). The other refusals are about us, as of a wrong password, and end
        // when that is mended.
        return if code.starts_with("55") { Failure::permanent(reason) } else { Failure::retry(reason) };
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
