//! Where people may be sent after a log-in: exactly what the app file lists, and the root of the app.
use openidconnect::url::Url;

/// What is wrong with a URL of the list, to follow it in a sentence.
pub fn fault(text: &str) -> Option<&'static str> {
    let Ok(url) = Url::parse(text) else { return Some("is no URL") };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Some("is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
        return Some("has credentials in it");
    }
    if text.contains('#') {
        return Some("has a fragment, which is where answers are put");
    }
    (url.as_str() != text).then_some("is not written as browsers write it: small letters, no default port, a path")
}

/// The one of `listed` that `wanted` is, by what it says once it was read; the root of the app when nothing is wanted.
pub(super) fn choose<'l>(
    public_url: &str,
    listed: &'l [String],
    wanted: Option<&str>,
) -> Option<std::borrow::Cow<'l, str>> {
    let root = format!("{public_url}/");
    let Some(wanted) = wanted else { return Some(root.into()) };
    if wanted == root {
        return Some(root.into());
    }
    // Nothing is repaired: what a browser would read otherwise than it is written is not in the list.
    if fault(wanted).is_some() {
        return None;
    }
    listed.iter().find(|listed| *listed == wanted).map(|listed| listed.as_str().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_is_chosen() {
        let listed = ["https://good.example/in".to_owned(), "http://localhost:3000/auth/done".to_owned()];
        let choose = |wanted| choose("https://app.example", &listed, wanted).map(std::borrow::Cow::into_owned);
        assert_eq!(choose(None).as_deref(), Some("https://app.example/"));
        for good in ["https://app.example/", "https://good.example/in", "http://localhost:3000/auth/done"] {
            assert_eq!(choose(Some(good)).as_deref(), Some(good));
        }
        for bad in [
            "https://good.example@evil.example/in",
            "https://good.example:443/in",
            "https://good.example:8443/in",
            "https://good.example/in#x",
            "https://good.example/in?x",
            "https://good.example/in/",
            "https://good.example/x/../in",
            "https://good.example/%69n",
            "https://good.example.evil.example/in",
            "https:\\\\good.example/in",
            "HTTPS://good.example/in",
            "http://good.example/in",
            "//good.example/in",
            "/in",
            "javascript:alert(1)",
            "http://localhost:3001/auth/done",
            " https://good.example/in",
            "https://app.example/x",
            "",
        ] {
            assert_eq!(choose(Some(bad)), None, "{bad}");
        }
    }

    #[test]
    fn faults_of_the_list() {
        for (url, is_wrong) in [
            ("https://a.example/", false),
            ("http://localhost:3000/auth?x=1", false),
            ("https://a.example", true),
            ("https://u:p@a.example/", true),
            ("https://a.example/#x", true),
            ("app://a/", true),
            ("a", true),
        ] {
            assert_eq!(fault(url).is_some(), is_wrong, "{url}");
        }
    }
}
