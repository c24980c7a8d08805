//! The faults, and their seeded order.
use std::time::Duration;

use clap::ValueEnum;

use crate::live::engine::Engine;
use crate::torture::dice::Dice;

/// What is done to the program, its disk, its clock or its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Fault {
    /// Kill -9 of the program, which is started again.
    Killed,
    /// SIGSTOP, later SIGCONT.
    Paused,
    /// The filesystem of the database is filled to the last byte.
    FullDisk,
    /// Writing fails as on a filesystem that was remounted read-only; PostgreSQL takes no writes, as a standby.
    ReadOnly,
    /// Every fsync takes a while.
    SlowDisk,
    /// Every fsync fails.
    FailingDisk,
    /// No file and no connection can be opened.
    Descriptors,
    /// An hour ahead or back, and later right again.
    Clock,
    /// PostgreSQL crashes and is started again.
    DatabaseCrash,
    /// PostgreSQL is stopped and started again as by an administrator.
    DatabaseRestart,
    /// `pg_terminate_backend`, several times.
    DatabaseCut,
    /// SIGSTOP of every process of PostgreSQL, later SIGCONT.
    DatabasePaused,
}

use Fault as F;

impl Fault {
    pub fn of(engine: Engine) -> Vec<Self> {
        let is_of_postgres =
            |fault: &Self| matches!(fault, F::DatabaseCrash | F::DatabaseRestart | F::DatabaseCut | F::DatabasePaused);
        Self::value_variants()
            .iter()
            .copied()
            .filter(|fault| engine == Engine::Postgres || !is_of_postgres(fault))
            .collect()
    }

    pub const fn name(self) -> &'static str {
        match self {
            F::Killed => "killed",
            F::Paused => "paused",
            F::FullDisk => "full disk",
            F::ReadOnly => "read-only",
            F::SlowDisk => "slow disk",
            F::FailingDisk => "failing disk",
            F::Descriptors => "descriptors",
            F::Clock => "clock",
            F::DatabaseCrash => "database crashed",
            F::DatabaseRestart => "database restarted",
            F::DatabaseCut => "database cut",
            F::DatabasePaused => "database paused",
        }
    }

    /// How long it lasts, in milliseconds.
    const fn span(self) -> (u64, u64) {
        match self {
            F::Killed => (0, 200),
            F::Clock | F::DatabasePaused => (800, 4000),
            _ => (300, 2500),
        }
    }
}

/// One fault of the order.
#[derive(Clone)]
pub struct Planned {
    pub fault: Fault,
    /// Undisturbed work before it.
    pub calm: Duration,
    pub length: Duration,
    /// For what else is to be chosen about it.
    pub dice: Dice,
}

/// `count` faults out of `kinds`, which come equally often in a random order.
pub fn order(seed: u64, count: usize, kinds: &[Fault]) -> Vec<Planned> {
    let mut dice = Dice::new(seed, 0);
    let mut planned = Vec::new();
    while planned.len() < count && !kinds.is_empty() {
        let mut deck = kinds.to_vec();
        dice.shuffle(&mut deck);
        for fault in deck {
            let (least, most) = fault.span();
            let (calm, length) = (dice.time(100, 700), dice.time(least, most));
            planned.push(Planned { fault, calm, length, dice: Dice::new(seed, 1_000_000 + planned.len() as u64) });
        }
    }
    planned.truncate(count);
    planned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(seed: u64, count: usize) -> Vec<&'static str> {
        order(seed, count, &Fault::of(Engine::Postgres)).iter().map(|planned| planned.fault.name()).collect()
    }

    #[test]
    fn one_seed_is_one_order() {
        assert_eq!(names(7, 50), names(7, 50));
        assert_ne!(names(7, 50), names(8, 50));
        assert_eq!(names(7, 50).len(), 50);
    }

    #[test]
    fn every_kind_comes_before_any_comes_thrice() {
        for kind in Fault::of(Engine::Postgres) {
            let count = names(1, 24).iter().filter(|name| **name == kind.name()).count();
            assert_eq!(count, 2, "{}", kind.name());
        }
    }

    #[test]
    fn sqlite_has_no_server() {
        assert_eq!(Fault::of(Engine::Sqlite).len(), 8);
        assert_eq!(Fault::of(Engine::Postgres).len(), 12);
    }
}
