//! Where lines are broken, and where comments go.

use alloc::string::String;
use core::{
    fmt::{self, Display, Write},
    iter,
};

use super::{
    super::{
        ast::{ArrayPattern, Atom, Element, File, Labelled, Pattern, Rule, StructPattern},
        print::Parameters,
        span::Span,
    },
    WIDTH,
};

const INDENT: usize = 4;

/// Writes a file, and every comment when its turn has come.
pub(super) struct Printer<'a> {
    source: &'a str,
    /// Those that are still to be written.
    comments: &'a [Span],
    out: String,
    indent: usize,
    /// Where in the source the last rule or comment ended.
    last_end: u32,
    /// Whether nothing can follow on the line.
    in_line_comment: bool,
}

/// What stands between brackets.
enum Item<'a> {
    Labelled(&'a Labelled),
    Element(&'a Element),
}

impl Item<'_> {
    fn start(&self) -> u32 {
        match self {
            Self::Labelled(item) => item.name.span.start,
            Self::Element(element) => element.span().start,
        }
    }

    /// The part that may have comments in it; those before it are written before the item.
    fn body(&self) -> Span {
        match self {
            Self::Labelled(item) => item.pattern.as_ref().map_or(item.name.span, Pattern::span),
            Self::Element(element) => element.span(),
        }
    }
}

/// Brackets and what stands between them.
struct Group<'a, I> {
    open: char,
    close: char,
    items: I,
    rest: Option<Span>,
    /// From the opening bracket, or before it, to behind the closing one.
    span: Span,
    /// All of it, as one line.
    flat: &'a dyn Display,
}

impl<'a> Printer<'a> {
    pub(super) const fn new(source: &'a str, comments: &'a [Span]) -> Self {
        Self { source, comments, out: String::new(), indent: 0, last_end: 0, in_line_comment: false }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    pub(super) fn file(&mut self, file: &File) {
        let nexts = file.spans.iter().skip(1).map(|span| span.start).chain(iter::once(u32::MAX));
        for ((rule, span), next) in file.rules.iter().zip(&file.spans).zip(nexts) {
            let body = match rule {
                Rule::Call(rule) => rule.name.span.end,
                Rule::Struct(rule) => rule.body.span.start,
                Rule::Flags(rule) => rule.atoms.first().map_or(span.start, |atom| atom.span.start),
            };
            self.comments_before(body);
            self.begin_line(span.start);
            self.rule(rule);
            self.out.push(';');
            self.comments_behind(span.end, next);
        }
        self.comments_before(u32::MAX);
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn rule(&mut self, rule: &Rule) {
        match rule {
            Rule::Call(rule) => {
                self.out.push_str(&rule.name.value);
                self.group(Group {
                    open: '(',
                    close: ')',
                    items: rule.parameters.iter().map(Item::Labelled),
                    rest: rule.rest,
                    span: Span { start: rule.name.span.end, ..rule.span },
                    flat: &Parameters(rule),
                });
            }
            Rule::Struct(rule) => {
                self.write(format_args!("struct {} = ", rule.name.value));
                self.structure(&rule.body);
            }
            Rule::Flags(rule) => {
                self.write(format_args!("{} = ", rule.name.value));
                self.atoms(&rule.atoms);
            }
        }
    }

    fn item(&mut self, item: &Item<'_>) {
        match item {
            Item::Labelled(Labelled { name, pattern }) => {
                self.out.push_str(&name.value);
                if let Some(pattern) = pattern {
                    self.out.push_str(" = ");
                    self.pattern(pattern);
                }
            }
            Item::Element(Element::Struct(pattern)) => self.structure(pattern),
            Item::Element(Element::Array(pattern)) => self.array(pattern),
            Item::Element(reference @ Element::Reference(_)) => self.write(format_args!("{reference}")),
        }
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Flags(atoms) => self.atoms(atoms),
            Pattern::Struct(pattern) => self.structure(pattern),
            Pattern::Array(pattern) => self.array(pattern),
        }
    }

    fn structure(&mut self, pattern: &StructPattern) {
        self.group(Group {
            open: '{',
            close: '}',
            items: pattern.fields.iter().map(Item::Labelled),
            rest: pattern.rest,
            span: pattern.span,
            flat: pattern,
        });
    }

    fn array(&mut self, pattern: &ArrayPattern) {
        self.group(Group {
            open: '[',
            close: ']',
            items: pattern.elements.iter().map(Item::Element),
            rest: None,
            span: pattern.span,
            flat: pattern,
        });
    }

    /// On one line if it fits and has no comments, else with a line for each item.
    fn group<'i>(&mut self, group: Group<'_, impl Iterator<Item = Item<'i>>>) {
        let Group { open, close, items, rest, span, flat } = group;
        if !self.has_comment(span) && self.fits(flat) {
            self.write(format_args!("{flat}"));
            return;
        }
        self.out.push(open);
        self.indent += INDENT;
        let close_at = span.end - 1;
        let rest_at = rest.map(|rest| rest.start);
        let mut items = items.peekable();
        while let Some(item) = items.next() {
            let body = item.body();
            self.comments_before(body.start);
            self.line();
            self.item(&item);
            let next = items.peek().map(Item::start).or(rest_at);
            if next.is_some() {
                self.out.push(',');
            }
            self.comments_behind(body.end, next.unwrap_or(close_at));
        }
        if let Some(rest) = rest {
            self.comments_before(rest.start);
            self.line();
            self.out.push_str("..");
            self.comments_behind(rest.end, close_at);
        }
        self.comments_before(close_at);
        self.indent -= INDENT;
        self.line();
        self.out.push(close);
    }

    /// As many as fit on a line; each on its own if there are comments between them.
    fn atoms(&mut self, atoms: &[Atom]) {
        let (Some(first), Some(last)) = (atoms.first(), atoms.last()) else { return };
        let commented = self.has_comment(first.span.to(last.span));
        self.indent += INDENT;
        for (index, atom) in atoms.iter().enumerate() {
            if index > 0 {
                self.comments_before(atom.span.start);
                if commented || !self.fits(&format_args!(" | {atom}")) {
                    self.line();
                    self.out.push_str("| ");
                } else {
                    self.out.push_str(" | ");
                }
            }
            self.write(format_args!("{atom}"));
            if let Some(next) = atoms.get(index + 1) {
                self.comments_behind(atom.span.end, next.span.start);
            }
        }
        self.indent -= INDENT;
    }

    /// Writes the comments that begin before the offset, each on its own line.
    fn comments_before(&mut self, offset: u32) {
        while let Some(comment) = self.next_comment(|_, comment| comment.start < offset) {
            self.begin_line(comment.start);
            self.comment(comment);
        }
    }

    /// Writes the comments that begin before `end` or, up to `limit`, on the same line: behind what stands there.
    fn comments_behind(&mut self, end: u32, limit: u32) {
        self.last_end = end;
        let behind = |printer: &Self, comment: Span| {
            comment.start < end || comment.start < limit && printer.newlines(comment.start) == 0
        };
        while let Some(comment) = self.next_comment(behind) {
            if self.in_line_comment {
                self.line();
            } else {
                self.out.push(' ');
            }
            self.comment(comment);
        }
    }

    /// Takes the next comment, if it is wanted.
    fn next_comment(&mut self, wanted: impl Fn(&Self, Span) -> bool) -> Option<Span> {
        let (comment, others) = self.comments.split_first().filter(|(comment, _)| wanted(self, **comment))?;
        self.comments = others;
        Some(*comment)
    }

    fn comment(&mut self, comment: Span) {
        let source = self.source;
        let text = source.get(comment.start as usize..comment.end as usize).unwrap_or_default();
        self.in_line_comment = text.starts_with("//");
        for (index, line) in text.lines().enumerate() {
            if index > 0 {
                self.out.push('\n');
            }
            self.out.push_str(line.trim_end());
        }
        self.last_end = comment.end;
    }

    fn has_comment(&self, within: Span) -> bool {
        // Those that are left begin where the last thing ended.
        self.comments.first().is_some_and(|comment| comment.start < within.end)
    }

    /// How many line breaks the source has since the end of the last rule or comment.
    fn newlines(&self, start: u32) -> usize {
        let between = self.source.get(self.last_end as usize..start as usize).unwrap_or_default();
        between.bytes().filter(|byte| *byte == b'\n').count()
    }

    /// A new line; between rules, after an empty one if the source has one.
    fn begin_line(&mut self, start: u32) {
        if self.out.is_empty() {
            return;
        }
        if self.indent == 0 && self.newlines(start) > 1 {
            self.out.push('\n');
        }
        self.line();
    }

    fn line(&mut self) {
        self.out.push('\n');
        self.out.extend(iter::repeat_n(' ', self.indent));
        self.in_line_comment = false;
    }

    /// Whether it fits on the line, with a `,` or `;` after it.
    fn fits(&self, text: &dyn Display) -> bool {
        let line = self.out.rfind('\n').map_or(0, |newline| newline + 1);
        let column = self.out[line..].chars().count();
        write!(Room(WIDTH.saturating_sub(column + 1)), "{text}").is_ok()
    }

    fn write(&mut self, text: fmt::Arguments<'_>) {
        // A string has room for everything.
        let _ = self.out.write_fmt(text);
    }
}

/// So many characters, and no more.
struct Room(usize);

impl Write for Room {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.checked_sub(text.chars().count()).ok_or(fmt::Error)?;
        Ok(())
    }
}
