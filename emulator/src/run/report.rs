//! What the profile does not declare, told to whoever runs the program.

use std::{
    cell::{Cell, RefCell},
    io::Write,
};

use socket::policy::{Denial, Mode};

/// Tells of denials as they come, each cause once, and how many there were in the end.
pub struct Report {
    out: RefCell<Box<dyn Write + Send>>,
    causes: Cell<u64>,
    /// The last process that was found closed.
    closed: Cell<i32>,
}

impl Report {
    /// One that goes to `out`.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out: RefCell::new(out), causes: Cell::new(0), closed: Cell::new(0) }
    }

    /// Writes a line. Where that fails, there is nowhere to say so.
    pub(super) fn line(&self, line: &str) {
        let _ = self.out.borrow_mut().write_all(format!("postern: {line}\n").as_bytes());
    }

    pub(super) fn denial(&self, denial: &Denial) {
        self.causes.set(self.causes.get() + 1);
        self.line(&denial.to_string());
    }

    /// A process does not let others look into it, and without privileges nothing can be done for it.
    pub(super) fn closed(&self, process: i32) {
        if self.closed.replace(process) != process {
            self.line(&format!(
                "process {process} cannot be looked into (PR_SET_DUMPABLE, or another user's): its sockets do not work"
            ));
        }
    }

    /// The last line, where there is something to sum up.
    pub(super) fn summary(&self, profile: &str, mode: Mode, denials: u64) {
        if denials == 0 {
            return;
        }
        let what = if mode == Mode::Enforce { "denied" } else { "not declared, and performed" };
        let (causes, times) = (self.causes.get(), if denials == 1 { "call was" } else { "calls were" });
        let causes = if causes == 1 { "1 cause".to_owned() } else { format!("{causes} causes") };
        self.line(&format!("profile {profile}: {denials} {times} {what} ({causes}, above)"));
    }
}
