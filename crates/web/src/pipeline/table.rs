//! The table of routes: which path, which method, which parameters.
use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderValue, Method};
use kernel::{Error, Result};

use crate::{Route, Routes, url::decode};

const PATH_MAX: usize = 8 * 1024;

/// Every path, found in time that depends on its length alone.
pub(super) struct Table {
    paths: matchit::Router<Path>,
}

/// One path and the methods it knows.
pub(super) struct Path {
    pub template: Arc<str>,
    pub allow: HeaderValue,
    routes: Vec<Route>,
}

impl Table {
    /// Errors: internal when two routes share a method and a path, or a template is malformed.
    pub(super) fn new(routes: Routes) -> Result<Self> {
        let mut by_path = BTreeMap::<String, Vec<Route>>::new();
        for route in routes {
            let same_path = by_path.entry(route.path.clone().into_owned()).or_default();
            if same_path.iter().any(|other| other.method == route.method) {
                return Err(Error::internal(format!("two routes are {} {}", route.method, route.path)));
            }
            same_path.push(route);
        }
        let mut paths = matchit::Router::new();
        for (template, routes) in by_path {
            let path = Path { allow: allow(&routes)?, template: template.as_str().into(), routes };
            paths.insert(&template, path).map_err(|error| Error::internal(format!("{template}: {error}")))?;
        }
        Ok(Self { paths })
    }

    /// The path and its parameters, decoded. None as well when a parameter is empty, is not UTF-8 or holds NUL, which names nothing.
    pub(super) fn find(&self, path: &str) -> Option<(&Path, Vec<(String, String)>)> {
        if path.len() > PATH_MAX {
            return None;
        }
        let found = self.paths.at(path).ok()?;
        let parameter = |(name, value): (&str, &str)| {
            let value = decode(value).filter(|value| !value.is_empty() && !value.contains('\0'))?;
            Some((name.to_owned(), value.into_owned()))
        };
        Some((found.value, found.params.iter().map(parameter).collect::<Option<_>>()?))
    }
}

impl Path {
    /// The route of a method; HEAD is answered as GET.
    pub(super) fn route(&self, method: &Method) -> Option<&Route> {
        let known = |method: &Method| self.routes.iter().find(|route| route.method == *method);
        known(method).or_else(|| if *method == Method::HEAD { known(&Method::GET) } else { None })
    }
}

fn allow(routes: &[Route]) -> Result<HeaderValue> {
    let mut methods: Vec<_> = routes.iter().map(|route| route.method.as_str()).collect();
    if methods.contains(&"GET") && !methods.contains(&"HEAD") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    HeaderValue::try_from(methods.join(", ")).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Call, Reply};

    fn route(method: Method, path: &'static str) -> Route {
        Route::new(method, path, path, &(), |(), _: Call| async { Ok(Reply::no_content()) })
    }

    fn table() -> Table {
        Table::new(vec![
            route(Method::GET, "/a"),
            route(Method::POST, "/a"),
            route(Method::GET, "/a/{id}"),
            route(Method::POST, "/a/batch"),
            route(Method::POST, "/a/{id}/restore"),
            route(Method::GET, "/{first}/{second}/{third}"),
        ])
        .unwrap()
    }

    fn found(path: &str) -> Option<String> {
        let table = table();
        let (path, parameters) = table.find(path)?;
        let values = parameters.iter().map(|(name, value)| format!("{name}={value}"));
        Some(std::iter::once(path.template.to_string()).chain(values).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn paths_are_told_apart() {
        let cases = [
            ("/a", Some("/a")),
            ("/a/", None),
            ("/a/1", Some("/a/{id} id=1")),
            ("/a/batch", Some("/a/batch")),
            ("/a/1/restore", Some("/a/{id}/restore id=1")),
            ("/b/batch/c", Some("/{first}/{second}/{third} first=b second=batch third=c")),
            ("/a/%C3%A9%2F", Some("/a/{id} id=é/")),
            ("/a/%ff", None),
            ("/a/%00", None),
            ("/a/%", None),
            ("/", None),
            ("", None),
            ("*", None),
            ("//", None),
            ("/A", None),
        ];
        for (path, expected) in cases {
            assert_eq!(found(path).as_deref(), expected, "{path}");
        }
        assert_eq!(found(&format!("/a/{}", "x".repeat(PATH_MAX))), None);
    }

    #[test]
    fn methods_are_told_apart() {
        let table = table();
        let (path, _) = table.find("/a").unwrap();
        assert_eq!(path.allow, "GET, POST, HEAD, OPTIONS");
        assert_eq!(path.route(&Method::HEAD).unwrap().method, Method::GET);
        assert!(path.route(&Method::TRACE).is_none());
        assert!(table.find("/a/batch").unwrap().0.route(&Method::HEAD).is_none());
    }

    #[test]
    fn a_route_is_declared_once() {
        assert!(Table::new(vec![route(Method::GET, "/a"), route(Method::GET, "/a")]).is_err());
        assert!(Table::new(vec![route(Method::GET, "/a/{id}"), route(Method::PUT, "/a/{other}")]).is_err());
        assert!(Table::new(vec![route(Method::GET, "/a/{")]).is_err());
    }
}
