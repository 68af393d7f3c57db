//! Starting programs.

mod auxiliary;
mod elf;
mod stack;

use alloc::{sync::Arc, vec::Vec};

use ostd::arch::cpu::context::UserContext;
use socket::error::Result;

use crate::{
    context::Context,
    mm::{Source, layout::STACK_TOP},
};

/// A program to be started.
pub(crate) struct Program {
    /// Its file.
    pub(crate) file: Arc<dyn Source>,
    /// The file's size in bytes.
    pub(crate) size: u64,
    /// The path it was found by.
    pub(crate) path: Vec<u8>,
    /// argv.
    pub(crate) arguments: Vec<Vec<u8>>,
    /// envp.
    pub(crate) environment: Vec<Vec<u8>>,
}

/// Maps a program into the caller's address space, in which nothing is mapped, and gives the registers with which it
/// begins.
///
/// # Errors
/// ENOEXEC for a file that is no program of this system, and why; ENOMEM; E2BIG for arguments that are too long.
pub(crate) fn load(context: &Context, program: &Program) -> Result<UserContext> {
    let image = elf::Image::read(&*program.file, program.size)?;
    let placed = image.map(&context.space, program)?;
    context.space.map_stack(STACK_TOP)?;
    let stack_pointer = stack::build(context, program, &placed)?;
    let mut registers = UserContext::default();
    registers.set_rip(placed.entry);
    registers.set_rsp(stack_pointer);
    Ok(registers)
}
