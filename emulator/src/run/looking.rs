//! poll(2) of what placeholders cannot show: that a socket which was never connected hangs up, that one for datagrams has failed,
//! or has no room at its peer because of others.

use std::{os::fd::OwnedFd, rc::Rc};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket::{caller::Caller, ready::Events};

use super::{caller::Target, calls::Request, supervisor::Supervisor, threads::Thread};

/// `struct pollfd`
const ENTRY: usize = 8;
/// With more descriptors, the host's answer will do.
const ENTRIES_MAX: usize = 64;

/// An element of poll's array.
struct Entry {
    file: Option<OwnedFd>,
    events: u16,
    /// What the layer says, where the host knows less.
    ready: Option<Events>,
}

impl Supervisor {
    /// Makes a poll(2) that does not wait in the target's place, if it is about such a socket; whether it has.
    pub(super) fn look(&self, thread: &Rc<Thread>, id: u64, request: &Request) -> bool {
        let [address, count, ..] = request.registers;
        let system = &self.system;
        if request.number != libc::SYS_poll || system.files.unshown() == 0 || count > ENTRIES_MAX {
            return false;
        }
        let target = Target::new(system, thread.clone(), id, None, None);
        let mut bytes = vec![0; count * ENTRY];
        if target.read_memory(address, &mut bytes).is_err() {
            return false;
        }
        let entries: Vec<_> = bytes.chunks_exact(ENTRY).map(|bytes| Entry::read(&target, bytes)).collect();
        if entries.iter().all(|entry| entry.ready.is_none()) {
            return false;
        }
        let mut found = 0;
        for (entry, bytes) in entries.iter().zip(bytes.chunks_exact_mut(ENTRY)) {
            let number = i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            let shown = if number < 0 { 0 } else { entry.shown() };
            bytes[6..].copy_from_slice(&shown.to_ne_bytes());
            found += usize::from(shown != 0);
        }
        match target.write_memory(address, &bytes) {
            Ok(()) => self.listener.value(id, found),
            Err(_) => self.listener.error(id, libc::EFAULT),
        }
        true
    }
}

impl Entry {
    fn read(target: &Target, bytes: &[u8]) -> Self {
        let number = i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let file = target.thread.file(number).ok();
        let emulated = file.as_ref().and_then(|file| target.system.file(file));
        let ready = emulated.filter(|file| file.is_unshown()).map(|file| file.socket.poll());
        Self { file, events: u16::from_ne_bytes([bytes[4], bytes[5]]), ready }
    }

    /// `revents`
    fn shown(&self) -> u16 {
        let wanted = u32::from(self.events) | (Events::ERR | Events::HUP).bits();
        if let Some(ready) = self.ready {
            return (ready.bits() & wanted) as u16;
        }
        let Some(file) = &self.file else { return Events::NVAL.bits() as u16 };
        let mut entry = [PollFd::new(file, PollFlags::from_bits_retain(self.events))];
        // Without waiting nothing but a lack of memory can go wrong, and nothing is ready then.
        let _ = poll(&mut entry, Some(&Timespec::default()));
        entry[0].revents().bits()
    }
}
