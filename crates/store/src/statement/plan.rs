//! How an engine would run a statement: the steps of its plan, and nothing of its conditions.
use std::fmt;

/// A plan, its steps in the order the engine tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<Step>,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How far inside other steps.
    pub depth: usize,
    /// The engine's word for it, with tables and indexes.
    pub text: String,
    pub reach: Reach,
}

/// How a step comes to its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// An index leads to them.
    Search,
    /// An index gives their order; how many of them are looked at depends on who takes them.
    Walk(String),
    /// Every row of the table is read.
    Scan(String),
    /// They are all gathered before the first is known.
    Sort,
    /// Nothing that costs by itself.
    Other,
}

impl Plan {
    /// Whether every step is served by an index.
    pub fn is_served(&self) -> bool {
        self.steps.iter().all(|step| !matches!(step.reach, Reach::Scan(_) | Reach::Sort))
    }
}

/// In one line, as a log has it.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { " | " })?;
            f.write_str(&step.text)?;
        }
        Ok(())
    }
}
