//! A letter: a mail as it goes over the wire (RFC 5322, MIME with text and HTML).
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kernel::{Error, Result, Timestamp};
use lettre::{
    Message,
    message::{
        Body, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue},
    },
};

use super::{address::Mailbox, templates::Rendered};

/// Who writes to whom, and when.
pub(super) struct Envelope<'a> {
    pub from: &'a Mailbox,
    pub to: &'a Mailbox,
    pub at: Timestamp,
    /// Without its brackets: the same at every attempt, so that who gets a letter twice sees one.
    pub message_id: String,
}

/// How the parts are written.
#[derive(Clone, Copy)]
pub(super) enum Encoding {
    /// As every mail server takes it.
    Portable,
    /// As it is, for people and tests to read.
    Plain,
}

/// No out-of-office notes, please (RFC 3834, 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> std::result::Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

pub(super) fn write(envelope: &Envelope<'_>, rendered: Rendered, encoding: Encoding) -> Result<Message> {
    let parts = MultiPart::alternative()
        .singlepart(part(ContentType::TEXT_PLAIN, rendered.text, encoding))
        .singlepart(part(ContentType::TEXT_HTML, rendered.html, encoding));
    Message::builder()
        .from(envelope.from.0.clone())
        .to(envelope.to.0.clone())
        .date(date(envelope.at))
        .message_id(Some(format!("<{}>", envelope.message_id)))
        .header(AutoSubmitted)
        .subject(rendered.subject)
        .multipart(parts)
        .map_err(Error::internal)
}

fn part(kind: ContentType, text: String, encoding: Encoding) -> SinglePart {
    let body = match encoding {
        Encoding::Portable => Body::new(text),
        Encoding::Plain => {
            let lines = text.replace('\n', "\r\n").into_bytes();
            Body::dangerous_pre_encoded(lines, ContentTransferEncoding::EightBit)
        }
    };
    SinglePart::builder().header(kind).body(body)
}

fn date(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(at.micros().max(0).unsigned_abs())
}
