//! What is asked, by how many at once.
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Get,
    /// Twenty of one's own.
    List,
    Create,
    Patch,
    /// Seven gets, two lists, one create.
    Mixed,
    /// The same beside more log-ins than any of them can hash.
    Storm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    pub kind: Kind,
    pub connections: usize,
}

const fn of(kind: Kind, connections: usize) -> Workload {
    Workload { kind, connections }
}

/// Those a quick run drives come first.
pub const ALL: [Workload; 13] = [
    of(Kind::Get, 64),
    of(Kind::List, 64),
    of(Kind::Create, 64),
    of(Kind::Create, 256),
    of(Kind::Patch, 64),
    of(Kind::Mixed, 64),
    of(Kind::Storm, 64),
    of(Kind::Get, 1),
    of(Kind::Get, 8),
    of(Kind::Get, 512),
    of(Kind::Create, 1),
    of(Kind::Create, 8),
    of(Kind::Create, 512),
];
/// What the disk is watched for.
pub const WRITES: Workload = of(Kind::Create, 64);
/// So many of them.
pub const QUICK: usize = 7;

impl Workload {
    pub const fn is_mixed(self) -> bool {
        matches!(self.kind, Kind::Mixed | Kind::Storm)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", format!("{:?}", self.kind).to_lowercase(), self.connections)
    }
}
