//! The descriptor table of a process.

mod numbers;

use alloc::{
    sync::{Arc, Weak},
    vec::Vec,
};
use core::sync::atomic::{AtomicU32, Ordering};

use linux_raw_sys::general as uapi;
use socket::{
    caller::DescriptorSlot,
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
    socket::Socket,
};
use spin::Mutex;

use self::numbers::Numbers;
use crate::open_file::OpenFile;

/// How many descriptors a process may have unless it asks for more (the soft RLIMIT_NOFILE, getrlimit(2)).
pub const DEFAULT_LIMIT: u32 = 1024;

/// How many it may ask for at most (`/proc/sys/fs/nr_open`).
pub const MAX_LIMIT: u32 = 1 << 20;

/// What a descriptor refers to.
#[derive(Clone)]
pub enum Handle {
    /// A socket, which is its own open file description.
    Socket(Arc<Socket>),
    /// Everything else.
    File(Arc<OpenFile>),
}

impl Handle {
    /// A descriptor of it is closed.
    #[inline]
    pub fn release(self) {
        match self {
            Self::Socket(socket) => socket.release(),
            Self::File(file) => drop(file),
        }
    }

    /// The file, where it is no socket and not only a name (O_PATH).
    ///
    /// # Errors
    /// EBADF for O_PATH.
    pub fn usable(&self) -> Result<()> {
        match self {
            Self::File(file) if file.is_path_only() => Err(Error::new(Errno::EBADF, "opened with O_PATH")),
            _ => Ok(()),
        }
    }

    /// What can be done now (poll(2)).
    #[must_use]
    pub fn poll(&self) -> Events {
        match self {
            Self::Socket(socket) => socket.poll(),
            Self::File(file) => file.poll(),
        }
    }

    /// Where changes of [`Handle::poll`] are announced; `None` where it never changes.
    #[must_use]
    pub fn pollee(&self) -> Option<&Arc<Pollee>> {
        match self {
            Self::Socket(socket) => Some(socket.pollee()),
            Self::File(file) => file.pollee(),
        }
    }
}

/// A [`Handle`] that does not keep the file open.
#[derive(Clone)]
pub enum WeakHandle {
    /// Of a socket.
    Socket(Weak<Socket>),
    /// Of everything else.
    File(Weak<OpenFile>),
}

impl Handle {
    /// The same file, without keeping it open.
    #[must_use]
    pub fn downgrade(&self) -> WeakHandle {
        match self {
            Self::Socket(socket) => WeakHandle::Socket(Arc::downgrade(socket)),
            Self::File(file) => WeakHandle::File(Arc::downgrade(file)),
        }
    }

    /// Tells open file descriptions apart for as long as a [`Handle`] or a [`WeakHandle`] of them exists.
    #[must_use]
    pub fn address(&self) -> usize {
        match self {
            Self::Socket(socket) => Arc::as_ptr(socket) as usize,
            Self::File(file) => Arc::as_ptr(file) as usize,
        }
    }
}

impl WeakHandle {
    /// The file; `None` where it has been closed.
    #[must_use]
    pub fn upgrade(&self) -> Option<Handle> {
        match self {
            Self::Socket(socket) => socket.upgrade().map(Handle::Socket),
            Self::File(file) => file.upgrade().map(Handle::File),
        }
    }

    /// Whether the file has been closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match self {
            Self::Socket(socket) => socket.strong_count() == 0,
            Self::File(file) => file.strong_count() == 0,
        }
    }
}

#[derive(Clone)]
enum Slot {
    Free,
    Reserved,
    Open { handle: Handle, close_on_exec: bool },
}

struct Slots {
    slots: Vec<Slot>,
    /// Those that are reserved or open.
    taken: Numbers,
    open: usize,
}

impl Slots {
    /// Takes the lowest free number from `from` on that is below `limit`.
    fn reserve(&mut self, from: usize, limit: usize) -> Result<usize> {
        let number = self.taken.lowest_free(from);
        if number >= limit {
            return Err(Error::new(Errno::EMFILE, "RLIMIT_NOFILE"));
        }
        self.make(number);
        self.taken.insert(number);
        self.slots[number] = Slot::Reserved;
        Ok(number)
    }

    /// Makes room for a number.
    fn make(&mut self, number: usize) {
        if self.slots.len() <= number {
            // In steps, as Linux does: the length doubles.
            let length = (number + 1).next_power_of_two().max(64);
            self.slots.resize(length, Slot::Free);
        }
    }

    fn get(&self, number: i32) -> Option<&Slot> {
        self.slots.get(usize::try_from(number).ok()?)
    }

    /// Takes what is open under a number out; the number is free then.
    fn take(&mut self, number: usize) -> Option<Handle> {
        let slot = self.slots.get_mut(number)?;
        if !matches!(slot, Slot::Open { .. }) {
            return None;
        }
        let Slot::Open { handle, .. } = core::mem::replace(slot, Slot::Free) else { return None };
        self.taken.remove(number);
        self.open -= 1;
        Some(handle)
    }

    fn put(&mut self, number: usize, handle: Handle, close_on_exec: bool) -> Option<Handle> {
        let old = core::mem::replace(&mut self.slots[number], Slot::Open { handle, close_on_exec });
        match old {
            Slot::Open { handle, .. } => Some(handle),
            Slot::Reserved | Slot::Free => {
                self.taken.insert(number);
                self.open += 1;
                None
            }
        }
    }
}

/// A descriptor table, shared by the threads of a process. What is closed is dropped without its lock.
pub struct FileTable {
    slots: Mutex<Slots>,
    limit: AtomicU32,
}

impl FileTable {
    /// An empty table.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let slots = Slots { slots: Vec::new(), taken: Numbers::new(), open: 0 };
        Arc::new(Self { slots: Mutex::new(slots), limit: AtomicU32::new(DEFAULT_LIMIT) })
    }

    /// A copy for a child process (fork(2)): the same open files, without reservations.
    #[must_use]
    pub fn duplicate(&self) -> Arc<Self> {
        let copy = Self::new();
        copy.limit.store(self.limit(), Ordering::Relaxed);
        let (slots, taken, open) = {
            let own = self.slots.lock();
            // Where a process once had many, most of what there is room for is free.
            (own.slots[..own.taken.end()].to_vec(), own.taken.clone(), own.open)
        };
        let mut inner = copy.slots.lock();
        *inner = Slots { slots, taken, open };
        let inner_slots = &mut *inner;
        for (number, slot) in inner_slots.slots.iter_mut().enumerate() {
            if matches!(slot, Slot::Reserved) {
                *slot = Slot::Free;
                inner_slots.taken.remove(number);
            }
        }
        drop(inner);
        copy
    }

    /// The soft RLIMIT_NOFILE: numbers are below it.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Sets the soft RLIMIT_NOFILE, up to [`MAX_LIMIT`]. Descriptors beyond it stay open.
    pub fn set_limit(&self, limit: u32) {
        self.limit.store(limit.min(MAX_LIMIT), Ordering::Relaxed);
    }

    /// For how many descriptors there is room before more has to be made, as `FDSize` in `/proc/PID/status`.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots.lock().slots.len().next_power_of_two().max(64)
    }

    /// How many descriptors are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.slots.lock().open
    }

    /// What a descriptor refers to.
    ///
    /// # Errors
    /// EBADF where nothing is open.
    #[inline]
    pub fn get(&self, descriptor: i32) -> Result<Handle> {
        match self.slots.lock().get(descriptor) {
            Some(Slot::Open { handle, .. }) => Ok(handle.clone()),
            _ => Err(Errno::EBADF.into()),
        }
    }

    /// The socket behind a descriptor.
    ///
    /// # Errors
    /// EBADF where nothing is open or it was opened with O_PATH, ENOTSOCK where it is something else.
    #[inline]
    pub fn socket(&self, descriptor: i32) -> Result<Arc<Socket>> {
        match self.slots.lock().get(descriptor) {
            Some(Slot::Open { handle: Handle::Socket(socket), .. }) => Ok(socket.clone()),
            Some(Slot::Open { handle: Handle::File(file), .. }) if !file.is_path_only() => {
                Err(Errno::ENOTSOCK.into())
            }
            _ => Err(Errno::EBADF.into()),
        }
    }

    /// The open file behind a descriptor, which may be an O_PATH one.
    ///
    /// # Errors
    /// EBADF where nothing is open; `Ok(None)` for a socket.
    pub fn file(&self, descriptor: i32) -> Result<Option<Arc<OpenFile>>> {
        Ok(match self.get(descriptor)? {
            Handle::File(file) => Some(file),
            Handle::Socket(_) => None,
        })
    }

    /// Reserves the lowest free number.
    ///
    /// # Errors
    /// EMFILE.
    pub fn reserve(self: &Arc<Self>) -> Result<Reserved> {
        let number = self.slots.lock().reserve(0, self.limit() as usize)?;
        Ok(Reserved { table: self.clone(), number })
    }

    /// Puts a file under the lowest free number.
    ///
    /// # Errors
    /// EMFILE.
    pub fn add(self: &Arc<Self>, handle: Handle, close_on_exec: bool) -> Result<i32> {
        Ok(self.reserve()?.install(handle, close_on_exec))
    }

    /// Gives what `descriptor` refers to a further number: the lowest free one from `from` on (dup(2), F_DUPFD).
    ///
    /// # Errors
    /// EBADF, EMFILE, EINVAL where `from` is not below the limit.
    pub fn duplicate_descriptor(&self, descriptor: i32, from: i32, close_on_exec: bool) -> Result<i32> {
        let limit = self.limit() as usize;
        let mut slots = self.slots.lock();
        let Some(Slot::Open { handle, .. }) = slots.get(descriptor) else { return Err(Errno::EBADF.into()) };
        let handle = handle.clone();
        let number = usize::try_from(from)
            .ok()
            .filter(|from| *from < limit)
            .ok_or(Error::new(Errno::EINVAL, "not below RLIMIT_NOFILE"))
            .and_then(|from| slots.reserve(from, limit));
        let number = match number {
            Ok(number) => number,
            Err(error) => {
                drop(slots);
                return Err(error);
            }
        };
        let none = slots.put(number, handle, close_on_exec);
        debug_assert!(none.is_none());
        Ok(number as i32)
    }

    /// Makes `to` refer to what `from` refers to; what `to` referred to is closed (dup2(2), dup3(2)). The two differ.
    ///
    /// # Errors
    /// EBADF where nothing is open at `from` or `to` is not below the limit, EBUSY where `to` is being opened.
    pub fn replace(&self, from: i32, to: i32, close_on_exec: bool) -> Result<()> {
        let number = usize::try_from(to)
            .ok()
            .filter(|number| *number < self.limit() as usize)
            .ok_or(Error::new(Errno::EBADF, "not below RLIMIT_NOFILE"))?;
        let mut slots = self.slots.lock();
        let Some(Slot::Open { handle, .. }) = slots.get(from) else { return Err(Errno::EBADF.into()) };
        let handle = handle.clone();
        if matches!(slots.get(to), Some(Slot::Reserved)) {
            drop(slots);
            return Err(Error::new(Errno::EBUSY, "the number is being opened"));
        }
        slots.make(number);
        let replaced = slots.put(number, handle, close_on_exec);
        drop(slots);
        if let Some(replaced) = replaced {
            self.closing(&replaced);
            replaced.release();
        }
        Ok(())
    }

    /// A descriptor was closed: what the process has locked of the file is locked no more, whatever other descriptors it
    /// has of it (fcntl(2)).
    fn closing(&self, handle: &Handle) {
        if let Handle::File(file) = handle {
            file.inode().release_process_locks(self);
        }
    }

    /// Closes a descriptor (close(2)). What it referred to is returned, for the caller to release.
    ///
    /// # Errors
    /// EBADF.
    pub fn close(&self, descriptor: i32) -> Result<Handle> {
        let number = usize::try_from(descriptor).map_err(|_| Errno::EBADF)?;
        let closed = self.slots.lock().take(number).ok_or(Errno::EBADF)?;
        self.closing(&closed);
        Ok(closed)
    }

    /// Closes all descriptors from `first` to `last` (close_range(2)), or marks them to be closed on exec.
    pub fn close_range(&self, first: u32, last: u32, only_mark: bool) {
        let mut at = first as usize;
        let mut closed: Vec<Handle> = Vec::new();
        loop {
            // In portions: neither a long list nor a lock for long.
            let mut slots = self.slots.lock();
            let end = slots.taken.end().min((last as usize).saturating_add(1));
            while at < end && closed.len() < 64 {
                if only_mark {
                    if let Slot::Open { close_on_exec, .. } = &mut slots.slots[at] {
                        *close_on_exec = true;
                    }
                } else {
                    closed.extend(slots.take(at));
                }
                at += 1;
            }
            drop(slots);
            closed.drain(..).for_each(|handle| {
                self.closing(&handle);
                handle.release();
            });
            if at >= end {
                return;
            }
        }
    }

    /// Closes what is marked to be closed on exec (execve(2)).
    pub fn close_on_exec(&self) {
        let marked = |slot: &Slot| matches!(slot, Slot::Open { close_on_exec: true, .. });
        loop {
            let mut slots = self.slots.lock();
            let numbers: Vec<_> = slots
                .slots
                .iter()
                .enumerate()
                .filter(|(_, slot)| marked(slot))
                .map(|(n, _)| n)
                .take(64)
                .collect();
            let closed: Vec<_> = numbers.iter().filter_map(|number| slots.take(*number)).collect();
            drop(slots);
            if closed.is_empty() {
                return;
            }
            closed.into_iter().for_each(|handle| {
                self.closing(&handle);
                handle.release();
            });
        }
    }

    /// Closes everything: the process ends.
    pub fn close_all(&self) {
        self.close_range(0, u32::MAX, false);
    }

    /// FD_CLOEXEC of a descriptor (F_GETFD).
    ///
    /// # Errors
    /// EBADF.
    pub fn closes_on_exec(&self, descriptor: i32) -> Result<bool> {
        match self.slots.lock().get(descriptor) {
            Some(Slot::Open { close_on_exec, .. }) => Ok(*close_on_exec),
            _ => Err(Errno::EBADF.into()),
        }
    }

    /// Sets FD_CLOEXEC (F_SETFD, FIOCLEX).
    ///
    /// # Errors
    /// EBADF.
    pub fn set_close_on_exec(&self, descriptor: i32, on: bool) -> Result<()> {
        let mut slots = self.slots.lock();
        let number = usize::try_from(descriptor).map_err(|_| Errno::EBADF)?;
        match slots.slots.get_mut(number) {
            Some(Slot::Open { close_on_exec, .. }) => {
                *close_on_exec = on;
                Ok(())
            }
            _ => Err(Errno::EBADF.into()),
        }
    }

    /// The numbers that are open (`/proc/self/fd`).
    #[must_use]
    pub fn numbers(&self) -> Vec<i32> {
        let slots = self.slots.lock();
        let open = |slot: &Slot| matches!(slot, Slot::Open { .. });
        slots
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| open(slot))
            .map(|(number, _)| number as i32)
            .collect()
    }
}

impl Drop for FileTable {
    fn drop(&mut self) {
        self.close_all();
    }
}

/// A reserved descriptor number: given back when dropped, unless a file is installed.
pub struct Reserved {
    table: Arc<FileTable>,
    number: usize,
}

impl Reserved {
    /// Opens the number: from now on it refers to `handle`.
    pub fn install(self, handle: Handle, close_on_exec: bool) -> i32 {
        let number = self.number;
        let mut slots = self.table.slots.lock();
        let replaced = slots.put(number, handle, close_on_exec);
        drop(slots);
        drop(replaced);
        number as i32
    }
}

impl DescriptorSlot for Reserved {
    fn number(&self) -> i32 {
        self.number as i32
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut slots = self.table.slots.lock();
        if matches!(slots.slots.get(self.number), Some(Slot::Reserved)) {
            slots.slots[self.number] = Slot::Free;
            slots.taken.remove(self.number);
        }
    }
}

/// FD_CLOEXEC as fcntl(2) shows it.
#[must_use]
pub const fn descriptor_flags(close_on_exec: bool) -> usize {
    if close_on_exec { uapi::FD_CLOEXEC as usize } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Identity, testing::small_file_system};

    fn errno<T>(result: Result<T>) -> Option<Errno> {
        result.err().map(|error| error.errno)
    }

    fn file() -> Handle {
        let (reader, _) = OpenFile::pipe(&small_file_system(1), &Identity::root(), 0);
        Handle::File(reader)
    }

    fn is(table: &FileTable, descriptor: i32, handle: &Handle) -> bool {
        match (table.get(descriptor), handle) {
            (Ok(Handle::File(open)), Handle::File(file)) => Arc::ptr_eq(&open, file),
            _ => false,
        }
    }

    #[test]
    fn numbers_are_the_lowest_that_are_free() {
        let table = FileTable::new();
        let handle = file();
        for number in 0..200 {
            assert_eq!(table.add(handle.clone(), false), Ok(number));
        }
        assert_eq!(table.open_count(), 200);
        table.close(7).unwrap();
        table.close(150).unwrap();
        let slot = table.reserve().unwrap();
        assert_eq!(slot.number(), 7);
        assert_eq!(errno(table.get(7)), Some(Errno::EBADF), "not open yet");
        assert_eq!(errno(table.close(7)), Some(Errno::EBADF));
        assert_eq!(errno(table.replace(0, 7, false)), Some(Errno::EBUSY));
        assert_eq!(table.add(handle.clone(), false), Ok(150));
        drop(slot);
        assert_eq!(table.add(handle, false), Ok(7));
        assert_eq!(table.open_count(), 200);
    }

    #[test]
    fn the_limit_holds() {
        let table = FileTable::new();
        table.set_limit(3);
        let handle = file();
        for number in 0..3 {
            assert_eq!(table.add(handle.clone(), false), Ok(number));
        }
        assert_eq!(errno(table.add(handle.clone(), false)), Some(Errno::EMFILE));
        assert_eq!(errno(table.duplicate_descriptor(0, 0, false)), Some(Errno::EMFILE));
        assert_eq!(errno(table.duplicate_descriptor(0, 3, false)), Some(Errno::EINVAL));
        assert_eq!(errno(table.duplicate_descriptor(0, -1, false)), Some(Errno::EINVAL));
        assert_eq!(errno(table.duplicate_descriptor(9, -1, false)), Some(Errno::EBADF));
        assert_eq!(errno(table.replace(0, 3, false)), Some(Errno::EBADF));
        assert_eq!(errno(table.replace(0, -1, false)), Some(Errno::EBADF));
        assert_eq!(errno(table.replace(5, 1, false)), Some(Errno::EBADF));
        table.set_limit(2);
        assert!(table.get(2).is_ok(), "what is open stays open");
    }

    #[test]
    fn duplicates_share_the_file_and_not_the_flag() {
        let table = FileTable::new();
        let (one, other) = (file(), file());
        table.add(one.clone(), true).unwrap();
        table.add(other.clone(), false).unwrap();
        assert_eq!(table.duplicate_descriptor(0, 70, false), Ok(70));
        assert_eq!(table.duplicate_descriptor(0, 0, true), Ok(2));
        table.replace(0, 1, false).unwrap();
        for number in [0, 1, 2, 70] {
            assert!(is(&table, number, &one));
        }
        assert_eq!(table.numbers(), [0, 1, 2, 70]);
        assert_eq!([0, 1, 2, 70].map(|n| table.closes_on_exec(n).unwrap()), [true, false, true, false]);
        table.set_close_on_exec(70, true).unwrap();
        let child = table.duplicate();
        child.close_on_exec();
        assert_eq!(child.numbers(), [1]);
        assert_eq!(child.open_count(), 1);
        assert_eq!(table.open_count(), 4);
        let Handle::File(other) = other else { unreachable!("it is a file") };
        assert_eq!(Arc::strong_count(&other), 1, "dup2 closed it");
    }

    #[test]
    fn a_childs_table_has_no_reservations() {
        let table = FileTable::new();
        let slot = table.reserve().unwrap();
        let child = table.duplicate();
        assert_eq!(child.add(file(), false), Ok(0));
        assert_eq!(slot.install(file(), false), 0);
    }

    #[test]
    fn ranges_are_closed_or_marked() {
        let table = FileTable::new();
        let handle = file();
        for _ in 0..300 {
            table.add(handle.clone(), false).unwrap();
        }
        table.close_range(290, u32::MAX, true);
        assert!(table.closes_on_exec(299).unwrap() && !table.closes_on_exec(289).unwrap());
        table.close_range(3, 289, false);
        assert_eq!(table.open_count(), 13);
        table.close_range(1000, 2000, false);
        table.close_all();
        assert_eq!(table.open_count(), 0);
        let Handle::File(file) = handle else { unreachable!("it is a file") };
        assert_eq!(Arc::strong_count(&file), 1);
    }
}
