//! The emulated sockets that targets have open, found by the cookies of their placeholders.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    os::fd::{BorrowedFd, OwnedFd},
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
};

use socket::{
    ready::{Events, Observer},
    socket::Socket,
};

use super::{placeholder::Placeholder, watch::Watch};

/// Something that has been announced, and is to be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    /// Of a socket, by its cookie: its placeholder may have to show something else.
    File(u64, Events),
    /// For a call that waits, by the id of its notification.
    Call(u64),
}

/// What has been announced, in order. One thread fills and empties it; the sockets' interface wants it to be `Sync`.
#[derive(Default)]
pub(super) struct Queue(Mutex<Vec<News>>);

impl Queue {
    /// Adds to it.
    pub(super) fn push(&self, news: News) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(news);
    }

    /// Empties it into `into`, which is empty.
    pub(super) fn swap(&self, into: &mut Vec<News>) {
        std::mem::swap(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), into);
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// Tells the queue of a socket's events.
struct Teller {
    cookie: u64,
    queue: Arc<Queue>,
}

impl Observer for Teller {
    fn notify(&self, events: Events) {
        self.queue.push(News::File(self.cookie, events));
    }
}

/// An emulated socket that targets have.
pub(super) struct File {
    /// The socket itself.
    pub(super) socket: Arc<Socket>,
    /// What the targets have of it.
    placeholder: RefCell<Placeholder>,
    /// Keeps the inode that it is bound to from being another file's: its number is a name.
    pub(super) node: RefCell<Option<OwnedFd>>,
    /// Whether there is something that the placeholder cannot show.
    unshown: Cell<bool>,
    /// How many such sockets there are.
    all_unshown: Rc<Cell<usize>>,
}

impl File {
    /// Has the placeholder show what the socket's state is. See [`Placeholder::show`].
    pub(super) fn show(&self, news: Events, watch: &Watch, far: Option<BorrowedFd<'_>>) {
        let ready = self.socket.poll();
        self.placeholder.borrow_mut().show(ready, news, watch, far);
        // Datagram sockets fail without hanging up, and lose room to what others send.
        let datagrams = u32::from(self.socket.socket_type()) == libc::SOCK_DGRAM as u32;
        let unconnected = ready.contains(Events::HUP) && !ready.contains(Events::RDHUP);
        self.set_unshown(datagrams || unconnected);
    }

    /// Whether there is something that the placeholder cannot show.
    pub(super) fn is_unshown(&self) -> bool {
        self.unshown.get()
    }

    fn set_unshown(&self, unshown: bool) {
        if self.unshown.replace(unshown) != unshown {
            let all = self.all_unshown.get();
            self.all_unshown.set(if unshown { all + 1 } else { all - 1 });
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.set_unshown(false);
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Files {
    files: RefCell<HashMap<u64, Rc<File>>>,
    unshown: Rc<Cell<usize>>,
}

impl Files {
    /// The socket whose placeholder has this cookie.
    pub(super) fn get(&self, cookie: u64) -> Option<Rc<File>> {
        self.files.borrow().get(&cookie).cloned()
    }

    /// Enters a socket.
    pub(super) fn insert(
        &self,
        socket: Arc<Socket>,
        placeholder: Placeholder,
        queue: &Arc<Queue>,
    ) -> Rc<File> {
        let cookie = placeholder.cookie;
        // It is told until the socket ends.
        let _ = socket.pollee().register(Arc::new(Teller { cookie, queue: queue.clone() }), Events::all());
        let file = Rc::new(File {
            socket,
            placeholder: RefCell::new(placeholder),
            node: RefCell::default(),
            unshown: Cell::new(false),
            all_unshown: self.unshown.clone(),
        });
        self.files.borrow_mut().insert(cookie, file.clone());
        file
    }

    /// How many there are whose placeholders cannot show something.
    pub(super) fn unshown(&self) -> usize {
        self.unshown.get()
    }

    /// The last descriptor is closed.
    pub(super) fn remove(&self, cookie: u64) -> Option<Rc<File>> {
        self.files.borrow_mut().remove(&cookie)
    }
}
