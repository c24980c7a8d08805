//! HTTP for the API's own description.
use std::sync::Arc;

use kernel::{Permission, Result};
use serde_json::Value as Json;
use web::{Access, Call, Method, Reply, Route, Routes, StatusCode, header};

use super::page;

/// The document and the page, both made once.
#[derive(Clone)]
struct Docs {
    document: Arc<Vec<u8>>,
    page: Arc<Vec<u8>>,
}

/// `/openapi.json` and `/docs`; `is_public` opens them to everyone, otherwise they are for administrators.
pub fn routes(document: &Json, is_public: bool) -> Routes {
    let docs = Docs {
        document: Arc::new(document.to_string().into_bytes()),
        page: Arc::new(page::render(document).into_bytes()),
    };
    let access = if is_public { Access::Public } else { Access::Permission(Permission::ReadApiDocument) };
    vec![
        Route::new(Method::GET, "/openapi.json", "openapi", &docs, openapi)
            .access(access)
            .summary("docs", "This API as an OpenAPI 3.1 document.")
            .answers(StatusCode::OK, "The document.", None),
        Route::new(Method::GET, "/docs", "docs", &docs, show)
            .access(access)
            .summary("docs", "This API as a page to read.")
            .answers(StatusCode::OK, "The page.", None),
    ]
}

async fn openapi(docs: Docs, _: Call) -> Result<Reply> {
    Ok(Reply::bytes(StatusCode::OK, "application/json", docs.document.to_vec()))
}

async fn show(docs: Docs, _: Call) -> Result<Reply> {
    Reply::bytes(StatusCode::OK, "text/html; charset=utf-8", docs.page.to_vec())
        .header(header::CONTENT_SECURITY_POLICY, page::POLICY)
}
