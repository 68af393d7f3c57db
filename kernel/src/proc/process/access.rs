//! Who may look into a process (ptrace(2), "Ptrace access mode checking": PTRACE_MODE_READ_FSCREDS).

use alloc::sync::Arc;

use linux_raw_sys::general::CAP_SYS_PTRACE;

use super::Subject;
use crate::process::current_thread;

/// Whether the calling thread may: a process may look into itself, its user into those that are wholly its own, the
/// superuser into all.
pub(super) fn may_look(subject: &Subject) -> bool {
    // The kernel itself may do everything.
    let Some(caller) = current_thread() else { return true };
    if Arc::ptr_eq(&caller.process, &subject.process) {
        return true;
    }
    let (user, group, privileged) = {
        let own = caller.credentials.lock();
        (own.file_user, own.file_group, own.can(CAP_SYS_PTRACE))
    };
    let others = subject.thread.credentials.lock();
    let all = |triple: crate::process::Triple, id| [triple.real, triple.effective, triple.saved] == [id; 3];
    privileged || all(others.user, user) && all(others.group, group)
}
