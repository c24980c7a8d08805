//! `cargo xtask fuzz`: feeds each target of `fuzz/` what AFL++ makes of its corpus, and keeps what it learnt.
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

const TARGETS: [&str; 6] = ["rules", "cursors", "tokens", "bodies", "headers", "apps"];
const VERSION: &str = "0.18.2";
/// Most bytes of a target's corpus that are kept, beside what was put there by hand.
const KEPT_BYTES: u64 = 64 * 1024;
/// An input that takes so long is a finding, whatever else the machine does.
const HANGS: Duration = Duration::from_secs(20);
/// What fuzzing chose itself is called so, and chosen anew each time.
const KEPT: &str = "kept-";

type Result<T> = std::result::Result<T, String>;

/// Runs the targets that `arguments` name, or all, and fails when one fell over something.
pub fn run(arguments: Vec<String>) -> ExitCode {
    match fuzz(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

fn fuzz(arguments: Vec<String>) -> Result<bool> {
    let (targets, minutes) = read(arguments)?;
    let tool = Tool::find()?;
    tool.build(&targets)?;
    let mut is_good = true;
    for target in targets {
        println!("{target}: {minutes} minutes");
        tool.fuzz(target, minutes)?;
        let findings = tool.findings(target)?;
        for finding in &findings {
            println!("{target}: FOUND {}", finding.display());
            println!("  again: {} < {0}; keep it: copy it to fuzz/corpus/{target}/", tool.program(target).display());
        }
        is_good &= findings.is_empty();
        tool.keep(target)?;
    }
    Ok(is_good)
}

fn read(arguments: Vec<String>) -> Result<(Vec<&'static str>, u32)> {
    let (mut targets, mut minutes) = (Vec::new(), 10);
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--minutes" {
            let number = arguments.next().and_then(|number| number.parse().ok());
            minutes = number.ok_or("--minutes takes a number")?;
        } else {
            let known = TARGETS.into_iter().find(|target| *target == argument);
            targets.push(known.ok_or_else(|| format!("{argument} is none of {}", TARGETS.join(", ")))?);
        }
    }
    Ok((if targets.is_empty() { TARGETS.to_vec() } else { targets }, minutes))
}

/// `cargo-afl`, and where it works.
struct Tool {
    program: PathBuf,
    /// The repository.
    root: PathBuf,
    /// `target/fuzz`: the tool itself, what it builds and what it finds.
    home: PathBuf,
}

impl Tool {
    /// The one that is installed, or one below `target`.
    fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the repository is not there")?.to_owned();
        let home = root.join("target/fuzz");
        let own = home.join("tool/bin/cargo-afl");
        for program in [PathBuf::from("cargo-afl"), own.clone()] {
            let tool = Self { program, root: root.clone(), home: home.clone() };
            let asked = tool.command("config").arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
            if asked.is_ok_and(|status| status.success()) {
                return Ok(tool);
            }
        }
        let tool = Self { program: own, root, home };
        let mut install = Command::new(cargo());
        install.args(["install", "--locked", "cargo-afl", "--version", VERSION, "--root"]).arg(tool.home.join("tool"));
        succeeds(&mut install)?;
        Ok(tool)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["afl", name]).env("CARGO", cargo()).current_dir(&self.root);
        command
    }

    fn build(&self, targets: &[&str]) -> Result<()> {
        let mut build = self.command("build");
        build.args(["--package", "fuzz", "--features", "afl", "--target-dir"]).arg(&self.home);
        for target in targets {
            build.args(["--bin", &format!("fuzz-{target}")]);
        }
        // More takes far longer to compile than it saves.
        succeeds(build.env("AFL_OPT_LEVEL", "1").env("CARGO_INCREMENTAL", "0"))
    }

    fn program(&self, target: &str) -> PathBuf {
        self.home.join("debug").join(format!("fuzz-{target}"))
    }

    fn corpus(&self, target: &str) -> PathBuf {
        self.root.join("fuzz/corpus").join(target)
    }

    /// Where AFL++ puts what it finds.
    fn found(&self, target: &str) -> PathBuf {
        self.home.join("found").join(target)
    }

    fn fuzz(&self, target: &str, minutes: u32) -> Result<()> {
        let found = self.found(target);
        emptied(&found)?;
        let log = fs::File::create(found.with_extension("log")).map_err(told)?;
        let folder = scratch()?;
        let mut fuzz = self.command("fuzz");
        fuzz.arg("-i").arg(self.corpus(target)).arg("-o").arg(&found);
        let dictionary = self.root.join(format!("fuzz/dictionaries/{target}.dict"));
        if dictionary.exists() {
            fuzz.arg("-x").arg(dictionary);
        }
        fuzz.args(["-V", &(minutes * 60).to_string(), "-t", "2000", "-m", "none", "--"]).arg(self.program(target));
        for quiet in
            ["NO_UI", "NO_AFFINITY", "SKIP_CPUFREQ", "I_DONT_CARE_ABOUT_MISSING_CRASHES", "IGNORE_SEED_PROBLEMS"]
        {
            fuzz.env(format!("AFL_{quiet}"), "1");
        }
        fuzz.env("TMPDIR", folder.path()).stdout(log.try_clone().map_err(told)?).stderr(log);
        succeeds(&mut fuzz).map_err(|why| format!("{why}; see {}", found.with_extension("log").display()))?;
        let statistics = fs::read_to_string(found.join("default/fuzzer_stats")).map_err(told)?;
        let statistics: BTreeMap<&str, &str> = statistics
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        let number = |name: &str| statistics.get(name).copied().unwrap_or("?");
        println!(
            "{target}: {} inputs, {} a second; {} edges, {} ways, {} crashes, {} hangs",
            number("execs_done"),
            number("execs_per_sec"),
            number("edges_found"),
            number("corpus_count"),
            number("saved_crashes"),
            number("saved_hangs")
        );
        Ok(())
    }

    /// What crashed, and what hung and does so again: a machine that was busy is no finding.
    fn findings(&self, target: &str) -> Result<Vec<PathBuf>> {
        let found = self.found(target).join("default");
        let mut findings = files(&found.join("crashes"))?;
        findings.retain(|path| path.file_name().is_some_and(|name| name != "README.txt"));
        for path in files(&found.join("hangs"))? {
            if hangs(&self.program(target), &path)? {
                findings.push(path);
            }
        }
        Ok(findings)
    }

    /// Keeps the smallest inputs that reach everything that was reached.
    fn keep(&self, target: &str) -> Result<()> {
        let (corpus, least) = (self.corpus(target), self.home.join("least").join(target));
        emptied(&least)?;
        let folder = scratch()?;
        let mut least_of = self.command("cmin");
        least_of.arg("-i").arg(self.found(target).join("default/queue")).arg("-o").arg(&least);
        least_of.args(["-t", "5000", "-m", "none", "--"]).arg(self.program(target));
        least_of.env("TMPDIR", folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        succeeds(&mut least_of)?;
        let is_kept = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(KEPT));
        for path in files(&corpus)?.into_iter().filter(|path| is_kept(path)) {
            fs::remove_file(path).map_err(told)?;
        }
        let by_hand: Vec<Vec<u8>> = files(&corpus)?.iter().map(fs::read).collect::<io::Result<_>>().map_err(told)?;
        let mut inputs: Vec<Vec<u8>> = files(&least)?.iter().map(fs::read).collect::<io::Result<_>>().map_err(told)?;
        inputs.retain(|input| !by_hand.contains(input));
        inputs.sort_by_key(Vec::len);
        let (mut bytes, mut count) = (0, 0);
        for input in inputs {
            bytes += u64::try_from(input.len()).unwrap_or(u64::MAX);
            if bytes > KEPT_BYTES {
                break;
            }
            let mut hasher = DefaultHasher::new();
            input.hash(&mut hasher);
            fs::write(corpus.join(format!("{KEPT}{:016x}", hasher.finish())), input).map_err(told)?;
            count += 1;
        }
        println!("{target}: {count} inputs kept");
        Ok(())
    }
}

fn hangs(program: &Path, input: &Path) -> Result<bool> {
    let mut child = Command::new(program)
        .stdin(fs::File::open(input).map_err(told)?)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(told)?;
    let begun = Instant::now();
    while begun.elapsed() < HANGS {
        if child.try_wait().map_err(told)?.is_some() {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill().map_err(told)?;
    child.wait().map_err(told)?;
    Ok(true)
}

/// A folder for databases: in memory where there is such a place, because every input waits for its commit.
fn scratch() -> Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    let builder = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix("hardpan-fuzz-");
        builder
    };
    if memory.is_dir() { builder().tempdir_in(memory) } else { builder().tempdir() }.map_err(told)
}

fn emptied(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(told(error)),
        _ => {}
    }
    fs::create_dir_all(folder).map_err(told)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>().map_err(told)?;
    files.retain(|path| path.is_file());
    files.sort();
    Ok(files)
}

fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn succeeds(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
}

#[allow(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn told(error: io::Error) -> String {
    error.to_string()
}
