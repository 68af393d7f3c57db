//! The report on a terminal, 80 columns wide.

use std::fmt::Write;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table,
    presets::UTF8_HORIZONTAL_ONLY,
};

use super::model::{Counts, Report, Verdict};

const WIDTH: u16 = 80;

impl Report {
    /// The table of rules, the probes that are not as they should be, and the sums. `color` is for terminals.
    pub fn table(&self, color: bool) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "{}", self.rules_table(color));
        self.write_bad_probes(&mut text);
        let _ = writeln!(text, "{}", sentences(&self.summary));
        self.write_judged_alone(&mut text);
        text
    }

    /// What the host does not have is held by the guest's word alone, and that is said.
    fn write_judged_alone(&self, text: &mut String) {
        let probes = self.rules.iter().flat_map(|rule| &rule.probes);
        let mut alone = probes.filter(|probe| probe.verdict == Verdict::Held && !probe.reason.is_empty());
        if let Some(first) = alone.next() {
            let _ = writeln!(text, "{} of them {}", alone.count() + 1, first.reason);
        }
    }

    fn rules_table(&self, color: bool) -> Table {
        let mut table = Table::new();
        table
            .load_style(UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(WIDTH);
        table.force_no_tty();
        if color {
            table.enforce_styling();
        }
        table.set_header(
            ["Rule", "Declared", "Held", "Broken", "Refused", "Leaking", "Unproven"]
                .map(|name| Cell::new(name).add_attribute(Attribute::Bold)),
        );
        for rule in &self.rules {
            table.add_row(row(&rule.id, &rule.counts));
        }
        table.add_row(row("all", &self.summary).map(|cell| cell.add_attribute(Attribute::Bold)));
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn write_bad_probes(&self, text: &mut String) {
        for rule in &self.rules {
            for probe in rule.probes.iter().filter(|probe| !probe.verdict.is_good()) {
                let _ = writeln!(
                    text,
                    "{}:{}: {} {}: {} = {}{}: {}",
                    rule.file,
                    rule.line,
                    probe.verdict.name(),
                    rule.id,
                    probe.argument,
                    probe.value,
                    on(&probe.on),
                    probe.reason
                );
            }
        }
    }
}

fn row(name: &str, counts: &Counts) -> [Cell; 7] {
    let good = |count: usize| Cell::new(count);
    let bad = |count: usize| match count {
        0 => Cell::new("0"),
        count => Cell::new(count).fg(Color::Red).add_attribute(Attribute::Bold),
    };
    let held = if counts.declared > 0 && counts.held == counts.declared {
        Cell::new(counts.held).fg(Color::Green)
    } else {
        Cell::new(counts.held)
    };
    [
        Cell::new(name),
        good(counts.declared),
        held,
        bad(counts.broken),
        good(counts.refused + counts.ignored),
        bad(counts.leaking),
        bad(counts.unproven),
    ]
}

/// On what, where that is known.
fn on(kind: &str) -> String {
    if kind.is_empty() { String::new() } else { format!(" on {kind}") }
}

/// The sums in two lines.
fn sentences(counts: &Counts) -> String {
    let Counts { declared, probed, held, broken, leaking, unproven, neighbours, refused, ignored } = counts;
    format!(
        "{declared} declared: {probed} probed, {held} held, {broken} broken, {unproven} unproven\n\
         {neighbours} neighbours: {refused} refused, {ignored} ignored by Linux, {leaking} leaking"
    )
}
