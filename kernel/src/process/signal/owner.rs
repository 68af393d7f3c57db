//! Who is sent a signal when something happens to an open file: F_SETOWN, F_SETSIG and O_ASYNC of fcntl(2).
//!
//! Few files have an owner. Those that do are in a table of their own, so that others are none the larger for it.

use alloc::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    vec::Vec,
};
use core::sync::atomic::{AtomicBool, Ordering};

use linux_raw_sys::general::{
    POLL_ERR, POLL_HUP, POLL_IN, POLL_OUT, POLL_PRI, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDBAND,
    POLLRDNORM, POLLWRBAND, POLLWRNORM, SIGBUS, SIGCHLD, SIGFPE, SIGILL, SIGIO, SIGSEGV, SIGSYS, SIGTRAP,
    SIGURG,
};
use ostd::sync::SpinLock;
use socket::{
    ready::{Events, Observer, Pollee, Registration},
    socket::Socket,
};
use vfs::{Handle, OpenFile};

use super::{Info, Set, bit, may_signal, send_to_process, send_to_thread};
use crate::process::{Credentials, Process, Thread, members};

/// Signals whose codes mean something of their own.
const WITH_CODES: Set =
    bit(SIGILL) | bit(SIGFPE) | bit(SIGSEGV) | bit(SIGBUS) | bit(SIGTRAP) | bit(SIGCHLD) | bit(SIGSYS);

/// Who is sent the signal.
#[derive(Clone, Default)]
pub(crate) enum Owner {
    /// Nobody.
    #[default]
    Nobody,
    /// A thread alone.
    Thread(Weak<Thread>),
    /// A process.
    Process(Weak<Process>),
    /// All processes of a group.
    Group(i32),
}

#[derive(Clone, Default)]
struct Settings {
    owner: Owner,
    /// Who said so: may only have signals sent that they might send themselves.
    setter: Option<Credentials>,
    /// F_SETSIG; 0 for SIGIO without further information.
    signal: u32,
    /// O_ASYNC, with the number of the descriptor by which it was set.
    descriptor: Option<i32>,
}

/// An open file description, which the table does not keep open.
enum Description {
    Socket(Weak<Socket>),
    File(Weak<OpenFile>),
}

impl Description {
    fn is_open(&self) -> bool {
        match self {
            Self::Socket(socket) => socket.strong_count() > 0,
            Self::File(file) => file.strong_count() > 0,
        }
    }
}

struct Entry {
    /// While this is here, the address is nobody else's.
    description: Description,
    settings: SpinLock<Settings>,
    registration: SpinLock<Option<(Arc<Pollee>, Registration)>>,
}

/// Descriptions with an owner or another setting, by address.
static TABLE: SpinLock<BTreeMap<usize, Arc<Entry>>> = SpinLock::new(BTreeMap::new());
/// Whether there ever was one, so that asking for flags costs a load.
static USED: AtomicBool = AtomicBool::new(false);

fn address(handle: &Handle) -> usize {
    match handle {
        Handle::Socket(socket) => Arc::as_ptr(socket).addr(),
        Handle::File(file) => Arc::as_ptr(file).addr(),
    }
}

fn find(handle: &Handle) -> Option<Arc<Entry>> {
    if !USED.load(Ordering::Relaxed) {
        return None;
    }
    TABLE.lock().get(&address(handle)).cloned()
}

/// The entry of a description, made if need be. Those of descriptions that are closed are let go of then.
fn find_or_make(handle: &Handle) -> Arc<Entry> {
    USED.store(true, Ordering::Relaxed);
    let description = match handle {
        Handle::Socket(socket) => Description::Socket(Arc::downgrade(socket)),
        Handle::File(file) => Description::File(Arc::downgrade(file)),
    };
    let fresh = Entry {
        description,
        settings: SpinLock::new(Settings::default()),
        registration: SpinLock::new(None),
    };
    let mut closed = Vec::new();
    let entry = {
        let mut table = TABLE.lock();
        let keys: Vec<_> =
            table.iter().filter(|(_, entry)| !entry.description.is_open()).map(|(key, _)| *key).collect();
        closed.extend(keys.iter().filter_map(|key| table.remove(key)));
        table.entry(address(handle)).or_insert_with(|| Arc::new(fresh)).clone()
    };
    for entry in &closed {
        entry.stop_observing();
    }
    entry
}

/// Says who is sent a signal. `setter` is who says so.
pub(crate) fn set_owner(handle: &Handle, owner: Owner, setter: Credentials) {
    let entry = find_or_make(handle);
    let old = {
        let mut settings = entry.settings.lock();
        settings.setter = Some(setter);
        core::mem::replace(&mut settings.owner, owner)
    };
    drop(old);
    entry.observe(handle);
}

/// Who is sent a signal.
pub(crate) fn owner(handle: &Handle) -> Owner {
    find(handle).map_or(Owner::Nobody, |entry| entry.settings.lock().owner.clone())
}

/// Says which signal is sent; 0 for SIGIO without further information.
pub(crate) fn set_signal(handle: &Handle, signal: u32) {
    find_or_make(handle).settings.lock().signal = signal;
}

/// Which signal is sent.
pub(crate) fn signal(handle: &Handle) -> u32 {
    find(handle).map_or(0, |entry| entry.settings.lock().signal)
}

/// Whether signals are sent when the file can be read or written (O_ASYNC).
pub(crate) fn is_asynchronous(handle: &Handle) -> bool {
    find(handle).is_some_and(|entry| entry.settings.lock().descriptor.is_some())
}

/// Switches that on or off, for a descriptor of that number. Only sockets and pipes have it.
///
/// Returns whether the file has it.
pub(crate) fn set_asynchronous(handle: &Handle, descriptor: i32, on: bool) -> bool {
    let capable = match handle {
        Handle::Socket(_) => true,
        Handle::File(file) => file.pipe_end().is_some(),
    };
    if capable && on != is_asynchronous(handle) {
        let entry = find_or_make(handle);
        entry.settings.lock().descriptor = on.then_some(descriptor);
        entry.observe(handle);
    }
    capable
}

impl Entry {
    /// Observes what has to be told of, and nothing else.
    fn observe(self: &Arc<Self>, handle: &Handle) {
        self.stop_observing();
        let interest = {
            let settings = self.settings.lock();
            match (&settings.owner, settings.descriptor) {
                (Owner::Nobody, _) => return,
                (_, None) => Events::PRI,
                (_, Some(_)) => Events::PRI | Events::READABLE | Events::WRITABLE | Events::RDHUP,
            }
        };
        if let Some(pollee) = handle.pollee() {
            let observer: Arc<dyn Observer> = self.clone();
            let registration = pollee.register(observer, interest);
            let old = self.registration.lock().replace((pollee.clone(), registration));
            unregister(old);
        }
    }

    fn stop_observing(&self) {
        let old = self.registration.lock().take();
        unregister(old);
    }
}

fn unregister(registration: Option<(Arc<Pollee>, Registration)>) {
    if let Some((pollee, registration)) = registration {
        pollee.unregister(registration);
    }
}

impl Observer for Entry {
    fn notify(&self, events: Events) {
        if !self.description.is_open() {
            self.stop_observing();
            return;
        }
        let settings = self.settings.lock().clone();
        if events.intersects(Events::PRI) {
            settings.send(Info::kernel(SIGURG));
        }
        let Some(descriptor) = settings.descriptor else { return };
        let Some((code, band)) = reason(events) else { return };
        let info = match settings.signal {
            0 => Info::kernel(SIGIO),
            // The code would mean something else with these.
            signal if bit(signal) & WITH_CODES != 0 => Info::poll_of_file(signal, band, descriptor),
            signal => Info::poll(signal, code, band, descriptor),
        };
        settings.send(info);
    }
}

/// What happened, as siginfo_t names it: code and band.
fn reason(events: Events) -> Option<(u32, u32)> {
    Some(match events {
        _ if events.intersects(Events::HUP) => (POLL_HUP, POLLHUP | POLLERR),
        _ if events.intersects(Events::ERR) => (POLL_ERR, POLLERR),
        _ if events.intersects(Events::PRI) => (POLL_PRI, POLLPRI | POLLRDBAND),
        _ if events.intersects(Events::IN | Events::RDHUP) => (POLL_IN, POLLIN | POLLRDNORM),
        _ if events.intersects(Events::OUT) => (POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND),
        _ => return None,
    })
}

impl Settings {
    fn send(&self, info: Info) {
        let allowed = |target: &Thread| {
            self.setter.as_ref().is_some_and(|setter| may_signal(setter, &target.credentials.lock().clone()))
        };
        let to_process = |process: &Arc<Process>| {
            if process.leader().is_some_and(|leader| allowed(&leader)) {
                send_to_process(process, info);
            }
        };
        match &self.owner {
            Owner::Nobody => {}
            Owner::Thread(thread) => {
                if let Some(thread) = thread.upgrade().filter(|thread| allowed(thread)) {
                    send_to_thread(&thread, info);
                }
            }
            Owner::Process(process) => {
                if let Some(process) = process.upgrade() {
                    to_process(&process);
                }
            }
            Owner::Group(group) => members(*group).iter().for_each(to_process),
        }
    }
}
