//! Tables as Rust source, for a build script to write and a crate to include.

use std::fmt::{self, Write};

use super::Profile;
use crate::{
    call::Call,
    tables::{
        Alternative, Bits, Choice, Control, Envelope, Pattern, Row, Rule, Shape, Span, Test, Text, Window,
    },
};

/// The tables as the Rust source of `pub static NAME: scml::Tables<'static>`.
///
/// The source stands alone: it names everything by its path in the crate `scml` and defines nothing but the static.
#[must_use]
pub fn rust_source(profile: &Profile, name: &str) -> String {
    let mut source = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut source, profile, name);
    source
}

fn write(out: &mut String, profile: &Profile, name: &str) -> fmt::Result {
    let tables = profile.tables();
    let files: std::collections::BTreeSet<_> =
        tables.rules.iter().map(|rule| tables.text(rule.file)).collect();
    let files: Vec<_> = files.into_iter().collect();
    writeln!(out, "/// Compiled from {} rules: {}.", tables.rules.len(), files.join(", ").escape_default())?;
    writeln!(out, "#[rustfmt::skip]")?;
    writeln!(out, "#[allow(unreachable_pub, reason = \"who sees it is for the module around it to say\")]")?;
    writeln!(out, "pub static {name}: ::scml::Tables<'static> = ::scml::Tables {{")?;
    writeln!(out, "    first: [")?;
    for call in Call::ALL {
        write!(out, "        ")?;
        first_row(out, tables.rows[call.index()])?;
        writeln!(out, ", // {}", call.name())?;
    }
    writeln!(out, "    ],")?;
    writeln!(out, "    rows: [")?;
    for call in Call::ALL {
        writeln!(out, "        // {}", call.name())?;
        list(out, "        ", tables.rows[call.index()], row)?;
    }
    writeln!(out, "    ],")?;
    field(out, "tests", tables.tests, test)?;
    field(out, "patterns", tables.patterns, pattern)?;
    field(out, "shapes", tables.shapes, shape)?;
    field(out, "windows", tables.windows, window)?;
    field(out, "envelopes", tables.envelopes, envelope)?;
    field(out, "choices", tables.choices, choice)?;
    field(out, "rules", tables.rules, rule)?;
    field(out, "alternatives", tables.alternatives, alternative)?;
    writeln!(out, "    strings: {:?},", tables.strings)?;
    writeln!(out, "}};")
}

type Item<T> = fn(&mut String, &T) -> fmt::Result;

fn field<T>(out: &mut String, name: &str, items: &[T], item: Item<T>) -> fmt::Result {
    write!(out, "    {name}: ")?;
    list(out, "", items, item)
}

fn list<T>(out: &mut String, indent: &str, items: &[T], item: Item<T>) -> fmt::Result {
    if items.is_empty() {
        return writeln!(out, "{indent}&[],");
    }
    writeln!(out, "{indent}&[")?;
    for one in items {
        write!(out, "{indent}    ::scml::tables::")?;
        item(out, one)?;
        writeln!(out, ",")?;
    }
    writeln!(out, "{indent}],")
}

fn first_row(out: &mut String, rows: &[Row]) -> fmt::Result {
    write!(out, "::scml::tables::")?;
    match rows.first() {
        Some(first) => row(out, first),
        None => write!(out, "Row::NONE"),
    }
}

fn row(out: &mut String, row: &Row) -> fmt::Result {
    let Row { forbidden, choice, bits, rule, tests, first, shortcut } = row;
    write!(out, "Row {{ forbidden: {forbidden:#x}, choice: ::scml::tables::")?;
    self::choice(out, choice)?;
    write!(out, ", ")?;
    let Bits { forbidden, types, further } = bits;
    write!(
        out,
        "bits: ::scml::tables::Bits {{ forbidden: {forbidden:#x}, types: {types:#x}, further: {further:#x} }}, "
    )?;
    write!(out, "rule: {rule}, tests: {tests}, first: {first}, shortcut: {shortcut:#x} }}")
}

fn choice(out: &mut String, Choice { base, outside, set }: &Choice) -> fmt::Result {
    write!(out, "Choice {{ base: {base:#x}, outside: {outside:#x}, set: {set:#x} }}")
}

fn envelope(out: &mut String, Envelope { families, control }: &Envelope) -> fmt::Result {
    write!(out, "Envelope {{ families: {families:#x}, control: ")?;
    self::control(out, *control)?;
    write!(out, " }}")
}

fn control(out: &mut String, control: Control) -> fmt::Result {
    write!(out, "::scml::tables::Control::")?;
    match control {
        Control::Any => write!(out, "Any"),
        Control::Absent => write!(out, "Absent"),
        Control::These(span) => {
            write!(out, "These(")?;
            self::span(out, span)?;
            write!(out, ")")
        }
    }
}

fn test(out: &mut String, Test { place, pattern }: &Test) -> fmt::Result {
    write!(out, "Test {{ place: {place}, pattern: ::scml::tables::")?;
    self::pattern(out, pattern)?;
    write!(out, " }}")
}

fn pattern(out: &mut String, pattern: &Pattern) -> fmt::Result {
    let (name, span) = match pattern {
        Pattern::Null => return write!(out, "Pattern::Null"),
        Pattern::Any => return write!(out, "Pattern::Any"),
        Pattern::Scalar(span) => ("Scalar", span),
        Pattern::Struct(span) => ("Struct", span),
        Pattern::Array(span) => ("Array", span),
    };
    write!(out, "Pattern::{name}(")?;
    self::span(out, *span)?;
    write!(out, ")")
}

fn span(out: &mut String, Span { first, count }: Span) -> fmt::Result {
    write!(out, "::scml::tables::Span {{ first: {first}, count: {count} }}")
}

fn shape(out: &mut String, Shape { of, tests }: &Shape) -> fmt::Result {
    write!(out, "Shape {{ of: ::scml::domain::StructId::{of:?}, tests: ")?;
    span(out, *tests)?;
    write!(out, " }}")
}

fn window(out: &mut String, Window { base, forbidden, set }: &Window) -> fmt::Result {
    write!(out, "Window {{ base: {base:#x}, forbidden: {forbidden:#x}, set: {set:#x} }}")
}

fn text(Text { first, length }: Text) -> String {
    format!("::scml::tables::Text {{ first: {first}, length: {length} }}")
}

fn rule(out: &mut String, rule: &Rule) -> fmt::Result {
    let Rule { call, ordinal, line, file, text: source, delivers } = *rule;
    let (file, source) = (text(file), text(source));
    write!(out, "Rule {{ call: ::scml::Call::{call:?}, ordinal: {ordinal}, line: {line}, ")?;
    write!(out, "file: {file}, text: {source}, delivers: ")?;
    control(out, delivers)?;
    write!(out, " }}")
}

fn alternative(out: &mut String, alternative: &Alternative) -> fmt::Result {
    let Alternative { rule, parameter, path, name, value, kind } = *alternative;
    let (path, name) = (text(path), text(name));
    write!(
        out,
        "Alternative {{ rule: {rule}, parameter: {parameter}, path: {path}, name: {name}, value: {value:#x}, kind: ::scml::tables::AlternativeKind::{kind:?} }}"
    )
}
