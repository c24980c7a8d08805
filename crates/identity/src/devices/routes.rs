//! HTTP of one's own devices.
use kernel::{
    Code, Result,
    schema::{Field, Kind, Schema},
};
use serde_json::json;
use web::{Call, Method, Reply, Route, Routes, StatusCode};

use super::service::Devices;

const TAG: &str = "devices";
const PATH: &str = "/auth/v1/me/devices";

pub fn routes(devices: &Devices) -> Routes {
    vec![
        Route::new(Method::GET, PATH, "list_devices", devices, list)
            .summary(TAG, "The devices one has logged in on, the last seen first")
            .answers(StatusCode::OK, "All of them", Some(list_schema())),
        Route::new(Method::DELETE, "/auth/v1/me/devices/{id}", "delete_device", devices, delete)
            .summary(TAG, "Forget a device: it is trusted no more")
            .answers(StatusCode::NO_CONTENT, "It is forgotten", None)
            .errors(&[Code::NotFound]),
    ]
}

async fn list(devices: Devices, call: Call) -> Result<Reply> {
    Reply::ok(&json!({"items": devices.list(&call.ctx).await?, "next": null}))
}

async fn delete(devices: Devices, call: Call) -> Result<Reply> {
    devices.delete(&call.ctx, call.id("id")?).await?;
    Ok(Reply::no_content())
}

fn list_schema() -> Schema {
    let device = Schema::new(vec![
        Field::required("id", Kind::Id("dev".into())),
        Field::required("user_agent", Kind::text(256)).nullable(),
        Field::required("address", Kind::text(64)).nullable().describe("Of its last log-in"),
        Field::required("created_at", Kind::Timestamp),
        Field::required("last_seen_at", Kind::Timestamp).describe("Its last log-in"),
        Field::required("trusted_until", Kind::Timestamp)
            .nullable()
            .describe("Until then no second factor is asked for"),
        Field::required("is_current", Kind::Bool).describe("Whether this device asks"),
    ]);
    let items = Kind::Array { items: Box::new(Kind::Object(device)), max: 50 };
    Schema::new(vec![Field::required("items", items), Field::required("next", Kind::text(1)).nullable()])
}
