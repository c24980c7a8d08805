//! Types of the sessions.
use ::store::RequestInfo;
use kernel::{Actor, DeviceId, Method, Principal, Proof, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::service::Lifetimes;
use crate::{devices::Trust, places::Place};

/// A stored session.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    /// Of the refresh token that is good next.
    pub generation: i64,
    pub transport: Transport,
    pub proofs: Vec<Proof>,
    /// Where it was begun; that device may be forgotten since.
    pub device_id: Option<DeviceId>,
    pub user_agent: Option<String>,
    /// Of the log-in.
    pub address: Option<String>,
    /// Where that is, as far as is known.
    pub place: Option<Place>,
    /// Where it was last seen from, if it was since the log-in.
    pub last_address: Option<String>,
    pub created_at: Timestamp,
    /// The last use or refresh, noted now and then.
    pub last_seen_at: Timestamp,
    pub rotated_at: Option<Timestamp>,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// How the tokens travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    #[default]
    Bearer,
    Cookie,
}

/// A log-in that was proven.
pub struct NewSession {
    pub user_id: UserId,
    pub transport: Transport,
    pub proofs: Vec<Proof>,
    pub device_id: DeviceId,
    pub place: Option<Place>,
}

/// What people see of a session.
#[derive(Clone, Debug, Serialize)]
pub struct SessionView {
    pub id: SessionId,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
    /// Of the log-in.
    pub address: Option<String>,
    pub country: Option<String>,
    pub last_address: Option<String>,
    pub user_agent: Option<String>,
    /// Null when it was forgotten.
    pub device_id: Option<DeviceId>,
    /// Until when log-ins on that device ask for no second factor; null when they do.
    pub trusted_until: Option<Timestamp>,
    pub transport: Transport,
    /// What was proven, as RFC 8176 names it.
    pub amr: Vec<&'static str>,
    pub is_current: bool,
}

/// Longest user agent kept, in characters.
const USER_AGENT_MAX: usize = 256;

impl Session {
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at > now
    }

    /// The same as sessions last now: one from when they lasted longer ends with the others.
    pub(super) fn within(self, lifetimes: Lifetimes) -> Self {
        Self { expires_at: lifetimes.cut(self.created_at, self.expires_at), ..self }
    }

    /// When anything was last proven.
    pub(crate) fn authenticated_at(&self) -> Timestamp {
        self.proofs.iter().map(|proof| proof.at).max().unwrap_or(self.created_at)
    }

    /// Whoever holds this session's refresh token, for the audit trail: without roles, so good for nothing else.
    pub(crate) fn holder(&self) -> Actor {
        let principal = Principal::of_session(self.user_id, self.id);
        Actor::Full(Principal { proofs: self.proofs.as_slice().into(), ..principal })
    }

    /// What was proven, by name.
    pub(super) fn methods(&self) -> Vec<&'static str> {
        self.proofs.iter().map(|proof| proof.method.as_str()).collect()
    }

    pub(super) fn view(self, current: Option<SessionId>, devices: &Trust) -> SessionView {
        let device = self.device_id.and_then(|id| devices.get_key_value(&id));
        SessionView {
            amr: self.methods(),
            device_id: device.map(|(id, _)| *id),
            trusted_until: device.and_then(|(_, until)| *until),
            is_current: current == Some(self.id),
            id: self.id,
            created_at: self.created_at,
            last_seen_at: self.last_seen_at,
            expires_at: self.expires_at,
            last_address: self.last_address.or_else(|| self.address.clone()),
            address: self.address,
            country: self.place.and_then(|place| place.country),
            user_agent: self.user_agent,
            transport: self.transport,
        }
    }
}

impl Transport {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Cookie => "cookie",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Bearer, Self::Cookie].into_iter().find(|transport| transport.as_str() == text)
    }
}

/// As the column holds them: `method@microseconds`, divided by spaces.
pub(super) fn join_proofs(proofs: &[Proof]) -> String {
    let words = proofs.iter().map(|proof| format!("{}@{}", proof.method.as_str(), proof.at.micros()));
    words.collect::<Vec<_>>().join(" ")
}

/// The reverse; a method this version does not know proves nothing to it. Older sessions have names alone, all of `since`.
pub(super) fn split_proofs(text: &str, since: Timestamp) -> Vec<Proof> {
    let proof = |word: &str| {
        let (name, at) = word.split_once('@').unwrap_or((word, ""));
        let at = at.parse().map_or(since, Timestamp::from_micros);
        Some(Proof { method: Method::parse(name)?, at })
    };
    text.split(' ').filter_map(proof).collect()
}

/// The user agent of a request, bounded.
pub(super) fn user_agent(request: &RequestInfo) -> Option<String> {
    request.user_agent.as_ref().map(|agent| agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_MAX).collect())
}
