//! Every account's documents as the API lists them, held against the ledger.
use std::collections::HashMap;

use super::ledger::{Document, Pages};
use crate::live::http::Client;

/// What the API lists to the holders of these tokens, page by page.
pub async fn listed(port: u16, tokens: &[String]) -> Result<Vec<Document>, String> {
    let mut documents = Vec::new();
    for token in tokens {
        let mut client = Client::with_token(port, token);
        let mut after = String::new();
        loop {
            let path = format!("/api/v1/documents?limit=200{after}");
            let answer = client.get(&path).await.map_err(|failure| format!("GET {path}: {failure}"))?;
            let items = answer.body["items"].as_array();
            let items = items.ok_or_else(|| format!("GET {path}: {} {}", answer.status, answer.body))?;
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            documents.extend(items.iter().map(|item| Document { id: text(&item["id"]), title: text(&item["title"]) }));
            match answer.body["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
    }
    Ok(documents)
}

/// How the list and the ledger fit together.
pub struct Comparison {
    /// Documents that are there without anyone having been told so: allowed, for their answer was lost.
    pub unannounced: usize,
    /// Documents whose creation was answered with 503 and that are there: the commit went through and its word was lost.
    pub refused: usize,
    pub faults: Vec<String>,
}

/// Every document that was acknowledged must be listed once, under its own title.
pub fn compare(pages: &Pages, listed: &[Document]) -> Comparison {
    let mut titles: HashMap<&str, Vec<&str>> = HashMap::new();
    for document in listed {
        titles.entry(&document.id).or_default().push(&document.title);
    }
    let count = |has: &dyn Fn(&[&str], &str) -> bool| {
        let found =
            |document: &&Document| has(titles.get(document.id.as_str()).map_or(&[], Vec::as_slice), &document.title);
        pages.acknowledged.iter().filter(found).count()
    };
    let findings = [
        ("acknowledged documents are missing", count(&|listed, _| listed.is_empty())),
        ("acknowledged documents are listed more than once", count(&|listed, _| listed.len() > 1)),
        (
            "acknowledged documents have another title",
            count(&|listed, title| listed.iter().any(|other| *other != title)),
        ),
    ];
    let faults = findings.into_iter().filter(|(_, count)| *count > 0);
    Comparison {
        unannounced: titles.len().saturating_sub(pages.acknowledged.len()),
        refused: listed.iter().filter(|document| pages.refused.contains(&document.title)).count(),
        faults: faults.map(|(what, count)| format!("{count} {what}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(pairs: &[(&str, &str)]) -> Vec<Document> {
        pairs.iter().map(|(id, title)| Document { id: (*id).to_owned(), title: (*title).to_owned() }).collect()
    }

    fn compared(acknowledged: &[(&str, &str)], listed: &[(&str, &str)]) -> Comparison {
        let pages = Pages { acknowledged: documents(acknowledged), ..Pages::default() };
        compare(&pages, &documents(listed))
    }

    #[test]
    fn what_was_promised_is_there_once() {
        let fine = compared(&[("a", "1"), ("b", "2")], &[("b", "2"), ("c", "3"), ("a", "1")]);
        assert!(fine.faults.is_empty());
        assert_eq!(fine.unannounced, 1);
    }

    #[test]
    fn what_is_missing_twofold_or_changed_is_told() {
        for (listed, fault) in [
            (&[("b", "2")][..], "1 acknowledged documents are missing"),
            (&[("a", "1"), ("a", "1"), ("b", "2")], "1 acknowledged documents are listed more than once"),
            (&[("a", "1"), ("b", "3")], "1 acknowledged documents have another title"),
        ] {
            assert_eq!(compared(&[("a", "1"), ("b", "2")], listed).faults, [fault]);
        }
    }
}
