//! Known addresses and unknown ones, in turns: the times must not tell which is which.
use std::{fmt, time::Duration};

use serde_json::{Value as Json, json};

use super::rank::probability;
use crate::live::{
    accounts::{PASSWORD, register},
    http::Client,
};

/// Below it the samples count as told apart.
const SIGNIFICANT: f64 = 0.01;
/// Asked before the clock counts.
const WARM_UP: usize = 10;
/// Something anybody may ask about an address.
#[derive(Clone, Copy)]
pub struct Flow {
    name: &'static str,
    path: &'static str,
    status: u16,
    body: fn(&str) -> Json,
}

/// Flows of a server on which people register at once.
pub const OPEN: [Flow; 2] = [
    Flow {
        name: "log-in",
        path: "/auth/v1/login",
        status: 401,
        body: |email| json!({"email": email, "password": "not the password of this one"}),
    },
    Flow { name: "reset", path: "/auth/v1/password/forgot", status: 202, body: |email| json!({"email": email}) },
];

/// Of one where the address is proven first.
pub const VERIFY_FIRST: Flow = Flow {
    name: "registration",
    path: "/auth/v1/register",
    status: 202,
    body: |email| json!({"email": email, "password": PASSWORD}),
};

/// What the times say.
pub struct Told {
    flow: &'static str,
    known: Duration,
    unknown: Duration,
    tries: usize,
    p: f64,
}

impl Told {
    pub fn is_well(&self) -> bool {
        self.p > SIGNIFICANT
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flow, known, unknown, tries, p } = self;
        let verdict = if self.is_well() { "cannot be told apart" } else { "ARE TOLD APART" };
        write!(f, "{flow}: {tries} known (p50 {known:.3?}) and {tries} unknown ({unknown:.3?}), p = {p:.3}: {verdict}")
    }
}

/// Makes the accounts of the known addresses: one for each try, as an address is mailed to once a minute only.
pub async fn settle(port: u16, tries: usize) -> Result<(), String> {
    let mut client = Client::new(port);
    for number in 0..WARM_UP + tries {
        register(&mut client, &known(number)).await?;
    }
    Ok(())
}

/// Asks `tries` times about either. Errors: any other answer than the one everybody gets.
pub async fn compare(port: u16, flow: Flow, tries: usize) -> Result<Told, String> {
    let mut client = Client::new(port);
    let (mut known_took, mut unknown_took) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + tries {
        // Who comes first changes, so that neither profits from the other.
        let order = if round.is_multiple_of(2) { [true, false] } else { [false, true] };
        for is_known in order {
            let email = if is_known { known(round) } else { format!("stranger{round:04}.{}@example.com", flow.name) };
            let answer = client.post(flow.path, &(flow.body)(&email)).await;
            let answer = answer.map_err(|failure| format!("{}: {failure}", flow.path))?;
            if answer.status != flow.status {
                return Err(format!("{}: {} {}", flow.path, answer.status, answer.body));
            }
            if round >= WARM_UP {
                if is_known { &mut known_took } else { &mut unknown_took }.push(answer.took);
            }
        }
    }
    let p = probability(&known_took, &unknown_took);
    Ok(Told { flow: flow.name, known: median(&mut known_took), unknown: median(&mut unknown_took), tries, p })
}

fn known(number: usize) -> String {
    format!("somebody{number:04}@example.com")
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
