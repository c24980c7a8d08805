//! Looks addresses up in a database of the `MaxMind` format.
use std::{net::IpAddr, path::Path, sync::Arc};

use maxminddb::{Reader, geoip2::City};

use super::model::Place;

/// Kilometres, where the database does not say how sure it is.
const RADIUS: u16 = 100;

/// Knows where addresses are, or nothing; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Places(Option<Arc<Reader<Vec<u8>>>>);

impl Places {
    /// Reads a database of cities, as `GeoLite2-City` or `dbip-city-lite`, into memory. Errors: what is wrong with it, to follow its
    /// name in a sentence.
    pub fn open(path: &Path) -> Result<Self, String> {
        let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
        let reader = Reader::from_source(bytes).map_err(|error| format!("is no MaxMind database: {error}"))?;
        let kind = &reader.metadata().database_type;
        if !["City", "Enterprise"].iter().any(|name| kind.contains(name)) {
            return Err(format!("is a database of the type {kind:?}, which knows no coordinates"));
        }
        Ok(Self(Some(Arc::new(reader))))
    }

    /// Where a public address is. Of all others nobody knows.
    pub(crate) fn find(&self, address: Option<IpAddr>) -> Option<Place> {
        let (reader, address) = (self.0.as_ref()?, address?.to_canonical());
        if !web::outbound::is_public(address) {
            return None;
        }
        let found = reader.lookup(address).and_then(|found| found.decode::<City<'_>>());
        let found = found.inspect_err(|error| tracing::warn!(%error, "the database of places is damaged"));
        let city = found.ok().flatten()?;
        let (location, country) = (city.location, city.country.iso_code);
        let radius = location.accuracy_radius.unwrap_or(RADIUS);
        Place::of_degrees(location.latitude?, location.longitude?, radius.into(), country)
    }
}
