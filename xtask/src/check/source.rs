//! A Rust file, taken apart just enough: code without comments and strings, the strings, and which lines are tests.

/// A file of Rust.
pub(super) struct Source {
    pub path: String,
    pub text: String,
    /// `text` with comments and literals blanked, byte for byte and line for line.
    pub code: String,
    pub literals: Vec<Literal>,
    /// Ranges of bytes of `code` that are compiled for tests alone.
    tests: Vec<(usize, usize)>,
}

/// A string literal, as written between its quotes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal {
    pub at: usize,
    pub text: String,
}

impl Source {
    pub fn new(path: &str, text: String) -> Self {
        let mut scanner = Scanner { text: &text, at: 0, code: Vec::with_capacity(text.len()), literals: Vec::new() };
        scanner.scan();
        let code = String::from_utf8_lossy(&scanner.code).into_owned();
        let literals = scanner.literals;
        let tests = if is_of_tests(path) { vec![(0, text.len())] } else { test_ranges(&code) };
        Self { path: path.to_owned(), text, code, literals, tests }
    }

    /// The number of the line that holds byte `at`, from 1.
    pub fn line(&self, at: usize) -> usize {
        1 + self.code.get(..at).unwrap_or(&self.code).matches('\n').count()
    }

    pub fn is_test(&self, at: usize) -> bool {
        self.tests.iter().any(|(start, end)| (*start..*end).contains(&at))
    }

    /// The crate under `crates/` this file belongs to, and its path within.
    pub fn in_crate(&self) -> Option<(&str, &str)> {
        self.path.strip_prefix("crates/")?.split_once('/')
    }

    /// Where `word` stands in the code as a whole word.
    pub fn words<'s>(&'s self, word: &'s str) -> impl Iterator<Item = usize> + 's {
        let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let code = self.code.as_bytes();
        self.code.match_indices(word).map(|(at, _)| at).filter(move |at| {
            let before = at.checked_sub(1).and_then(|before| code.get(before));
            !is_part(before) && !is_part(code.get(at + word.len()))
        })
    }
}

/// Files that only tests, measurements and examples are made of.
fn is_of_tests(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "examples"))
}

/// What follows `#[cfg(test)]`: up to the end of its braces, or to a semicolon before any.
fn test_ranges(code: &str) -> Vec<(usize, usize)> {
    let mark = "#[cfg(test)]";
    let end = |start: usize| {
        let mut depth = 0_usize;
        for (at, byte) in code.bytes().enumerate().skip(start) {
            match byte {
                b'{' => depth += 1,
                b'}' if depth <= 1 => return at + 1,
                b'}' => depth -= 1,
                b';' if depth == 0 => return at + 1,
                _ => {}
            }
        }
        code.len()
    };
    code.match_indices(mark).map(|(start, _)| (start, end(start + mark.len()))).collect()
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    code: Vec<u8>,
    literals: Vec<Literal>,
}

impl Scanner<'_> {
    fn scan(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'/' if self.peek(1) == Some(b'/') => {
                    let length = self.rest().find('\n').unwrap_or(self.rest().len());
                    self.blank(length);
                }
                b'/' if self.peek(1) == Some(b'*') => self.block_comment(),
                b'"' => self.string(),
                b'r' if !self.is_in_word() => self.raw_string(),
                b'\'' => self.character(),
                byte => {
                    self.code.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    /// Whether what stands here continues a word: the `r` of `for` begins no raw string, that of `br` does.
    fn is_in_word(&self) -> bool {
        let before = self.text.as_bytes()[..self.at].iter().rev();
        let word: Vec<u8> = before.take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').copied().collect();
        !word.is_empty() && word != *b"b" && word != *b"c"
    }

    /// Passes over `length` bytes; their lines remain.
    fn blank(&mut self, length: usize) {
        let end = (self.at + length).min(self.text.len());
        let bytes = &self.text.as_bytes()[self.at..end];
        self.code.extend(bytes.iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }));
        self.at = end;
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        let mut length = 0;
        let bytes = self.rest().as_bytes();
        while length < bytes.len() {
            if bytes[length..].starts_with(b"/*") {
                depth += 1;
                length += 2;
            } else if bytes[length..].starts_with(b"*/") {
                depth -= 1;
                length += 2;
                if depth == 0 {
                    break;
                }
            } else {
                length += 1;
            }
        }
        self.blank(length);
    }

    fn string(&mut self) {
        let mut length = 1;
        while let Some(byte) = self.peek(length) {
            match byte {
                b'\\' => length += 2,
                b'"' => break,
                _ => length += 1,
            }
        }
        self.literal(1, length, 1);
    }

    /// `r"..."`, `r#"..."#` and so on; a mere `r` or a raw name is code.
    fn raw_string(&mut self) {
        let hashes = self.rest()[1..].bytes().take_while(|byte| *byte == b'#').count();
        if self.peek(1 + hashes) != Some(b'"') {
            self.code.push(b'r');
            self.at += 1;
            return;
        }
        let start = hashes + 2;
        let close = format!("\"{}", "#".repeat(hashes));
        let body = &self.rest()[start..];
        let end = start + body.find(&close).unwrap_or(body.len());
        self.literal(start, end, close.len());
    }

    /// Notes the literal between `start` and `end` after the current place, and passes over it and `close` bytes more.
    fn literal(&mut self, start: usize, end: usize, close: usize) {
        let end = end.min(self.rest().len());
        let text = self.rest().get(start..end).unwrap_or_default().to_owned();
        self.literals.push(Literal { at: self.at, text });
        self.blank(end + close);
    }

    /// `'x'` and `'\n'` are literals, `'a` is a lifetime.
    fn character(&mut self) {
        let rest = self.rest();
        let mut characters = rest.char_indices().skip(1);
        let length = match (characters.next(), characters.next()) {
            (Some((_, '\\')), _) => rest[3.min(rest.len())..].find('\'').map(|end| end + 4),
            (Some(_), Some((end, '\''))) => Some(end + 1),
            _ => None,
        };
        if let Some(length) = length {
            self.blank(length);
        } else {
            self.code.push(b'\'');
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(text: &str) -> Vec<String> {
        Source::new("a.rs", text.to_owned()).literals.into_iter().map(|literal| literal.text).collect()
    }

    #[test]
    fn strings_are_found_wherever_they_hide() {
        assert_eq!(literals(r#"let a = "one"; // "two""#), ["one"]);
        assert_eq!(literals(r#"/* "no" /* nested */ "no" */ f("yes\"still")"#), [r#"yes\"still"#]);
        assert_eq!(literals("r#\"raw \"quoted\" text\"# + br\"bytes\""), ["raw \"quoted\" text", "bytes"]);
        assert_eq!(literals("fn f<'a>(c: &'a str) { match c { '\"' => '\\'', 'x' => \"in\" } }"), ["in"]);
        assert_eq!(literals("for r in x { \"a\" } 'ü' \"b\""), ["a", "b"]);
    }

    #[test]
    fn code_keeps_its_lines() {
        let source = Source::new("a.rs", "a /* x\ny */ b\n// crate::c\n\"crate::d\" e".to_owned());
        assert_eq!(source.code.lines().count(), 4);
        assert!(!source.code.contains("crate"));
        assert_eq!(source.line(source.code.find('e').unwrap_or(0)), 4);
    }

    #[test]
    fn tests_end_with_their_braces() {
        let source = Source::new("a.rs", "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { {} } }\nfn c() {}".to_owned());
        let at = |text: &str| source.text.find(text).unwrap_or(0);
        assert!(!source.is_test(at("fn a")));
        assert!(source.is_test(at("fn b")));
        assert!(!source.is_test(at("fn c")));
        assert!(Source::new("crates/x/tests/a.rs", String::new()).tests == [(0, 0)]);
    }
}
