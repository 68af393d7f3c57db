//! Does one rule admit all that another does?

use alloc::vec::Vec;

use crate::tables::{Choice, Pattern, Row, Shape, Span, Tables, Test, Window};

/// Of calls with more rows than people write rules for, nothing is said: it would take the square of their number.
const MAX_ROWS: usize = 2048;

/// A rule of the same call that admits all that rule `number` admits. Of two that are alike, the earlier one is meant.
pub(super) fn shadowed(tables: &Tables<'_>, number: u16) -> Option<u16> {
    let rule = tables.rules.get(usize::from(number))?;
    let rows = tables.rows[rule.call.index()];
    if rows.len() > MAX_ROWS {
        return None;
    }
    let of = |number: u16| rows.iter().filter(move |row| row.rule == number);
    let covers = |wide: u16, narrow: u16| {
        of(narrow).all(|narrow| of(wide).any(|wide| covers_row(tables, wide, narrow)))
    };
    of(number).next()?;
    let mut others: Vec<u16> = rows.iter().map(|row| row.rule).filter(|other| *other != number).collect();
    others.sort_unstable();
    others.dedup();
    others.into_iter().find(|other| covers(*other, number) && (*other < number || !covers(number, *other)))
}

/// Whether `wide` matches whatever `narrow` matches.
fn covers_row(tables: &Tables<'_>, wide: &Row, narrow: &Row) -> bool {
    // Either allows the further tests.
    const FURTHER: u64 = 1 << 63;
    let tests = |row: &Row| -> &[Test] { tables.row_tests(row) };
    wide.forbidden & !FURTHER & !narrow.forbidden == 0
        && covers_choice(wide.choice, narrow.choice)
        && wide.bits.forbidden & !narrow.bits.forbidden == 0
        && narrow.bits.all() & !wide.bits.all() == 0
        && covers_tests(tables, tests(wide), tests(narrow))
}

fn covers_choice(wide: Choice, narrow: Choice) -> bool {
    if wide == Choice::ANY || wide == narrow {
        return true;
    }
    // The values of a choice that tests all upper bits are 64 at most.
    narrow.outside & 0xffff_ffff == 0xffff_ffff & !63
        && (narrow.outside >> 32 == wide.outside >> 32 || wide.outside >> 32 == 0)
        && (0..64)
            .filter(|bit| narrow.set >> bit & 1 != 0)
            .all(|bit| wide.admits(narrow.base.wrapping_add(bit)))
}

/// Whether each test of `wide` is passed by whatever passes those of `narrow`.
fn covers_tests(tables: &Tables<'_>, wide: &[Test], narrow: &[Test]) -> bool {
    wide.iter().all(|wide| {
        wide.pattern == Pattern::Any
            || narrow.iter().any(|narrow| {
                narrow.place == wide.place && covers_pattern(tables, wide.pattern, narrow.pattern)
            })
    })
}

fn covers_pattern(tables: &Tables<'_>, wide: Pattern, narrow: Pattern) -> bool {
    match (wide, narrow) {
        // An absent value matches everything.
        (Pattern::Any, _) | (_, Pattern::Null) => true,
        (Pattern::Scalar(wide), Pattern::Scalar(narrow)) => covers_windows(tables, wide, narrow),
        (Pattern::Struct(wide), Pattern::Struct(narrow)) => {
            let shapes = |span: Span| tables.shapes.get(span.range()).unwrap_or_default();
            shapes(narrow)
                .iter()
                .all(|narrow| shapes(wide).iter().any(|wide| covers_shape(tables, wide, narrow)))
        }
        (Pattern::Array(wide), Pattern::Array(narrow)) => {
            let patterns = |span: Span| tables.patterns.get(span.range()).unwrap_or_default();
            patterns(narrow)
                .iter()
                .all(|narrow| patterns(wide).iter().any(|wide| covers_pattern(tables, *wide, *narrow)))
        }
        _ => false,
    }
}

fn covers_shape(tables: &Tables<'_>, wide: &Shape, narrow: &Shape) -> bool {
    let tests = |span: Span| tables.tests.get(span.range()).unwrap_or_default();
    wide.of == narrow.of && covers_tests(tables, tests(wide.tests), tests(narrow.tests))
}

fn covers_windows(tables: &Tables<'_>, wide: Span, narrow: Span) -> bool {
    let windows = |span: Span| tables.windows.get(span.range()).unwrap_or_default();
    let covers = |wide: &Window, narrow: &Window| {
        wide.base == narrow.base && wide.forbidden & !narrow.forbidden == 0 && narrow.set & !wide.set == 0
    };
    windows(narrow).iter().all(|narrow| {
        windows(wide).iter().any(|wide| covers(wide, narrow))
            // The values of a window that tests all upper bits are 64 at most.
            || narrow.forbidden == !63
                && (0..64).filter(|bit| narrow.set >> bit & 1 != 0).all(|bit| {
                    let value = narrow.base.wrapping_add(bit);
                    windows(wide).iter().any(|wide| wide.admits(value))
                })
    })
}
