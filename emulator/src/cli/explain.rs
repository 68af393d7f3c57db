//! `postern explain`.

use std::{fmt::Write, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use scml::{
    Explanation, Tables,
    domain::errno_name,
    trace::{Answer, judge},
};

use super::profile::Rules;

/// Say whether a call is supported and, if not, why
///
/// The call is written as strace shows it. A bare descriptor number is any socket: the call is admitted if it is for some
/// kind of socket; `3<AF_INET SOCK_STREAM>`, or what `strace -yy` shows, is a certain kind. Pointers and numbers may be
/// left out at the end.
#[derive(Debug, Args)]
#[command(
    override_usage = "postern explain [--profile P] CALL\n       postern explain FILE... CALL",
    after_help = "\
Examples:
  postern explain 'socket(AF_INET6, SOCK_STREAM, 0)'
  postern explain 'setsockopt(3<AF_UNIX SOCK_STREAM>, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=0}, 8)'
  postern explain 'sendmsg(3, {msg_control=[{SOL_SOCKET, SCM_RIGHTS}], msg_controllen=24}, MSG_NOSIGNAL)'
  postern explain my-rules/ 'recvfrom(3, 0x1, 64, MSG_PEEK|0x800000, NULL, NULL)'

Exit status: 0 if the call is admitted, 1 if it is refused, 2 if it or the rules are not understood."
)]
pub(super) struct Explain {
    /// The profile: its name, or a file or folder
    #[arg(long, value_name = "P", default_value = "postern")]
    profile: String,

    /// Files or folders of rules instead of a profile, and the call
    #[arg(required = true, value_name = "CALL")]
    words: Vec<String>,
}

impl Explain {
    pub(super) fn run(mut self) -> Result<ExitCode> {
        let call = self.words.pop().unwrap_or_default();
        let rules = match self.words.as_slice() {
            [] => Rules::named(&self.profile)?,
            files => Rules::files(&files.iter().map(PathBuf::from).collect::<Vec<_>>())?,
        };
        let tables = rules.profile.tables();
        let answer = judge(&tables, &call)?;
        let (text, status) = match answer {
            Answer::Admitted(rule) => (admitted(&tables, rule), ExitCode::SUCCESS),
            Answer::NotGoverned => (
                "admitted: the profile has no rule for this call, and needs none\n".to_owned(),
                ExitCode::SUCCESS,
            ),
            Answer::Refused(explanation) => (refused(&rules.name, &explanation), ExitCode::FAILURE),
        };
        super::print(&text)?;
        Ok(status)
    }
}

fn admitted(tables: &Tables<'_>, number: u16) -> String {
    let Some(rule) = tables.rules.get(usize::from(number)) else { return "admitted\n".to_owned() };
    let place = format!("{}:{}", tables.text(rule.file), rule.line);
    format!("admitted by {} ({place})\n    {}\n", tables.rule_id(number), tables.text(rule.text))
}

fn refused(profile: &str, explanation: &Explanation) -> String {
    let errno = errno_name(explanation.errno).map_or_else(|| explanation.errno.to_string(), str::to_owned);
    let Some(rule) = &explanation.rule else {
        let call = explanation.call.name();
        return format!("refused with {errno}: `{profile}` has no rule for {call}\n");
    };
    let mut text = format!("refused with {errno}: {} = {}\n", explanation.argument, explanation.value);
    let mut row = |what: &str, value: &str| {
        let _ = writeln!(text, "    {what:<14}{value}");
    };
    if !explanation.offending.is_empty() {
        row("not admitted", &explanation.offending.join(" | "));
    }
    if !explanation.admitted.is_empty() {
        row("admitted", &explanation.admitted.join(" | "));
    }
    row("nearest rule", &format!("{} ({}:{})", rule.id, rule.file, rule.line));
    row("", &rule.text);
    text
}
