//! The telephone: takes short messages from the outbox to the log.
use futures_util::{FutureExt as _, future::BoxFuture};

use super::{model::Payload, template::Template, templates::Templates};
use crate::outbox::{Deliver, Failure, Parcel};

/// Sends short messages.
pub struct Telephone {
    templates: Templates,
}

impl Telephone {
    pub const fn new(templates: Templates) -> Self {
        Self { templates }
    }

    async fn send(&self, parcel: &Parcel) -> Result<(), Failure> {
        let broken = |_| Failure::permanent("it cannot be written");
        let payload = Payload::open(&parcel.payload).map_err(broken)?;
        let template = Template::find(&payload.template).ok_or_else(|| Failure::permanent("an unknown template"))?;
        let rendered = self.templates.render(template, &payload.values).map_err(broken)?;
        tracing::info!("SMS to {}: {}", payload.to, rendered.text.trim());
        Ok(())
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
