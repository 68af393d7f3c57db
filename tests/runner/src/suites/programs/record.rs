//! What `guest tool scenario` prints: records, and the command's own output between them.

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// Begins a record, which ends with the line.
const MARK: u8 = 0x1e;

/// Before the first run, or after one.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    pub(super) status: Option<i32>,
    pub(super) left: Vec<String>,
    pub(super) counts: Counts,
}

/// What the kernel counts: everything that could leak.
#[derive(Debug, Deserialize)]
pub(super) struct Counts {
    pub(super) files: u64,
    pub(super) sockets: u64,
    pub(super) processes: u64,
    /// In KiB.
    pub(super) free: u64,
}

/// One run of the command: what it wrote, and what was so after it.
#[derive(Debug)]
pub(super) struct Round<'o> {
    pub(super) output: &'o [u8],
    pub(super) after: Record,
}

/// What was so before the first run, and the runs.
#[derive(Debug)]
pub(super) struct Rounds<'o> {
    pub(super) before: Record,
    pub(super) rounds: Vec<Round<'o>>,
}

/// Takes the output apart.
pub(super) fn parse(output: &[u8], rounds: usize) -> Result<Rounds<'_>> {
    let mut parts = output.split(|byte| *byte == MARK);
    let foreign = parts.next().unwrap_or_default();
    ensure!(foreign.is_empty(), "before the first record: {}", String::from_utf8_lossy(foreign));
    let (before, mut own) = record(parts.next().context("there is no record")?)?;
    let mut done = Vec::new();
    for part in parts {
        let (after, next) = record(part)?;
        done.push(Round { output: own, after });
        own = next;
    }
    if done.len() != rounds {
        bail!("{} of {rounds} runs were done, and then: {}", done.len(), String::from_utf8_lossy(own).trim());
    }
    Ok(Rounds { before, rounds: done })
}

/// A record, and what follows it.
fn record(part: &[u8]) -> Result<(Record, &[u8])> {
    let end = part.iter().position(|byte| *byte == b'\n').context("a record breaks off")?;
    let record = serde_json::from_slice(&part[..end])
        .with_context(|| format!("no record: {}", String::from_utf8_lossy(&part[..end])))?;
    Ok((record, &part[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn outputs_lie_between_records() {
        let record = |status: &str| {
            format!(
                "\x1e{{\"status\":{status},\"left\":[],\
                 \"counts\":{{\"files\":1,\"sockets\":2,\"processes\":3,\"free\":4}}}}\n"
            )
        };
        let text = format!("{}one\ntwo{}{}", record("null"), record("256"), record("0"));
        let rounds = parse(text.as_bytes(), 2).unwrap();
        assert_eq!((rounds.before.status, rounds.rounds[0].after.status), (None, Some(256)));
        assert_eq!(
            (rounds.rounds[0].output, rounds.rounds[1].output),
            (b"one\ntwo".as_slice(), b"".as_slice())
        );
        assert!(parse(text.as_bytes(), 3).unwrap_err().to_string().contains("2 of 3"));
    }
}
