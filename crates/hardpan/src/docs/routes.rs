//! HTTP for the API's own description.
use std::sync::{Arc, OnceLock};

use kernel::{Error, Permission, Result};
use serde_json::Value as Json;
use web::{Access, Call, Method, Reply, Route, Routes, StatusCode, header};

use super::page;

/// The document and the page, made once all routes are known, these two included.
#[derive(Clone, Default)]
pub struct Docs(Arc<OnceLock<Made>>);

struct Made {
    document: Vec<u8>,
    page: Vec<u8>,
}

impl Docs {
    /// The first document stays.
    pub fn fill(&self, document: &Json) {
        let make = || Made { document: document.to_string().into_bytes(), page: page::render(document).into_bytes() };
        self.0.get_or_init(make);
    }

    fn made(&self) -> Result<&Made> {
        self.0.get().ok_or_else(|| Error::internal("the document was not made yet"))
    }
}

/// `/openapi.json` and `/docs`; `is_public` opens them to everyone, otherwise they are for administrators.
pub fn routes(docs: &Docs, is_public: bool) -> Routes {
    let access = if is_public { Access::Public } else { Access::Permission(Permission::ReadApiDocument) };
    vec![
        Route::new(Method::GET, "/openapi.json", "openapi", docs, openapi)
            .access(access)
            .summary("docs", "This API as an OpenAPI 3.1 document.")
            .answers(StatusCode::OK, "The document.", None),
        Route::new(Method::GET, "/docs", "docs", docs, show)
            .access(access)
            .summary("docs", "This API as a page to read.")
            .answers(StatusCode::OK, "The page.", None),
    ]
}

async fn openapi(docs: Docs, _: Call) -> Result<Reply> {
    Ok(Reply::bytes(StatusCode::OK, "application/json", docs.made()?.document.clone()))
}

async fn show(docs: Docs, _: Call) -> Result<Reply> {
    Reply::bytes(StatusCode::OK, "text/html; charset=utf-8", docs.made()?.page.clone())
        .header(header::CONTENT_SECURITY_POLICY, page::POLICY)
}
