//! Where the program's standard streams come from and go.

use std::{
    io::{self, Cursor, Read, Write},
    sync::{Arc, Mutex, PoisonError},
};

/// The three standard streams of the program in the guest.
///
/// Each is served by a thread of its own that may outlast the run when its other side blocks for ever, hence `'static`.
pub struct Streams {
    /// Read until its end, also when the program reads none of it.
    pub stdin: Box<dyn Read + Send>,
    /// Gets the bytes as they come; flushed whenever there are no more for now.
    pub stdout: Box<dyn Write + Send>,
    /// As `stdout`.
    pub stderr: Box<dyn Write + Send>,
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").finish_non_exhaustive()
    }
}

impl Streams {
    /// This process's own.
    pub fn inherited() -> Self {
        Self { stdin: Box::new(io::stdin()), stdout: Box::new(io::stdout()), stderr: Box::new(io::stderr()) }
    }

    /// `stdin` from memory, and both outputs to memory.
    pub fn captured(stdin: &[u8]) -> (Self, Captured) {
        let captured = Captured::default();
        let streams = Self {
            stdin: Box::new(Cursor::new(stdin.to_vec())),
            stdout: Box::new(captured.stdout.clone()),
            stderr: Box::new(captured.stderr.clone()),
        };
        (streams, captured)
    }
}

/// What the program wrote to its two outputs.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    stdout: Buffer,
    stderr: Buffer,
}

impl Captured {
    /// Its standard output until now.
    pub fn stdout(&self) -> Vec<u8> {
        self.stdout.contents()
    }

    /// Its standard error until now.
    pub fn stderr(&self) -> Vec<u8> {
        self.stderr.contents()
    }
}

#[derive(Clone, Debug, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn contents(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
