//! Patterns of structs and arrays, and of values in them.

use alloc::{format, string::String, vec::Vec};

use super::{
    resolve::Flat,
    rule::{Lowering, Path},
    scalar::{self, Named, Values},
};
use crate::{
    domain::{Domain, Field, Kind, Struct, StructId, Variant, Width, structs},
    syntax::{
        ast::{AtomKind, Element, Name, Pattern as Syntax, StructPattern},
        span::{Span, Spanned},
    },
    tables::{AlternativeKind, Control, Pattern, Shape, Test, Window},
};

/// A value that is tested beyond the row.
pub(super) struct Place<'p> {
    pub(super) kind: Kind,
    pub(super) width: Width,
    pub(super) file: usize,
    /// For messages.
    pub(super) what: &'p str,
    pub(super) path: &'p Path,
    /// The members of a dependent domain, as the pattern of what it depends on narrows them.
    pub(super) domains: Vec<&'static Domain>,
}

impl Lowering<'_, '_, '_> {
    /// Lowers a pattern of a value that the row cannot hold. `None` where something is wrong or anything goes.
    pub(super) fn pattern(&mut self, place: &Place<'_>, pattern: &Syntax) -> Option<Pattern> {
        match place.kind {
            Kind::Enumeration(domain) => self.enumeration(place, pattern, &[domain]),
            Kind::Dependent { .. } => self.enumeration(place, pattern, &place.domains),
            Kind::Integer => self.enumeration(place, pattern, &[]),
            Kind::BitSet(domain) => self.bit_set(place, pattern, domain),
            Kind::Struct { types, out } => {
                let pattern = self.structs(place, types, pattern)?;
                Some(if out && pattern != Pattern::Null { Pattern::Any } else { pattern })
            }
            Kind::Array { of, out } => {
                let pattern = self.array(place, of, pattern)?;
                let unknown = out && of.id != StructId::Cmsghdr && pattern != Pattern::Null;
                Some(if unknown { Pattern::Any } else { pattern })
            }
            Kind::OptionValue { types, out } => {
                let pattern = if self.speaks_of_structs(place, pattern) {
                    self.structs(place, types, pattern)?
                } else {
                    self.enumeration(place, pattern, &[])?
                };
                Some(if out && pattern != Pattern::Null { Pattern::Any } else { pattern })
            }
            Kind::Payload(of) => match pattern {
                Syntax::Flags(_) => self.absence(place, pattern),
                // How the bytes are split up is never asked.
                _ if self.speaks_of_parts(place.file, pattern) => {
                    self.array(place, &structs::IOVEC, pattern)?;
                    Some(Pattern::Any)
                }
                _ => self.array(place, of, pattern),
            },
            Kind::Buffer => self.absence(place, pattern),
            Kind::Path => self.path(place, pattern),
            Kind::Descriptor | Kind::Typed { .. } => {
                self.reporter.error(pattern.span(), format!("{} cannot be matched here", place.what));
                None
            }
        }
    }

    /// Whether a pattern is about the `struct iovec`s of a message.
    fn speaks_of_parts(&mut self, file: usize, pattern: &Syntax) -> bool {
        let names =
            |body: &StructPattern| body.fields.iter().any(|field| field.name.value.starts_with("iov_"));
        let Syntax::Array(array) = pattern else { return false };
        array.elements.iter().any(|element| match element {
            Element::Reference(name) => {
                let rules = self.definitions.structs(file, name, self.reporter).unwrap_or_default();
                rules.iter().any(|(_, rule)| rule.name.value == "iovec" || names(&rule.body))
            }
            Element::Struct(body) => names(body),
            Element::Array(_) => false,
        })
    }

    fn speaks_of_structs(&self, place: &Place<'_>, pattern: &Syntax) -> bool {
        match pattern {
            Syntax::Flags(atoms) => self
                .definitions
                .flatten(place.file, atoms)
                .iter()
                .any(|flat| matches!(flat.atom, AtomKind::Reference(_)) || is_null(flat)),
            Syntax::Struct(_) | Syntax::Array(_) => true,
        }
    }

    /// The atoms of a pattern that has to be alternatives of values.
    pub(super) fn atoms(&mut self, file: usize, what: &str, pattern: &Syntax) -> Option<Vec<Flat>> {
        match pattern {
            Syntax::Flags(atoms) => Some(self.definitions.flatten(file, atoms)),
            Syntax::Struct(_) | Syntax::Array(_) => {
                let found = if matches!(pattern, Syntax::Struct(_)) { "a struct" } else { "an array" };
                self.reporter.error(pattern.span(), format!("{what} is not {found}"));
                None
            }
        }
    }

    fn enumeration(
        &mut self,
        place: &Place<'_>,
        pattern: &Syntax,
        domains: &[&'static Domain],
    ) -> Option<Pattern> {
        let flat = self.atoms(place.file, place.what, pattern)?;
        let values = scalar::values(&flat, domains, place.width, place.what, self.reporter)?;
        self.declare(place.path, &values, AlternativeKind::Member);
        match values {
            Values::Any => None,
            values => Some(Pattern::Scalar(self.tables.windows(&scalar::enumeration_windows(&values)))),
        }
    }

    fn bit_set(&mut self, place: &Place<'_>, pattern: &Syntax, domain: &'static Domain) -> Option<Pattern> {
        let flat = self.atoms(place.file, place.what, pattern)?;
        let values = scalar::values(&flat, &[domain], place.width, place.what, self.reporter)?;
        self.declare(place.path, &values, AlternativeKind::Flag);
        match values {
            Values::Any => None,
            values => Some(Pattern::Scalar(self.tables.windows(&[scalar::bit_set_window(&values)]))),
        }
    }

    fn absence(&mut self, place: &Place<'_>, pattern: &Syntax) -> Option<Pattern> {
        let flat = self.atoms(place.file, place.what, pattern)?;
        if !flat.iter().all(is_null) {
            self.reporter
                .error(pattern.span(), format!("of {} only absence can be asked", place.what))
                .note("write `NULL`, or nothing for any value");
            return None;
        }
        self.declare_null(place.path);
        Some(Pattern::Null)
    }

    fn path(&mut self, place: &Place<'_>, pattern: &Syntax) -> Option<Pattern> {
        let flat = self.atoms(place.file, place.what, pattern)?;
        if !flat.iter().all(|flat| flat.atom == AtomKind::Path) {
            self.reporter.error(pattern.span(), format!("{} is a path: write `<PATH>`", place.what));
        }
        None
    }

    /// `NULL`, struct rules by name, or a struct in place.
    fn structs(&mut self, place: &Place<'_>, types: &[&'static Struct], pattern: &Syntax) -> Option<Pattern> {
        let shapes = match pattern {
            Syntax::Struct(body) => self.shape(place, types, place.file, None, body)?,
            Syntax::Array(array) => {
                self.reporter.error(array.span, format!("{} is one struct, not an array", place.what));
                return None;
            }
            Syntax::Flags(atoms) => {
                let flat = self.definitions.flatten(place.file, atoms);
                if flat.iter().all(is_null) {
                    self.declare_null(place.path);
                    return Some(Pattern::Null);
                }
                let mut shapes = Vec::new();
                let mut sound = true;
                for flat in flat.iter().filter(|flat| !is_null(flat)) {
                    match self.referred(place, types, flat) {
                        Some(more) => shapes.extend(more),
                        None => sound = false,
                    }
                }
                if flat.iter().any(is_null) {
                    self.declare_null(place.path);
                }
                if !sound {
                    return None;
                }
                shapes
            }
        };
        Some(Pattern::Struct(self.tables.shapes(&shapes)))
    }

    fn referred(&mut self, place: &Place<'_>, types: &[&'static Struct], flat: &Flat) -> Option<Vec<Shape>> {
        let AtomKind::Reference(name) = &flat.atom else {
            self.reporter
                .error(flat.span, format!("{} is a pointer to a struct", place.what))
                .note("write `NULL`, `{ ... }` or the `<name>` of a struct rule");
            return None;
        };
        let name = Name { value: name.clone(), span: flat.span };
        self.named(place, types, flat.file, &name)
    }

    fn named(
        &mut self,
        place: &Place<'_>,
        types: &[&'static Struct],
        file: usize,
        name: &Name,
    ) -> Option<Vec<Shape>> {
        let rules = self.definitions.structs(file, name, self.reporter).ok()?;
        let shapes: Option<Vec<_>> = rules
            .into_iter()
            .map(|(file, rule)| self.shape(place, types, file, Some(&rule.name.value), &rule.body))
            .collect();
        Some(shapes?.concat())
    }

    /// The alternatives that a struct comes to: one, unless names of a field mean something else under each value of
    /// another.
    fn shape(
        &mut self,
        place: &Place<'_>,
        types: &[&'static Struct],
        file: usize,
        name: Option<&str>,
        body: &StructPattern,
    ) -> Option<Vec<Shape>> {
        let of = choose(types, name, body)?;
        let fields = self.check_fields(of, types, body)?;
        let mut tests = Vec::new();
        let mut sound = true;
        let mut dependent = None;
        let mut delivers = Control::Any;
        for (index, field, pattern) in &fields {
            let Some(pattern) = pattern else { continue };
            let path = place.path.to(field.name);
            let what = format!("`{}`", field.name);
            let errors = self.reporter.error_count();
            let domains = match field.kind {
                Kind::Dependent { on: Kind::OUTER, .. } => place.domains.clone(),
                Kind::Dependent { on, variants } => {
                    self.dependent_domains(&fields, usize::from(on), variants, file)
                }
                Kind::Array { of: Struct { fields: inner, .. }, .. } => {
                    self.domains_inside(inner, &fields, file)
                }
                _ => Vec::new(),
            };
            let inner =
                Place { kind: field.kind, width: field.width, file, what: &what, path: &path, domains };
            let Some(lowered) = self.pattern(&inner, pattern) else {
                sound &= self.reporter.error_count() == errors;
                continue;
            };
            if let Kind::Array { of: Struct { id: StructId::Cmsghdr, .. }, out: true } = field.kind {
                delivers = self.delivered(pattern, lowered)?;
                if lowered != Pattern::Null {
                    continue;
                }
            }
            if lowered != Pattern::Any {
                tests.push(Test { place: *index as u8, pattern: lowered });
            }
            if let Kind::Dependent { on, variants } = field.kind
                && on != Kind::OUTER
            {
                dependent = self.by_selector(&fields, *index, usize::from(on), variants, file);
            }
        }
        if is_received(of) {
            self.delivers = Some(match self.delivers {
                Some(before) => self.tables.either(before, delivers),
                None => delivers,
            });
        }
        if !sound {
            return None;
        }
        let Some(Dependent { index, on, values }) = dependent else {
            return Some(alloc::vec![Shape { of: of.id, tests: self.tables.tests(&tests) }]);
        };
        tests.retain(|test| ![index, on].contains(&usize::from(test.place)));
        let shapes = values.into_iter().map(|(selector, values)| {
            let windows = |values: &mut dyn Iterator<Item = u64>| -> Vec<Window> {
                let windows = scalar::windows(values).into_iter();
                windows.map(|(base, set)| Window { base, forbidden: !63, set }).collect()
            };
            let selector = windows(&mut core::iter::once(u64::from(selector)));
            let values = windows(&mut values.into_iter());
            let mut tests = tests.clone();
            for (place, windows) in [(on, selector), (index, values)] {
                let pattern = Pattern::Scalar(self.tables.windows(&windows));
                tests.push(Test { place: place as u8, pattern });
            }
            Shape { of: of.id, tests: self.tables.tests(&tests) }
        });
        Some(shapes.collect())
    }

    /// What a pattern of the control data of a receiving call promises.
    fn delivered(&mut self, pattern: &Syntax, lowered: Pattern) -> Option<Control> {
        let control = self.tables.control(lowered);
        if control.is_none() {
            self.reporter
                .error(pattern.span(), "of a control message that is received only level and type are tested")
                .note("leave the other fields to `..`");
        }
        control
    }

    /// The values of a dependent field under each value of the field that it depends on, where names make a difference:
    /// where that one has not just one value.
    fn by_selector(
        &self,
        fields: &[(usize, &'static Field, Option<&Syntax>)],
        index: usize,
        on: usize,
        variants: &'static [Variant],
        file: usize,
    ) -> Option<Dependent> {
        let pattern = |wanted: usize| fields.iter().find(|(index, ..)| *index == wanted);
        let Some((_, field, Some(Syntax::Flags(atoms)))) = pattern(index) else { return None };
        let flat = self.definitions.flatten(file, atoms);
        let selected = self.selected_values(fields, on, file);
        let named = flat.iter().any(|flat| matches!(flat.atom, AtomKind::Constant(_)));
        let any = flat.iter().any(|flat| flat.atom == AtomKind::Integer);
        if !named || any || selected.as_ref().is_some_and(|selected| selected.len() == 1) {
            return None;
        }
        let selectors = selected.unwrap_or_else(|| variants.iter().map(|variant| variant.selector).collect());
        let under = |selector: u32| {
            let domains = domains_of(variants, Some(&[selector]));
            let values = flat.iter().filter_map(|flat| match &flat.atom {
                AtomKind::Constant(name) => scalar::find(&domains, name).map(u64::from),
                AtomKind::Number { value, text } => scalar::fit(*value, text, field.width),
                _ => None,
            });
            (selector, values.collect::<Vec<_>>())
        };
        let values = selectors.into_iter().map(under).filter(|(_, values)| !values.is_empty()).collect();
        Some(Dependent { index, on, values })
    }

    /// The fields of the type that the pattern names; complaints about those that it does not have, has twice, or lacks.
    pub(super) fn check_fields<'b>(
        &mut self,
        of: &'static Struct,
        types: &[&'static Struct],
        body: &'b StructPattern,
    ) -> Option<Vec<(usize, &'static Field, Option<&'b Syntax>)>> {
        let mut fields: Vec<(usize, &'static Field, Option<&'b Syntax>)> = Vec::new();
        let mut sound = true;
        for labelled in &body.fields {
            let Spanned { value: label, span } = &labelled.name;
            let Some((index, field)) = of.field(label) else {
                let names = types.iter().flat_map(|of| of.fields).map(|field| field.name);
                let known: Vec<_> = of.fields.iter().map(|field| field.name).collect();
                self.reporter
                    .error(*span, format!("`struct {}` has no field `{label}`", of.name))
                    .suggest(label, names)
                    .note(format!("its fields are {}", known.join(", ")));
                sound = false;
                continue;
            };
            if fields.iter().any(|(known, ..)| *known == index) {
                self.reporter.error(*span, format!("the field `{label}` is named twice"));
                sound = false;
            }
            fields.push((index, field, labelled.pattern.as_ref()));
        }
        let missing: Vec<_> = (0..of.fields.len())
            .filter(|index| !fields.iter().any(|(known, ..)| known == index))
            .map(|index| of.fields[index].name)
            .collect();
        if sound && body.rest.is_none() && !missing.is_empty() {
            self.missing(body.span, of.name, &missing);
            sound = false;
        }
        sound.then_some(fields)
    }

    fn missing(&mut self, span: Span, name: &str, missing: &[&str]) {
        self.reporter
            .error(span, format!("fields of `struct {name}` are not named: {}", missing.join(", ")))
            .note("end the list with `..` if they may have any value");
    }

    /// The domains of a field that depends on another one of the same pattern.
    pub(super) fn dependent_domains(
        &self,
        fields: &[(usize, &'static Field, Option<&Syntax>)],
        on: usize,
        variants: &'static [Variant],
        file: usize,
    ) -> Vec<&'static Domain> {
        domains_of(variants, self.selected_values(fields, on, file).as_deref())
    }

    /// The domains of a field of the elements that depends on the type of the message around them.
    fn domains_inside(
        &self,
        elements: &[Field],
        fields: &[(usize, &'static Field, Option<&Syntax>)],
        file: usize,
    ) -> Vec<&'static Domain> {
        /// The position of `nlmsg_type`.
        const TYPE: usize = 1;
        let variants = elements.iter().find_map(|field| match field.kind {
            Kind::Dependent { on: Kind::OUTER, variants } => Some(variants),
            _ => None,
        });
        variants.map_or_else(Vec::new, |variants| self.dependent_domains(fields, TYPE, variants, file))
    }

    /// The values that the pattern of a field lists; `None` for any.
    fn selected_values(
        &self,
        fields: &[(usize, &'static Field, Option<&Syntax>)],
        on: usize,
        file: usize,
    ) -> Option<Vec<u32>> {
        match fields.iter().find(|(index, ..)| *index == on) {
            Some((_, Field { kind: Kind::Enumeration(domain), .. }, Some(Syntax::Flags(atoms)))) => {
                let flat = self.definitions.flatten(file, atoms);
                flat.iter().map(|flat| selector_value(flat, domain)).collect()
            }
            _ => None,
        }
    }

    /// `[ ... ]`, or a struct that every element has to match.
    fn array(&mut self, place: &Place<'_>, of: &'static Struct, pattern: &Syntax) -> Option<Pattern> {
        let Syntax::Array(array) = pattern else {
            let pattern = self.structs(place, &[of], pattern)?;
            return Some(match pattern {
                Pattern::Null => Pattern::Null,
                pattern => Pattern::Array(self.tables.patterns(&[pattern])),
            });
        };
        let mut patterns = Vec::new();
        let mut sound = true;
        for element in &array.elements {
            let shapes = match element {
                Element::Reference(name) => self.named(place, &[of], place.file, name),
                Element::Struct(body) => self.shape(place, &[of], place.file, None, body),
                Element::Array(_) => {
                    let message = format!("the elements of {} are structs, not arrays", place.what);
                    self.reporter.error(element.span(), message);
                    None
                }
            };
            match shapes {
                Some(shapes) => patterns.push(Pattern::Struct(self.tables.shapes(&shapes))),
                None => sound = false,
            }
        }
        sound.then(|| Pattern::Array(self.tables.patterns(&patterns)))
    }
}

/// A field whose values depend on another's.
struct Dependent {
    index: usize,
    on: usize,
    /// For each value of the other one.
    values: Vec<(u32, Vec<u64>)>,
}

/// Whether it is the `struct msghdr` of a call that receives.
fn is_received(of: &Struct) -> bool {
    of.fields.iter().any(|field| {
        matches!(field.kind, Kind::Array { of: Struct { id: StructId::Cmsghdr, .. }, out: true })
    })
}

fn selector_value(flat: &Flat, domain: &Domain) -> Option<u32> {
    match &flat.atom {
        AtomKind::Constant(name) => domain.value(name),
        AtomKind::Number { value, .. } => u32::try_from(*value).ok(),
        _ => None,
    }
}

/// The domains of the variants with these selectors; of all where anything is selected.
pub(super) fn domains_of(variants: &'static [Variant], selected: Option<&[u32]>) -> Vec<&'static Domain> {
    variants
        .iter()
        .filter(|variant| selected.is_none_or(|selected| selected.contains(&variant.selector)))
        .map(|variant| variant.domain)
        .collect()
}

pub(super) fn is_null(flat: &Flat) -> bool {
    matches!(&flat.atom, AtomKind::Constant(name) if name == "NULL")
}

/// The type of the rule's name, or else the first that has all the fields, or else the one that has most of them.
pub(super) fn choose(
    types: &[&'static Struct],
    name: Option<&str>,
    body: &StructPattern,
) -> Option<&'static Struct> {
    let called =
        |of: &&&'static Struct| name.is_some_and(|name| of.name == name || of.aliases.contains(&name));
    let fields = |of: &&'static Struct| {
        body.fields.iter().filter(|labelled| of.field(&labelled.name.value).is_some()).count()
    };
    if let Some(of) = types.iter().find(called) {
        return Some(of);
    }
    let most = types.iter().map(&fields).max()?;
    types.iter().find(|of| fields(of) == most).copied()
}

/// Alternatives as they are declared, for [`Lowering::declare`].
pub(super) fn descriptor_name(family: Option<&Named>, kind: Option<&Named>) -> String {
    match (family, kind) {
        (Some(family), Some(kind)) => format!("{} {}", family.name, kind.name),
        (Some(one), None) | (None, Some(one)) => one.name.clone(),
        (None, None) => String::from("any"),
    }
}
