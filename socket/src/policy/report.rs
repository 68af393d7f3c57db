//! What was counted, as text: `/proc/scml`.
//!
//! A line per thing, its fields separated by one space; only the last field of a line may itself hold spaces. Further kinds
//! of lines may come; those that there are stay as they are:
//!
//! ```text
//! profile NAME
//! mode enforce|audit|off
//! count rule|full
//! admitted CALLS
//! denied CALLS
//! rule ID HITS DENIALS FILE:LINE
//! alternative ID HITS ARGUMENT VALUE
//! cause COUNT ERRNO EXPLANATION
//! ```
//!
//! `rule` stands for each rule in the order of the profile: `ID` is `call#n`, `DENIALS` counts the calls that it came nearest
//! to admitting. `alternative` follows its rule, for each thing that it declares, with `count full`. `cause` stands for each
//! distinct denial, the most frequent first; `ERRNO` is `-` for a control message that was not given to a receiving call.

use alloc::string::String;
use core::fmt::{self, Write};

use super::{Count, Denied, Policy};

impl Policy {
    /// The counts, as text. `profile` is the profile's name.
    #[must_use]
    pub fn report(&self, profile: &str) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write_report(&mut text, profile);
        text
    }

    fn write_report(&self, text: &mut String, profile: &str) -> fmt::Result {
        let (tables, count) = (&self.tables, self.count());
        let (rules, alternatives) = self.counters.read(tables);
        writeln!(text, "profile {profile}")?;
        writeln!(text, "mode {}", self.mode.name())?;
        writeln!(text, "count {}", count.name())?;
        writeln!(text, "admitted {}", rules.iter().sum::<u64>())?;
        writeln!(text, "denied {}", self.causes.total())?;
        for (number, (rule, hits)) in tables.rules.iter().zip(rules).enumerate() {
            let id = tables.rule_id(number as u16);
            let denials = self.causes.nearest(number);
            writeln!(text, "rule {id} {hits} {denials} {}:{}", tables.text(rule.file), rule.line)?;
            if count == Count::Rule {
                continue;
            }
            for index in tables.alternatives_of(number as u16) {
                let (alternative, hits) = (&tables.alternatives[index], alternatives[index]);
                let (argument, value) = (tables.argument(alternative), tables.text(alternative.name));
                writeln!(text, "alternative {id} {hits} {argument} {value}")?;
            }
        }
        for Denied { count, errno, explanation } in self.denied() {
            match errno {
                Some(errno) => writeln!(text, "cause {count} {errno:?} {explanation}")?,
                None => writeln!(text, "cause {count} - {explanation}")?,
            }
        }
        Ok(())
    }
}
