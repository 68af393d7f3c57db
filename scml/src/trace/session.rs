//! A trace, line by line.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, BufRead},
};

use crate::{
    call::Call,
    domain::{Kind, signature},
    explain::Explanation,
    matcher::Refusal,
    tables::Tables,
};

use super::{
    any,
    argument::{Argument, arguments_of_trace},
    descriptors::Known,
    line::{Event, Line, Outcome, split},
    observed::{Observed, Unclear},
    process::{self, Process, Processes, Shared},
    summary::{Cause, Place, Program, Summary, UnclearCalls},
};

/// A longer line is not read.
pub const MAX_LINE: usize = 4 << 20;

/// How many causes are told apart per trace.
const MAX_CAUSES: usize = 4096;

/// How many programs are told apart.
const MAX_PROGRAMS: usize = 4096;

/// Judges what logs say by a profile's rules.
pub struct Session<'t> {
    tables: Tables<'t>,
    processes: Processes,
    summary: Summary,
    /// By program: the causes, as indices in the program's own.
    causes: HashMap<(usize, CauseKey), usize>,
    unclear: HashMap<(usize, Call, Unclear), usize>,
    place: Place,
}

/// What makes two refusals one cause.
#[derive(PartialEq, Eq, Hash)]
struct CauseKey {
    call: Call,
    rule: Option<u16>,
    argument: String,
    offending: String,
}

/// A call as the log has it.
#[derive(Clone, Copy)]
struct Shown<'a> {
    name: &'a str,
    text: &'a str,
}

impl Shown<'_> {
    /// As much as is worth showing.
    fn clipped(self) -> String {
        const MOST: usize = 160;
        match self.text.char_indices().nth(MOST) {
            Some((end, _)) => format!("{}({}...", self.name, &self.text[..end]),
            None => format!("{}({})", self.name, self.text),
        }
    }
}

enum Verdict {
    Conforms,
    /// By that rule, for that parameter.
    Refused(Refusal, Box<Explanation>),
    Unclear(Unclear),
}

impl<'t> Session<'t> {
    /// A trace of which nothing has been read.
    #[must_use]
    pub fn new(tables: Tables<'t>) -> Self {
        Self {
            tables,
            processes: Processes::default(),
            summary: Summary::default(),
            causes: HashMap::new(),
            unclear: HashMap::new(),
            place: Place { log: String::new(), line: 0 },
        }
    }

    /// Reads a log to its end. `pid` is the process that lines without one are about (`strace -ff`).
    ///
    /// # Errors
    /// What reading says; what was read before counts.
    pub fn read(&mut self, log: &str, pid: Option<u32>, mut input: impl BufRead) -> io::Result<()> {
        log.clone_into(&mut self.place.log);
        self.place.line = 0;
        // Another log may be of another day.
        if pid.is_none() {
            self.processes = Processes::default();
        }
        let mut line = Vec::new();
        while let Some(whole) = next_line(&mut input, &mut line)? {
            self.place.line += 1;
            match core::str::from_utf8(&line) {
                _ if !whole => self.unreadable(),
                Ok(text) => self.line(text, pid),
                // Names of files may be of any bytes; strace shows most of them escaped.
                Err(_) => self.line(&String::from_utf8_lossy(&line), pid),
            }
        }
        Ok(())
    }

    /// What came of it.
    #[must_use]
    pub fn finish(mut self) -> Summary {
        self.summary.programs.iter_mut().for_each(Program::sort);
        self.summary.programs.retain(|program| program.calls > 0 || program.processes > 0);
        self.summary
    }

    fn line(&mut self, text: &str, log_pid: Option<u32>) {
        self.summary.lines += 1;
        let Line { pid, event } = Line::parse(text);
        let pid = pid.or(log_pid).unwrap_or_default();
        match event {
            Event::Note => {}
            Event::Unreadable => self.unreadable_counted(),
            Event::Exit => self.processes.remove(pid),
            Event::Unfinished { name, arguments } => {
                if !self.knows(pid) {
                    return self.unreadable_counted();
                }
                self.processes.unfinished.insert(pid, (name.to_owned(), arguments.to_owned()));
            }
            Event::Resumed { name, rest } => match self.processes.unfinished.remove(&pid) {
                Some((begun, mut whole)) if begun == name => {
                    whole.truncate(whole.trim_end().len());
                    whole.push_str(rest);
                    if let Some(begun) = whole.strip_suffix("<unfinished ...>") {
                        self.processes.unfinished.insert(pid, (name.to_owned(), begun.to_owned()));
                        return;
                    }
                    match split(&whole) {
                        Some((arguments, outcome)) => self.call(pid, name, arguments, &outcome),
                        None => self.unreadable_counted(),
                    }
                }
                // Its beginning is from before the log, or has been cut off: what is missing may be anything.
                _ if Call::from_name(name).is_none() || !self.processes.all.contains_key(&pid) => {}
                _ => self.unreadable_counted(),
            },
            Event::Call { name, arguments, result } => self.call(pid, name, arguments, &result),
        }
    }

    fn unreadable(&mut self) {
        self.summary.lines += 1;
        self.unreadable_counted();
    }

    fn unreadable_counted(&mut self) {
        self.summary.unreadable += 1;
        if self.summary.first_unreadable.is_none() {
            self.summary.first_unreadable = Some(self.place.clone());
        }
    }

    /// Makes the process known; `false` where there are too many.
    fn knows(&mut self, pid: u32) -> bool {
        if self.processes.all.contains_key(&pid) {
            return true;
        }
        if !self.processes.room() {
            return false;
        }
        let parent = self.processes.forking().and_then(|(parent, shared)| {
            let process = self.processes.all.get(&parent)?;
            Some((process.child(shared.descriptors), shared.thread))
        });
        let process = match parent {
            Some((child, thread)) => {
                self.summary.programs[child.program].processes += u64::from(!thread);
                child
            }
            None => {
                let name = if pid == 0 { "(a program)".to_owned() } else { format!("(process {pid})") };
                let program = self.program(&name);
                self.summary.programs[program].processes += 1;
                Process::new(program)
            }
        };
        self.processes.all.insert(pid, process);
        true
    }

    /// The index of a program.
    fn program(&mut self, name: &str) -> usize {
        let programs = &mut self.summary.programs;
        if let Some(known) = programs.iter().position(|program| program.name == name) {
            return known;
        }
        if programs.len() >= MAX_PROGRAMS {
            return programs.len() - 1;
        }
        programs.push(Program { name: name.to_owned(), ..Program::default() });
        programs.len() - 1
    }

    fn call(&mut self, pid: u32, name: &str, text: &str, outcome: &Outcome<'_>) {
        if !self.knows(pid) {
            return self.unreadable_counted();
        }
        let (governed, extra) = governed(name);
        let tracked = process::is_tracked(name) || process::opens(name);
        if governed.is_none() && !tracked {
            return;
        }
        let mut parsed = match arguments_of_trace(text) {
            Ok(parsed) => parsed,
            // What a file was opened for does not matter.
            Err(_) if process::opens(name) => Vec::new(),
            Err(_) => return self.unreadable_counted(),
        };
        parsed.extend(extra.iter().map(|value| Argument::Number(*value)));
        let shown = Shown { name, text };
        let refused = governed.and_then(|call| self.governed(pid, call, &parsed, outcome, shown));
        match name {
            _ if process::forks(name) => self.forked(pid, text, outcome),
            "execve" | "execveat" => self.executed(pid, name, &parsed, outcome),
            _ => {
                let name = match governed {
                    Some(call) => call.name(),
                    None => name,
                };
                self.processes.all[&pid].done(name, &parsed, outcome, refused);
            }
        }
    }

    fn forked(&mut self, pid: u32, arguments: &str, outcome: &Outcome<'_>) {
        let Some(child) =
            outcome.value.and_then(|value| u32::try_from(value).ok()).filter(|child| *child > 0)
        else {
            return;
        };
        if self.processes.all.contains_key(&child) || !self.processes.room() {
            return;
        }
        let shared = Shared::of(arguments);
        let process = self.processes.all[&pid].child(shared.descriptors);
        self.summary.programs[process.program].processes += u64::from(!shared.thread);
        self.processes.all.insert(child, process);
    }

    fn executed(&mut self, pid: u32, name: &str, arguments: &[Argument], outcome: &Outcome<'_>) {
        if outcome.value != Some(0) {
            return;
        }
        let path = arguments.get(usize::from(name == "execveat"));
        let Some(Argument::Text(path)) = path else { return };
        let program = self.program(&String::from_utf8_lossy(path));
        let Some(process) = self.processes.all.get_mut(&pid) else { return };
        // The table is no longer shared.
        *process = process.child(false);
        process.table.borrow_mut().exec();
        let before = core::mem::replace(&mut process.program, program);
        // A process that ran nothing else before was not of the other program.
        let other = &mut self.summary.programs[before];
        other.processes = other.processes.saturating_sub(u64::from(other.calls == 0 || before == program));
        self.summary.programs[program].processes += 1;
    }

    /// Judges a call, and counts it. The cause for which it is refused.
    fn governed(
        &mut self,
        pid: u32,
        call: Call,
        arguments: &[Argument],
        outcome: &Outcome<'_>,
        shown: Shown<'_>,
    ) -> Option<usize> {
        let process = self.processes.all.get(&pid)?;
        let program = process.program;
        let position = descriptor_position(call);
        let known = match position.and_then(|index| arguments.get(index)) {
            Some(argument) => process.known(argument),
            None => Known::Unknown,
        };
        if !self.tables.governs(call) {
            return None;
        }
        // Not about sockets, as far as is known: the rules are not asked.
        let about_sockets = match known {
            Known::Socket(_) => true,
            Known::Other => call.networking(),
            Known::Unknown => call.networking() || position.is_none() && !any::takes_descriptor(call),
        };
        if !about_sockets {
            return None;
        }
        let program_tally = &mut self.summary.programs[program];
        if matches!(outcome.errno, Some("EBADF" | "ENOTSOCK" | "EFAULT")) || matches!(known, Known::Other) {
            program_tally.failed += 1;
            return None;
        }
        let open = match &known {
            Known::Socket(socket) => Some(socket.get()),
            _ => None,
        };
        let mut verdict = Verdict::Conforms;
        match Observed::of(call, arguments) {
            Err(unclear) => verdict = Verdict::Unclear(unclear),
            Ok(calls) => {
                for mut one in calls {
                    one.descriptor = open.map(|open| open.descriptor);
                    one.state = open.and_then(|open| open.state);
                    verdict = self.judge(call, one);
                    if !matches!(verdict, Verdict::Conforms) {
                        break;
                    }
                }
            }
        }
        let tally = &mut self.summary.programs[program];
        match verdict {
            Verdict::Unclear(why) => {
                self.count_unclear(program, call, why);
                None
            }
            Verdict::Conforms => {
                tally.calls += 1;
                tally.conforming += 1;
                None
            }
            Verdict::Refused(refusal, explanation) => {
                tally.calls += 1;
                // What the socket is, or the addresses that it has.
                let of_socket = position == Some(usize::from(refusal.parameter))
                    || explanation.argument.ends_with("_family");
                if let Some(cause) = open.and_then(|open| open.refused).filter(|_| of_socket)
                    && let Some(cause) = tally.causes.get_mut(cause)
                {
                    *cause.followers.entry(call).or_default() += 1;
                    return None;
                }
                self.count_refused(program, refusal.rule, *explanation, outcome, shown)
            }
        }
    }

    fn judge(&self, call: Call, mut observed: Observed) -> Verdict {
        let tables = &self.tables;
        let mut guess = observed.guessed();
        if let Err(refusal) = any::admit(tables, call, &mut observed) {
            let explanation = tables.explain(call, &observed.subject(), refusal);
            return Verdict::Refused(refusal, Box::new(explanation));
        }
        if let Some(unread) = observed.unread.first()
            && any::admit(tables, call, &mut guess).is_err()
        {
            return Verdict::Unclear(Unclear::Unread {
                parameter: signature(call).parameters[unread.parameter].name,
                why: unread.why.clone(),
            });
        }
        // The call is admitted, but may not be given all that it was given here.
        for header in &observed.delivered {
            if let Err(refusal) = tables.deliver(call, &observed.subject(), *header) {
                let explanation = tables.explain_delivery(call, &observed.subject(), *header, refusal);
                return Verdict::Refused(refusal, Box::new(explanation));
            }
        }
        Verdict::Conforms
    }

    fn count_unclear(&mut self, program: usize, call: Call, why: Unclear) {
        let tally = &mut self.summary.programs[program].unclear;
        let full = self.unclear.len() >= MAX_CAUSES;
        let next = tally.len();
        let key = (program, call, why.clone());
        let known = self.unclear.get(&key).copied();
        let index = match known {
            Some(index) => index,
            None if full && next > 0 => next - 1,
            None => {
                self.unclear.insert(key, next);
                tally.push(UnclearCalls { call, why, count: 0, first: self.place.clone() });
                next
            }
        };
        tally[index].count += 1;
    }

    fn count_refused(
        &mut self,
        program: usize,
        rule: Option<u16>,
        explanation: Explanation,
        outcome: &Outcome<'_>,
        shown: Shown<'_>,
    ) -> Option<usize> {
        let offending = match explanation.offending.as_slice() {
            [] => explanation.value.clone(),
            offending => offending.join(" | "),
        };
        let key = (
            program,
            CauseKey { call: explanation.call, rule, argument: explanation.argument.clone(), offending },
        );
        let causes = &mut self.summary.programs[program].causes;
        let next = causes.len();
        let index = match self.causes.get(&key) {
            Some(index) => *index,
            // One cause more than are told apart counts as the last.
            None if self.causes.len() >= MAX_CAUSES && next > 0 => next - 1,
            None => {
                self.causes.insert(key, next);
                let (linux, followers) = (BTreeMap::new(), BTreeMap::new());
                let (first, example) = (self.place.clone(), shown.clipped());
                causes.push(Cause { explanation, count: 0, first, example, linux, followers });
                next
            }
        };
        let cause = causes.get_mut(index)?;
        cause.count += 1;
        let said = match (outcome.errno, outcome.value) {
            (Some(errno), _) => errno,
            (None, Some(_)) => "0",
            (None, None) => "?",
        };
        // There are about 140 errors; a log may claim any number of them.
        if cause.linux.len() < 256 || cause.linux.contains_key(said) {
            *cause.linux.entry(said.to_owned()).or_default() += 1;
        }
        Some(index)
    }
}

/// The governed call that strace shows under a name, and arguments that this name leaves out.
fn governed(name: &str) -> (Option<Call>, &'static [u64]) {
    match name {
        // Of 32-bit programs.
        "send" => (Some(Call::Sendto), &[0, 0]),
        "recv" => (Some(Call::Recvfrom), &[0, 0]),
        "fcntl64" => (Some(Call::Fcntl), &[]),
        "_newselect" => (Some(Call::Select), &[]),
        "recvmmsg_time64" => (Some(Call::Recvmmsg), &[]),
        "ppoll_time64" => (Some(Call::Ppoll), &[]),
        "pselect6_time64" => (Some(Call::Pselect6), &[]),
        "sendfile64" => (Some(Call::Sendfile), &[]),
        _ => (Call::from_name(name), &[]),
    }
}

/// Which argument the socket is.
fn descriptor_position(call: Call) -> Option<usize> {
    signature(call).parameters.iter().position(|parameter| matches!(parameter.kind, Kind::Descriptor))
}

/// The next line without its end; `false` where it was too long and has been skipped, `None` at the end.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut whole = true;
    let mut any = false;
    loop {
        let piece = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if piece.is_empty() {
            return Ok(any.then_some(whole));
        }
        any = true;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let length = end.unwrap_or(piece.len());
        if line.len() + length <= MAX_LINE {
            line.extend_from_slice(&piece[..length]);
        } else {
            whole = false;
        }
        input.consume(length + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}
