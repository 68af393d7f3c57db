//! Epolls that watch epolls: not in a circle, not too deep, and not in too many ways.

use alloc::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    vec::Vec,
};

use socket::error::{Errno, Error, Result};
use spin::Mutex;
use vfs::Handle;

use super::{Epoll, Interest};

/// How many epolls may be above each other, but for the first (`EP_MAX_NESTS`).
const DEEPEST: usize = 4;

/// In how many ways an event may travel up through so many epolls above the one that watches the file. At 0 there is no
/// limit.
const PATHS: [usize; DEEPEST + 1] = [usize::MAX, 500, 100, 50, 10];

/// Held while an epoll comes under watch: what is checked stays so.
static NESTING: Mutex<()> = Mutex::new(());

impl Epoll {
    /// Watches an epoll.
    pub(super) fn add_epoll(
        &self,
        file: &Handle,
        descriptor: i32,
        interest: Interest,
        inner: &Arc<Self>,
    ) -> Result<()> {
        let nesting = NESTING.lock();
        let mut below = BTreeMap::new();
        let down = inner.depth(&mut below, &|epoll| epoll.below(), &self.this, 0);
        let up = self
            .this
            .upgrade()
            .map_or(0, |this| this.depth(&mut BTreeMap::new(), &|epoll| epoll.above(), &Weak::new(), 0));
        if down + 1 + up > DEEPEST {
            return Err(Error::new(Errno::ELOOP, "epolls watch each other in a circle, or too deep"));
        }
        self.enter(file, descriptor, interest, Some(Arc::downgrade(inner)))?;
        inner.above.lock().push(self.this.clone());
        let checked = below.values().try_for_each(|(epoll, _)| epoll.check_paths());
        if checked.is_err() {
            // It was not there before, so it is this one, or somebody else has ended it.
            let _ = self.remove(file, descriptor);
        }
        drop(nesting);
        checked
    }

    /// The length of the longest way from here along `next`; more than allowed where `forbidden` is on it.
    fn depth(
        self: &Arc<Self>,
        seen: &mut BTreeMap<*const Self, (Arc<Self>, usize)>,
        next: &dyn Fn(&Self) -> Vec<Arc<Self>>,
        forbidden: &Weak<Self>,
        above: usize,
    ) -> usize {
        if core::ptr::eq(Arc::as_ptr(self), forbidden.as_ptr()) || above > DEEPEST {
            return DEEPEST + 1;
        }
        if let Some((_, depth)) = seen.get(&Arc::as_ptr(self)) {
            return *depth;
        }
        let deepest = next(self)
            .iter()
            .map(|epoll| 1 + epoll.depth(seen, next, forbidden, above + 1))
            .max()
            .unwrap_or(0);
        seen.insert(Arc::as_ptr(self), (self.clone(), deepest));
        deepest
    }

    /// The epolls that this one watches.
    fn below(&self) -> Vec<Arc<Self>> {
        let entries = self.entries.lock();
        entries.values().filter_map(|entry| entry.nested.as_ref()?.upgrade()).collect()
    }

    /// The epolls that watch this one.
    fn above(&self) -> Vec<Arc<Self>> {
        self.above.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// Whether an event at a file in here can travel.
    ///
    /// # Errors
    /// EINVAL: in too many ways.
    pub(super) fn check_paths(&self) -> Result<()> {
        let mut paths = [0; DEEPEST + 1];
        if self.count_paths(0, &mut paths) {
            Ok(())
        } else {
            Err(Error::new(Errno::EINVAL, "events would be told in too many ways"))
        }
    }

    fn count_paths(&self, length: usize, paths: &mut [usize; DEEPEST + 1]) -> bool {
        let Some(count) = paths.get_mut(length) else { return false };
        let above = self.above();
        if above.is_empty() {
            *count += 1;
            return *count <= PATHS[length];
        }
        above.iter().all(|epoll| epoll.count_paths(length + 1, paths))
    }
}
