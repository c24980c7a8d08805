//! Bringing a database up to date: Hardpan's own migrations, the files of the app's `migrations` folder, and the app file.
use std::{fs, io, path::PathBuf};

use kernel::{Code, Error, Result, Timestamp};
use resources::schema::{self, MigrationFile, Plan, Preview, Step, Undeclared, Ways};
use store::migrate;

use crate::{
    assemble::{self, Foundation},
    config::Profile,
};

/// The folder of migration files, beside the app file.
pub const FOLDER: &str = "migrations";

const UNREVIEWED: &str = "The app file wants more than the files in migrations/ do. Write what is missing with \
                          `hardpan migrate diff`, review it, and apply it.";

/// What a database lacks.
pub struct State {
    pub migrations: Vec<migrate::Status>,
    pub files: Vec<migrate::Status>,
    /// What the app file wants beyond the files.
    pub plan: Plan,
}

impl State {
    pub fn is_in_order(&self) -> bool {
        let is_applied = |status: &migrate::Status| status.state == migrate::State::Applied;
        self.migrations.iter().chain(&self.files).all(is_applied) && self.plan.is_empty()
    }
}

impl Foundation {
    fn folder(&self) -> PathBuf {
        self.config.dir.join(FOLDER)
    }

    /// Whether the app's tables follow files that were reviewed, and nothing else.
    fn follows_files(&self) -> bool {
        !self.follows_app_file() && self.folder().is_dir()
    }

    /// Whether a start brings the tables up to date by itself.
    const fn follows_app_file(&self) -> bool {
        matches!(self.config.profile, Profile::Development | Profile::Testing)
    }

    /// The migration files in order. Errors: one cannot be read.
    fn files(&self) -> Result<Vec<MigrationFile>> {
        let folder = self.folder();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Error::internal)?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::internal)?.path();
            let id = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            if path.extension().is_some_and(|extension| extension == "toml") {
                let text = fs::read_to_string(&path).map_err(Error::internal)?;
                files.push(MigrationFile::parse(id, &text).map_err(failed)?);
            }
        }
        files.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(files)
    }

    /// What the database lacks; changes nothing.
    pub async fn state(&self) -> Result<State> {
        let ctx = self.source.system("migrate");
        let migrations = migrate::status(&ctx, &assemble::migrations()).await?;
        let standing = schema::standing(&ctx, &self.declaration, &self.files()?).await?;
        Ok(State { migrations, files: standing.files, plan: standing.plan })
    }

    /// Applies what is pending and says what: Hardpan's own migrations, the files, and where nobody reviews files what the app file
    /// wants beyond them.
    ///
    /// Errors: internal, naming what stands in the way.
    pub async fn migrate(&self, allow_destructive: bool) -> Result<Vec<String>> {
        let ctx = self.source.system("migrate");
        let files = self.files()?;
        let mut applied = migrate::apply(&ctx, &assemble::migrations()).await?;
        applied.extend(schema::apply_files(&ctx, &files, allow_destructive, self.follows_app_file()).await?);
        if !self.follows_files() {
            applied.extend(self.follow_app_file(allow_destructive, &files).await?);
        } else if !self.state().await?.plan.is_empty() {
            return Err(failed(UNREVIEWED.to_owned()));
        }
        Ok(applied)
    }

    /// Brings the declared tables to what the app file says, without files.
    async fn follow_app_file(&self, allow_destructive: bool, files: &[MigrationFile]) -> Result<Vec<String>> {
        let ctx = self.source.system("migrate");
        let plan = if allow_destructive {
            schema::apply_destructive(&ctx, &self.declaration).await?
        } else {
            schema::apply(&ctx, &self.declaration).await?
        };
        if !plan.refused.is_empty() {
            return Err(failed(format!("The tables cannot follow the app file: {}.", plan.refused.join("; "))));
        }
        schema::settle_files(&ctx, files).await?;
        Ok(plan.steps.iter().map(ToString::to_string).collect())
    }

    /// What [`migrate`](Self::migrate) would do to the declared tables, as SQL of this engine; changes nothing.
    pub async fn preview(&self, allow_destructive: bool) -> Result<Preview> {
        let ways =
            Ways { allow_destructive, stop_at_misfit: self.follows_app_file(), follow_app_file: !self.follows_files() };
        let mut preview =
            schema::preview(&self.source.system("migrate"), &self.declaration, &self.files()?, ways).await?;
        if self.follows_files() && !preview.is_followed && preview.refused.is_empty() {
            preview.refused.push(UNREVIEWED.to_owned());
        }
        Ok(preview)
    }

    /// Writes the file that leads from the tables to the app file; `None` when nothing is missing.
    pub async fn write_migration(&self, name: Option<&str>, keep: bool) -> Result<Option<(PathBuf, Vec<Step>)>> {
        let undeclared = if keep { Undeclared::Keep } else { Undeclared::Drop };
        let files = self.files()?;
        let ctx = self.source.system("migrate");
        let Some((text, steps)) = schema::diff(&ctx, &self.declaration, &files, undeclared).await? else {
            return Ok(None);
        };
        let last = files.last().map(|file| file.id.as_str());
        let id = new_id(self.source.clock.now(), &name.map_or_else(|| name_of(&steps), str::to_owned), last);
        fs::create_dir_all(self.folder()).map_err(Error::internal)?;
        let path = self.folder().join(format!("{id}.toml"));
        fs::write(&path, text).map_err(Error::internal)?;
        Ok(Some((path, steps)))
    }

    /// Brings the database up to date in development and testing; elsewhere refuses one that is not.
    pub async fn prepare(&self) -> Result<()> {
        if self.follows_app_file() {
            let ctx = self.source.system("migrate");
            migrate::apply(&ctx, &assemble::migrations()).await?;
            return self.follow_app_file(false, &self.files()?).await.map(|_| ());
        }
        if self.state().await?.is_in_order() {
            return Ok(());
        }
        let detail = "The database is not up to date. See `hardpan migrate status`, then run `hardpan migrate apply`.";
        Err(failed(detail.to_owned()))
    }
}

/// `yyyymmddhhmm_name`, later than `last`.
fn new_id(now: Timestamp, name: &str, last: Option<&str>) -> String {
    let mut at = now;
    loop {
        let digits = at.to_string().chars().filter(char::is_ascii_digit).take(12).collect::<String>();
        let id = format!("{digits}_{name}");
        if last.is_none_or(|last| id.as_str() > last) {
            return id;
        }
        at = at.plus(std::time::Duration::from_mins(1));
    }
}

/// What the first step is called after.
fn name_of(steps: &[Step]) -> String {
    let first = steps.first().map(ToString::to_string).unwrap_or_default();
    let words = first.split(':').next().unwrap_or_default();
    let name: String = words.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    if steps.len() == 1 { name } else { format!("{name}_and_more") }
}

fn failed(detail: String) -> Error {
    Error::new(Code::Internal).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_sort_by_time() {
        let now = Timestamp::parse("2026-11-21T09:59:30Z").unwrap();
        assert_eq!(new_id(now, "a", None), "202611210959_a");
        assert_eq!(new_id(now, "a", Some("202611210959_b")), "202611211000_a");
        assert_eq!(new_id(now, "c", Some("202611210959_b")), "202611210959_c");
    }
}
