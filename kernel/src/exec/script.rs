//! The first line of scripts: which program interprets them (execve(2), "Interpreter scripts").

use alloc::vec::Vec;

/// How much of a file is looked at (BINPRM_BUF_SIZE).
pub(super) const HEAD_SIZE: usize = 256;

/// What the first line names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Interpreter {
    /// The path of the program.
    pub(super) path: Vec<u8>,
    /// The rest of the line, as one argument.
    pub(super) argument: Option<Vec<u8>>,
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Finds the interpreter in the head of a file, which zeros fill up where the file is shorter. `None` where the file is no
/// script, or its line none that names a program: what is cut off in the middle of the name does not.
pub(super) fn interpreter(head: &[u8; HEAD_SIZE]) -> Option<Interpreter> {
    let line = head.strip_prefix(b"#!")?;
    let line = match line.iter().position(|byte| *byte == b'\n') {
        Some(end) => &line[..end],
        None => {
            // The last byte does not count, as on Linux.
            let name = line.iter().position(|byte| !is_blank(*byte))?;
            line[name..].iter().position(|byte| is_blank(*byte) || *byte == 0)?;
            &line[..line.len() - 1]
        }
    };
    let line = line.trim_ascii_blanks();
    if line.is_empty() {
        return None;
    }
    let end = line.iter().position(|byte| is_blank(*byte) || *byte == 0).unwrap_or(line.len());
    let (path, rest) = line.split_at(end);
    let argument = (rest.first() != Some(&0))
        .then(|| until_nul(rest.trim_ascii_blanks()))
        .filter(|argument| !argument.is_empty());
    Some(Interpreter { path: path.to_vec(), argument: argument.map(<[u8]>::to_vec) })
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

trait Blanks {
    /// Without spaces and tabs on both sides.
    fn trim_ascii_blanks(&self) -> &Self;
}

impl Blanks for [u8] {
    fn trim_ascii_blanks(&self) -> &Self {
        let start = self.iter().position(|byte| !is_blank(*byte)).unwrap_or(self.len());
        let end = self.iter().rposition(|byte| !is_blank(*byte)).map_or(start, |last| last + 1);
        &self[start..end]
    }
}
