//! The database of places.
use identity::Places;

use super::Subject;
use crate::config::finding::Finding;

const KEY: &str = "auth.geo_database";

pub fn check(Subject { dir, settings, .. }: Subject<'_>) -> Vec<Finding> {
    let Some(path) = settings.text(KEY) else { return Vec::new() };
    let Err(fault) = Places::open(&dir.join(path)) else { return Vec::new() };
    let fix = "name a database of cities, as GeoLite2-City.mmdb or dbip-city-lite.mmdb, or remove it";
    vec![Finding::error(KEY, format!("`{path}` {fault}"), fix)]
}
