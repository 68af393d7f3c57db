//! Starting programs.

mod auxiliary;
mod elf;
mod stack;

use alloc::{sync::Arc, vec::Vec};

pub(crate) use auxiliary::CLOCK_TICKS;
use ostd::arch::cpu::context::UserContext;
use socket::error::Result;
use vfs::WritingDenied;

use crate::{context::Context, mm::layout::STACK_TOP};

/// A program to be started.
pub(crate) struct Program {
    /// Its file.
    pub(crate) file: Arc<WritingDenied>,
    /// The file's size in bytes.
    pub(crate) size: u64,
    /// The path it was found by.
    pub(crate) path: Vec<u8>,
    /// argv.
    pub(crate) arguments: Vec<Vec<u8>>,
    /// envp.
    pub(crate) environment: Vec<Vec<u8>>,
}

/// The file of a program, which nobody may write to from now on.
///
/// # Errors
/// As path_resolution(7); EACCES where it is no regular file or may not be executed; ETXTBSY where it is open for writing.
pub(crate) fn open(context: &Context, path: &[u8]) -> Result<Arc<WritingDenied>> {
    context.walk(|walker| walker.find_program(path)).map(Arc::new)
}

/// Maps a program into the caller's address space, in which nothing is mapped, and gives the registers with which it
/// begins.
///
/// # Errors
/// ENOEXEC for a file that is no program of this system, and why; ENOMEM; E2BIG for arguments that are too long.
pub(crate) fn load(context: &Context, program: &Program) -> Result<UserContext> {
    let image = elf::Image::read(&*program.file, program.size)?;
    let placed = image.map(&context.space, program)?;
    context.space.map_stack(STACK_TOP, placed.stack_protection)?;
    let stack_pointer = stack::build(context, program, &placed)?;
    let mut registers = UserContext::default();
    registers.set_rip(placed.entry);
    registers.set_rsp(stack_pointer);
    Ok(registers)
}
