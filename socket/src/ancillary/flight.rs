//! Open files in flight: sent, and not received yet.

use alloc::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    vec::Vec,
};
use core::sync::atomic::{AtomicUsize, Ordering};

use spin::{Mutex, MutexGuard};

use super::rights::OpenFile;
use crate::{caller::Caller, socket::Socket};

/// Whose the files of a message are, and where they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Account {
    /// The system.
    pub(crate) world: u32,
    /// The user who sent them.
    pub(crate) user: u32,
    /// The socket at which they wait, by its place in the registry.
    pub(crate) holder: u32,
}

impl Account {
    /// That of a caller who sends to the socket in that place.
    pub(crate) fn new<C: Caller>(caller: &C, holder: u32) -> Self {
        Self { world: caller.world().id, user: caller.identity().users.real, holder }
    }
}

/// A socket in flight.
pub(super) struct Node {
    pub(super) socket: Weak<Socket>,
    /// How often it is in flight.
    pub(super) count: u32,
}

/// Everything that is in flight.
///
/// Lock order: the queue of a connection comes before it, the registry behind it. Nothing is dropped under it.
pub(super) struct Flight {
    /// The sockets among it, by place.
    pub(super) nodes: BTreeMap<u32, Node>,
    /// Which socket waits at which, and how often: see [`edge`].
    pub(super) edges: BTreeMap<u64, u32>,
    /// How many files each user has there, by system and user.
    users: BTreeMap<(u32, u32), usize>,
    /// Where the search for sockets that only keep each other open goes on.
    pub(super) cursor: u64,
    /// Sockets to begin that search at.
    pub(super) suspects: Vec<u32>,
    /// How many further sockets may be met in that search; below 0 where it was more than that.
    pub(super) savings: isize,
    /// Whether somebody works through them.
    pub(super) clearing: bool,
}

static FLIGHT: Mutex<Flight> = Mutex::new(Flight {
    nodes: BTreeMap::new(),
    edges: BTreeMap::new(),
    users: BTreeMap::new(),
    cursor: 0,
    suspects: Vec::new(),
    savings: 0,
    clearing: false,
});

/// How many sockets are in flight: where there are none, nobody has to look for garbage.
static SOCKETS: AtomicUsize = AtomicUsize::new(0);

/// So many users without files in flight are remembered, so that the usual case needs no memory each time.
const IDLE_USERS: usize = 64;

/// The key of an edge: the one in flight, then the one where it is.
pub(super) fn edge(socket: u32, holder: u32) -> u64 {
    u64::from(socket) << 32 | u64::from(holder)
}

pub(super) fn lock() -> MutexGuard<'static, Flight> {
    FLIGHT.lock()
}

/// Whether a socket is in flight.
#[inline]
pub(super) fn has_sockets() -> bool {
    SOCKETS.load(Ordering::Relaxed) != 0
}

/// How many files a user has in flight.
pub(crate) fn of_user(world: u32, user: u32) -> usize {
    lock().users.get(&(world, user)).copied().unwrap_or_default()
}

fn sockets(files: &[OpenFile]) -> impl Iterator<Item = &Arc<Socket>> {
    files.iter().filter_map(|file| match file {
        OpenFile::Socket(socket) => Some(socket),
        OpenFile::Other(_) => None,
    })
}

/// Files are in flight from now on.
pub(super) fn depart(account: &Account, files: &[OpenFile]) {
    let mut flight = lock();
    *flight.users.entry((account.world, account.user)).or_default() += files.len();
    for socket in sockets(files) {
        let place = socket.place();
        let node =
            flight.nodes.entry(place).or_insert_with(|| Node { socket: Arc::downgrade(socket), count: 0 });
        node.count += 1;
        *flight.edges.entry(edge(place, account.holder)).or_default() += 1;
        SOCKETS.fetch_add(1, Ordering::Relaxed);
    }
}

/// Files are in flight no more.
pub(super) fn arrive(account: &Account, files: &[OpenFile]) {
    let mut flight = lock();
    if let Some(count) = flight.users.get_mut(&(account.world, account.user)) {
        *count -= files.len();
        if *count == 0 && flight.users.len() > IDLE_USERS {
            flight.users.remove(&(account.world, account.user));
        }
    }
    for socket in sockets(files) {
        let place = socket.place();
        if let Some(node) = flight.nodes.get_mut(&place) {
            node.count -= 1;
            if node.count == 0 {
                // The socket is there, in `files`: this `Weak` is not the last to hold its memory.
                flight.nodes.remove(&place);
            }
        }
        let key = edge(place, account.holder);
        if let Some(count) = flight.edges.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                flight.edges.remove(&key);
            }
        }
        SOCKETS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs `look`, which takes files out of a message that stays in flight, while nobody judges what is garbage: a socket whose
/// count was looked at before, and at which the message is, after, would be taken for one that nobody has.
pub(crate) fn undisturbed<T>(look: impl FnOnce() -> T) -> T {
    let flight = lock();
    let seen = look();
    drop(flight);
    seen
}
