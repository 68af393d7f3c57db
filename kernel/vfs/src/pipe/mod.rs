//! Pipes and fifos (pipe(7)).
//!
//! As in Linux, a pipe is a queue of pages: a write of at most `PIPE_BUF` bytes goes to the page at the tail if it fits
//! there, and to a new one if not, and a pipe is full when it has no page left to give. That decides when a pipe is
//! writable, so programs can tell.

mod fifo;
mod pages;
#[cfg(test)]
mod tests;

use alloc::{boxed::Box, collections::VecDeque, sync::Arc, vec, vec::Vec};

use socket::{
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
};
use spin::Mutex;

pub(crate) use self::fifo::Fifo;
pub use self::{fifo::Partner, pages::PipePage};
use crate::{identity::Access, memory::Buffers};

/// The size of a page, and the most that is written in one piece (`PIPE_BUF`), in bytes.
pub const PAGE: usize = linux_raw_sys::general::PIPE_BUF as usize;

/// How many pages a new pipe holds: 64 KiB.
const PAGES: usize = 16;

/// The most that F_SETPIPE_SZ gives, in pages: 1 MiB (`/proc/sys/fs/pipe-max-size`).
const MAX_PAGES: usize = 256;

/// Up to so many bytes are read without allocating.
const SMALL: usize = 64;

/// A page with bytes that were written and not yet read. Never empty while it is queued.
struct Page {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    /// Whether nothing may be added: it was put in as it is.
    sealed: bool,
}

impl Page {
    fn held(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }
}

struct State {
    pages: VecDeque<Page>,
    limit: usize,
    /// A page kept for the next write, so that small messages back and forth do not allocate.
    spare: Option<Box<[u8]>>,
    readers: usize,
    writers: usize,
    /// How often an end was opened: what an open of a fifo waits for.
    readers_ever: u64,
    writers_ever: u64,
}

impl State {
    /// Whether a piece of `length` bytes fits behind the last one.
    fn merges(&self, length: usize) -> bool {
        length < PAGE && self.pages.back().is_some_and(|page| !page.sealed && PAGE - page.end >= length)
    }

    fn is_full(&self) -> bool {
        self.pages.len() >= self.limit
    }

    fn page(&mut self) -> Box<[u8]> {
        self.spare.take().unwrap_or_else(|| vec![0; PAGE].into_boxed_slice())
    }

    fn recycle(&mut self, page: Page) {
        if self.spare.is_none() {
            self.spare = Some(page.bytes);
        }
    }
}

/// A pipe.
pub struct Pipe {
    state: Mutex<State>,
    pollee: Arc<Pollee>,
}

impl Pipe {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                pages: VecDeque::new(),
                limit: PAGES,
                spare: None,
                readers: 0,
                writers: 0,
                readers_ever: 0,
                writers_ever: 0,
            }),
            pollee: Arc::new(Pollee::new()),
        })
    }

    /// Where its events are announced.
    #[must_use]
    pub fn pollee(&self) -> &Arc<Pollee> {
        &self.pollee
    }

    /// How many bytes can be read (FIONREAD).
    #[must_use]
    pub fn available(&self) -> usize {
        self.state.lock().pages.iter().map(|page| page.held().len()).sum()
    }

    /// Its capacity in bytes (F_GETPIPE_SZ).
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.state.lock().limit * PAGE
    }

    /// Changes the capacity to at least `bytes` (F_SETPIPE_SZ); returns what it became.
    ///
    /// # Errors
    /// EINVAL beyond 2 GiB, EPERM beyond 1 MiB, EBUSY where more is in use.
    pub fn set_capacity(&self, bytes: usize) -> Result<usize> {
        if bytes > 1 << 31 {
            return Err(Error::new(Errno::EINVAL, "no such capacity"));
        }
        let pages = bytes.div_ceil(PAGE).max(1).next_power_of_two();
        if pages > MAX_PAGES {
            return Err(Error::new(Errno::EPERM, "beyond /proc/sys/fs/pipe-max-size"));
        }
        let mut state = self.state.lock();
        if state.pages.len() > pages {
            return Err(Error::new(Errno::EBUSY, "more is in use"));
        }
        state.limit = pages;
        drop(state);
        self.pollee.notify(Events::OUT | Events::WRNORM);
        Ok(pages * PAGE)
    }

    /// Reads what is there. Other readers get what follows.
    ///
    /// # Errors
    /// EAGAIN where nothing is there and there are writers, EFAULT (nothing is lost then).
    fn read(&self, buffers: &mut Buffers<'_>) -> Result<usize> {
        if buffers.remaining() == 0 {
            return Ok(0);
        }
        let mut small = [0; SMALL];
        let mut rest = Vec::new();
        let mut whole = Vec::new();
        let mut freed = false;
        let was_full;
        let part = {
            let mut state = self.state.lock();
            was_full = state.is_full();
            let mut wanted = buffers.remaining();
            let Some(first) = state.pages.front_mut() else {
                return if state.writers == 0 { Ok(0) } else { Err(Errno::EAGAIN.into()) };
            };
            if wanted <= SMALL && wanted <= first.held().len() {
                small[..wanted].copy_from_slice(&first.held()[..wanted]);
                first.start += wanted;
                if first.start == first.end
                    && let Some(page) = state.pages.pop_front()
                {
                    state.recycle(page);
                    freed = true;
                }
                &small[..wanted]
            } else {
                while let Some(page) = state.pages.pop_front_if(|page| page.held().len() <= wanted) {
                    wanted -= page.held().len();
                    whole.push(page);
                }
                if let Some(page) = state.pages.front_mut() {
                    rest.extend_from_slice(&page.held()[..wanted]);
                    page.start += wanted;
                }
                &rest[..]
            }
        };
        self.hand_over(buffers, whole, part, freed, was_full)
    }

    /// Copies to the program what was taken off the queue, and puts back what it could not take: as in Linux, a page's
    /// bytes are given whole or not at all.
    fn hand_over(
        &self,
        buffers: &mut Buffers<'_>,
        whole: Vec<Page>,
        part: &[u8],
        mut freed: bool,
        was_full: bool,
    ) -> Result<usize> {
        let mut copied = 0;
        let mut given = 0;
        for page in &whole {
            if buffers.put(page.held()) < page.held().len() {
                break;
            }
            copied += page.held().len();
            given += 1;
        }
        let part_given = given == whole.len() && buffers.put(part) == part.len();
        if part_given {
            copied += part.len();
        }

        freed |= given > 0;
        if !whole.is_empty() || !part_given {
            self.put_back(whole, given, if part_given { &[] } else { part });
        }
        // As in Linux, room is announced where there was none.
        if freed && was_full {
            self.pollee.notify(Events::OUT | Events::WRNORM);
        }
        if copied == 0 { Err(Errno::EFAULT.into()) } else { Ok(copied) }
    }

    /// Puts the pages that were not given, and a part of one, back to the start of the queue; one of the others is kept
    /// for the next write.
    fn put_back(&self, mut pages: Vec<Page>, given: usize, part: &[u8]) {
        let mut given_back = pages.split_off(given);
        let mut state = self.state.lock();
        if !part.is_empty() {
            // Normally it still is the start of the first page; only other readers can have changed that.
            match state.pages.front_mut().filter(|page| page.bytes[..page.start].ends_with(part)) {
                Some(page) => page.start -= part.len(),
                None => {
                    let mut page = Page { bytes: state.page(), start: 0, end: part.len(), sealed: false };
                    page.bytes[..part.len()].copy_from_slice(part);
                    given_back.push(page);
                }
            }
        }
        while let Some(page) = given_back.pop() {
            state.pages.push_front(page);
        }
        if let Some(page) = pages.pop() {
            state.recycle(page);
        }
        drop(state);
        drop(pages);
    }

    /// Writes what there is room for: at most `PIPE_BUF` bytes in one piece or not at all, more page by page.
    ///
    /// # Errors
    /// EPIPE without readers, EAGAIN where there is no room, EFAULT.
    fn write(&self, buffers: &mut Buffers<'_>) -> Result<usize> {
        let mut written = 0;
        let total = buffers.remaining();
        while buffers.remaining() > 0 {
            let odd = buffers.remaining() % PAGE;
            let piece = if odd == 0 { PAGE } else { odd };
            match self.write_piece(buffers, piece) {
                Ok(()) => written += piece,
                Err(error) if written == 0 => return Err(error),
                Err(_) => break,
            }
        }
        debug_assert!(written <= total);
        Ok(written)
    }

    fn write_piece(&self, buffers: &mut Buffers<'_>, length: usize) -> Result<()> {
        let room = |state: &State| {
            if state.readers == 0 {
                Err(Error::new(Errno::EPIPE, "nobody reads"))
            } else if state.is_full() && !state.merges(length) {
                Err(Errno::EAGAIN.into())
            } else {
                Ok(())
            }
        };
        let mut bytes = {
            let mut state = self.state.lock();
            room(&state)?;
            state.page()
        };
        let taken = buffers.take(&mut bytes[..length]);
        let mut state = self.state.lock();
        let page = Page { bytes, start: 0, end: length, sealed: false };
        let result = if taken < length { Err(Errno::EFAULT.into()) } else { room(&state) };
        let mut unused = None;
        if result.is_err() {
            state.recycle(page);
        } else if state.merges(length) {
            if let Some(last) = state.pages.back_mut() {
                last.bytes[last.end..last.end + length].copy_from_slice(page.held());
                last.end += length;
            }
            unused = Some(page);
        } else {
            state.pages.push_back(page);
        }
        if let Some(page) = unused {
            state.recycle(page);
        }
        drop(state);
        if result.is_ok() {
            self.pollee.notify(Events::IN | Events::RDNORM);
        }
        result
    }
}

/// One end of a pipe, or both (a fifo that is open for reading and writing).
pub struct End {
    pipe: Arc<Pipe>,
    access: Access,
    /// How often writers had come when this end was opened: without any since, there is no hang-up (poll(2) on a fifo).
    writers_before: u64,
}

impl End {
    /// Opens an end of `pipe`. Without a writer, one with a name is not hung up before there was one.
    fn open(pipe: &Arc<Pipe>, access: Access, named: bool) -> Self {
        let end = Self::opened(pipe, &mut pipe.state.lock(), access, named);
        end.announced()
    }

    /// An end of `pipe`, whose state the caller has locked: who decides by the state whether and how long an open waits
    /// sees it as it is at that moment, and nobody who comes and goes in between is missed. Still to be announced.
    fn opened(pipe: &Arc<Pipe>, state: &mut State, access: Access, named: bool) -> Self {
        let before = state.writers_ever;
        if access.contains(Access::READ) {
            state.readers += 1;
            state.readers_ever += 1;
        }
        if access.contains(Access::WRITE) {
            state.writers += 1;
            state.writers_ever += 1;
        }
        let writers_before = if named && state.writers == 0 { before } else { u64::MAX };
        Self { pipe: pipe.clone(), access, writers_before }
    }

    /// Tells those who wait for the other end, once the state is unlocked.
    fn announced(self) -> Self {
        self.pipe.pollee.notify(Events::IN | Events::OUT);
        self
    }

    /// The pipe.
    #[must_use]
    pub fn pipe(&self) -> &Arc<Pipe> {
        &self.pipe
    }

    /// Reads (read(2), pipe(7)); 0 at the end, when nobody writes any more.
    ///
    /// # Errors
    /// EAGAIN where the caller may wait, EFAULT.
    pub fn read(&self, buffers: &mut Buffers<'_>) -> Result<usize> {
        self.pipe.read(buffers)
    }

    /// Writes (write(2), pipe(7)).
    ///
    /// # Errors
    /// EPIPE, EAGAIN where the caller may wait, EFAULT.
    pub fn write(&self, buffers: &mut Buffers<'_>) -> Result<usize> {
        self.pipe.write(buffers)
    }

    /// What can be done now (poll(2)).
    #[must_use]
    pub fn poll(&self) -> Events {
        let state = self.pipe.state.lock();
        let mut events = Events::empty();
        if self.access.contains(Access::READ) {
            if !state.pages.is_empty() {
                events |= Events::IN | Events::RDNORM;
            }
            if state.writers == 0 && self.writers_before != state.writers_ever {
                events |= Events::HUP;
            }
        }
        if self.access.contains(Access::WRITE) {
            if !state.is_full() {
                events |= Events::OUT | Events::WRNORM;
            }
            if state.readers == 0 {
                events |= Events::ERR;
            }
        }
        events
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut state = self.pipe.state.lock();
        if self.access.contains(Access::READ) {
            state.readers -= 1;
        }
        if self.access.contains(Access::WRITE) {
            state.writers -= 1;
        }
        let alone = state.readers == 0 || state.writers == 0;
        drop(state);
        if alone {
            self.pipe.pollee.notify(Events::all());
        }
    }
}

/// The ends of a new pipe: to read from, to write to.
pub(crate) fn ends() -> (Arc<Pipe>, End, End) {
    let pipe = Pipe::new();
    let reader = End::open(&pipe, Access::READ, false);
    let writer = End::open(&pipe, Access::WRITE, false);
    (pipe, reader, writer)
}
