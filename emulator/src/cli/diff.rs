//! `postern diff`.

use std::{collections::BTreeMap, fmt::Write, process::ExitCode};

use anyhow::Result;
use clap::Args;
use scml::{
    Call, Support, compare,
    domain::{constants, show},
};
use serde::Serialize;

use super::profile::Rules;

/// Show what one profile supports and another does not
///
/// By kind of socket, call and argument: what only the first supports, then what only the second does. Rules that say the
/// same in other words do not differ.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern diff postern asterinas
  postern diff scml/profiles/postern /tmp/changed
  postern diff --json postern asterinas | jq '.[0].supports'

Exit status: 0 if both support the same, 1 if not, 2 if one cannot be read.")]
pub(super) struct Diff {
    /// Print JSON
    #[arg(long)]
    json: bool,

    /// A profile: its name, or a file or folder
    #[arg(value_name = "PROFILE")]
    one: String,

    /// The other one
    #[arg(value_name = "PROFILE")]
    other: String,
}

impl Diff {
    pub(super) fn run(self) -> Result<ExitCode> {
        let rules = [Rules::named(&self.one)?, Rules::named(&self.other)?];
        let support = compare(&rules[0].profile.tables(), &rules[1].profile.tables());
        let same = support.iter().all(Support::is_empty);
        let sides =
            [(&rules[0].name, &rules[1].name, &support[0]), (&rules[1].name, &rules[0].name, &support[1])];
        let text = if self.json {
            let documents = sides.map(|(name, _, support)| Document {
                profile: name,
                supports: list(support),
                governs: support.governs.iter().map(|call| call.name()).collect(),
            });
            serde_json::to_string_pretty(&documents)? + "\n"
        } else if same {
            format!("{} and {} support the same\n", self.one, self.other)
        } else {
            sides.iter().map(|(name, other, support)| render(name, other, support)).collect()
        };
        super::print(&text)?;
        Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn socket_name((family, kind): (u16, u8)) -> String {
    format!(
        "{} {}",
        show::member(&constants::FAMILY, family.into()),
        show::member(&constants::TYPE, kind.into())
    )
}

fn render(name: &str, other: &str, support: &Support) -> String {
    let mut text = format!("only {name}:\n");
    if support.is_empty() {
        text.push_str("  nothing\n");
    }
    for (socket, calls) in &support.sockets {
        let _ = match socket {
            Some(kind) if support.unknown.contains(kind) => {
                writeln!(text, "  {} ({other} has no such sockets)", socket_name(*kind))
            }
            Some(kind) => writeln!(text, "  {}", socket_name(*kind)),
            None => writeln!(text, "  any files"),
        };
        for (call, arguments) in calls {
            for line in lines(*call, arguments) {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
    if !support.governs.is_empty() {
        let calls: Vec<_> = support.governs.iter().map(|call| call.name()).collect();
        let _ = writeln!(text, "  rules for {}, which {other} does not check", calls.join(", "));
    }
    text.push('\n');
    text
}

/// A call and its arguments, a line for each.
fn lines(call: Call, arguments: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let named = arguments.iter().filter(|(argument, _)| !argument.is_empty());
    let mut lines: Vec<_> = named
        .map(|(argument, values)| format!("{:<12} {argument} = {}", call.name(), values.join(" | ")))
        .collect();
    if lines.is_empty() {
        lines.push(call.name().to_owned());
    }
    lines
}

#[derive(Serialize)]
struct Document<'a> {
    profile: &'a str,
    supports: Vec<Entry<'a>>,
    /// Calls that only this profile has rules for, and the other one does not check.
    governs: Vec<&'static str>,
}

#[derive(Serialize)]
struct Entry<'a> {
    socket: Option<String>,
    call: &'static str,
    argument: &'a str,
    values: &'a [String],
}

fn list(support: &Support) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    for (socket, calls) in &support.sockets {
        for (call, arguments) in calls {
            for (argument, values) in arguments {
                let socket = socket.map(socket_name);
                entries.push(Entry { socket, call: call.name(), argument, values });
            }
        }
    }
    entries
}
