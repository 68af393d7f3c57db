//! Pages that go into pipes and come out of them as they are: what splice(2) and its kin move.

use alloc::{boxed::Box, vec, vec::Vec};

use socket::error::{Errno, Error, Result};

use super::{Events, PAGE, Page, Pipe};

/// Bytes on their way into a pipe or out of one.
pub struct PipePage {
    page: Page,
    /// Whether it is the first part of a page of which the rest is still in the pipe.
    part: bool,
}

impl PipePage {
    /// A page that `fill` puts bytes into and says how many; `None` where there are none.
    ///
    /// # Errors
    /// What `fill` fails with.
    pub fn fill(fill: impl FnOnce(&mut [u8]) -> Result<usize>) -> Result<Option<Self>> {
        let mut bytes = vec![0; PAGE].into_boxed_slice();
        let end = fill(&mut bytes)?.min(PAGE);
        Ok((end != 0).then(|| Self::sealed(bytes, end)))
    }

    /// Pages, at most so many and with at most `most` bytes, that `fill` puts bytes into and says how many.
    ///
    /// # Errors
    /// What `fill` fails with.
    pub fn fill_many(
        pages: usize,
        most: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize>,
    ) -> Result<Vec<Self>> {
        let mut bytes = vec![0; pages.saturating_mul(PAGE).min(most)];
        let length = fill(&mut bytes)?.min(bytes.len());
        let page = |part: &[u8]| {
            let mut page = vec![0; PAGE].into_boxed_slice();
            page[..part.len()].copy_from_slice(part);
            Self::sealed(page, part.len())
        };
        Ok(bytes[..length].chunks(PAGE).map(page).collect())
    }

    fn sealed(bytes: Box<[u8]>, end: usize) -> Self {
        Self { page: Page { bytes, start: 0, end, sealed: true }, part: false }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.page.held()
    }

    /// Leaves out the first `length` bytes, which have arrived; whether any are left.
    pub fn advance(&mut self, length: usize) -> bool {
        self.page.start += length.min(self.bytes().len());
        !self.bytes().is_empty()
    }
}

impl Pipe {
    /// How many pages can be put in.
    ///
    /// # Errors
    /// EPIPE without readers; EAGAIN where it is full: wait for OUT.
    pub fn room(&self) -> Result<usize> {
        let state = self.state.lock();
        if state.readers == 0 {
            return Err(Error::new(Errno::EPIPE, "nobody reads"));
        }
        match state.limit.saturating_sub(state.pages.len()) {
            0 => Err(Errno::EAGAIN.into()),
            pages => Ok(pages),
        }
    }

    /// Whether something can be taken out; false at the end.
    ///
    /// # Errors
    /// EAGAIN where it is empty and there are writers: wait for IN.
    pub fn has_pages(&self) -> Result<bool> {
        let state = self.state.lock();
        match state.pages.is_empty() {
            true if state.writers == 0 => Ok(false),
            true => Err(Errno::EAGAIN.into()),
            false => Ok(true),
        }
    }

    /// Takes the next page out, or of a longer one the first `most` bytes; `None` at the end.
    ///
    /// # Errors
    /// As [`Pipe::has_pages`].
    pub fn take_page(&self, most: usize) -> Result<Option<PipePage>> {
        Ok(self.take_pages(most, 1)?.pop())
    }

    /// Takes out at most `pages` pages with at most `most` bytes, all that are there at one moment: who sees the first of
    /// them arrive and writes more finds that left in the pipe. None at the end.
    ///
    /// # Errors
    /// As [`Pipe::has_pages`].
    pub fn take_pages(&self, mut most: usize, pages: usize) -> Result<Vec<PipePage>> {
        let mut state = self.state.lock();
        if state.pages.is_empty() {
            return if state.writers == 0 { Ok(Vec::new()) } else { Err(Errno::EAGAIN.into()) };
        }
        let mut taken = Vec::with_capacity(pages.min(state.pages.len()));
        let mut freed = false;
        while most > 0 && taken.len() < pages {
            if let Some(page) = state.pages.pop_front_if(|page| page.held().len() <= most) {
                most -= page.held().len();
                taken.push(PipePage { page, part: false });
                freed = true;
            } else if let Some(first) = state.pages.front_mut() {
                let mut bytes = vec![0; PAGE].into_boxed_slice();
                bytes[..most].copy_from_slice(&first.held()[..most]);
                first.start += most;
                taken.push(PipePage { part: true, ..PipePage::sealed(bytes, most) });
                break;
            } else {
                break;
            }
        }
        drop(state);
        if freed {
            self.pollee.notify(Events::OUT | Events::WRNORM);
        }
        Ok(taken)
    }

    /// Puts back what was taken out and did not arrive.
    pub fn put_page_back(&self, page: PipePage) {
        if page.part {
            self.put_back(Vec::new(), 0, page.bytes());
        } else {
            self.state.lock().pages.push_front(page.page);
        }
        self.pollee.notify(Events::IN | Events::RDNORM);
    }

    /// Puts pages in, behind all others. That there is room was asked before.
    pub fn put_pages(&self, pages: impl IntoIterator<Item = PipePage>) {
        let mut state = self.state.lock();
        state.pages.extend(pages.into_iter().map(|page| page.page));
        drop(state);
        self.pollee.notify(Events::IN | Events::RDNORM);
    }

    /// Copies of the first `most` bytes, in at most `pages` pages; they stay in the pipe, too.
    #[must_use]
    pub fn copy_pages(&self, mut most: usize, pages: usize) -> Vec<PipePage> {
        let state = self.state.lock();
        let mut copies = Vec::with_capacity(pages.min(state.pages.len()));
        for page in state.pages.iter().take(pages) {
            let length = page.held().len().min(most);
            if length == 0 {
                break;
            }
            let mut bytes = vec![0; PAGE].into_boxed_slice();
            bytes[..length].copy_from_slice(&page.held()[..length]);
            copies.push(PipePage::sealed(bytes, length));
            most -= length;
        }
        copies
    }
}
