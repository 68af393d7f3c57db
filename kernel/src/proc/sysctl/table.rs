//! The settings there are.

use alloc::{format, string::ToString};

use super::{Setting, Value};
use crate::{mm::layout, proc::uuid::uuid, system::System, uts};

/// The largest number that a setting of Linux's type `int` takes.
const INT_MAX: u32 = i32::MAX as u32;
/// The least that SO_SNDBUF may be (SOCK_MIN_SNDBUF).
const SEND_MIN: u32 = 4608;
/// The least that SO_RCVBUF may be (SOCK_MIN_RCVBUF).
const RECEIVE_MIN: u32 = 2304;

const fn setting(path: &'static str, value: Value) -> Setting {
    Setting { path, value }
}

/// All of them.
pub(super) const SETTINGS: &[Setting] = &[
    setting("sys/fs/file-max", Value::Numbers(|_| format!("{}", i64::MAX))),
    setting("sys/fs/file-nr", Value::Numbers(|system| format!("{}\t0\t{}", open_files(system), i64::MAX))),
    setting("sys/fs/nr_open", Value::Fixed(vfs::MAX_LIMIT)),
    setting("sys/fs/overflowgid", Value::Fixed(65534)),
    setting("sys/fs/overflowuid", Value::Fixed(65534)),
    setting("sys/fs/pipe-max-size", Value::Fixed(1 << 20)),
    setting("sys/fs/protected_fifos", Value::Fixed(0)),
    setting("sys/fs/protected_hardlinks", Value::Fixed(1)),
    setting("sys/fs/protected_regular", Value::Fixed(0)),
    setting("sys/fs/protected_symlinks", Value::Fixed(0)),
    setting("sys/kernel/cap_last_cap", Value::Numbers(|_| "40".into())),
    setting("sys/kernel/domainname", Value::Name(|system| &system.names.domain)),
    setting("sys/kernel/hostname", Value::Name(|system| &system.names.host)),
    setting("sys/kernel/ngroups_max", Value::Numbers(|_| "65536".into())),
    setting("sys/kernel/osrelease", Value::Text(|_| uts::RELEASE.into())),
    setting("sys/kernel/ostype", Value::Text(|_| uts::SYSTEM_NAME.into())),
    setting("sys/kernel/overflowgid", Value::Fixed(65534)),
    setting("sys/kernel/overflowuid", Value::Fixed(65534)),
    setting("sys/kernel/pid_max", Value::Fixed(4_194_304)),
    setting("sys/kernel/random/boot_id", Value::Text(|system| system.boot_id.clone())),
    setting("sys/kernel/random/entropy_avail", Value::Numbers(|_| "256".into())),
    setting("sys/kernel/random/poolsize", Value::Numbers(|_| "256".into())),
    setting("sys/kernel/random/uuid", Value::Text(|_| uuid())),
    setting("sys/kernel/randomize_va_space", Value::Fixed(0)),
    setting("sys/kernel/version", Value::Text(|_| uts::VERSION.into())),
    setting(
        "sys/net/core/rmem_default",
        Value::Cell(|s| &s.world.settings.receive_buffer, RECEIVE_MIN, INT_MAX),
    ),
    setting(
        "sys/net/core/rmem_max",
        Value::Cell(|s| &s.world.settings.receive_buffer_max, RECEIVE_MIN, INT_MAX),
    ),
    setting("sys/net/core/somaxconn", Value::Cell(|s| &s.world.settings.backlog, 0, INT_MAX)),
    setting("sys/net/core/wmem_default", Value::Cell(|s| &s.world.settings.send_buffer, SEND_MIN, INT_MAX)),
    setting("sys/net/core/wmem_max", Value::Cell(|s| &s.world.settings.send_buffer_max, SEND_MIN, INT_MAX)),
    setting("sys/net/ipv4/ip_local_port_range", Value::Ports(|system| &system.port_range)),
    setting("sys/net/unix/max_dgram_qlen", Value::Cell(|s| &s.world.settings.datagrams, 0, INT_MAX)),
    setting("sys/vm/max_map_count", Value::Numbers(|_| layout::MAX_MAPPINGS.to_string())),
    setting("sys/vm/mmap_min_addr", Value::Numbers(|_| layout::LOWEST.to_string())),
    setting("sys/vm/overcommit_memory", Value::Fixed(1)),
];

/// How many open file descriptions there are. A socket is its own.
fn open_files(system: &System) -> usize {
    system.environment.open_files() + system.world.socket_count()
}
