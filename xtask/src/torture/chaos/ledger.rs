//! What must be in the database, as far as the answers tell: for each document the states it may be in.
use std::collections::HashMap;

/// A document as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Never created.
    Absent,
    Live {
        version: u64,
        body: String,
    },
    Deleted,
}

/// What is known of a document. Its title is its name: no other has it, and it never changes.
pub struct Entry {
    /// The client that works on it.
    pub owner: usize,
    /// Once somebody was told.
    pub id: Option<String>,
    /// One when every answer has come, two while nobody knows what became of a request.
    pub possible: Vec<State>,
    /// Its client is still sending the creation again under one key.
    pub is_retried: bool,
}

/// Documents by title.
#[derive(Default)]
pub struct Ledger {
    pub entries: HashMap<String, Entry>,
    /// For each client the titles it may work on: of those alone whose state is certain.
    free: HashMap<usize, Vec<String>>,
    titles: u64,
}

/// A document as the list shows it.
pub struct Listed {
    pub id: String,
    pub title: String,
    pub body: String,
    pub version: u64,
}

impl Ledger {
    /// A document that is about to be created.
    pub fn begin(&mut self, owner: usize, body: &str, is_retried: bool) -> String {
        self.titles += 1;
        let title = format!("t{}", self.titles);
        let possible = vec![State::Absent, State::Live { version: 1, body: body.to_owned() }];
        self.entries.insert(title.clone(), Entry { owner, id: None, possible, is_retried });
        title
    }

    /// One that `owner` may work on, taken until it is given back by [`Self::settle`] or by a check.
    pub fn take(&mut self, owner: usize, choice: u64) -> Option<String> {
        let titles = self.free.get_mut(&owner).filter(|titles| !titles.is_empty())?;
        Some(titles.swap_remove(usize::try_from(choice).unwrap_or(0) % titles.len()))
    }

    pub fn held(&self, owner: usize) -> usize {
        self.free.get(&owner).map_or(0, Vec::len)
    }

    /// An answer came: this is its state now. Returns what contradicts what was known.
    pub fn settle(&mut self, title: &str, id: Option<&str>, state: State) -> Option<String> {
        let entry = self.entries.get_mut(title)?;
        let told = match (&entry.id, id) {
            (Some(known), Some(id)) if known != id => {
                Some(format!("{title} is {known} and {id}: it was created twice"))
            }
            _ => None,
        };
        entry.is_retried = false;
        entry.id = entry.id.take().or_else(|| id.map(str::to_owned));
        entry.possible = vec![state];
        self.release(title);
        told
    }

    /// The answer did not come: it may be as before or as `state`.
    pub fn doubt(&mut self, title: &str, state: State) {
        if let Some(entry) = self.entries.get_mut(title) {
            entry.possible.push(state);
        }
    }

    /// Nothing happened to a document that was taken.
    pub fn release(&mut self, title: &str) {
        let Some(entry) = self.entries.get(title) else { return };
        if let ([State::Live { .. }], false) = (entry.possible.as_slice(), entry.is_retried) {
            let titles = self.free.entry(entry.owner).or_default();
            if !titles.iter().any(|other| other == title) {
                titles.push(title.to_owned());
            }
        }
    }

    /// Holds what is listed against what is known, while no request is under way, and ends every doubt. Returns what is wrong.
    pub fn check(&mut self, listed: &[Listed]) -> Vec<String> {
        let mut faults = Vec::new();
        let mut by_title: HashMap<&str, &Listed> = HashMap::new();
        for document in listed {
            if by_title.insert(&document.title, document).is_some() {
                faults.push(format!("{} is listed twice", document.title));
            }
            if !self.entries.contains_key(&document.title) {
                faults.push(format!("{} ({}) is listed and nobody asked for it", document.title, document.id));
            }
        }
        let mut resolved = Vec::new();
        for (title, entry) in &mut self.entries {
            let seen = by_title.get(title.as_str());
            let fits = |state: &State| match (state, seen) {
                (State::Absent | State::Deleted, None) => true,
                (State::Live { version, body }, Some(seen)) => *version == seen.version && *body == seen.body,
                _ => false,
            };
            let fitting: Vec<State> = entry.possible.iter().filter(|state| fits(state)).cloned().collect();
            let seen_as = || {
                seen.map_or("is not listed".to_owned(), |seen| format!("is version {}: {}", seen.version, seen.body))
            };
            if fitting.is_empty() {
                faults.push(format!("{title} {}, and should be {:?}", seen_as(), entry.possible));
                // Told once.
                entry.possible = vec![seen.map_or(State::Deleted, |seen| seen.state())];
            } else if !entry.is_retried {
                entry.possible = fitting;
            }
            if let (Some(known), Some(seen)) = (&entry.id, seen)
                && *known != seen.id
            {
                faults.push(format!("{title} is {known} and {}: it was created twice", seen.id));
            }
            if let Some(seen) = seen {
                entry.id = Some(seen.id.clone());
                resolved.push(title.clone());
            }
        }
        for title in resolved {
            self.release(&title);
        }
        faults
    }
}

impl Listed {
    fn state(&self) -> State {
        State::Live { version: self.version, body: self.body.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(version: u64) -> State {
        State::Live { version, body: format!("b{version}") }
    }

    fn listed(id: &str, title: &str, version: u64) -> Listed {
        Listed { id: id.to_owned(), title: title.to_owned(), body: format!("b{version}"), version }
    }

    /// A ledger with one document, `t1`, that was acknowledged.
    fn with_one() -> Ledger {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.begin(0, "b1", false), "t1");
        assert!(ledger.settle("t1", Some("a"), live(1)).is_none());
        ledger
    }

    #[test]
    fn what_was_acknowledged_must_be_there_once_as_it_was_said() {
        assert!(with_one().check(&[listed("a", "t1", 1)]).is_empty());
        for wrong in [
            &[][..],
            &[listed("a", "t1", 2)],
            &[listed("b", "t1", 1)],
            &[listed("a", "t1", 1), listed("b", "t1", 1)],
            &[listed("a", "t1", 1), listed("b", "t2", 1)],
        ] {
            assert!(!with_one().check(wrong).is_empty());
        }
    }

    #[test]
    fn a_doubt_allows_both_and_ends_with_the_check() {
        let mut ledger = with_one();
        let title = ledger.take(0, 5).unwrap();
        ledger.doubt(&title, live(2));
        assert!(ledger.check(&[listed("a", "t1", 2)]).is_empty());
        assert_eq!(ledger.held(0), 1);
        assert_eq!(ledger.check(&[listed("a", "t1", 1)]).len(), 1);
    }

    #[test]
    fn what_was_deleted_stays_away() {
        let mut ledger = with_one();
        ledger.settle("t1", None, State::Deleted);
        assert!(ledger.check(&[]).is_empty());
        assert_eq!(ledger.check(&[listed("a", "t1", 1)]).len(), 1);
    }

    #[test]
    fn a_retry_that_creates_another_is_told() {
        let mut ledger = Ledger::default();
        let title = ledger.begin(0, "b1", true);
        assert!(ledger.check(&[listed("a", "t1", 1)]).is_empty());
        assert!(ledger.take(0, 0).is_none(), "its client still sends it again");
        assert!(ledger.settle(&title, Some("b"), live(1)).is_some());
    }
}
