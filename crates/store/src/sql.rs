//! Reads just enough of a statement to know its verb, its tables and whether it can change anything.

/// A piece of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'s> {
    /// A key word or a bare name.
    Word(&'s str),
    /// A name in double quotes, without them.
    Quoted(&'s str),
    Mark(u8),
}

/// The words, names and marks of `sql` in order: without literals, comments, numbers and parameters.
pub(crate) struct Tokens<'s> {
    sql: &'s str,
    at: usize,
}

pub(crate) const fn tokens(sql: &str) -> Tokens<'_> {
    Tokens { sql, at: 0 }
}

impl<'s> Iterator for Tokens<'s> {
    type Item = Token<'s>;

    fn next(&mut self) -> Option<Token<'s>> {
        let bytes = self.sql.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            let start = self.at;
            let rest = &bytes[start..];
            match byte {
                b'\'' => self.at += 1 + until(&rest[1..], b"'"),
                b'"' => {
                    self.at += 1 + until(&rest[1..], b"\"");
                    return Some(Token::Quoted(self.sql[start..self.at].trim_matches('"')));
                }
                b'-' if rest.starts_with(b"--") => self.at += until(rest, b"\n"),
                b'/' if rest.starts_with(b"/*") => self.at += 2 + until(&rest[2..], b"*/"),
                byte if is_of_word(*byte) => {
                    self.at += rest.iter().take_while(|byte| is_of_word(**byte)).count();
                    if !byte.is_ascii_digit() && *byte != b'$' {
                        return Some(Token::Word(&self.sql[start..self.at]));
                    }
                }
                byte => {
                    self.at += 1;
                    if !byte.is_ascii_whitespace() {
                        return Some(Token::Mark(*byte));
                    }
                }
            }
        }
        None
    }
}

/// Bytes past ASCII belong to names, so that slices end on character boundaries.
const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}

/// How many bytes there are up to and with the next `end`.
fn until(bytes: &[u8], end: &[u8]) -> usize {
    bytes.windows(end.len()).position(|window| window == end).map_or(bytes.len(), |start| start + end.len())
}

/// The bare words alone.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    tokens(sql).filter_map(|token| if let Token::Word(word) = token { Some(word) } else { None })
}

pub(crate) fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|other| word.eq_ignore_ascii_case(other))
}

/// Whether `sql` would begin or end a transaction, which is the business of `Db` alone.
pub(crate) fn controls_transactions(sql: &str) -> bool {
    const CONTROL: [&str; 8] = ["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"];
    words(sql).next().is_some_and(|verb| is_one_of(verb, &CONTROL))
}

/// Whether `sql` changes rows, so that the engine's count of changes is about it.
pub(crate) fn changes_rows(sql: &str) -> bool {
    words(sql).next().is_some_and(|verb| is_one_of(verb, &["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"]))
}

/// Whether `sql` only reads, as far as its words tell: functions are taken on trust.
pub(crate) fn only_reads(sql: &str) -> bool {
    // A WITH may hide a change, SELECT INTO makes a table, FOR UPDATE locks rows.
    const CHANGES: [&str; 5] = ["INSERT", "UPDATE", "DELETE", "MERGE", "INTO"];
    let mut words = words(sql);
    words.next().is_some_and(|verb| is_one_of(verb, &["SELECT", "WITH", "VALUES", "EXPLAIN"]))
        && !words.any(|word| is_one_of(word, &CHANGES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_statements_are_told_from_changing_ones() {
        for sql in [
            "SELECT 1",
            "  select \"delete\" FROM t WHERE a = 'insert' -- update\n AND b = $1",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "/* INSERT */ VALUES (1)",
            "SELECT updated_at, übung FROM t",
            "SELECT 'it''s into' FROM t",
        ] {
            assert!(only_reads(sql), "{sql}");
        }
        for sql in [
            "",
            "INSERT INTO t VALUES (1)",
            "delete from t",
            "WITH gone AS (DELETE FROM t RETURNING id) SELECT * FROM gone",
            "SELECT * INTO copy FROM t",
            "SELECT 1 FROM t FOR UPDATE",
            "-- SELECT\nUPDATE t SET a = 1",
            "CREATE TABLE t (a int)",
        ] {
            assert!(!only_reads(sql), "{sql}");
        }
    }

    #[test]
    fn transaction_control_is_seen_behind_comments() {
        for sql in ["BEGIN", "commit", " /* x */ ROLLBACK", "-- x\nSAVEPOINT a", "END", "Release a"] {
            assert!(controls_transactions(sql), "{sql}");
        }
        for sql in ["SELECT 1", "INSERT INTO begin VALUES (1)", "", "ENDLESS"] {
            assert!(!controls_transactions(sql), "{sql}");
        }
    }

    #[test]
    fn only_changes_of_rows_have_a_count() {
        assert!(changes_rows("with a as (select 1) insert into t select * from a"));
        assert!(!changes_rows("CREATE TABLE t (a int)"));
        assert!(!changes_rows("PRAGMA user_version"));
    }
}
