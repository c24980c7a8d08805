//! Notifications: messages to people, by mail and SMS, from templates, always through the outbox.
mod address;
mod letter;
mod links;
mod model;
mod post;
mod service;
mod telephone;
mod template;
mod templates;
mod twilio;
mod url;

pub use address::{Mailbox, Phone};
pub use links::host;
pub use model::{Mail, Sms};
pub use post::{Post, Settings as PostSettings};
pub use service::Notifications;
pub use telephone::{SmsWay, Telephone};
pub use template::Template;
pub use templates::Templates;
pub use twilio::Twilio;
pub use url::{MailUrl, Security, Server as MailServer};
