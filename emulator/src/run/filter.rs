//! The seccomp filter of the targets: which calls the supervisor is told of.

use libc::{BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, c_long, sock_filter};

/// AUDIT_ARCH_I386
pub(super) const I386: u32 = 0x4000_0003;
/// Calls of the x32 ABI have this bit (`__X32_SYSCALL_BIT`).
const X32: u32 = 0x4000_0000;

/// What is always the layer's: whether or not there is an emulated socket.
pub(super) const CREATING: &[c_long] = &[libc::SYS_socket, libc::SYS_socketpair];

/// What is the layer's where the first descriptor is that of an emulated socket.
const ON_SOCKETS: &[c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_ioctl,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_connect,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvmmsg,
    libc::SYS_shutdown,
];

/// Calls that look at what is ready. The host makes them, on the placeholders; but what a program did before, such as to close the
/// other end, has to show.
pub(super) const LOOKING: &[c_long] =
    &[libc::SYS_ppoll, libc::SYS_select, libc::SYS_pselect6, libc::SYS_epoll_pwait2];

/// The same, with the argument that is a time limit: one that does not wait is told of. One that waits learns of everything
/// soon enough.
pub(super) const LOOKING_AT_ONCE: &[(c_long, usize)] =
    &[(libc::SYS_poll, 2), (libc::SYS_epoll_wait, 3), (libc::SYS_epoll_pwait, 3)];

/// Calls of 32-bit programs that would make a socket of the host's: socket(2), socketpair(2), socketcall(2).
pub(super) const CREATING_32: &[c_long] = &[359, 360, 102];

/// Calls of 32-bit programs that could touch a placeholder which they have inherited: read, write, readv, writev, ioctl,
/// sendfile, sendfile64, splice, preadv2, pwritev2, and the socket calls.
const ON_SOCKETS_32: &[c_long] = &[
    3, 4, 145, 146, 54, 187, 239, 313, 378, 379, 337, 345, 361, 362, 363, 364, 365, 366, 367, 368, 369, 370,
    371, 372, 373,
];

const LOAD: u32 = BPF_LD | BPF_W | BPF_ABS;
const RETURN: u32 = BPF_RET | BPF_K;

fn load(offset: usize) -> sock_filter {
    statement(LOAD, offset as u32)
}

/// The filter's result.
fn result(action: u32) -> sock_filter {
    statement(RETURN, action)
}

fn statement(code: u32, operand: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k: operand }
}

/// Goes on behind the next `skip` instructions unless the loaded word is `operand`.
fn unless(test: u32, operand: u32, skip: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | test | BPF_K) as u16, jt: 0, jf: skip, k: operand }
}

/// Those calls tell the supervisor.
fn notify(filter: &mut Vec<sock_filter>, calls: &[&[c_long]]) {
    for call in calls.iter().copied().flatten() {
        filter.extend([unless(BPF_JEQ, *call as u32, 1), result(libc::SECCOMP_RET_USER_NOTIF)]);
    }
}

/// Those calls tell the supervisor where the argument is 0.
fn notify_if_zero(filter: &mut Vec<sock_filter>, calls: &[(c_long, usize)]) {
    for (call, argument) in calls {
        // The low half, which is the whole of an int.
        let offset = std::mem::offset_of!(libc::seccomp_data, args) + argument * size_of::<u64>();
        filter.extend([
            unless(BPF_JEQ, *call as u32, 4),
            load(offset),
            unless(BPF_JEQ, 0, 1),
            result(libc::SECCOMP_RET_USER_NOTIF),
            result(libc::SECCOMP_RET_ALLOW),
        ]);
    }
}

/// Those calls do not exist.
fn refuse(filter: &mut Vec<sock_filter>, call: u32, test: u32) {
    filter.extend([unless(test, call, 1), result(libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32)]);
}

/// The filter. What makes its own way to files without system calls (io_uring), and the x32 ABI, is refused as a kernel
/// without them does.
pub(super) fn build() -> Vec<sock_filter> {
    let mut filter_32 = Vec::new();
    refuse(&mut filter_32, 425, BPF_JEQ);
    notify(&mut filter_32, &[CREATING_32, ON_SOCKETS_32]);
    filter_32.push(result(libc::SECCOMP_RET_ALLOW));

    let number = std::mem::offset_of!(libc::seccomp_data, nr);
    let mut filter = vec![load(std::mem::offset_of!(libc::seccomp_data, arch))];
    // A jump reaches 255 instructions far, which is more than there are.
    filter.push(unless(BPF_JEQ, I386, filter_32.len() as u8 + 1));
    filter.push(load(number));
    filter.append(&mut filter_32);
    filter.extend([load(number)]);
    refuse(&mut filter, X32, BPF_JGE);
    refuse(&mut filter, libc::SYS_io_uring_setup as u32, BPF_JEQ);
    notify(&mut filter, &[CREATING, ON_SOCKETS, LOOKING]);
    notify_if_zero(&mut filter, LOOKING_AT_ONCE);
    filter.push(result(libc::SECCOMP_RET_ALLOW));
    filter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AUDIT_ARCH_X86_64
    const X86_64: u32 = 0xc000_003e;

    /// What the kernel's machine makes of it.
    fn run(arch: u32, number: u32) -> u32 {
        run_with(arch, number, 1)
    }

    fn run_with(arch: u32, number: u32, argument: u32) -> u32 {
        let filter = build();
        let (mut at, mut word) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = filter[at];
            at += 1;
            match u32::from(code) {
                LOAD => {
                    word = match k {
                        0 => number,
                        4 => arch,
                        _ => argument,
                    };
                }
                RETURN => return k,
                code => {
                    let test = code & !(BPF_JMP | BPF_K);
                    let holds = if test == BPF_JEQ { word == k } else { word >= k };
                    at += usize::from(if holds { jt } else { jf });
                }
            }
        }
    }

    #[test]
    fn calls_are_told_apart() {
        let told = libc::SECCOMP_RET_USER_NOTIF;
        let refused = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
        for call in CREATING.iter().chain(ON_SOCKETS) {
            assert_eq!(run(X86_64, *call as u32), told, "{call}");
            assert_eq!(run(X86_64, *call as u32 | X32), refused, "{call} of x32");
        }
        for call in [libc::SYS_close, libc::SYS_poll, libc::SYS_epoll_wait, libc::SYS_dup2, libc::SYS_execve]
        {
            assert_eq!(run(X86_64, call as u32), libc::SECCOMP_RET_ALLOW, "{call}");
        }
        for (call, _) in LOOKING_AT_ONCE {
            assert_eq!(run_with(X86_64, *call as u32, 0), told, "{call}");
        }
        assert_eq!(run(X86_64, libc::SYS_io_uring_setup as u32), refused);
        for call in CREATING_32.iter().chain(ON_SOCKETS_32) {
            assert_eq!(run(I386, *call as u32), told, "{call}");
        }
        assert_eq!(run(I386, 425), refused);
        assert_eq!(run(I386, 6), libc::SECCOMP_RET_ALLOW);
    }

    #[test]
    fn it_is_short_enough_for_its_jumps() {
        assert!(build().len() < 256);
    }
}
