//! Random faults under load: nothing acknowledged is lost or doubled, and the service is back by itself each time.
mod arena;
mod book;
mod check;
mod clock;
mod disk;
mod fault;
mod ledger;
mod load;
mod people;
mod store;
mod strike;
mod watch;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{RwLock, RwLockWriteGuard},
    task::JoinSet,
    time::{sleep, timeout},
};

pub use self::fault::Fault;
use self::{
    arena::Arena,
    book::Book,
    fault::Planned,
    load::{Shared, TURNS, Worker},
    people::Person,
};
use super::{dice::Dice, load::register, options::Options};
use crate::live::{
    engine::Engine,
    http::{Client, Manner},
};

const WORKERS: usize = 16;
const PEOPLE: usize = 3;
/// Longer than the program may take for any answer (`database.statement_timeout` and what is around it).
const HANG: Duration = Duration::from_secs(20);
/// Within this time all must be well again once the fault is over, on a machine that has other things to do, too.
const PROMISE: Duration = Duration::from_secs(15);
/// After so many faults the next kill's database is read whole.
const LOOK_INSIDE: usize = 50;

/// Returns what is wrong.
pub async fn run(binary: &Path, engine: Engine, options: &Options) -> Result<Vec<String>, String> {
    let mut kinds = Fault::of(engine);
    kinds.retain(|kind| options.kinds.is_empty() || options.kinds.contains(kind));
    let mut arena = Arena::open(binary, engine, &mut kinds).await?;
    let order = fault::order(options.seed, options.faults, &kinds);
    println!("  seed {}, {} faults out of {} kinds", options.seed, order.len(), kinds.len());
    let book = Arc::<Book>::default();
    let outcome = chaos(&mut arena, &order, options.seed, &book).await;
    let mut faults = outcome.err().into_iter().collect::<Vec<_>>();
    faults.extend(arena.program.faults().into_iter().filter(|line| line.contains("panicked")));
    arena.close().await;
    let pages = book.pages();
    for line in pages.table() {
        println!("  {line}");
    }
    faults.extend(pages.faults());
    Ok(faults)
}

/// Enters what is wrong. Errors: it cannot go on.
async fn chaos(arena: &mut Arena, order: &[Planned], seed: u64, book: &Arc<Book>) -> Result<(), String> {
    arena.start(book).await?;
    let tokens = register(arena.program.port, "client").await?;
    let shared =
        Shared { book: Arc::clone(book), gate: Arc::new(RwLock::new(())), is_ending: Arc::new(AtomicBool::new(false)) };
    let mut load = begin(arena.program.port, &tokens, &shared, seed);
    load.spawn(watch::watch(Arc::clone(book)));
    let (mut slowest, mut looked) = (Duration::ZERO, 0);
    for (number, planned) in order.iter().enumerate() {
        sleep(planned.calm).await;
        let before = book.acknowledged();
        book.pages().fault = Some(planned.fault);
        strike::strike(arena, planned, book).await.map_err(|why| format!("{}: {why}", planned.fault.name()))?;
        let during = book.acknowledged() - before;
        if arena.program.pid().is_none() {
            if number - looked >= LOOK_INSIDE {
                let _alone = alone(&shared).await?;
                check::kept(arena, book).await?;
                looked = number;
            }
            arena.start(book).await?;
        }
        arena.mend_database().await?;
        let back = recover(arena, planned.fault, book).await?;
        slowest = slowest.max(back);
        book.pages().fault = None;
        println!(
            "  {}: {} for {} ms, {during} requests done meanwhile, well after {} ms",
            number + 1,
            planned.fault.name(),
            planned.length.as_millis(),
            back.as_millis(),
        );
        let _alone = alone(&shared).await?;
        check::served(arena, &tokens, book).await?;
    }
    shared.is_ending.store(true, Ordering::Relaxed);
    sleep(TURNS).await;
    finish(load).await;
    check::served(arena, &tokens, book).await?;
    let (took, code) = arena.program.stop().await?;
    println!(
        "  stopped in {} ms with code {code:?}; the slowest recovery took {} ms",
        took.as_millis(),
        slowest.as_millis()
    );
    check::kept(arena, book).await?;
    if code != Some(0) {
        book.pages().wrong("stop", format!("the program ended with {code:?} when asked to stop"));
    }
    Ok(())
}

/// While this is held no request is under way.
async fn alone(shared: &Shared) -> Result<RwLockWriteGuard<'_, ()>, String> {
    timeout(Duration::from_mins(5), shared.gate.write()).await.map_err(|_| "a request never ends".to_owned())
}

fn begin(port: u16, tokens: &[String], shared: &Shared, seed: u64) -> JoinSet<()> {
    let mut load = JoinSet::new();
    for number in 0..WORKERS {
        let manner = if number % 2 == 0 { Manner::Keep } else { Manner::Close };
        let client = Client::with_token(port, &tokens[number % tokens.len()]).manner(manner).patience(HANG);
        load.spawn(Worker::new(number, client, shared.clone(), Dice::new(seed, 1 + number as u64)).run());
    }
    for number in 0..PEOPLE {
        load.spawn(Person::new(number, port, shared.clone(), Dice::new(seed, 1000 + number as u64)).run());
    }
    load
}

/// Waits for the clients; who watches never ends.
async fn finish(mut load: JoinSet<()>) {
    for _ in 0..WORKERS + PEOPLE {
        if timeout(Duration::from_mins(1), load.join_next()).await.is_err() {
            return;
        }
    }
}

/// How long it takes until the program is ready, something was done, and nothing has gone wrong for a while.
async fn recover(arena: &mut Arena, fault: Fault, book: &Arc<Book>) -> Result<Duration, String> {
    let (mut over, before) = (Instant::now(), book.acknowledged());
    loop {
        let ready = Client::new(arena.program.port).get("/readyz").await;
        let is_ready = ready.as_ref().is_ok_and(|answer| answer.status == 200);
        let (troubled_at, disturbed_at) = {
            let pages = book.pages();
            (pages.troubled_at, pages.disturbed_at)
        };
        let last = troubled_at.filter(|at| *at > over);
        if is_ready && book.acknowledged() > before && last.unwrap_or(over).elapsed() > TURNS {
            return Ok(last.map_or(Duration::ZERO, |at| at.duration_since(over)));
        }
        // Time in which we did not run does not count.
        over = disturbed_at.map_or(over, |at| over.max(at));
        if over.elapsed() > PROMISE {
            let ready = ready.map_or_else(|failure| failure.to_string(), |answer| answer.status.to_string());
            let done = book.acknowledged() - before;
            let trouble = troubled_at.map_or(0, |at| at.elapsed().as_millis());
            let why = format!(
                "not well {} s after it was over; ready: {ready}, {done} requests done, last trouble {trouble} ms ago ({}), threads {}",
                PROMISE.as_secs(),
                book.pages().trouble,
                watch::threads(arena.pid()?),
            );
            book.pages().wrong(&format!("no recovery from {}", fault.name()), why);
            book.pages().fault = Some(Fault::Killed);
            arena.kill().await?;
            arena.start(book).await?;
            return Ok(PROMISE);
        }
        sleep(Duration::from_millis(20)).await;
    }
}
