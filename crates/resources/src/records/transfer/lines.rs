//! JSON Lines, read one bounded line at a time.
use std::io::{self, BufRead, BufReader, Read};

use kernel::{Result, json};
use serde_json::Value as Json;

use super::{
    MOST_ROW_BYTES, Refusal,
    rows::{Next, Row, unreadable},
};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) struct Lines<'r> {
    input: BufReader<Box<dyn Read + Send + 'r>>,
    /// How many lines were read.
    number: u64,
}

enum Line {
    Text(Vec<u8>),
    /// It was not kept.
    TooLong,
}

impl<'r> Lines<'r> {
    pub fn new(input: Box<dyn Read + Send + 'r>) -> Self {
        Self { input: BufReader::with_capacity(64 * 1024, input), number: 0 }
    }

    /// The next line that is not blank.
    pub fn next(&mut self) -> Result<Option<Next>> {
        while let Some(line) = self.line().map_err(unreadable)? {
            match line {
                Line::TooLong => return Ok(Some(Next::Refused(Refusal::too_long(self.number)))),
                Line::Text(line) if line.trim_ascii().is_empty() => {}
                Line::Text(line) => return Ok(Some(parse(self.number, &line))),
            }
        }
        Ok(None)
    }

    /// The next line without its end.
    fn line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Some(Vec::new());
        let mut is_any = false;
        loop {
            let buffer = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            if buffer.is_empty() {
                break;
            }
            is_any = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            line = line.filter(|line| line.len() + part.len() <= MOST_ROW_BYTES);
            if let Some(line) = &mut line {
                line.extend_from_slice(part);
            }
            let taken = end.map_or(buffer.len(), |end| end + 1);
            self.input.consume(taken);
            if end.is_some() {
                break;
            }
        }
        if !is_any {
            return Ok(None);
        }
        self.number += 1;
        if let (Some(line), 1) = (&mut line, self.number)
            && line.starts_with(BYTE_ORDER_MARK)
        {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(Some(line.map_or(Line::TooLong, Line::Text)))
    }
}

/// A carriage return at the end is white space to JSON.
fn parse(number: u64, line: &[u8]) -> Next {
    if std::str::from_utf8(line).is_err() {
        return Next::Refused(Refusal::malformed(number, "is not UTF-8"));
    }
    match json::parse(line) {
        Ok(Json::Object(body)) => Next::Row(Row { line: number, body, bytes: line.len() }),
        Ok(_) => Next::Refused(Refusal::malformed(number, "is not a JSON object")),
        Err(fault) => Next::Refused(Refusal::malformed(number, fault.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(Box::new(text));
        let mut found = Vec::new();
        while let Some(next) = lines.next().unwrap() {
            found.push(match next {
                Next::Row(row) => format!("{} {}", row.line, Json::Object(row.body)),
                Next::Refused(refusal) => format!("{} {}", refusal.line, refusal.code),
            });
        }
        found
    }

    #[test]
    fn rows_and_their_numbers() {
        let text = b"\xef\xbb\xbf{\"a\":1}\r\n\n  \n{\"a\":\"\xff\"}\n[1]\n{\"a\":1,\"a\":2}\n{\n{\"a\":2}";
        assert_eq!(
            read(text),
            ["1 {\"a\":1}", "4 malformed", "5 malformed", "6 malformed", "7 malformed", "8 {\"a\":2}"]
        );
        assert_eq!(read(b""), [""; 0]);
    }

    #[test]
    fn a_line_that_is_no_row_says_why() {
        let why = |text: &'static [u8]| match Lines::new(Box::new(text)).next().unwrap().unwrap() {
            Next::Row(_) => "a row".to_owned(),
            Next::Refused(refusal) => refusal.to_text(),
        };
        assert_eq!(why(b"\n{\"a\":}"), "line 2: is not valid JSON; reading stopped at column 6");
        assert_eq!(why(b"{\"The body\":1,\"The body\":2}"), "line 1: names the field \"The body\" twice");
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped() {
        let mut text = format!("{{\"a\":\"{}\"}}\n", "x".repeat(MOST_ROW_BYTES)).into_bytes();
        text.extend_from_slice(b"{\"a\":3}\n");
        assert_eq!(read(&text), ["1 too_long", "2 {\"a\":3}"]);
    }
}
