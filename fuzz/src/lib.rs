//! What fuzzing feeds: one target for each thing that strangers and operators write. Every target answers with what became of its
//! input, so that both engines can be held against each other; whatever must never be is a panic.
#![allow(clippy::expect_used, clippy::panic, reason = "a finding is a panic")]
pub mod apps;
pub mod bodies;
pub mod cursors;
pub mod headers;
pub mod rules;
mod store;
pub mod tokens;
mod world;

use testkit::TestDb;

/// Something that is fed.
#[allow(async_fn_in_trait, reason = "only this crate and its tests use it, each on one thread")]
pub trait Target: Sized {
    /// The folder of its corpus.
    const NAME: &'static str;
    /// Whether what becomes of an input is the same on either engine.
    const HAS_DATABASE: bool;

    async fn new(db: TestDb) -> Self;

    /// What became of `input`. Panics at what must never be.
    async fn run(&self, input: &[u8]) -> String;
}

/// Inputs after which a target begins anew, so that what it wrote does not fill memory.
#[cfg(feature = "afl")]
const LIFE: usize = 20_000;

/// Runs under `afl-fuzz`, or once with what stands on standard input.
#[cfg(feature = "afl")]
pub fn drive<T: Target>() {
    use std::{ops::DerefMut as _, panic::AssertUnwindSafe};

    // Made by the first input, because threads do not outlive the fork that comes before.
    let mut kept: AssertUnwindSafe<Option<(tokio::runtime::Runtime, T, usize)>> = AssertUnwindSafe(None);
    afl::fuzz(true, move |input: &[u8]| {
        let kept = kept.deref_mut();
        if kept.as_ref().is_some_and(|(.., runs)| *runs >= LIFE) {
            *kept = None;
        }
        let (runtime, target, runs) = kept.get_or_insert_with(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let target = runtime.block_on(async { T::new(TestDb::open(testkit::Engine::Sqlite).await).await });
            (runtime, target, 0)
        });
        *runs += 1;
        runtime.block_on(target.run(input));
    });
}
