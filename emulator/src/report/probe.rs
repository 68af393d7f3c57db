//! What the probe program prints: a JSON object per line.

use serde::{Deserialize, Serialize};

use super::model::ProbeKind;

/// One probe's outcome on one side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The rule's id, as in `socket#1`.
    pub rule: String,
    /// The call's name.
    pub call: String,
    /// The argument that was varied.
    pub argument: String,
    /// The level that an option or a control message belongs to; else empty.
    #[serde(default)]
    pub under: String,
    /// The value that it was given, by its name.
    pub value: String,
    /// The kind of socket that it was tried on, as in `AF_UNIX SOCK_STREAM`.
    #[serde(default)]
    pub on: String,
    /// Whether the rule declares the value.
    pub kind: ProbeKind,
    /// The errno that the policy's table gives, by name; `0` for none.
    pub expected: String,
    /// The errno that was seen, by name; `0` for none.
    pub errno: String,
    /// Whether the call then did what it is for.
    pub behaved: bool,
    /// What there is to say about it.
    #[serde(default)]
    pub note: String,
}

/// A line of the program's output.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Output {
    Probe(Box<Line>),
    #[serde(other)]
    Other,
}

/// Reads the program's output. Lines of other types are for others; lines that are no JSON are an error.
///
/// # Errors
/// The number of the line, its text, and what is wrong with it.
pub fn parse(output: &str) -> Result<Vec<Line>, String> {
    let mut probes = Vec::new();
    for (number, line) in output.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(Output::Probe(probe)) => probes.push(*probe),
            Ok(Output::Other) => {}
            Err(error) => return Err(format!("line {} of the probes: {error}: {line}", number + 1)),
        }
    }
    Ok(probes)
}
