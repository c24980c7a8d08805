//! A search finds the same on both engines: what has the words it asks for, as the tokens say.
use futures_util::FutureExt as _;
use kernel::Uuid;
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use resources::{
    schema,
    search::{self, Query, Term},
};
use serde_json::json;

use crate::support::{World, declare, object};

const DOCS: &str = r#"
[docs]
search = ["title", "body"]
[docs.fields]
title = { type = "text", max_length = 1000 }
body = { type = "text", max_length = 100000 }
"#;

async fn add(world: &World, title: &str, body: &str) -> Uuid {
    let docs = world.resource("docs");
    let body = object(json!({"title": title, "body": body}));
    world.records.create(&world.user(1, &[]), &docs, body).await.unwrap().id().unwrap()
}

async fn found(world: &World, query: &str, fields: Option<&'static [usize]>) -> Vec<Uuid> {
    let query = Query::parse(query).unwrap();
    let system = world.system();
    let found = system.read(move |_, tx| {
        async move {
            let (before, value, after) = search::condition(tx.dialect(), "docs", &query, fields);
            let sql = format!("SELECT id FROM docs WHERE {before}$1{after} ORDER BY id");
            let filtered: Vec<Uuid> =
                tx.query(&sql, &[value]).await?.iter().map(|row| row.get(0)).collect::<kernel::Result<_>>()?;
            let (before, value, after) = search::ranking(tx.dialect(), "docs", &query, fields);
            let sql = format!("SELECT id, hardpan_rank FROM docs{before}$1{after} ORDER BY id");
            let rows = tx.query(&sql, &[value]).await?;
            let ranked: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect::<kernel::Result<_>>()?;
            assert_eq!(filtered, ranked);
            for row in rows {
                assert!(row.get::<f64>(1)?.is_finite());
            }
            Ok(filtered)
        }
        .boxed()
    });
    found.await.unwrap()
}

/// What a search means, word by word.
pub fn matches(query: &Query, fields: &[&str]) -> bool {
    let fields: Vec<Vec<String>> =
        fields.iter().map(|text| search::tokens(text).map(|token| token.text).collect()).collect();
    let is_in = |term: &Term, tokens: &[String]| {
        let last = term.tokens.len() - 1;
        tokens.windows(term.tokens.len()).any(|window| {
            window.iter().zip(&term.tokens).enumerate().all(|(nth, (token, wanted))| {
                if term.is_prefix && nth == last { token.starts_with(wanted.as_str()) } else { token == wanted }
            })
        })
    };
    query.terms.iter().all(|term| fields.iter().any(|tokens| is_in(term, tokens)) != term.is_negated)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_what_its_tokens_say() {
    testkit::on_both(async |db| {
        let world = World::new(db, DOCS).await;
        let corpus = [
            ("The quick brown fox", "jumps over the lazy dog; it isn't lazy, it's clever"),
            ("Crème brûlée", "A dessert: ŒUFS, sugar & cream. See example.com/recipes"),
            ("東京タワー", "東京へ行く。京東ではない"),
            ("한국어 문서", "검색이 되는 문서"),
            ("Привет, мир", "Ёлка и йод. ΟΔΥΣΣΕΥΣ"),
            ("Rocket 🚀", "to the moon 🌕 👩‍💻 'or' \"not\" AND near(the) sun*"),
            ("foxes", "quick-witted; brown"),
            ("", "a:b c^d {e} [f] \\ g | h & i ! j <-> k"),
        ];
        let mut ids = Vec::new();
        for (title, body) in corpus {
            ids.push(add(&world, title, body).await);
        }
        for query in [
            "fox",
            "FOX quick",
            "fox*",
            "quick brown",
            "\"quick brown\"",
            "\"brown quick\"",
            "\"fox jumps\"",
            "quick -dog",
            "brulee",
            "CRÈME dessert",
            "œufs",
            "oeufs",
            "example.com",
            "com/recipes",
            "\"cream see\"",
            "isnt",
            "it’s",
            "東京",
            "京東",
            "東",
            "タワー",
            "行く",
            "東京*",
            "문서",
            "검색이",
            "검*",
            "привет МИР",
            "елка йод",
            "οδυσσευσ",
            "οδυς*",
            "🚀",
            "moon 🌕",
            "👩‍💻",
            "-fox brown",
            "or",
            "\"not\"",
            "AND",
            "near",
            "NEAR(the sun)",
            "near(",
            "sun*",
            "title:fox",
            "a:b",
            "c^d",
            "{e}",
            "[f]",
            "\\ g",
            "g | h",
            "'i'",
            "! j",
            "j <-> k",
            "k:*",
            "fox OR dog",
            "fo",
            "\"",
            "*",
            "\"fox",
            "lazy \"lazy dog\" -\"clever dog\"",
            "nothing",
            "the the the",
        ] {
            let Ok(parsed) = Query::parse(query) else {
                assert!(["\"", "*"].contains(&query), "{query}");
                continue;
            };
            for (fields, texts) in [(None, 0..2), (Some(&[0][..]), 0..1), (Some(&[1][..]), 1..2)] {
                let expected = corpus
                    .iter()
                    .zip(&ids)
                    .filter(|((title, body), _)| matches(&parsed, &[*title, *body][texts.clone()]));
                let expected: Vec<Uuid> = expected.map(|(_, id)| *id).collect();
                assert_eq!(found(&world, query, fields).await, expected, "{query} in {fields:?}");
            }
        }
        assert_eq!(found(&world, "fox* quick", None).await, [ids[0], ids[6]]);
        assert_eq!(found(&world, "oeufs", None).await, [ids[1]]);
    })
    .await;
}

const WORDS: [&str; 24] = [
    "a",
    "b",
    "ab",
    "abc",
    "Abc",
    "Á",
    "é",
    "e\u{301}",
    "ß",
    "ss",
    "東",
    "京",
    "東京",
    "カ",
    "🚀",
    "x-y",
    "don't",
    "1.5",
    "15",
    "한국",
    "हिन्दी",
    "ดี",
    "…",
    "'",
];

fn text(words: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let joined = |parts: Vec<(&str, &str)>| parts.into_iter().flat_map(|(word, space)| [word, space]).collect();
    vec((select(&WORDS[..]), select(&[" ", " ", " ", "", ", ", "-", "."][..])), words).prop_map(joined)
}

fn query() -> impl Strategy<Value = String> {
    let term = (select(&["", "", "", "-", "\"", "-\""][..]), text(1..4), select(&["", "", "*", "\""][..]));
    let joined = |terms: Vec<(&str, String, &str)>| {
        terms.into_iter().map(|(before, text, after)| format!("{before}{text}{after}")).collect::<Vec<_>>().join(" ")
    };
    vec(term, 1..4).prop_map(joined)
}

fn generate<T>(strategy: &impl Strategy<Value = T>, runner: &mut TestRunner) -> T {
    strategy.new_tree(runner).unwrap().current()
}

/// Compares every query with what the tokens say about the texts.
async fn compare(world: &World, docs: &[(Uuid, String, String)], queries: &[String]) -> usize {
    let mut matching = 0;
    for query in queries {
        let Ok(parsed) = Query::parse(query) else { continue };
        for fields in [None, Some(&[1][..])] {
            let is_match = |(_, title, body): &&(Uuid, String, String)| match fields {
                None => matches(&parsed, &[title, body]),
                Some(_) => matches(&parsed, &[body]),
            };
            let mut expected: Vec<Uuid> = docs.iter().filter(is_match).map(|(id, ..)| *id).collect();
            expected.sort();
            matching += expected.len();
            assert_eq!(found(world, query, fields).await, expected, "{query:?} in {fields:?} of {docs:?}");
        }
    }
    matching
}

#[tokio::test(flavor = "multi_thread")]
async fn any_search_of_any_texts_finds_what_their_tokens_say_also_after_changes() {
    testkit::on_both(async |db| {
        let world = World::new(db, DOCS).await;
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let mut docs = Vec::new();
        for _ in 0..40 {
            let (title, body) = generate(&(text(0..4), text(0..12)), &mut runner);
            docs.push((add(&world, &title, &body).await, title, body));
        }
        let queries: Vec<String> = (0..150).map(|_| generate(&query(), &mut runner)).collect();
        assert!(compare(&world, &docs, &queries).await > 300);

        let (ctx, resource) = (world.user(1, &[]), world.resource("docs"));
        for (id, title, body) in docs.iter_mut().step_by(3) {
            (*title, *body) = generate(&(text(0..4), text(0..12)), &mut runner);
            let patch = object(json!({"title": title, "body": body}));
            world.records.update(&ctx, &resource, *id, None, patch).await.unwrap();
        }
        for nth in (1..20).rev() {
            let (id, ..) = docs.remove(nth * 2);
            world.records.delete(&ctx, &resource, id, None).await.unwrap();
        }
        compare(&world, &docs, &queries).await;
        // SQLite keeps it beside the rows: none of it stays behind.
        if world.source.db.dialect() == store::Dialect::Sqlite {
            let system = world.system();
            let kept = system.read(|_, tx| {
                async move { tx.query_one("SELECT count(*) FROM docs__search_docsize", &[]).await?.get::<i64>(0) }
                    .boxed()
            });
            assert_eq!(usize::try_from(kept.await.unwrap()).unwrap(), docs.len());
        }

        let without = declare(&DOCS.replace("search", "indexes = []\n#"));
        let plan = schema::apply(&world.system(), &without).await.unwrap();
        assert_eq!(plan.steps.iter().map(ToString::to_string).collect::<Vec<_>>(), ["drop search of docs"]);
        let plan = schema::apply(&world.system(), world.records.declaration()).await.unwrap();
        assert_eq!(
            plan.steps.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["create search of docs (title, body)"]
        );
        compare(&world, &docs, &queries).await;
    })
    .await;
}
