//! From ostd's entry point to the first program.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use ostd::{boot::boot_info, cpu::num_cpus};
use socket::error::{Errno, Error, Result};

use crate::{
    args::Arguments,
    console::{self, control, log},
    context::Context,
    exec::{self, Program},
    mm::{self, AddressSpace, Source},
    process::{self, Process, Start},
    sched, time,
};

/// Sets everything up and lets the first program's thread run, once the scheduler does.
pub(crate) fn start() {
    console::init();
    let arguments = match Arguments::parse(&boot_info().kernel_cmdline) {
        Ok(arguments) => arguments,
        Err(message) => {
            log::init(ostd::log::LevelFilter::Error);
            control::fail(format_args!("{message}"));
        }
    };
    log::init(arguments.log_level);
    time::clock::init(arguments.tsc_hz);
    mm::init_faults();
    process::init_switching();
    sched::init();
    sched::start_on_cpu();
    time::timer::init();
    ostd::boot::smp::register_ap_entry(sched::start_on_cpu);
    ostd::info!("{} CPUs, {} MiB of memory", num_cpus(), mm::total_bytes() >> 20);
    if let Err(error) = start_first_process(arguments) {
        control::fail(format_args!("the first process cannot be made: {error}"));
    }
}

fn start_first_process(arguments: Arguments) -> Result<()> {
    let space = AddressSpace::new();
    let process = Process::new(process::new_id()?, 0, space);
    let thread = process.first_thread(arguments.program.first().map_or(&[], Vec::as_slice));
    let prepare = move |context: &Context| Some(start_program(context, arguments));
    process::spawn(&thread, Start::Prepare(Box::new(prepare)))
}

/// Runs in the first thread, with its address space in place.
fn start_program(context: &Context, arguments: Arguments) -> ostd::arch::cpu::context::UserContext {
    let path = arguments.program.first().cloned().unwrap_or_default();
    let registers = open(&path).and_then(|(file, size)| {
        let program =
            Program { file, size, path: path.clone(), arguments: arguments.program, environment: arguments.environment };
        exec::load(context, &program)
    });
    match registers {
        Ok(registers) => {
            control::ready(time::clock::now_ns());
            registers
        }
        Err(error) => control::fail(format_args!("cannot run {}: {error}", path.escape_ascii())),
    }
}

struct Raw(&'static [u8]);

impl Source for Raw {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
        let Some(rest) = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)) else { return Ok(0) };
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

fn open(_path: &[u8]) -> Result<(Arc<dyn Source>, u64)> {
    let bytes = boot_info().initramfs.ok_or(Error::new(Errno::ENOENT, "there is no initramfs"))?;
    Ok((Arc::new(Raw(bytes)), bytes.len() as u64))
}
