//! The telephone: takes short messages from the outbox to Twilio or the log.
use futures_util::{FutureExt as _, future::BoxFuture};

use super::{model::Payload, template::Template, templates::Templates, twilio::Twilio};
use crate::outbox::{Deliver, Failure, Parcel};

/// Sends short messages.
pub struct Telephone {
    way: SmsWay,
    templates: Templates,
}

/// How short messages leave.
pub enum SmsWay {
    Twilio(Box<Twilio>),
    /// They do not; the log shows them.
    Log,
}

impl Telephone {
    pub const fn new(way: SmsWay, templates: Templates) -> Self {
        Self { way, templates }
    }

    async fn send(&self, parcel: &Parcel) -> Result<(), Failure> {
        let broken = |error| {
            tracing::error!(?error, id = %parcel.id, "an SMS cannot be written");
            Failure::permanent("it cannot be written; the log says why")
        };
        let payload = Payload::open(&parcel.payload).map_err(broken)?;
        let template = Template::find(&payload.template).ok_or_else(|| Failure::permanent("an unknown template"))?;
        let rendered = self.templates.render(template, &payload.values).map_err(broken)?;
        match &self.way {
            SmsWay::Twilio(twilio) => twilio.send(&payload.to, rendered.text.trim()).await,
            SmsWay::Log => {
                tracing::info!("SMS to {}: {}", payload.to, rendered.text.trim());
                Ok(())
            }
        }
    }
}

impl Deliver for Telephone {
    fn kind(&self) -> &'static str {
        super::service::SMS
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), Failure>> {
        self.send(parcel).boxed()
    }
}
