//! Tokens of every kind: any text, good ones that were changed, and what is read once a signature was found right.
use identity::fuzzing::{Reader, Readers};
use kernel::{SessionId, Timestamp, UserId, duration};
use platform::single_use::Ticket;
use serde_json::Value as Json;
use testkit::TestDb;

use crate::{
    Target,
    world::{World, keyring},
};

pub struct Tokens {
    world: World,
    readers: Readers,
    good: Vec<(Reader, String)>,
}

impl Target for Tokens {
    const NAME: &'static str = "tokens";
    const HAS_DATABASE: bool = false;

    async fn new(db: TestDb) -> Self {
        let world = World::new(db).await;
        let readers = Readers::new(&world.source.system("fuzz"), &keyring()).await.expect("keys");
        let good = Reader::ALL.map(|reader| (reader, readers.good(reader).expect("a token"))).to_vec();
        for (reader, token) in &good {
            assert!(readers.takes(*reader, token), "{reader:?} {token}");
        }
        Self { world, readers, good }
    }

    /// The first byte tells what the rest is.
    async fn run(&self, input: &[u8]) -> String {
        let Some((first, rest)) = input.split_first() else { return String::new() };
        match first {
            b'0'..=b'4' => self.changed(usize::from(first - b'0'), rest),
            b's' => self.signed(rest),
            b'p' => self.of_provider(rest),
            _ => self.any(input),
        }
        String::new()
    }
}

impl Tokens {
    /// A good token with edits of three bytes: which, where, what. None that differs is taken, nor by another reader.
    fn changed(&self, nth: usize, edits: &[u8]) {
        let Some((reader, good)) = self.good.get(nth) else { return };
        let mut token = good.clone().into_bytes();
        for edit in edits.as_chunks::<3>().0 {
            let [what, place, byte] = *edit;
            // A good access token is longer than a byte can count.
            let place = usize::from(place) + if what & 4 == 0 { 0 } else { 256 };
            let place = place % (token.len() + 1);
            match what % 4 {
                0 if place < token.len() => token[place] = byte,
                1 => token.insert(place, byte),
                2 => token.truncate(place),
                _ if place < token.len() => drop(token.remove(place)),
                _ => {}
            }
        }
        let Ok(token) = String::from_utf8(token) else { return };
        for other in Reader::ALL {
            // The checksum of an API key is no secret: such a key is looked up.
            let is_good = other == Reader::ApiKey || other == *reader && token == *good;
            assert!(is_good || !self.readers.takes(other, &token), "{token} as {other:?}");
        }
    }

    /// A header and claims, parted by a line end, under our own signature.
    fn signed(&self, parts: &[u8]) {
        let Some(parting) = parts.iter().position(|byte| *byte == b'\n') else { return };
        let (header, claims) = parts.split_at(parting);
        let named = String::from_utf8_lossy(header).replace("KEY", self.readers.key()).into_bytes();
        if self.readers.takes_signed(&named, &claims[1..]) {
            let claims: Json = serde_json::from_slice(claims).expect("claims that were taken are JSON");
            let (issuer, audience) = (claims["iss"].as_str(), claims["aud"].as_str());
            assert_eq!((issuer, audience), (Some("https://app.example"), Some("app")), "{claims}");
            let now = self.world.source.clock.now().seconds();
            assert!(claims["exp"].as_i64().is_some_and(|exp| exp >= now), "{claims}");
        }
    }

    /// Keys and a token, parted by a line end.
    fn of_provider(&self, parts: &[u8]) {
        let Ok(text) = std::str::from_utf8(parts) else { return };
        let Some((keys, token)) = text.split_once('\n') else { return };
        Readers::takes_of_provider(keys, token, self.world.source.clock.now());
    }

    fn any(&self, input: &[u8]) {
        let Ok(text) = std::str::from_utf8(input) else { return };
        for reader in Reader::ALL {
            let is_known = reader == Reader::ApiKey || self.good.iter().any(|(_, good)| good == text);
            assert!(!self.readers.takes(reader, text) || is_known, "{text} as {reader:?}");
        }
        Readers::reads_hash(text);
        if let Some(ticket) = Ticket::parse(text) {
            assert_eq!(ticket.reveal(), text);
        }
        if let Some(id) = UserId::parse(text) {
            assert_eq!(id.to_string(), text);
        }
        if let Some(id) = SessionId::parse(text) {
            assert_eq!(id.to_string(), text);
        }
        if let Some(scope) = kernel::Scope::parse(text, |name| name == "things") {
            assert_eq!(scope.to_string(), text);
        }
        if let Some(at) = Timestamp::parse(text) {
            assert_eq!(Timestamp::parse(&at.to_string()), Some(at), "{text}");
        }
        if let Ok(read) = duration::read(text) {
            assert_eq!(duration::read(&duration::write(read)), Ok(read), "{text}");
        }
    }
}
