//! Bodies: their type, size and time bounded, parsed and checked against the route's schema.
use std::time::Duration;

use axum::body::Body as Stream;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, header};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use kernel::{Code, Error, Result, json, schema::Schema};
use serde_json::{Map, Value as Json};
use tokio::{sync::Semaphore, time::timeout};

use crate::{Body, Route};

/// A client that is still sending reads our refusal only if we keep reading for a while.
const DRAIN_BYTES: usize = 16 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// The memory that bodies which are still arriving may take together, in KiB: slow senders must not fill it.
#[derive(Debug)]
pub struct Room(Semaphore);

impl Room {
    pub fn new(bytes: usize) -> Self {
        Self(Semaphore::new(bytes / 1024))
    }
}

/// How large a body may be and how long it may take to arrive.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub bytes: usize,
    pub time: Duration,
}

/// The body of a call of `route`. Without one: an empty object where every field may be missing, else null.
///
/// Errors: 400 for a body that is missing, malformed or not expected, 413, 415, 422, 503 when too many arrive at once, 504 when
/// it does not arrive in time.
pub async fn read(
    route: &Route,
    headers: &HeaderMap,
    stream: &mut Stream,
    bounds: Bounds,
    room: &Room,
) -> Result<Json> {
    let malformed = |detail| Err(Error::new(Code::MalformedBody).with_detail(detail));
    let json = match &route.body {
        Body::None if is_empty(stream, bounds).await? => return Ok(Json::Null),
        Body::None => return malformed("This operation takes no body."),
        Body::Json { .. } | Body::Record { .. } => received(&route.method, headers, stream, bounds, room).await?,
    };
    match (&route.body, json) {
        (Body::Json { schema, .. }, Some(json)) => schema.check(&json).map(|()| json),
        (Body::Json { schema, is_optional: true }, None) => Ok(nothing(schema)),
        (_, Some(json)) => Ok(json),
        (_, None) => malformed("A JSON body is required."),
    }
}

fn nothing(schema: &Schema) -> Json {
    if schema.fields.iter().any(|field| field.is_required) { Json::Null } else { Json::Object(Map::new()) }
}

async fn received(
    method: &Method,
    headers: &HeaderMap,
    stream: &mut Stream,
    bounds: Bounds,
    room: &Room,
) -> Result<Option<Json>> {
    if stream.is_end_stream() {
        return Ok(None);
    }
    check_type(method, headers)?;
    let bytes = in_time(bounds, collect(stream, bounds.bytes, room)).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let refused = |fault: json::Fault| Error::new(fault.code()).with_detail(format!("The body {fault}."));
    json::parse(&bytes).map(Some).map_err(refused)
}

/// Errors: 415 unless it is JSON in UTF-8, or a merge patch where one is due, not compressed.
fn check_type(method: &Method, headers: &HeaderMap) -> Result<()> {
    let refuse = |detail| Err(Error::new(Code::UnsupportedMediaType).with_detail(detail));
    if headers.get_all(header::CONTENT_ENCODING).iter().any(|encoding| encoding != "identity") {
        return refuse("The body must not be compressed.");
    }
    let mut sent = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (sent.next().and_then(|value| value.to_str().ok()), sent.next()) else {
        return refuse("The body must have one Content-Type, application/json.");
    };
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let is_json = media_type.eq_ignore_ascii_case("application/json");
    let is_patch = *method == Method::PATCH && media_type.eq_ignore_ascii_case("application/merge-patch+json");
    let mut parameters = parts.filter_map(|parameter| parameter.split_once('='));
    let is_other_charset = parameters.any(|(name, value)| {
        name.trim().eq_ignore_ascii_case("charset") && !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    if is_other_charset {
        return refuse("The body must be in UTF-8.");
    }
    if is_json || is_patch { Ok(()) } else { Err(Error::new(Code::UnsupportedMediaType)) }
}

async fn is_empty(stream: &mut Stream, bounds: Bounds) -> Result<bool> {
    if stream.is_end_stream() {
        return Ok(true);
    }
    // What comes first decides; nothing need be kept.
    in_time(bounds, async {
        while let Some(data) = next(stream).await? {
            if !data.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    })
    .await
}

async fn in_time<T>(bounds: Bounds, read: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Error::new(Code::Timeout).with_detail("The body did not arrive in time.");
    timeout(bounds.time, read).await.map_err(late)?
}

/// The whole body. Errors: 413 as soon as it is known to be longer than `most`, 503 when there is no room for it.
async fn collect(stream: &mut Stream, most: usize, room: &Room) -> Result<Bytes> {
    let too_large = || {
        let detail = format!("The body is larger than the {most} bytes accepted here.");
        Error::new(Code::BodyTooLarge).with_detail(detail)
    };
    // What Content-Length announced.
    if stream.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let Some(first) = next(stream).await? else { return Ok(Bytes::new()) };
    if first.len() > most {
        return Err(too_large());
    }
    // Small bodies come in one piece, which is kept as it is.
    if stream.is_end_stream() {
        return Ok(first);
    }
    let expected = stream.size_hint().upper().and_then(|rest| usize::try_from(rest).ok()).unwrap_or(most).min(most);
    let kilobytes = u32::try_from(expected / 1024 + 1).unwrap_or(u32::MAX);
    let full = |_| Error::overloaded("too many large bodies are arriving at once");
    let _held = room.0.try_acquire_many(kilobytes).map_err(full)?;
    let mut whole = BytesMut::from(first);
    while let Some(piece) = next(stream).await? {
        if whole.len() + piece.len() > most {
            return Err(too_large());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// The next piece of data; trailers are passed over.
async fn next(stream: &mut Stream) -> Result<Option<Bytes>> {
    while let Some(frame) = stream.frame().await {
        let broken = |error| Error::new(Code::MalformedBody).with_detail("The body broke off.").with_source(error);
        if let Ok(data) = frame.map_err(broken)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// Reads and forgets what is left of a refused body, within bounds. One that says it is too large for them is left alone.
pub async fn drain(stream: &mut Stream) {
    if stream.is_end_stream() || stream.size_hint().lower() > DRAIN_BYTES as u64 {
        return;
    }
    let rest = async {
        let mut read = 0;
        while let Ok(Some(data)) = next(stream).await {
            read += data.len();
            if read > DRAIN_BYTES {
                return;
            }
        }
    };
    // Out of time is as good as done.
    let _ = timeout(DRAIN_TIME, rest).await;
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http::HeaderValue;
    use kernel::schema::{Field, Kind};
    use serde_json::json;

    use super::*;

    fn room() -> Room {
        Room::new(4096)
    }
    use crate::{Call, Reply};

    fn route(method: Method) -> Route {
        Route::new(method, "/", "test", &(), |(), _: Call| async { Ok(Reply::no_content()) })
    }

    fn schema() -> Schema {
        Schema::new(vec![Field::required("a", Kind::any_int())])
    }

    async fn answer(route: &Route, content_type: Option<&'static str>, body: impl Into<Stream>) -> Result<Json> {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        read(route, &headers, &mut body.into(), Bounds { bytes: 100, time: Duration::from_secs(5) }, &room()).await
    }

    async fn code(route: &Route, content_type: Option<&'static str>, body: impl Into<Stream>) -> &'static str {
        answer(route, content_type, body).await.map_or_else(|error| error.code().as_str(), |_| "ok")
    }

    fn pieces(pieces: &[&'static str]) -> Stream {
        let pieces: Vec<_> =
            pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes()))).collect();
        Stream::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn the_type_must_be_json_in_utf8() {
        let (post, patch) = (route(Method::POST).body(schema()), route(Method::PATCH).record_body(schema()));
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert_eq!(code(&post, Some(good), r#"{"a":1}"#).await, "ok", "{good}");
            assert_eq!(code(&patch, Some(good), r#"{"a":1}"#).await, "ok", "{good}");
        }
        for bad in
            ["text/plain", "application/json; charset=latin1", "application/jsonx", "", "application/problem+json"]
        {
            assert_eq!(code(&post, Some(bad), r#"{"a":1}"#).await, "unsupported_media_type", "{bad}");
        }
        assert_eq!(code(&post, None, r#"{"a":1}"#).await, "unsupported_media_type");
        assert_eq!(code(&patch, Some("application/merge-patch+json"), "{}").await, "ok");
        assert_eq!(code(&post, Some("application/merge-patch+json"), "{}").await, "unsupported_media_type");
    }

    #[tokio::test]
    async fn compressed_bodies_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let bounds = Bounds { bytes: 100, time: Duration::from_secs(5) };
        let error =
            read(&route(Method::POST).body(schema()), &headers, &mut "{}".into(), bounds, &room()).await.unwrap_err();
        assert_eq!(error.code(), Code::UnsupportedMediaType);
    }

    #[tokio::test]
    async fn the_schema_decides() {
        let json = Some("application/json");
        let checked = route(Method::POST).body(schema());
        assert_eq!(code(&checked, json, r#"{"a":"x"}"#).await, "invalid");
        assert_eq!(code(&checked, json, "[]").await, "invalid");
        assert_eq!(code(&checked, json, "{").await, "malformed_body");
        let deep = answer(&checked, json, "[".repeat(50)).await.unwrap_err();
        assert_eq!(
            (deep.code().as_str(), deep.detail()),
            ("body_too_deep", "The body is nested more than 32 levels deep.")
        );
        let record = route(Method::POST).record_body(schema());
        assert_eq!(answer(&record, json, r#"{"b":"x"}"#).await.unwrap(), json!({"b": "x"}));
    }

    #[tokio::test]
    async fn bodies_that_are_missing_or_not_expected() {
        assert_eq!(
            code(&route(Method::POST).body(schema()), Some("application/json"), Stream::empty()).await,
            "malformed_body"
        );
        assert_eq!(
            code(&route(Method::POST).body(schema()), Some("application/json"), pieces(&[])).await,
            "malformed_body"
        );
        assert_eq!(code(&route(Method::GET), None, Stream::empty()).await, "ok");
        assert_eq!(code(&route(Method::GET), None, pieces(&["", ""])).await, "ok");
        assert_eq!(code(&route(Method::GET), Some("application/json"), pieces(&["", "{}"])).await, "malformed_body");
        let optional = Schema::new(vec![Field::optional("a", Kind::any_int())]);
        assert_eq!(
            answer(&route(Method::POST).optional_body(optional), None, Stream::empty()).await.unwrap(),
            json!({})
        );
        assert_eq!(
            answer(&route(Method::POST).optional_body(schema()), None, Stream::empty()).await.unwrap(),
            Json::Null
        );
    }

    #[tokio::test]
    async fn the_size_is_bounded_announced_or_not() {
        let post = route(Method::POST).record_body(schema());
        let long = "1".repeat(101);
        assert_eq!(code(&post, Some("application/json"), long).await, "body_too_large");
        let ten = "          ";
        assert_eq!(code(&post, Some("application/json"), pieces(&[ten; 11])).await, "body_too_large");
        assert_eq!(code(&post, Some("application/json"), pieces(&["{}", ten, ten])).await, "ok");
    }

    #[tokio::test]
    async fn slow_and_broken_bodies_are_given_up() {
        let post = route(Method::POST).record_body(schema());
        let never = Stream::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let bounds = Bounds { bytes: 100, time: Duration::from_millis(5) };
        assert_eq!(read(&post, &headers, &mut { never }, bounds, &room()).await.unwrap_err().code(), Code::Timeout);
        let broken = Stream::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("reset"))]));
        assert_eq!(code(&post, Some("application/json"), broken).await, "malformed_body");
    }
}
