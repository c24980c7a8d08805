//! A statement's name: its verb and its tables, so that there are few names however many texts there are.
use crate::sql::{Token, is_one_of, tokens};

/// Tables a name tells; more are only hinted at.
const MOST_TABLES: usize = 3;

/// Words after which a table is named.
const BEFORE_TABLES: [&str; 3] = ["FROM", "JOIN", "INTO"];
/// Words that end a list of tables.
const AFTER_TABLES: [&str; 10] =
    ["WHERE", "ON", "USING", "SET", "VALUES", "GROUP", "ORDER", "LIMIT", "UNION", "RETURNING"];
/// Words that may stand between one of the former and the table.
const FILLERS: [&str; 2] = ["ONLY", "LATERAL"];
const CHANGES: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];
const DEFINITIONS: [&str; 4] = ["CREATE", "ALTER", "DROP", "TRUNCATE"];
const KINDS: [&str; 6] = ["TABLE", "INDEX", "TRIGGER", "VIEW", "SCHEMA", "EXTENSION"];

/// `select documents`, `insert documents`, `create index`. Names of subqueries' tables are left out where the statement has its own.
pub(super) fn of(sql: &str) -> String {
    let tokens: Vec<Token<'_>> = tokens(sql).collect();
    let Some(Token::Word(first)) = tokens.iter().find(|token| matches!(token, Token::Word(_))) else {
        return "other".to_owned();
    };
    if is_one_of(first, &DEFINITIONS) {
        let kind = tokens.iter().find_map(|token| match token {
            Token::Word(word) if is_one_of(word, &KINDS) => Some(*word),
            _ => None,
        });
        return join(first, kind.into_iter().collect());
    }
    let mut reading = Reading::default();
    for at in 0..tokens.len() {
        reading.step(&tokens, at);
    }
    let mut tables = if reading.own.is_empty() { reading.inner } else { reading.own };
    tables.retain(|table| !reading.aside.contains(table));
    join(reading.verb.unwrap_or(first), tables)
}

/// What was read so far.
#[derive(Default)]
struct Reading<'s> {
    verb: Option<&'s str>,
    /// Tables of the statement itself, and of what stands in parentheses.
    own: Vec<&'s str>,
    inner: Vec<&'s str>,
    /// What WITH names.
    aside: Vec<&'s str>,
    depth: usize,
    expects_table: bool,
    /// Where a comma separates tables.
    list_depth: Option<usize>,
}

impl<'s> Reading<'s> {
    fn step(&mut self, tokens: &[Token<'s>], at: usize) {
        let previous = at.checked_sub(1).and_then(|at| tokens.get(at));
        match tokens[at] {
            Token::Mark(b'(') => {
                self.depth += 1;
                self.expects_table = false;
            }
            Token::Mark(b')') => self.depth = self.depth.saturating_sub(1),
            Token::Mark(b',') => self.expects_table = self.list_depth == Some(self.depth),
            Token::Word(word) if self.expects_table && is_one_of(word, &FILLERS) => {}
            // The table follows its schema.
            Token::Word(_) | Token::Quoted(_)
                if self.expects_table && tokens.get(at + 1) == Some(&Token::Mark(b'.')) => {}
            Token::Word(name) | Token::Quoted(name) if self.expects_table => {
                self.expects_table = false;
                let tables = if self.depth == 0 { &mut self.own } else { &mut self.inner };
                if !tables.contains(&name) {
                    tables.push(name);
                }
            }
            Token::Word(word) => self.word(word, previous),
            Token::Quoted(name) if self.is_aside(previous) => self.aside.push(name),
            Token::Mark(_) | Token::Quoted(_) => {}
        }
    }

    fn word(&mut self, word: &'s str, previous: Option<&Token<'s>>) {
        let follows = |other: &str| matches!(previous, Some(Token::Word(word)) if word.eq_ignore_ascii_case(other));
        if word.eq_ignore_ascii_case("UPDATE") {
            // Not that of FOR UPDATE, DO UPDATE and ON UPDATE.
            self.expects_table = !matches!(previous, Some(Token::Word(_)));
        } else if is_one_of(word, &BEFORE_TABLES) && !follows("DISTINCT") {
            self.expects_table = true;
            self.list_depth = Some(self.depth);
        } else if is_one_of(word, &AFTER_TABLES) {
            self.list_depth = None;
        } else if self.is_aside(previous) && !word.eq_ignore_ascii_case("RECURSIVE") {
            self.aside.push(word);
        }
        let is_verb = word.eq_ignore_ascii_case("SELECT") || is_one_of(word, &CHANGES);
        if self.verb.is_none() && self.depth == 0 && is_verb {
            self.verb = Some(word);
        }
    }

    /// Whether the name that follows is one that WITH gives.
    fn is_aside(&self, previous: Option<&Token<'s>>) -> bool {
        let is_begun = match previous {
            Some(Token::Word(word)) => is_one_of(word, &["WITH", "RECURSIVE"]),
            Some(Token::Mark(mark)) => *mark == b',' && self.list_depth.is_none(),
            _ => false,
        };
        self.verb.is_none() && self.depth == 0 && is_begun
    }
}

fn join(verb: &str, mut tables: Vec<&str>) -> String {
    let has_more = tables.len() > MOST_TABLES;
    tables.truncate(MOST_TABLES);
    let mut name = verb.to_ascii_lowercase();
    for (index, table) in tables.into_iter().enumerate() {
        name.push_str(if index == 0 { " " } else { ", " });
        name.push_str(&table.to_ascii_lowercase());
    }
    if has_more {
        name.push_str(", ...");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_verb_and_tables() {
        for (sql, name) in [
            ("SELECT a FROM documents WHERE b = $1", "select documents"),
            ("select \"a\" from \"documents\" where x NOT IN (SELECT owner_id FROM hidden_owners)", "select documents"),
            ("SELECT 1 FROM (SELECT a FROM documents) AS t", "select documents"),
            ("SELECT 1 FROM a, b AS c, d WHERE x IN (1, 2)", "select a, b, d"),
            ("SELECT 1 FROM a JOIN b ON a.id = b.a LEFT JOIN c ON TRUE JOIN d ON TRUE", "select a, b, c, ..."),
            ("SELECT 1 FROM public.users u", "select users"),
            ("SELECT a IS NOT DISTINCT FROM b FROM c", "select c"),
            ("SELECT 1", "select"),
            ("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended($1, 0))", "select pg_advisory_xact_lock"),
            ("SELECT 1 FROM documents FOR UPDATE", "select documents"),
            ("INSERT INTO a (b) VALUES ($1) ON CONFLICT (b) DO UPDATE SET c = 'FROM secrets'", "insert a"),
            ("INSERT INTO a SELECT * FROM b", "insert a, b"),
            ("UPDATE \"documents\" SET a = $1 WHERE id = $2", "update documents"),
            ("DELETE FROM a WHERE id IN (SELECT id FROM a ORDER BY id LIMIT $1)", "delete a"),
            ("WITH gone AS (DELETE FROM a RETURNING id) SELECT count(*) FROM gone", "select"),
            ("WITH RECURSIVE t (n) AS (SELECT 1), u AS (SELECT 2) SELECT * FROM t JOIN b ON TRUE", "select b"),
            ("-- FROM x\nVALUES (1)", "values"),
            ("CREATE UNIQUE INDEX \"a\" ON b (c); DROP TABLE d", "create index"),
            ("PRAGMA user_version", "pragma"),
            ("", "other"),
            ("(((", "other"),
        ] {
            assert_eq!(of(sql), name, "{sql}");
        }
    }

    #[test]
    fn literals_and_numbers_never_get_into_a_name() {
        for sql in ["SELECT * FROM 'hunter2'", "SELECT * FROM 42", "UPDATE 'hunter2' SET a = 1"] {
            assert!(!of(sql).contains("hunter2") && !of(sql).contains("42"), "{sql}");
        }
    }
}
