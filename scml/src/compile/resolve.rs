//! Names that files define: which definition a `<name>` refers to, and what is wrong with the definitions as a whole.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};
use core::cell::Cell;

use crate::{
    diagnostic::Reporter,
    syntax::{
        ast::{Atom, AtomKind, Element, File, FlagsRule, Labelled, Name, Pattern, Rule, StructRule},
        span::{Span, Spanned},
    },
};

/// How long a chain of references may be. The longest in the public files is two.
const MAX_CHAIN: usize = 32;

/// How many struct rules may share a name.
const MAX_ALTERNATIVES: usize = 64;

/// A definition in a file.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    Flags(&'a FlagsRule),
    Struct(&'a StructRule),
}

pub(super) struct Definition<'a> {
    pub(super) file: usize,
    pub(super) body: Body<'a>,
    used: Cell<bool>,
}

impl<'a> Definition<'a> {
    pub(super) const fn name(&self) -> &'a Name {
        match self.body {
            Body::Flags(rule) => &rule.name,
            Body::Struct(rule) => &rule.name,
        }
    }
}

/// A reference that cannot be followed; it has been reported.
pub(super) struct Unresolved;

/// An atom with all references to flags rules replaced by what these list.
#[derive(Clone, Debug)]
pub(super) struct Flat {
    pub(super) atom: AtomKind,
    /// Where the atom itself stands.
    pub(super) span: Span,
    /// The file in which references of it are looked up.
    pub(super) file: usize,
}

pub(super) struct Definitions<'a> {
    all: Vec<Definition<'a>>,
    by_name: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Definitions<'a> {
    /// Collects the definitions of all files.
    pub(super) fn collect(files: &'a [File], reporter: &mut Reporter<'_>) -> Self {
        let mut definitions = Self { all: Vec::new(), by_name: BTreeMap::new() };
        for (file, tree) in files.iter().enumerate() {
            for rule in &tree.rules {
                let body = match rule {
                    Rule::Call(_) => continue,
                    Rule::Struct(rule) => Body::Struct(rule),
                    Rule::Flags(rule) => Body::Flags(rule),
                };
                definitions.add(Definition { file, body, used: Cell::new(false) }, reporter);
            }
        }
        definitions
    }

    fn add(&mut self, definition: Definition<'a>, reporter: &mut Reporter<'_>) {
        let name = definition.name();
        let known = self.by_name.entry(&name.value).or_default();
        let other = known.iter().map(|index| &self.all[*index]).find(|other| other.file == definition.file);
        if let Some(other) = other
            && (matches!(definition.body, Body::Flags(_)) || matches!(other.body, Body::Flags(_)))
        {
            reporter
                .error(name.span, format!("`{}` is defined twice in this file", name.value))
                .there(other.name().span, "first here")
                .note("only struct rules may share a name: a value then matches any of them");
            return;
        }
        if known.len() == MAX_ALTERNATIVES {
            let message = format!("`{}` is defined more than {MAX_ALTERNATIVES} times", name.value);
            reporter.error(name.span, message);
            return;
        }
        known.push(self.all.len());
        self.all.push(definition);
    }

    /// What `<name>` in `file` refers to: the file's own definitions, or else those of the other files. Empty where
    /// there are none.
    fn visible(&self, file: usize, name: &str) -> Vec<usize> {
        let Some(all) = self.by_name.get(name) else { return Vec::new() };
        let own: Vec<_> = all.iter().copied().filter(|index| self.all[*index].file == file).collect();
        if own.is_empty() { all.clone() } else { own }
    }

    /// Whether the references of all files lead somewhere, and nowhere in circles.
    ///
    /// `false` where lowering must not follow them.
    pub(super) fn check(&self, files: &[File], reporter: &mut Reporter<'_>) -> bool {
        let mut edges = Vec::new();
        for definition in &self.all {
            let references = match definition.body {
                Body::Flags(rule) => atoms(&rule.atoms),
                Body::Struct(rule) => labelled(&rule.body.fields),
            };
            edges.push(self.edges(definition.file, &references, reporter));
        }
        let mut roots = Vec::new();
        for (file, tree) in files.iter().enumerate() {
            for rule in &tree.rules {
                if let Rule::Call(rule) = rule {
                    roots.extend(self.edges(file, &labelled(&rule.parameters), reporter));
                }
            }
        }
        let sound = self.check_cycles(&edges, reporter);
        if sound {
            self.mark_used(&edges, roots);
        }
        sound
    }

    fn edges(&self, file: usize, references: &[Name], reporter: &mut Reporter<'_>) -> Vec<usize> {
        let mut targets = BTreeSet::new();
        for name in references {
            let found = self.visible(file, &name.value);
            if found.is_empty() {
                reporter
                    .error(name.span, format!("`<{}>` is not defined", name.value))
                    .suggest(&name.value, self.by_name.keys().copied())
                    .note(format!("define it with `struct {0} = {{ ... }};` or `{0} = A | B;`", name.value));
            }
            self.check_visible(name, &found, reporter);
            targets.extend(found);
        }
        targets.into_iter().collect()
    }

    /// A reference may see several structs, or one flags rule.
    fn check_visible(&self, name: &Name, found: &[usize], reporter: &mut Reporter<'_>) {
        let Some((first, others)) = found.split_first() else { return };
        let first = &self.all[*first];
        for other in others.iter().map(|other| &self.all[*other]) {
            let alike = match (first.body, other.body) {
                (Body::Struct(_), Body::Struct(_)) => true,
                (Body::Flags(first), Body::Flags(other)) => {
                    first.atoms.iter().map(|atom| &atom.value).eq(other.atoms.iter().map(|atom| &atom.value))
                }
                _ => false,
            };
            if !alike {
                reporter
                    .error(name.span, format!("`<{}>` is ambiguous", name.value))
                    .there(first.name().span, "it may be this one")
                    .there(other.name().span, "or this one")
                    .note("define it in this file: a file's own definition comes first");
                return;
            }
        }
    }

    /// Depth first, without recursion: the files decide how deep it goes.
    fn check_cycles(&self, edges: &[Vec<usize>], reporter: &mut Reporter<'_>) -> bool {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            /// The length of the longest chain from here.
            Done(usize),
        }
        let mut marks = alloc::vec![Mark::New; edges.len()];
        let mut sound = true;
        for root in 0..edges.len() {
            if marks[root] != Mark::New {
                continue;
            }
            let mut stack = alloc::vec![(root, 0)];
            marks[root] = Mark::Open;
            while let Some((node, next)) = stack.last_mut() {
                if let Some(&target) = edges[*node].get(*next) {
                    *next += 1;
                    match marks[target] {
                        Mark::New => {
                            marks[target] = Mark::Open;
                            stack.push((target, 0));
                        }
                        Mark::Open => {
                            sound = false;
                            let from = stack.iter().position(|(node, _)| *node == target).unwrap_or(0);
                            let cycle: Vec<_> = stack[from..].iter().map(|(node, _)| *node).collect();
                            self.report_cycle(&cycle, reporter);
                        }
                        Mark::Done(_) => {}
                    }
                    continue;
                }
                let node = *node;
                let longest = edges[node].iter().map(|target| match marks[*target] {
                    Mark::Done(length) => length,
                    Mark::New | Mark::Open => 0,
                });
                let length = longest.max().unwrap_or(0) + 1;
                if length == MAX_CHAIN + 1 {
                    sound = false;
                    let name = self.all[node].name();
                    let message =
                        format!("references are nested deeper than {MAX_CHAIN} from `{}` on", name.value);
                    reporter.error(name.span, message);
                }
                marks[node] = Mark::Done(length);
                stack.pop();
            }
        }
        sound
    }

    fn report_cycle(&self, cycle: &[usize], reporter: &mut Reporter<'_>) {
        const SHOWN: usize = 8;
        let Some((first, others)) = cycle.split_first() else { return };
        let first = self.all[*first].name();
        let mut path = String::new();
        for node in cycle.iter().take(SHOWN) {
            path.push_str(&format!("<{}> -> ", self.all[*node].name().value));
        }
        if cycle.len() > SHOWN {
            path.push_str("... -> ");
        }
        let mut draft = reporter
            .error(first.span, format!("`{}` is defined by itself", first.value))
            .note(format!("the cycle is {path}<{}>", first.value));
        for node in others.iter().take(SHOWN) {
            draft = draft.there(self.all[*node].name().span, "by way of this");
        }
    }

    fn mark_used(&self, edges: &[Vec<usize>], mut reached: Vec<usize>) {
        while let Some(node) = reached.pop() {
            if !self.all[node].used.replace(true) {
                reached.extend(&edges[node]);
            }
        }
    }

    /// Warns of what nothing uses.
    pub(super) fn warn_unused(&self, reporter: &mut Reporter<'_>) {
        for definition in self.all.iter().filter(|definition| !definition.used.get()) {
            let name = definition.name();
            reporter.warning(name.span, format!("`{}` is defined and not used", name.value));
        }
    }

    /// The struct rules that nothing uses.
    pub(super) fn unused_structs(&self) -> impl Iterator<Item = (usize, &'a StructRule)> {
        self.all.iter().filter(|definition| !definition.used.get()).filter_map(|definition| match definition
            .body
        {
            Body::Struct(rule) => Some((definition.file, rule)),
            Body::Flags(_) => None,
        })
    }

    /// Every atom that the alternatives come to: constants, numbers, `<PATH>`, `<INTEGER>`, and references to structs.
    pub(super) fn flatten(&self, file: usize, atoms: &[Atom]) -> Vec<Flat> {
        let mut flat = Vec::new();
        let mut seen = BTreeSet::new();
        let mut followed = BTreeSet::new();
        self.flatten_into(file, atoms, &mut flat, &mut seen, &mut followed);
        flat
    }

    /// The recursion ends: cycles and long chains have been found before. Each flags rule is followed once.
    fn flatten_into(
        &self,
        file: usize,
        atoms: &[Atom],
        flat: &mut Vec<Flat>,
        seen: &mut BTreeSet<AtomKind>,
        followed: &mut BTreeSet<usize>,
    ) {
        for Spanned { value, span } in atoms {
            if let AtomKind::Reference(name) = value
                && let [index, ..] = self.visible(file, name)[..]
                && let Body::Flags(rule) = self.all[index].body
            {
                if followed.insert(index) {
                    self.flatten_into(self.all[index].file, &rule.atoms, flat, seen, followed);
                }
                continue;
            }
            if seen.insert(value.clone()) {
                flat.push(Flat { atom: value.clone(), span: *span, file });
            }
        }
    }

    /// The struct rules that `<name>` in `file` refers to, each with its file.
    ///
    /// # Errors
    /// Where it is not defined (reported before), or refers to no structs (reported here).
    pub(super) fn structs(
        &self,
        file: usize,
        name: &Name,
        reporter: &mut Reporter<'_>,
    ) -> Result<Vec<(usize, &'a StructRule)>, Unresolved> {
        let mut structs = Vec::new();
        for definition in self.visible(file, &name.value).into_iter().map(|index| &self.all[index]) {
            match definition.body {
                Body::Struct(rule) => structs.push((definition.file, rule)),
                Body::Flags(rule) => {
                    reporter
                        .error(name.span, format!("`<{}>` is not a struct", name.value))
                        .there(rule.name.span, "it is defined here");
                    return Err(Unresolved);
                }
            }
        }
        if structs.is_empty() { Err(Unresolved) } else { Ok(structs) }
    }
}

/// The references in alternatives.
fn atoms(atoms: &[Atom]) -> Vec<Name> {
    atoms
        .iter()
        .filter_map(|atom| match &atom.value {
            AtomKind::Reference(name) => Some(Spanned { value: name.clone(), span: atom.span }),
            _ => None,
        })
        .collect()
}

/// The references in parameters or fields. Recursion is bounded by the parser.
fn labelled(items: &[Labelled]) -> Vec<Name> {
    let mut names = Vec::new();
    for pattern in items.iter().filter_map(|item| item.pattern.as_ref()) {
        match pattern {
            Pattern::Flags(flags) => names.extend(atoms(flags)),
            Pattern::Struct(pattern) => names.extend(labelled(&pattern.fields)),
            Pattern::Array(array) => elements(&array.elements, &mut names),
        }
    }
    names
}

fn elements(items: &[Element], names: &mut Vec<Name>) {
    for element in items {
        match element {
            Element::Reference(name) => names.push(name.clone()),
            Element::Struct(pattern) => names.extend(labelled(&pattern.fields)),
            Element::Array(array) => elements(&array.elements, names),
        }
    }
}
