//! The syntax tree: the grammar of SCML, production by production.

use alloc::{boxed::Box, string::String, vec::Vec};

use super::span::{Span, Spanned};

/// A name and where it stands.
pub type Name = Spanned<String>;

/// `file = { rule ";" }`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct File {
    /// The rules in order.
    pub rules: Vec<Rule>,
    /// Where each of them stands, from its first word to its semicolon.
    pub spans: Vec<Span>,
    /// The comments in order.
    pub comments: Vec<Span>,
}

/// `rule = call-rule | struct-rule | flags-rule`
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rule {
    /// `name "(" [ params ] ")"`
    Call(CallRule),
    /// `"struct" name "=" struct`
    Struct(StructRule),
    /// `name "=" flags`
    Flags(FlagsRule),
}

/// A rule that admits calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallRule {
    /// The call.
    pub name: Name,
    /// The parameters by position.
    pub parameters: Vec<Labelled>,
    /// Where `..` stands.
    pub rest: Option<Span>,
    /// The whole rule.
    pub span: Span,
}

/// A named struct pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StructRule {
    /// The name.
    pub name: Name,
    /// The pattern.
    pub body: StructPattern,
}

/// A named set of alternatives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlagsRule {
    /// The name.
    pub name: Name,
    /// The alternatives.
    pub atoms: Vec<Atom>,
}

/// `param` and `field`: `name [ "=" pattern ]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Labelled {
    /// The label.
    pub name: Name,
    /// What it has to be; without, any value.
    pub pattern: Option<Pattern>,
}

/// `pattern = flags | struct | array`
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// Alternatives.
    Flags(Vec<Atom>),
    /// A struct in place.
    Struct(Box<StructPattern>),
    /// An array.
    Array(ArrayPattern),
}

impl Pattern {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Flags(atoms) => match (atoms.first(), atoms.last()) {
                (Some(first), Some(last)) => first.span.to(last.span),
                _ => Span::default(),
            },
            Self::Struct(pattern) => pattern.span,
            Self::Array(pattern) => pattern.span,
        }
    }
}

/// `atom = constant | number | "<" name ">" | "<PATH>" | "<INTEGER>"`
pub type Atom = Spanned<AtomKind>;

/// What an atom is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AtomKind {
    /// A name of the headers.
    Constant(String),
    /// A number.
    Number {
        /// The value, in two's complement where it is negative.
        value: u64,
        /// As it was written.
        text: String,
    },
    /// `<name>`
    Reference(String),
    /// `<PATH>`
    Path,
    /// `<INTEGER>`
    Integer,
}

/// `struct = "{" [ fields ] "}"`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StructPattern {
    /// The fields that are named.
    pub fields: Vec<Labelled>,
    /// Where `..` stands.
    pub rest: Option<Span>,
    /// The whole.
    pub span: Span,
}

/// `array = "[" element { "," element } "]"`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArrayPattern {
    /// The alternatives for each element.
    pub elements: Vec<Element>,
    /// The whole.
    pub span: Span,
}

/// `element = "<" name ">" | struct | array`
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Element {
    /// A struct rule.
    Reference(Name),
    /// A struct in place.
    Struct(StructPattern),
    /// An array in an array.
    Array(ArrayPattern),
}

impl Element {
    /// Where it stands.
    #[must_use]
    pub const fn span(&self) -> Span {
        match self {
            Self::Reference(name) => name.span,
            Self::Struct(pattern) => pattern.span,
            Self::Array(pattern) => pattern.span,
        }
    }
}
