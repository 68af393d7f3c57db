//! `runner report`: probes in the guest and on the host, joined.

use std::{
    collections::HashMap,
    fs,
    io::{IsTerminal, Read},
    path::Path,
    process::Command,
    sync::mpsc::channel,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use emulator::{
    boot::Ending,
    report::{Alternative, DeclaredRule, Origin, OtherProfile, Report, join, probe, tested},
};
use scml::{Source, compile, load};

use crate::{
    context::Context,
    guest::{self, Setup},
    namespaces, process,
};

/// The profile that the guest enforces and the report is about.
const PROFILE: &str = "postern";

/// The profile that it is compared with.
const OTHER: &str = "asterinas";

const LIMIT: Duration = Duration::from_secs(120);

/// A report, and how the guest that made the probes ended.
pub(crate) struct Made {
    pub(crate) report: Report,
    ending: Ending,
    /// What it and the program said, where it broke off.
    said: String,
}

/// Writes the report and prints its table; whether everything holds.
pub(crate) fn run(context: &Context) -> Result<bool> {
    let made = make(context)?;
    let folder = context.checkout.reports();
    made.report.save(&folder)?;
    print!("{}", made.report.table(std::io::stdout().is_terminal()));
    println!("The same to browse: {}", folder.join("index.html").display());
    if !finished(&made) {
        eprintln!("runner: the probes broke off: {}", made.said);
    }
    Ok(verdict(&made).is_ok())
}

fn finished(made: &Made) -> bool {
    matches!(made.ending, Ending::Exited(0 | 1))
}

/// Whether everything holds.
///
/// # Errors
/// What does not.
pub(crate) fn verdict(made: &Made) -> Result<()> {
    ensure!(finished(made), "the probes broke off: {}", made.said);
    let counts = made.report.summary;
    ensure!(counts.declared > 0, "nothing is declared");
    ensure!(counts.is_good(), "{counts:?}: `make run` tells more");
    Ok(())
}

/// Makes the probes, in the guest and on the host, and joins what came of them.
pub(crate) fn make(context: &Context) -> Result<Made> {
    let declared_by = |profile| declared(context.checkout.root(), &context.checkout.profile(profile));
    let declared = declared_by(PROFILE)?;
    let others = vec![OtherProfile { name: OTHER.to_owned(), rules: declared_by(OTHER)? }];
    let ((outcome, captured), tested, host) = thread::scope(|scope| {
        // The behaviour tests run while the probes do: a guest keeps one CPU busy.
        let tested = scope.spawn(|| tested(context));
        let setup = Setup { limit: LIMIT, ..Setup::counted("probe") };
        let probed = guest::run_captured(context, &setup, &["probe"])?;
        let host = on_host(context)?;
        Ok::<_, anyhow::Error>((probed, tested.join().expect("it does not panic")?, host))
    })?;
    let guest = String::from_utf8_lossy(&captured.stdout()).into_owned();

    let lines = |output: &str, place: &str| probe::parse(output).map_err(|error| anyhow!("{place}: {error}"));
    let host = lines(&host, "on the host")?;
    // A guest that broke off has probes all the same: the rest is unproven.
    let whole_lines = guest.rfind('\n').map_or("", |end| &guest[..end]);
    let in_guest = lines(whole_lines, "in the guest")?;
    let origin = Origin {
        profile: PROFILE.to_owned(),
        host: format!("Linux {}", linux_release()?),
        guest: format!("Postern in {}, counted mode", context.qemu.version()),
        time: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
    };
    let report = join(origin, declared, others, &host, &in_guest, &Some(tested));
    let said = format!("{outcome}\n{}", String::from_utf8_lossy(&captured.stderr()).trim());
    Ok(Made { report, ending: outcome.ending, said })
}

/// What the behaviour tests of sockets make use of in the guest.
fn tested(context: &Context) -> Result<HashMap<(String, String, String), u64>> {
    let setup = Setup { limit: LIMIT, ..Setup::counted("report-tests") };
    let arguments = ["test", "--sockets", "--uses", "--never-skip"];
    let (outcome, captured) = guest::run_captured(context, &setup, &arguments)?;
    let output = captured.stdout();
    let output = String::from_utf8_lossy(&output);
    tested::parse(&output).map_err(|error| {
        let failed: Vec<_> = output.lines().filter(|line| line.contains(r#""outcome":"failed""#)).collect();
        anyhow!("the behaviour tests in the guest: {error}: {outcome}\n{}", failed.join("\n"))
    })
}

/// The rules of a profile and what they declare, as the compiler sees them.
fn declared(root: &Path, profile: &Path) -> Result<Vec<DeclaredRule>> {
    // Named from the checkout's root, so that reports of two machines are the same.
    let sources: Vec<Source> = load(profile)?
        .into_iter()
        .map(|source| {
            let name = Path::new(&source.name).strip_prefix(root).unwrap_or(Path::new(&source.name));
            Source::new(name.display().to_string(), source.bytes)
        })
        .collect();
    let compiled = compile(&sources).map_err(|diagnostics| {
        let texts: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.render(false)).collect();
        anyhow!("the profile {} is not valid:\n{}", profile.display(), texts.join("\n"))
    })?;
    let tables = compiled.tables();
    let all = scml::probe::alternatives(&tables);
    let rule = |index: usize| -> Result<DeclaredRule> {
        let number = u16::try_from(index)?;
        let rule = &tables.rules[index];
        let alternatives = all
            .iter()
            .filter(|one| one.rule == number)
            .map(|one| Alternative {
                argument: one.argument.clone(),
                under: one.under.clone(),
                value: one.name.clone(),
                on: one.on.to_string(),
            })
            .collect();
        Ok(DeclaredRule {
            id: tables.rule_id(number),
            call: rule.call.name().to_owned(),
            file: tables.text(rule.file).to_owned(),
            line: rule.line.try_into()?,
            text: tables.text(rule.text).to_owned(),
            alternatives,
        })
    };
    (0..tables.rules.len()).map(rule).collect()
}

/// What the probes print on the host's Linux.
fn on_host(context: &Context) -> Result<String> {
    let output = match namespaces::spawn(&context.guest, &["probe"]) {
        Ok((mut child, mut stdout)) => {
            let (sender, receiver) = channel();
            thread::spawn(move || {
                let mut text = String::new();
                let _ = sender.send(stdout.read_to_string(&mut text).map(|_| text));
            });
            let mut stderr = child.stderr.take().expect("it is piped");
            let said = thread::spawn(move || {
                let mut text = String::new();
                let _ = stderr.read_to_string(&mut text);
                text
            });
            let Ok(text) = receiver.recv_timeout(LIMIT) else {
                child.kill()?;
                child.wait()?;
                bail!("the probes on the host are not done after {} s", LIMIT.as_secs());
            };
            let status = child.wait()?;
            let said = said.join().unwrap_or_default();
            if !matches!(status.code(), Some(0 | 1)) {
                bail!("the probes on the host ended with {status}: {}", said.trim());
            }
            text?
        }
        Err(error) => {
            eprintln!("runner: {error:#}; the probes run without namespaces");
            let finished = process::run(Command::new(&context.guest).arg("probe"), b"", LIMIT)?;
            if !matches!(finished.status.and_then(|status| status.code()), Some(0 | 1)) {
                let said = String::from_utf8_lossy(&finished.stderr).into_owned();
                bail!("the probes on the host: {}: {}", finished.ending(), said.trim());
            }
            String::from_utf8(finished.stdout)?
        }
    };
    Ok(output)
}

fn linux_release() -> Result<String> {
    let path = "/proc/sys/kernel/osrelease";
    Ok(fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?.trim().to_owned())
}
