//! Patterns of descriptors: what the open file has to be.

use alloc::{format, vec::Vec};

use super::{
    rule::{Lowering, Path},
    scalar::{self, Named, Values},
    structs::{choose, descriptor_name},
};
use crate::{
    domain::{Kind, structs::DESCRIPTOR},
    subject::{FAMILIES, FAMILY_BITS, TYPE_BITS, TYPES, family_bit, type_bit},
    syntax::{
        ast::{AtomKind, Name, Pattern as Syntax, StructPattern},
        span::Span,
    },
    tables::{AlternativeKind, Pattern, Shape, Test},
};

/// One alternative of a descriptor: what the row tests, and what is tested beyond it.
#[derive(Clone, Copy)]
pub(super) struct Admitted {
    pub(super) forbidden: u64,
    pub(super) pattern: Option<Pattern>,
}

impl Admitted {
    pub(super) const ANY: Self = Self { forbidden: 0, pattern: None };
}

impl Lowering<'_, '_, '_> {
    /// The alternatives of a descriptor; `None` where something is wrong.
    pub(super) fn descriptor(
        &mut self,
        file: usize,
        what: &str,
        path: &Path,
        pattern: &Syntax,
    ) -> Option<Vec<Admitted>> {
        let bodies: Vec<(usize, &StructPattern)> = match pattern {
            Syntax::Struct(body) => alloc::vec![(file, &**body)],
            Syntax::Array(array) => {
                self.not_a_descriptor(array.span, what);
                return None;
            }
            Syntax::Flags(atoms) => {
                let mut bodies = Vec::new();
                for flat in self.definitions.flatten(file, atoms) {
                    let AtomKind::Reference(name) = flat.atom else {
                        self.not_a_descriptor(flat.span, what);
                        return None;
                    };
                    let name = Name { value: name, span: flat.span };
                    let rules = self.definitions.structs(flat.file, &name, self.reporter).ok()?;
                    bodies.extend(rules.into_iter().map(|(file, rule)| (file, &rule.body)));
                }
                bodies
            }
        };
        let admitted: Vec<_> =
            bodies.into_iter().map(|(file, body)| self.open_file(file, path, body)).collect();
        admitted.into_iter().collect()
    }

    fn not_a_descriptor(&mut self, span: Span, what: &str) {
        self.reporter
            .error(span, format!("{what} is a descriptor, which is matched by what the open file is"))
            .note("write `{ family = AF_INET, .. }` or the `<name>` of such a struct rule");
    }

    fn open_file(&mut self, file: usize, path: &Path, body: &StructPattern) -> Option<Admitted> {
        let of = choose(&[&DESCRIPTOR], None, body)?;
        let fields = self.check_fields(of, &[&DESCRIPTOR], body)?;
        let mut admitted = Admitted::ANY;
        let mut tests = Vec::new();
        let (mut families, mut types) = (Vec::new(), Vec::new());
        for (index, field, pattern) in &fields {
            let Some(pattern) = pattern else { continue };
            let what = format!("`{}`", field.name);
            let domains = match field.kind {
                Kind::Enumeration(domain) => alloc::vec![domain],
                Kind::Dependent { on, variants } => {
                    self.dependent_domains(&fields, usize::from(on), variants, file)
                }
                _ => Vec::new(),
            };
            let flat = self.atoms(file, &what, pattern)?;
            let Values::These(named) = scalar::values(&flat, &domains, field.width, &what, self.reporter)?
            else {
                continue;
            };
            match index {
                0 => {
                    self.check_range(&named, FAMILIES, "family", pattern.span())?;
                    admitted.forbidden |= FAMILY_BITS & !bits(&named, family_bit);
                    families = named;
                }
                1 => {
                    self.check_range(&named, TYPES, "type", pattern.span())?;
                    admitted.forbidden |= TYPE_BITS & !bits(&named, type_bit);
                    types = named;
                }
                _ => {
                    let inner = path.to(field.name);
                    let values = Values::These(named);
                    self.declare(&inner, &values, AlternativeKind::Member);
                    let windows = self.tables.windows(&scalar::enumeration_windows(&values));
                    let pattern = Pattern::Scalar(windows);
                    tests.push(Test { place: *index as u8, pattern });
                }
            }
        }
        self.declare_descriptor(path, &families, &types);
        if !tests.is_empty() {
            let tests = self.tables.tests(&tests);
            let shapes = self.tables.shapes(&[Shape { of: of.id, tests }]);
            admitted.pattern = Some(Pattern::Struct(shapes));
        }
        Some(admitted)
    }

    fn check_range(&mut self, named: &[Named], limit: u32, what: &str, span: Span) -> Option<()> {
        match named.iter().find(|named| named.value >= u64::from(limit)) {
            None => Some(()),
            Some(wrong) => {
                self.reporter.error(span, format!("no socket has the {what} {}", wrong.name));
                None
            }
        }
    }

    /// A descriptor is declared as a whole: each family with each type.
    fn declare_descriptor(&mut self, path: &Path, families: &[Named], types: &[Named]) {
        let all = |named: &'_ [Named]| -> Vec<Option<Named>> {
            if named.is_empty() { alloc::vec![None] } else { named.iter().cloned().map(Some).collect() }
        };
        for family in all(families) {
            for kind in all(types) {
                let name = descriptor_name(family.as_ref(), kind.as_ref());
                let part = |named: Option<Named>| named.map_or(0xffff, |named| named.value);
                let value = part(family.clone()) | part(kind) << 16;
                self.declare_one(path, &name, value, AlternativeKind::Descriptor);
            }
        }
    }
}

fn bits(named: &[Named], bit: impl Fn(u32) -> u64) -> u64 {
    named.iter().fold(0, |bits, named| bits | bit(named.value as u32))
}
