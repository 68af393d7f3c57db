//! The kernel's command line: options, ` -- `, the program and its arguments, every word percent-encoded.

use std::fmt::{self, Write};

/// The words that the kernel is started with. The kernel's own path comes before them, QEMU puts it there.
#[derive(Clone, Debug, Default)]
pub struct CommandLine {
    options: Vec<String>,
    program: Vec<String>,
}

impl CommandLine {
    /// No options and no program.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `key=value`, the value encoded.
    pub fn option(&mut self, key: &str, value: impl AsRef<[u8]>) -> &mut Self {
        self.options.push(format!("{key}={}", encode(value.as_ref())));
        self
    }

    /// Adds a variable to the program's first environment.
    pub fn environment(&mut self, name: &str, value: &str) -> &mut Self {
        self.option("env", format!("{name}={value}"))
    }

    /// Adds words as they are: the caller has encoded them, and vouches that none of them is `--`.
    pub fn raw(&mut self, words: &str) -> &mut Self {
        self.options.extend(words.split_whitespace().map(ToOwned::to_owned));
        self
    }

    /// Whether there is a word that begins with `prefix`.
    pub fn has(&self, prefix: &str) -> bool {
        self.options.iter().any(|word| word.starts_with(prefix))
    }

    /// The program to run, by its path in the image. It is its own first argument.
    pub fn program(&mut self, path: impl AsRef<[u8]>) -> &mut Self {
        self.program = vec![encode(path.as_ref())];
        self
    }

    /// Arguments of the program, after those that were given before.
    pub fn arguments<A: AsRef<[u8]>>(&mut self, arguments: impl IntoIterator<Item = A>) -> &mut Self {
        self.program.extend(arguments.into_iter().map(|argument| encode(argument.as_ref())));
        self
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.options.join(" "))?;
        if !self.program.is_empty() {
            write!(f, " -- {}", self.program.join(" "))?;
        }
        Ok(())
    }
}

/// A word without spaces: every byte outside `[A-Za-z0-9/._:,+@-]` as `%XX`, and the empty word as `%`.
fn encode(word: &[u8]) -> String {
    if word.is_empty() {
        return "%".to_owned();
    }
    let mut text = String::with_capacity(word.len());
    for &byte in word {
        if byte.is_ascii_alphanumeric() || b"/._:,+@-".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a string takes everything");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::CommandLine;

    #[test]
    fn words_are_encoded() {
        let mut words = CommandLine::new();
        words
            .option("scml.profile", "postern")
            .environment("HOME", "/root dir")
            .raw("loglevel=debug  tsc_hz=1")
            .program("/bin/a b")
            .arguments(["", "--", "x=1", "ä%", "-n"])
            .arguments([b"\xff\0\n".as_slice()]);
        assert_eq!(
            words.to_string(),
            "scml.profile=postern env=HOME%3D/root%20dir loglevel=debug tsc_hz=1 \
             -- /bin/a%20b % -- x%3D1 %C3%A4%25 -n %FF%00%0A"
        );
    }

    #[test]
    fn no_program_no_dashes() {
        assert_eq!(CommandLine::new().option("loglevel", "info").to_string(), "loglevel=info");
    }
}
