//! What leaves the server: the outbox and its ways out, as the configuration wants them.
use std::{net::IpAddr, sync::Arc};

use kernel::{Error, Result};
use platform::{
    notifications::{Mailbox, Notifications, Post, PostSettings, SmsWay, Telephone, Templates, Twilio, host},
    outbox::{Deliver, Outbox},
    secrets::Keyring,
};
use web::{IpNet, Outbound};

use crate::config::{self, Config};

/// Errors: internal, naming what is wrong with templates or certificates.
pub fn assemble(config: &Config, keyring: &Keyring) -> Result<(Outbox, Notifications)> {
    let wrong = |problems: Vec<String>| Error::internal(problems.join("; ")).with_detail(problems.join("; "));
    let templates = Templates::load(config.mail.templates.as_deref()).map_err(wrong)?;
    let host = host(&config.app.public_url).to_owned();
    let nobody = || {
        let home = if host.parse::<IpAddr>().is_ok() { "localhost" } else { &host };
        Mailbox::new(None, &format!("no-reply@{home}"))
    };
    let post = PostSettings {
        url: config.mail.url.clone(),
        from: config.mail.from.clone().map_or_else(nobody, Ok)?,
        host: host.clone(),
        tls_ca: config.mail.tls_ca.clone(),
        logs_text: !config.profile.is_exposed(),
    };
    let mut deliver: Vec<Arc<dyn Deliver>> = vec![Arc::new(Post::new(post, templates.clone())?)];
    let way = match &config.sms {
        config::Sms::None => None,
        config::Sms::Log => Some(SmsWay::Log),
        config::Sms::Twilio(account) => Some(SmsWay::Twilio(Box::new(twilio(account, &config.outbound.allow)?))),
    };
    let has_sms = way.is_some();
    deliver.extend(way.map(|way| Arc::new(Telephone::new(way, templates)) as Arc<dyn Deliver>));
    let outbox = Outbox::new(keyring, deliver);
    let app = &config.app;
    let notifications = Notifications::new(outbox.clone(), app.name.clone(), app.public_url.clone(), has_sms);
    Ok((outbox, notifications))
}

fn twilio(account: &config::Twilio, allow: &[IpNet]) -> Result<Twilio> {
    let config::Twilio { base, account_sid, auth_token, from } = account.clone();
    Ok(Twilio { base, account_sid, auth_token, from, outbound: Outbound::new(allow)? })
}
