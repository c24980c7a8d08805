//! HTTP of the signing keys: the JWK set.
use kernel::{
    Result,
    schema::{Field, Kind, Schema},
};
use web::{Access, Call, Method, Reply, Route, Routes, StatusCode, header};

use super::service::Keys;

pub fn routes(keys: &Keys) -> Routes {
    let route = Route::new(Method::GET, "/.well-known/jwks.json", "list_signing_keys", keys, list)
        .access(Access::Public)
        .summary("authentication", "The public keys that access tokens verify with (RFC 7517)")
        .answers(StatusCode::OK, "The JWK set", Some(jwks_schema()));
    vec![route]
}

async fn list(keys: Keys, _call: Call) -> Result<Reply> {
    // Short enough that a new key is known before the first token it signs has gone far.
    Reply::ok(&keys.jwks())?.header(header::CACHE_CONTROL, "public, max-age=300")
}

fn jwks_schema() -> Schema {
    let members = ["kty", "crv", "alg", "use", "kid", "x"];
    let jwk = Schema::new(members.into_iter().map(|name| Field::required(name, Kind::text(64))).collect());
    Schema::new(vec![Field::required("keys", Kind::Array { items: Box::new(Kind::Object(jwk)), max: 100 })])
}
