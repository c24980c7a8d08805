//! HTTP of one's own second factors; what hands out tokens is with the log-ins.
use kernel::{
    Code, Result, StepUp,
    schema::{Field, Kind, Schema},
};
use serde::Deserialize;
use serde_json::json;
use web::{Call, Class, Method, Reply, Route, Routes, StatusCode};

use super::{model::FactorKind, service::Factors};

const TAG: &str = "factors";
const PATH: &str = "/auth/v1/me/factors";
const BACKUP_CODES: &str = "/auth/v1/me/backup-codes";
/// Characters.
const LABEL_MAX: usize = 100;
/// Characters, with what people write between the digits.
const PHONE_MAX: usize = 40;

pub fn routes(factors: &Factors) -> Routes {
    vec![
        Route::new(Method::GET, PATH, "list_factors", factors, list)
            .summary(TAG, "One's own second factors, the oldest first")
            .answers(StatusCode::OK, "All of them", Some(list_schema())),
        Route::new(Method::POST, "/auth/v1/me/factors/totp", "enrol_totp", factors, enrol_totp)
            .step_up(StepUp::FRESH)
            .optional_body(Schema::new(vec![label_field()]))
            .summary(TAG, "Begin to add an authenticator app; wants a fresh log-in")
            .answers(
                StatusCode::CREATED,
                "What the app is told, shown once; confirm it with a code",
                Some(enrolment_schema()),
            )
            .errors(&[Code::TooMany]),
        Route::new(Method::POST, "/auth/v1/me/factors/sms", "enrol_sms", factors, enrol_sms)
            .step_up(StepUp::FRESH)
            .class(Class::Credentials)
            .body(Schema::new(vec![phone_field(), label_field()]))
            .summary(TAG, "Begin to add a telephone: a code is sent there; wants a fresh log-in")
            .answers(StatusCode::CREATED, "Confirm it with the code", Some(sent_schema()))
            .errors(&[Code::TooMany]),
        Route::new(Method::POST, "/auth/v1/me/factors/email", "enrol_email", factors, enrol_email)
            .step_up(StepUp::FRESH)
            .class(Class::Credentials)
            .optional_body(Schema::new(vec![label_field()]))
            .summary(TAG, "Begin to add one's mail address: a code is sent there; wants a fresh log-in")
            .answers(StatusCode::CREATED, "Confirm it with the code", Some(sent_schema()))
            .errors(&[Code::TooMany]),
        Route::new(Method::DELETE, "/auth/v1/me/factors/{id}", "delete_factor", factors, delete)
            .step_up(StepUp::FRESH)
            .summary(TAG, "Remove a second factor; wants a fresh one")
            .answers(StatusCode::NO_CONTENT, "It is removed", None)
            .errors(&[Code::NotFound]),
        Route::new(Method::GET, BACKUP_CODES, "count_backup_codes", factors, count_backup_codes)
            .summary(TAG, "How many backup codes are left")
            .answers(StatusCode::OK, "Their number", Some(Schema::new(vec![left_field()]))),
        Route::new(Method::POST, BACKUP_CODES, "create_backup_codes", factors, create_backup_codes)
            .step_up(StepUp::FRESH)
            .summary(TAG, "Ten new backup codes, in place of those before; wants a fresh second factor")
            .answers(StatusCode::CREATED, "The codes, shown once", Some(codes_schema()))
            .errors(&[Code::NoSecondFactor]),
    ]
}

#[derive(Default, Deserialize)]
struct EnrolBody {
    label: Option<String>,
}

async fn list(factors: Factors, call: Call) -> Result<Reply> {
    Reply::ok(&json!({"items": factors.list(&call.ctx).await?, "next": null}))
}

async fn enrol_totp(factors: Factors, mut call: Call) -> Result<Reply> {
    let body: Option<EnrolBody> = call.body()?;
    Reply::json(StatusCode::CREATED, &factors.enrol_totp(&call.ctx, body.unwrap_or_default().label).await?)
}

#[derive(Deserialize)]
struct EnrolSmsBody {
    phone: String,
    label: Option<String>,
}

async fn enrol_sms(factors: Factors, mut call: Call) -> Result<Reply> {
    let EnrolSmsBody { phone, label } = call.body()?;
    Reply::json(StatusCode::CREATED, &factors.enrol_sms(&call.ctx, &phone, label).await?)
}

async fn enrol_email(factors: Factors, mut call: Call) -> Result<Reply> {
    let body: Option<EnrolBody> = call.body()?;
    Reply::json(StatusCode::CREATED, &factors.enrol_email(&call.ctx, body.unwrap_or_default().label).await?)
}

async fn delete(factors: Factors, call: Call) -> Result<Reply> {
    factors.delete(&call.ctx, call.id("id")?).await?;
    Ok(Reply::no_content())
}

async fn count_backup_codes(factors: Factors, call: Call) -> Result<Reply> {
    Reply::ok(&json!({"left": factors.backup_codes_left(&call.ctx).await?}))
}

async fn create_backup_codes(factors: Factors, call: Call) -> Result<Reply> {
    Reply::json(StatusCode::CREATED, &json!({"codes": factors.create_backup_codes(&call.ctx).await?}))
}

fn label_field() -> Field {
    Field::optional("label", Kind::Text { min: 1, max: LABEL_MAX }).describe("What its owner calls it")
}

fn phone_field() -> Field {
    Field::required("phone", Kind::Text { min: 8, max: PHONE_MAX }).describe("With its country code, as +41791234567")
}

fn left_field() -> Field {
    Field::required("left", Kind::Int { min: 0, max: 10 })
}

fn list_schema() -> Schema {
    let kinds = FactorKind::ALL.into_iter().map(|kind| kind.as_str().into()).collect();
    let factor = Schema::new(vec![
        Field::required("id", Kind::Id("fac".into())),
        Field::required("kind", Kind::Enum(kinds)),
        Field::required("label", Kind::text(LABEL_MAX)).nullable(),
        Field::required("phone", Kind::text(PHONE_MAX)).nullable().describe("Of a telephone, masked: +41*****67"),
        Field::required("is_confirmed", Kind::Bool).describe("Whether log-ins ask for it"),
        Field::required("created_at", Kind::Timestamp),
        Field::required("last_used_at", Kind::Timestamp).nullable(),
    ]);
    let items = Kind::Array { items: Box::new(Kind::Object(factor)), max: 10 };
    Schema::new(vec![Field::required("items", items), Field::required("next", Kind::text(1)).nullable()])
}

fn enrolment_schema() -> Schema {
    Schema::new(vec![
        Field::required("id", Kind::Id("fac".into())),
        Field::required("secret", Kind::text(64)).describe("In base 32, to type in"),
        Field::required("otpauth_uri", Kind::text(1000)),
        Field::required("qr_svg", Kind::text(100_000)).describe("The same as a picture to scan"),
    ])
}

fn sent_schema() -> Schema {
    Schema::new(vec![
        Field::required("id", Kind::Id("fac".into())),
        Field::optional("phone", Kind::text(PHONE_MAX)).describe("Masked"),
        Field::required("expires_in", Kind::Int { min: 1, max: i64::MAX }).describe("Seconds until the code ends"),
    ])
}

fn codes_schema() -> Schema {
    let codes = Kind::Array { items: Box::new(Kind::text(11)), max: 10 };
    Schema::new(vec![Field::required("codes", codes)])
}
