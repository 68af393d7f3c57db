//! Who has which name: the abstract name space, and the sockets behind socket inodes.

use alloc::{
    boxed::Box,
    collections::btree_map::{BTreeMap, Entry},
    sync::{Arc, Weak},
    vec::Vec,
};

use spin::Mutex;

use crate::{
    caller::NodeId,
    error::{Errno, Error, Result},
    family::unix::address::{Address, Name},
    socket::Socket,
};

/// How many names autobind can give: five hexadecimal digits.
const AUTOBIND_NAMES: u32 = 1 << 20;

/// The names of one system. Every look-up takes time logarithmic in the number of names.
///
/// Lock order: the lock of a socket's state comes before the one in here; nothing is locked under it.
#[derive(Default)]
pub struct Names {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    /// By type and name: Linux keeps the abstract names of each type apart.
    abstracts: BTreeMap<Box<[u8]>, Weak<Socket>>,
    nodes: BTreeMap<NodeId, Weak<Socket>>,
    /// Where autobind goes on searching.
    next: u32,
}

/// The key of an abstract name: the type, then the name.
fn key(socket_type: u8, name: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + name.len());
    key.push(socket_type);
    key.extend_from_slice(name);
    key
}

impl Names {
    /// Gives `socket` an abstract name.
    ///
    /// # Errors
    /// EADDRINUSE.
    pub(super) fn bind_abstract(self: &Arc<Self>, socket: &Arc<Socket>, name: &[u8]) -> Result<Binding> {
        let key = key(socket.socket_type(), name).into_boxed_slice();
        match self.tables.lock().abstracts.entry(key.clone()) {
            Entry::Occupied(_) => Err(Error::new(Errno::EADDRINUSE, "the abstract name is taken")),
            Entry::Vacant(vacant) => {
                vacant.insert(Arc::downgrade(socket));
                Ok(Binding { names: self.clone(), key: Key::Abstract(key) })
            }
        }
    }

    /// Gives `socket` an abstract name of five hexadecimal digits that nobody has.
    ///
    /// # Errors
    /// ENOSPC where all of them are taken.
    pub(super) fn bind_any(self: &Arc<Self>, socket: &Arc<Socket>) -> Result<(Address, Binding)> {
        for _ in 0..AUTOBIND_NAMES {
            let number = {
                let mut tables = self.tables.lock();
                tables.next = (tables.next + 1) % AUTOBIND_NAMES;
                tables.next
            };
            let digits = core::array::from_fn::<u8, 5, _>(|place| {
                b"0123456789abcdef"[(number >> (16 - 4 * place) & 0xf) as usize]
            });
            if let Ok(binding) = self.bind_abstract(socket, &digits) {
                return Ok((Address::new(Name::Abstract(&digits)), binding));
            }
        }
        Err(Error::new(Errno::ENOSPC, "autobind has no names left"))
    }

    /// Makes `socket` the one behind an inode that was made for it.
    pub(super) fn bind_node(self: &Arc<Self>, socket: &Arc<Socket>, node: NodeId) -> Binding {
        self.tables.lock().nodes.insert(node, Arc::downgrade(socket));
        Binding { names: self.clone(), key: Key::Node(node) }
    }

    /// The socket of that type with an abstract name.
    #[must_use]
    pub fn find_abstract(&self, socket_type: u8, name: &[u8]) -> Option<Arc<Socket>> {
        self.tables.lock().abstracts.get(&key(socket_type, name)[..])?.upgrade()
    }

    /// The socket behind an inode, of whatever type.
    #[must_use]
    pub fn find_node(&self, node: NodeId) -> Option<Arc<Socket>> {
        self.tables.lock().nodes.get(&node)?.upgrade()
    }
}

enum Key {
    Abstract(Box<[u8]>),
    Node(NodeId),
}

/// The right to a name, given back when dropped.
pub(super) struct Binding {
    names: Arc<Names>,
    key: Key,
}

impl Drop for Binding {
    fn drop(&mut self) {
        let mut tables = self.names.tables.lock();
        // What is removed is dropped only after the lock: a `Weak` may be the last to hold its memory.
        let removed = match &self.key {
            Key::Abstract(key) => tables.abstracts.remove(key),
            Key::Node(node) => tables.nodes.remove(node),
        };
        drop(tables);
        drop(removed);
    }
}
