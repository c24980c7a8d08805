//! The range API of Have I Been Pwned, or of a mirror of it, over the outbound client.
use std::{fmt, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{Error, Result};
use web::{Outbound, Request, StatusCode, header, outbound::Bounds};

use super::breached::BreachedRange;

/// An answer has some 900 lines of 40 bytes.
const BOUNDS: Bounds = Bounds { time: Duration::from_secs(1), size: 512 * 1024 };

/// Asked as `GET BASE/PREFIX`.
pub struct RangeService {
    base: String,
    outbound: Outbound,
}

impl RangeService {
    /// `base` is as `https://api.pwnedpasswords.com/range`.
    pub fn new(base: &str, outbound: Outbound) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), outbound }
    }

    async fn ask(&self, prefix: &str) -> Result<String> {
        let request = Request::get(format!("{}/{prefix}", self.base))
            .header("add-padding", "true")
            .header(header::USER_AGENT, "hardpan")
            .body(Vec::new().into())
            .map_err(Error::internal)?;
        let answer = self.outbound.send(request, BOUNDS).await.map_err(|fault| Error::internal(fault.to_string()))?;
        if answer.status() != StatusCode::OK {
            return Err(Error::internal(format!("it answered {}", answer.status())));
        }
        String::from_utf8(answer.into_body().into()).map_err(Error::internal)
    }
}

impl BreachedRange for RangeService {
    fn range<'r>(&'r self, prefix: &'r str) -> BoxFuture<'r, Result<String>> {
        self.ask(prefix).boxed()
    }
}

impl fmt::Debug for RangeService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RangeService({})", self.base)
    }
}
