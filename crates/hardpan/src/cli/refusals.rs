//! Refused rows of a file: the first are printed, a report has them all.
use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use kernel::{Code, Error, Result};
use resources::records::transfer::Refusal;

use super::{Failure, output, progress::Progress, transfer};

/// Most refused rows that are printed.
const MOST_PRINTED: u64 = 20;

/// Prints what is refused and how far it has come.
pub struct Refusals {
    progress: Progress,
    report: Option<(PathBuf, BufWriter<File>)>,
    refused: u64,
}

impl Refusals {
    /// `report` is a file for all of them, as JSON Lines, whole when it gets its name. Errors: it cannot be made, or is `from`, which is read.
    pub fn new(report: Option<&Path>, from: &Path) -> Result<Self, Failure> {
        let real = |path: &Path| path.canonicalize().ok();
        let create = |path: &Path| {
            if real(path).is_some() && real(path) == real(from) {
                return Err(Failure::Usage("--report is the file that is read".into()));
            }
            match File::create(partial(path)) {
                Ok(file) => Ok((path.to_owned(), BufWriter::new(file))),
                Err(error) => Err(transfer::failed("write", path, &error)),
            }
        };
        Ok(Self { progress: Progress::new(), report: report.map(create).transpose()?, refused: 0 })
    }

    /// How far it has come.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        self.progress.show(text);
    }

    /// Errors: 503 when the report cannot be written.
    pub fn refuse(&mut self, refusal: &Refusal) -> Result<()> {
        self.refused += 1;
        if self.refused <= MOST_PRINTED {
            self.progress.clear();
            output::note(&refusal.to_text());
        }
        let Some((_, report)) = &mut self.report else { return Ok(()) };
        let written = serde_json::to_writer(&mut *report, refusal).map_err(io::Error::from);
        written.and_then(|()| report.write_all(b"\n")).map_err(|error| {
            Error::new(Code::Unavailable).with_detail("The report could not be written.").with_source(error)
        })
    }

    /// Says how many rows were not printed. Errors: the report cannot be written.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.progress.clear();
        if let Some(more) = self.refused.checked_sub(MOST_PRINTED).filter(|more| *more > 0) {
            let hint = if self.report.is_some() { "the report has them all" } else { "--report FILE keeps them all" };
            output::note(&format!("... and {more} more; {hint}"));
        }
        match &mut self.report {
            Some((path, report)) => {
                let written = report.flush().and_then(|()| std::fs::rename(partial(path), &*path));
                written.map_err(|error| transfer::failed("write", path, &error))
            }
            None => Ok(()),
        }
    }
}

/// The report's name until it is whole.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}
