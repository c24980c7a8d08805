//! What an aggregate is asked for, and what it answers.
use kernel::{Limit, Value};
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// What an aggregate is asked for, in the words of its parameters.
#[derive(Clone, Debug, Default)]
pub struct AggregateQuery {
    pub filter: Option<String>,
    /// Words to look for.
    pub search: Option<String>,
    /// The fields whose values make the groups; all records are one group when it is not said.
    pub group: Option<String>,
    pub sum: Option<String>,
    pub avg: Option<String>,
    pub min: Option<String>,
    pub max: Option<String>,
    pub limit: Limit,
    /// The cursor a page before gave.
    pub after: Option<String>,
}

/// The records that have the same values in some fields: how many they are, and what is computed of them.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The values they share.
    pub group: Map<String, Json>,
    pub count: i64,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub sum: Map<String, Json>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub avg: Map<String, Json>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub min: Map<String, Json>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub max: Map<String, Json>,
}

/// The places of the fields an aggregate is about.
#[derive(Clone)]
pub(super) struct Measures {
    pub group: Vec<usize>,
    /// Those that are summed, for sums and averages.
    pub totals: Vec<usize>,
    pub min: Vec<usize>,
    pub max: Vec<usize>,
}

/// What the database computes of one group: an entry for each of [`Measures`].
pub(super) struct Measured {
    pub group: Vec<Value>,
    pub count: i64,
    pub totals: Vec<Total>,
    pub min: Vec<Value>,
    pub max: Vec<Value>,
}

/// A sum, and of how many values.
pub(super) struct Total {
    pub count: i64,
    pub sum: Sum,
}

#[derive(Clone, Copy)]
pub(super) enum Sum {
    /// All digits, as many after the point as the field declares.
    Exact(i128),
    Float(f64),
}
