//! Files are short, say what they are, and `main.rs` does next to nothing.
use super::{Problem, Repository, source::Source};

const MOST_LINES: usize = 700;
const MOST_LINES_OF_MAIN: usize = 29;

pub(super) fn check(repository: &Repository) -> Vec<Problem> {
    repository.sources.iter().flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    let lines = source.text.lines().count();
    if lines > MOST_LINES {
        let why = format!("{lines} lines; past {MOST_LINES} a file becomes a folder of the same name");
        problems.push(Problem::new(&source.path, lines, why));
    }
    if source.path.ends_with("src/main.rs") && lines > MOST_LINES_OF_MAIN {
        let why = format!("{lines} lines; main.rs stays under {}", MOST_LINES_OF_MAIN + 1);
        problems.push(Problem::new(&source.path, lines, why));
    }
    if !source.text.starts_with("//! ") {
        problems.push(Problem::new(&source.path, 1, "a file begins with one sentence on what it is: `//! ...`"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    #[test]
    fn long_files_are_told() {
        let lines = |count: usize| format!("//! Lines.\n{}", "\n".repeat(count - 1));
        let (fits, long) = (lines(700), lines(701));
        assert!(found(check, &[("crates/a/src/a.rs", &fits)]).is_empty());
        assert_eq!(found(check, &[("crates/a/tests/a.rs", &long)]), ["crates/a/tests/a.rs:701"]);
    }

    #[test]
    fn main_is_shorter_still() {
        let lines = |count: usize| format!("//! Lines.\n{}", "\n".repeat(count - 1));
        let (fits, long) = (lines(29), lines(30));
        assert!(found(check, &[("crates/hardpan/src/main.rs", &fits)]).is_empty());
        assert_eq!(found(check, &[("crates/hardpan/src/main.rs", &long)]), ["crates/hardpan/src/main.rs:30"]);
    }

    #[test]
    fn a_file_says_what_it_is() {
        assert!(found(check, &[("crates/a/src/a.rs", "//! A.\nfn a() {}\n")]).is_empty());
        for text in ["", "fn a() {}\n", "// A.\n", "\n//! A.\n"] {
            assert_eq!(found(check, &[("crates/a/src/a.rs", text)]), ["crates/a/src/a.rs:1"], "{text:?}");
        }
    }
}
