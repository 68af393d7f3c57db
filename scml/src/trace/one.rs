//! One call as a person writes it: `socket(AF_INET6, SOCK_STREAM, 0)`.

use std::{fmt, string::String};

use crate::{
    call::Call,
    diagnostic::nearest,
    domain::{Kind, constants, signature, syscalls},
    explain::Explanation,
    matcher::Hit,
    tables::Tables,
};

use super::{
    any,
    argument::{Argument, Malformed, arguments},
    descriptors::{Known, Table, decorated},
    line::closing_bracket,
    observed::{Observed, Unclear},
};

/// What the rules say of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It conforms to the rule of that number.
    Admitted(u16),
    /// The rules are not about this call.
    NotGoverned,
    /// It does not conform.
    Refused(Box<Explanation>),
}

/// The text is no call, or says too little.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotUnderstood(pub String);

impl fmt::Display for NotUnderstood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotUnderstood {}

/// Judges one call, written as strace shows it, with or without its result.
///
/// A descriptor that is a bare number is any socket: the call is admitted if it is for one. `3<AF_INET SOCK_STREAM>` or
/// what `strace -yy` shows, `3<TCP:[..]>`, is a certain one. Pointers and numbers that are left out at the end are 0.
///
/// # Errors
/// What is not understood, with a suggestion where a name is nearly right.
pub fn judge(tables: &Tables<'_>, text: &str) -> Result<Answer, NotUnderstood> {
    let text = text.trim().trim_end_matches(';');
    let (name, rest) = text.split_once('(').ok_or_else(|| {
        NotUnderstood(format!("`{text}` is not a call: write `name(argument, ...)`, as strace shows it"))
    })?;
    let name = name.trim();
    let Some(call) = Call::from_name(name) else {
        return match syscalls::NAMES.binary_search(&name) {
            Ok(_) => Ok(Answer::NotGoverned),
            Err(_) => Err(unknown_call(name)),
        };
    };
    let close = closing_bracket(rest).ok_or_else(|| {
        NotUnderstood(format!("the bracket of `{name}(` is not closed, or what is in it is no list"))
    })?;
    let mut given = arguments(&rest[..close]).map_err(|Malformed(at)| {
        NotUnderstood(format!("an argument is not understood from `{}` on", &rest[at.min(close)..close]))
    })?;
    complete(call, &mut given)?;
    let calls =
        Observed::of(call, &given).map_err(|unclear| NotUnderstood(unclear_words(call, &given, &unclear)))?;
    let socket = descriptor(call, &given)?;
    let mut answer = None;
    for mut one in calls {
        if let Some(Known::Socket(socket)) = &socket {
            one.descriptor = Some(socket.get().descriptor);
            one.state = socket.get().state;
        }
        let mut guess = one.guessed();
        match any::admit(tables, call, &mut one) {
            Err(refusal) => {
                return Ok(Answer::Refused(Box::new(tables.explain(call, &one.subject(), refusal))));
            }
            Ok(hit) => answer = answer.or(Some(hit)),
        }
        if let Some(unread) = one.unread.first()
            && any::admit(tables, call, &mut guess).is_err()
        {
            let parameter = signature(call).parameters[unread.parameter].name;
            return Err(NotUnderstood(format!(
                "rules look at `{parameter}`, of which {} says nothing: write what it points to, as in `{{sa_family=AF_INET, ...}}`",
                unread.why
            )));
        }
    }
    Ok(match answer {
        Some(Hit { rule: Hit::UNGOVERNED }) | None => Answer::NotGoverned,
        Some(Hit { rule }) => Answer::Admitted(rule),
    })
}

fn unknown_call(name: &str) -> NotUnderstood {
    let names = Call::ALL.iter().map(|call| call.name()).chain(syscalls::NAMES.iter().copied());
    NotUnderstood(match nearest(name, names) {
        Some(near) => format!("unknown system call `{name}`: did you mean `{near}`?"),
        None => format!("unknown system call `{name}`"),
    })
}

/// Adds what was left out at the end.
fn complete(call: Call, given: &mut Vec<Argument>) -> Result<(), NotUnderstood> {
    let parameters = signature(call).parameters;
    if let Some(Argument::Elided) = given.last() {
        given.pop();
    }
    for parameter in parameters.iter().skip(given.len()) {
        match parameter.kind {
            Kind::Descriptor
            | Kind::Enumeration(_)
            | Kind::Dependent { .. }
            | Kind::BitSet(_)
            | Kind::Typed { .. } => {
                let names: Vec<_> = parameters.iter().map(|parameter| parameter.name).collect();
                return Err(NotUnderstood(format!(
                    "`{}` is missing: the call is `{}({})`",
                    parameter.name,
                    call.name(),
                    names.join(", ")
                )));
            }
            _ => given.push(Argument::Number(0)),
        }
    }
    Ok(())
}

/// The socket that the call is on; `None` for any.
fn descriptor(call: Call, given: &[Argument]) -> Result<Option<Known>, NotUnderstood> {
    let position =
        signature(call).parameters.iter().position(|parameter| matches!(parameter.kind, Kind::Descriptor));
    let Some(Argument::Descriptor(number, shown)) = position.and_then(|position| given.get(position)) else {
        return Ok(None);
    };
    match decorated(shown, Table::default().get(*number)) {
        Known::Other => Err(NotUnderstood(format!(
            "`<{shown}>` is no socket: write `<AF_INET SOCK_STREAM>`, or a bare number for any socket"
        ))),
        Known::Unknown => Ok(None),
        socket @ Known::Socket(_) => Ok(Some(socket)),
    }
}

fn unclear_words(call: Call, given: &[Argument], unclear: &Unclear) -> String {
    match unclear {
        Unclear::Name { parameter, name } => {
            let members = constants::all().flat_map(|domain| domain.members).map(|member| member.name);
            match nearest(name, members) {
                Some(near) => format!("{parameter}: unknown name `{name}`: did you mean `{near}`?"),
                None => format!("{parameter}: unknown name `{name}`"),
            }
        }
        Unclear::Arguments { found, expected } => {
            let names: Vec<_> = signature(call).parameters.iter().map(|parameter| parameter.name).collect();
            debug_assert_eq!(*found, given.len(), "it is about these");
            format!(
                "{found} arguments where the call has {expected}: `{}({})`",
                call.name(),
                names.join(", ")
            )
        }
        Unclear::Unread { .. } => unclear.to_string(),
    }
}
