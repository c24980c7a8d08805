//! Ids: 16 bytes in the database (UUIDv7, RFC 9562), shown as TypeIDs (`usr_01h455vb4pex5vsknk084sn02q`).
use std::{fmt, hash, marker::PhantomData};

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::{random::Random, time::Timestamp, value::Value};

/// Crockford's base 32 in lower case, as the TypeID specification 0.3 prescribes.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits in 26 characters of 5 bits; the first carries only 3.
const SUFFIX_LENGTH: usize = 26;

/// A kind of thing that has ids; gives the prefix its ids show.
pub trait Kind: 'static {
    const PREFIX: &'static str;
}

/// The id of one `K`; ids of different kinds do not mix.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

/// A person's account.
pub struct User;
impl Kind for User {
    const PREFIX: &'static str = "usr";
}
pub type UserId = Id<User>;

/// One log-in on one device.
pub struct Session;
impl Kind for Session {
    const PREFIX: &'static str = "ses";
}
pub type SessionId = Id<Session>;

/// A second factor of an account.
pub struct Factor;
impl Kind for Factor {
    const PREFIX: &'static str = "fac";
}
pub type FactorId = Id<Factor>;

/// A device that an account has logged in on.
pub struct Device;
impl Kind for Device {
    const PREFIX: &'static str = "dev";
}
pub type DeviceId = Id<Device>;
/// A WebAuthn credential of an account.
pub struct Passkey;
impl Kind for Passkey {
    const PREFIX: &'static str = "psk";
}
pub type PasskeyId = Id<Passkey>;

/// A key by which a program acts for a person.
pub struct ApiKey;
impl Kind for ApiKey {
    const PREFIX: &'static str = "key";
}
pub type ApiKeyId = Id<ApiKey>;
/// What links an account to a provider of log-ins.
pub struct Identity;
impl Kind for Identity {
    const PREFIX: &'static str = "idn";
}
pub type IdentityId = Id<Identity>;

/// An account that is offered to someone.
pub struct Invitation;
impl Kind for Invitation {
    const PREFIX: &'static str = "inv";
}
pub type InvitationId = Id<Invitation>;

/// One entry of the audit trail.
pub struct Audit;
impl Kind for Audit {
    const PREFIX: &'static str = "aud";
}
pub type AuditId = Id<Audit>;

impl<K: Kind> Id<K> {
    pub fn new(now: Timestamp, random: &dyn Random) -> Self {
        Self::from_uuid(uuid_v7(now, random))
    }

    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }

    /// The id that `text` shows, or nothing when it is malformed or of another kind.
    pub fn parse(text: &str) -> Option<Self> {
        decode(K::PREFIX, text).map(Self::from_uuid)
    }

    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

/// A fresh UUIDv7: milliseconds, then 12 bits of the fraction of a millisecond (RFC 9562, 6.2 method 3), then 62 random bits.
pub fn uuid_v7(now: Timestamp, random: &dyn Random) -> Uuid {
    let micros = now.micros().max(0).unsigned_abs();
    let fraction = (micros % 1000) * 4096 / 1000;
    let mut tail = [0u8; 10];
    random.fill(&mut tail);
    tail[..2].copy_from_slice(&u16::try_from(fraction).unwrap_or(0).to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(micros / 1000, &tail).into_uuid()
}

/// Less than every UUIDv7 made at `at` or later, more than those of earlier milliseconds.
pub fn uuid_v7_floor(at: Timestamp) -> Uuid {
    let millis = at.micros().max(0).unsigned_abs() / 1000;
    Uuid::from_u128(u128::from(millis) << 80)
}

/// `prefix_suffix`.
pub fn encode(prefix: &str, uuid: Uuid) -> String {
    let mut text = String::with_capacity(prefix.len() + 1 + SUFFIX_LENGTH);
    text.push_str(prefix);
    text.push('_');
    let bits = uuid.as_u128();
    for place in (0..SUFFIX_LENGTH).rev() {
        let five = (bits >> (place * 5)) & 31;
        text.push(char::from(ALPHABET[usize::try_from(five).unwrap_or(0)]));
    }
    text
}

/// The reverse of [`encode`]; only the one canonical spelling is accepted.
pub fn decode(prefix: &str, text: &str) -> Option<Uuid> {
    let suffix = text.strip_prefix(prefix)?.strip_prefix('_')?.as_bytes();
    if suffix.len() != SUFFIX_LENGTH || suffix.first().is_none_or(|first| *first > b'7') {
        return None;
    }
    suffix
        .iter()
        .try_fold(0u128, |bits, byte| {
            let five = ALPHABET.iter().position(|symbol| symbol == byte)?;
            Some((bits << 5) | u128::try_from(five).ok()?)
        })
        .map(Uuid::from_u128)
}

/// Whether `prefix` may begin a TypeID: 1 to 63 of `a-z` and `_`, neither first nor last `_`.
pub fn is_prefix(prefix: &str) -> bool {
    (1..=63).contains(&prefix.len())
        && prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        && !prefix.starts_with('_')
        && !prefix.ends_with('_')
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(K::PREFIX, self.uuid))
    }
}
impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<K> From<Id<K>> for Uuid {
    fn from(id: Id<K>) -> Self {
        id.uuid
    }
}
impl<K> From<Id<K>> for Value {
    fn from(id: Id<K>) -> Self {
        Value::Uuid(id.uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    /// The example of the TypeID specification, `valid.json`.
    #[test]
    fn the_specifications_example_round_trips() {
        let uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
        assert_eq!(encode("prefix", uuid), "prefix_01h455vb4pex5vsknk084sn02q");
        assert_eq!(decode("prefix", "prefix_01h455vb4pex5vsknk084sn02q"), Some(uuid));
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "usr",
            "usr_",
            "doc_01h455vb4pex5vsknk084sn02q",
            "usr_01H455VB4PEX5VSKNK084SN02Q",
            "usr_81h455vb4pex5vsknk084sn02q",
            "usr_01h455vb4pex5vsknk084sn02",
            "usr_01h455vb4pex5vsknk084sn02qq",
            "usr_01h455vb4pex5vsknk084sn02u",
            "usr_é1h455vb4pex5vsknk084sn02",
        ] {
            assert_eq!(UserId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ids_sort_by_the_microsecond_they_were_made() {
        let random = SeededRandom::new(1);
        let ids: Vec<UserId> =
            (0..100).map(|step| UserId::new(Timestamp::from_micros(1_700_000_000_000_000 + step), &random)).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids[0].uuid().get_version_num(), 7);
        assert!(uuid_v7_floor(Timestamp::from_micros(1_700_000_000_000_000)) < ids[0].uuid());
        assert!(uuid_v7_floor(Timestamp::from_micros(1_700_000_000_001_000)) > ids[0].uuid());
    }
}
