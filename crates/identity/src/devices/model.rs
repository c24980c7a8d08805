//! Types of the devices.
use kernel::{DeviceId, Timestamp};
use serde::Serialize;

/// A stored device.
pub(super) struct Device {
    pub id: DeviceId,
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub trusted_until: Option<Timestamp>,
}

/// What people see of a device.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceView {
    pub id: DeviceId,
    pub user_agent: Option<String>,
    /// Of its last log-in.
    pub address: Option<String>,
    pub created_at: Timestamp,
    /// Its last log-in.
    pub last_seen_at: Timestamp,
    /// Until when log-ins on it ask for no second factor; null when they do.
    pub trusted_until: Option<Timestamp>,
    pub is_current: bool,
}

impl Device {
    pub(super) fn is_trusted(&self, now: Timestamp) -> bool {
        self.trusted_until.is_some_and(|until| until > now)
    }

    pub(super) fn view(self, current: Option<DeviceId>, now: Timestamp) -> DeviceView {
        DeviceView {
            is_current: current == Some(self.id),
            trusted_until: self.trusted_until.filter(|until| *until > now),
            id: self.id,
            user_agent: self.user_agent,
            address: self.address,
            created_at: self.created_at,
            last_seen_at: self.last_seen_at,
        }
    }
}
