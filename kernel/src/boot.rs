//! From ostd's entry point to the first program.

use alloc::{boxed::Box, vec::Vec};

use linux_raw_sys::general::O_RDWR;
use ostd::{
    arch::cpu::context::UserContext,
    boot::{boot_info, smp::register_ap_entry},
    cpu::num_cpus,
    log::LevelFilter,
};
use socket::error::Result;
use vfs::{Follow, Handle, Identity, Walker};

use crate::{
    args::{Arguments, Fault},
    console::{
        self, control,
        device::{self, ERROR_PATH, STANDARD_PATH},
        input, log,
    },
    context::Context,
    exec::{Given, Loaded, Room, Strings},
    mm::{self, AddressSpace, layout::STACK_SIZE},
    network, proc,
    process::{self, Process, Start},
    sched, sys,
    system::{self, System},
    time,
};

/// Sets everything up and lets the first program's thread run, once the scheduler does.
pub(crate) fn start() {
    console::init();
    let arguments = match Arguments::parse(&boot_info().kernel_cmdline) {
        Ok(arguments) => arguments,
        Err(message) => {
            log::init(LevelFilter::Error);
            control::fail(format_args!("{message}"));
        }
    };
    log::init(arguments.log_level);
    time::clock::init(arguments.tsc_hz);
    ostd::info!("{} CPUs, {} MiB of memory", num_cpus(), mm::total_bytes() >> 20);
    mm::init_faults();
    process::init_switching();
    sched::init();
    sched::start_on_cpu();
    sched::statistics::start_averages();
    if let Err(error) = time::timer::init() {
        control::fail(format_args!("timers cannot be had: {error:?}"));
    }
    mm::init_reserve();
    if let Err(error) = input::start() {
        control::fail(format_args!("standard input cannot be had: {error:?}"));
    }
    let system = system::init(&arguments);
    if let Err(error) = network::start(&system.world.network, &arguments.addresses) {
        control::fail(format_args!("the network's task cannot be had: {error:?}"));
    }
    fill_root(system);
    register_ap_entry(sched::start_on_cpu);
    if let Err(error) = start_first_process(system, arguments) {
        control::fail(format_args!("the first process cannot be made: {error}"));
    }
}

/// Fills the root directory from the initramfs, and with what the kernel adds.
fn fill_root(system: &'static System) {
    let Some(image) = boot_info().initramfs else {
        control::fail(format_args!("there is no initramfs"));
    };
    match vfs::load_initramfs(&system.root, image) {
        Ok(loaded) => ostd::info!("initramfs: {} entries, {} bytes", loaded.entries, loaded.bytes),
        Err(error) => control::fail(format_args!("bad initramfs: {error}")),
    }
    if let Err(error) = proc::mount(system).and_then(|()| sys::mount(system)) {
        control::fail(format_args!("/proc and /sys cannot be made: {error}"));
    }
    let filled = vfs::make_directories(&system.root, b"dev").and_then(|devices| {
        vfs::populate_devices(&devices)?;
        device::populate(&devices)
    });
    if let Err(error) = filled {
        control::fail(format_args!("/dev cannot be filled: {error}"));
    }
}

fn start_first_process(system: &'static System, arguments: Arguments) -> Result<()> {
    let process = Process::new(process::new_id()?, AddressSpace::new(), system);
    let who = Identity::root();
    let walker = Walker { root: &system.root, start: &system.root, who: &who };
    for path in [STANDARD_PATH, STANDARD_PATH, ERROR_PATH] {
        let opened = walker.open(path, O_RDWR, 0, 0)?;
        process.files().add(Handle::File(opened.file), false)?;
    }
    let thread = process.first_thread(arguments.program.first().map_or(&[], Vec::as_slice));
    process::plant(&process);
    let prepare = move |context: &mut Context| Some(start_program(context, &arguments));
    process::spawn(&thread, Start::Prepare(Box::new(prepare)))
}

/// Runs in the first thread, with its address space in place.
fn start_program(context: &mut Context, arguments: &Arguments) -> UserContext {
    match arguments.fault {
        Some(Fault::Panic) => panic!("test.fault=panic was asked for"),
        Some(Fault::Hang) => {
            let _irq_guard = ostd::irq::disable_local();
            loop {
                core::hint::spin_loop();
            }
        }
        None => {}
    }
    network::wait_for_addresses();
    let path = arguments.program.first().cloned().unwrap_or_default();
    let registers = load(context, &path, arguments).and_then(|program| process::execute(context, &program));
    match registers {
        Ok(registers) => {
            control::ready(time::clock::now_ns());
            registers
        }
        Err(error) => control::fail(format_args!("cannot run {}: {error}", path.escape_ascii())),
    }
}

/// The first program, with what it is given.
fn load(context: &Context, path: &[u8], arguments: &Arguments) -> Result<Loaded> {
    let file = context.walk(|walker| walker.find_program(path, Follow::Yes))?;
    let mut room = Room::of_stack(STACK_SIZE as u64);
    let words = Strings::of(arguments.program.iter().map(Vec::as_slice), &mut room)?;
    let environment = Strings::of(arguments.environment.iter().map(Vec::as_slice), &mut room)?;
    let given = Given::new(path, words, environment, &mut room)?;
    Loaded::prepare(context, file, given, true)
}
