//! Each fault: how it begins, that it lasts, and how it ends.
use std::{
    fs,
    net::TcpStream,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use tokio::{process::Command, time::sleep};

use super::{
    arena::Arena,
    book::Book,
    fault::{Fault, Planned},
    store,
};
use crate::{
    live::{
        program::signal,
        strace::{Strace, is_watched},
    },
    torture::dice::Dice,
};

/// What makes a write durable.
const SYNCS: &str = "fsync,fdatasync";
/// Connections that say nothing.
const IDLE: u64 = 24;

/// Does it, for its time, and takes it back; who was killed stays dead. Errors: it could not be done.
pub async fn strike(arena: &mut Arena, planned: &Planned, book: &Book) -> Result<(), String> {
    let (length, mut dice) = (planned.length, planned.dice.clone());
    match planned.fault {
        Fault::Killed => {
            arena.kill().await?;
            sleep(length).await;
            Ok(())
        }
        Fault::Paused => pause(&[arena.pid()?], length, book).await,
        Fault::FullDisk => {
            let disk = arena.disk.as_ref().ok_or("there is no disk of its own")?;
            let filled = disk.fill();
            sleep(length).await;
            disk.clear()?;
            filled
        }
        Fault::ReadOnly if arena.postgres.is_some() => {
            arena.sql(&store::READ_ONLY).await?;
            sleep(length).await;
            arena.sql(&store::WRITABLE).await
        }
        Fault::ReadOnly => {
            let calls = "pwrite64,pwritev,ftruncate,fallocate,fsync,fdatasync";
            bend(arena, length, Some(book), calls, "error=EROFS").await
        }
        Fault::SlowDisk => {
            let milliseconds = 20 + dice.below(400);
            bend(arena, length, None, SYNCS, &format!("delay_enter={milliseconds}ms")).await
        }
        Fault::FailingDisk => bend(arena, length, Some(book), SYNCS, "error=EIO").await,
        Fault::Descriptors => exhaust(arena, length, &mut dice).await,
        Fault::Clock => {
            let clock = arena.clock.as_ref().ok_or("the clock cannot be set")?;
            clock.set(if dice.percent(50) { 3600 } else { -3600 })?;
            sleep(length).await;
            clock.set(0)
        }
        Fault::DatabaseCrash | Fault::DatabaseRestart => {
            let mode = if planned.fault == Fault::DatabaseCrash { "immediate" } else { "fast" };
            let postgres = arena.postgres.as_mut().ok_or("there is no PostgreSQL")?;
            postgres.stop_by(mode).await;
            sleep(length).await;
            postgres.restart().await
        }
        Fault::DatabaseCut => cut(arena, length, &mut dice).await,
        Fault::DatabasePaused => pause(&database_pids(arena)?, length, book).await,
    }
}

async fn pause(pids: &[u32], length: Duration, book: &Book) -> Result<(), String> {
    book.is_stopped_by_us.store(true, Ordering::Relaxed);
    for pid in pids {
        // One that has ended by now is as good as stopped.
        let _ = signal("STOP", *pid).await;
    }
    sleep(length).await;
    for pid in pids.iter().rev() {
        let _ = signal("CONT", *pid).await;
    }
    book.is_stopped_by_us.store(false, Ordering::Relaxed);
    Ok(())
}

/// PostgreSQL's first process, and those it has started.
fn database_pids(arena: &Arena) -> Result<Vec<u32>, String> {
    let first = arena.postgres.as_ref().and_then(crate::postgres::Server::pid).ok_or("there is no PostgreSQL")?;
    let all = fs::read_dir("/proc").map_err(|error| format!("/proc: {error}"))?.flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // `pid (name) state parent ...`, where the name may hold anything.
        let parent = status.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1));
        parent.and_then(|parent| parent.parse::<u32>().ok()) == Some(first)
    };
    Ok([first].into_iter().chain(all.filter(is_child)).collect())
}

/// Bends system calls of whoever writes the database. With `book`, no write may be acknowledged meanwhile.
async fn bend(arena: &Arena, length: Duration, book: Option<&Book>, calls: &str, how: &str) -> Result<(), String> {
    let mut bent = bend_all(arena, calls, how).await?;
    let is_unwritable = |since| book.into_iter().for_each(|book| book.pages().unwritable_since = since);
    is_unwritable(Some(Instant::now()));
    sleep(length).await;
    is_unwritable(None);
    bent.let_go().await
}

/// Every process that writes the database, those among them that began while the others were being bent.
async fn bend_all(arena: &Arena, calls: &str, how: &str) -> Result<Strace, String> {
    let writers = || if arena.postgres.is_some() { database_pids(arena) } else { Ok(vec![arena.pid()?]) };
    for _ in 0..10 {
        let mut bent = Strace::bend(&writers()?, calls, how).await?;
        if writers()?.into_iter().all(is_watched) {
            return Ok(bent);
        }
        bent.let_go().await?;
    }
    Err("some process of the database is never watched".to_owned())
}

/// Leaves the process next to no descriptors, and takes those by connections that say nothing.
async fn exhaust(arena: &Arena, length: Duration, dice: &mut Dice) -> Result<(), String> {
    let pid = arena.pid()?;
    let open = fs::read_dir(format!("/proc/{pid}/fd")).map_err(|error| error.to_string())?.count() as u64;
    let before = limit(pid)?;
    set_limit(pid, open + dice.below(8)).await?;
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], arena.program.port));
    let idle = (0..IDLE).map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(100))).collect::<Vec<_>>();
    sleep(length).await;
    set_limit(pid, before).await?;
    drop(idle);
    Ok(())
}

async fn set_limit(pid: u32, soft: u64) -> Result<(), String> {
    let mut prlimit = Command::new("prlimit");
    let output = prlimit.args(["--pid", &pid.to_string(), &format!("--nofile={soft}:")]).output().await;
    let output = output.map_err(|error| format!("prlimit: {error}"))?;
    output.status.success().then_some(()).ok_or_else(|| format!("prlimit: {}", String::from_utf8_lossy(&output.stderr)))
}

/// How many descriptors it may have now.
fn limit(pid: u32) -> Result<u64, String> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).map_err(|error| error.to_string())?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).ok_or_else(|| "no limit of files".to_owned())
}

/// Ends some connections, or all, again and again.
async fn cut(arena: &Arena, length: Duration, dice: &mut Dice) -> Result<(), String> {
    let until = Instant::now() + length;
    while Instant::now() < until {
        arena.sql(&[if dice.percent(50) { store::CUT_ALL } else { store::CUT_SOME }]).await?;
        sleep(dice.time(20, 400)).await;
    }
    Ok(())
}
