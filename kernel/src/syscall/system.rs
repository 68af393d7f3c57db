//! What the system is and has.

use linux_raw_sys::general::{
    __NR_getcpu, __NR_getrandom, __NR_setdomainname, __NR_sethostname, __NR_sysinfo, __NR_uname,
    GRND_INSECURE, GRND_NONBLOCK, GRND_RANDOM,
};
use ostd::{
    cpu::PinCurrentCpu,
    task::{Task, disable_preempt},
};
use socket::error::{Errno, Error, Result};

use super::{Arguments, Calls, Handler::Plain};
use crate::{context::Context, mm, process, random, sched::statistics, time::clock, uts};

pub(super) const CALLS: &Calls = &[
    (__NR_uname, Plain(uname)),
    (__NR_sethostname, Plain(sethostname)),
    (__NR_setdomainname, Plain(setdomainname)),
    (__NR_sysinfo, Plain(sysinfo)),
    (__NR_getrandom, Plain(getrandom)),
    (__NR_getcpu, Plain(getcpu)),
];

/// After how many bytes others are given a chance: the kernel is not preempted.
const YIELD_AFTER: usize = 64 << 10;

/// Length of each string of struct new_utsname.
const UTS_LENGTH: usize = uts::NAME_MAX + 1;

fn uname(context: &Context, arguments: &Arguments) -> Result<usize> {
    let mut names = [[0u8; UTS_LENGTH]; 6];
    for (name, member) in names.iter_mut().zip(uts::members(&context.system.names)) {
        let length = member.len().min(uts::NAME_MAX);
        name[..length].copy_from_slice(&member[..length]);
    }
    context.space.write(arguments[0], &names).map(|()| 0)
}

fn sethostname(context: &Context, arguments: &Arguments) -> Result<usize> {
    set_name(context, arguments, &context.system.names.host)
}

fn setdomainname(context: &Context, arguments: &Arguments) -> Result<usize> {
    set_name(context, arguments, &context.system.names.domain)
}

fn set_name(context: &Context, arguments: &Arguments, name: &uts::Name) -> Result<usize> {
    let [at, length, ..] = *arguments;
    if !context.thread.credentials.lock().can(linux_raw_sys::general::CAP_SYS_ADMIN) {
        return Err(Error::new(Errno::EPERM, "needs CAP_SYS_ADMIN"));
    }
    let length = usize::try_from(length as i32).ok().filter(|length| *length <= uts::NAME_MAX);
    let mut bytes = [0; uts::NAME_MAX];
    let bytes = &mut bytes[..length.ok_or(Error::new(Errno::EINVAL, "the name is too long"))?];
    context.space.read_bytes(at, bytes).map_err(|_| Errno::EFAULT)?;
    // Whoever asks for it reads up to a zero.
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    name.set(bytes[..end].to_vec()).map(|()| 0)
}

/// struct sysinfo
fn sysinfo(context: &Context, arguments: &Arguments) -> Result<usize> {
    /// Averages have so many more bits behind the point there (SI_LOAD_SHIFT less those of the kernel).
    const LOAD_SHIFT: u32 = 5;
    let [one, five, fifteen] = statistics::load_averages().map(|average| average << LOAD_SHIFT);
    let files = context.system.root.file_system().bytes().0;
    let (total, free) = (mm::total_bytes() as u64, mm::free_bytes() as u64);
    // procs (16 bits), padding.
    let threads = process::threads().len() as u64 & 0xFFFF;
    let uptime = clock::now().as_secs();
    // Behind the memory: buffers, swap space and its free part; procs; totalhigh, freehigh; mem_unit (32 bits).
    let info: [u64; 14] = [uptime, one, five, fifteen, total, free, files, 0, 0, 0, threads, 0, 0, 1];
    context.space.write(arguments[0], &info).map(|()| 0)
}

fn getrandom(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [at, length, flags, ..] = *arguments;
    let flags = flags as u32;
    if flags & !(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) != 0
        || flags & (GRND_RANDOM | GRND_INSECURE) == GRND_RANDOM | GRND_INSECURE
    {
        return Err(Errno::EINVAL.into());
    }
    let length = length.min(i32::MAX as usize);
    let mut buffer = [0; 256];
    let mut done = 0;
    while done < length {
        if done != 0 && done.is_multiple_of(YIELD_AFTER) {
            // A long request is cut where the thread is to end.
            if context.thread.must_attend() {
                break;
            }
            Task::yield_now();
        }
        let chunk = &mut buffer[..(length - done).min(256)];
        random::fill(chunk);
        if let Err(fault) = context.space.write_bytes(at.wrapping_add(done), chunk) {
            done += fault.copied;
            if done == 0 {
                return Err(Errno::EFAULT.into());
            }
            break;
        }
        done += chunk.len();
    }
    Ok(done)
}

fn getcpu(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [cpu_at, node_at, ..] = *arguments;
    let cpu = u32::from(disable_preempt().current_cpu());
    if cpu_at != 0 {
        context.space.write(cpu_at, &cpu)?;
    }
    if node_at != 0 {
        context.space.write(node_at, &0u32)?;
    }
    Ok(0)
}
