//! Sockets of type SOCK_DGRAM.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use scml::SocketState;
use spin::Mutex;

use crate::{
    ancillary::OpenFile,
    caller::NodeId,
    error::{Errno, Error, Result},
    family::unix::{
        address::{Address, Name},
        connection::HAS_NAME,
        names::{Binding, Names},
        record::Endpoint,
    },
    socket::Socket,
};

/// A datagram socket: what others know of it, and its right to its name.
///
/// Lock order: `binding`, then the table of names. The endpoint's lock is not taken under it.
pub(crate) struct Datagram {
    endpoint: Arc<Endpoint>,
    binding: Mutex<Option<Box<Binding>>>,
}

impl Datagram {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        Self { endpoint, binding: Mutex::new(None) }
    }

    /// To send and receive on.
    #[inline]
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Gives the socket the name that `register` finds for it.
    ///
    /// # Errors
    /// EINVAL where it has one already; what `register` fails with.
    fn name_it(&self, register: impl FnOnce() -> Result<(Address, Binding)>) -> Result<()> {
        let mut own = self.binding.lock();
        if own.is_some() {
            return Err(HAS_NAME);
        }
        let (address, binding) = register()?;
        *own = Some(Box::new(binding));
        self.endpoint.set_name(address);
        Ok(())
    }

    /// bind(2) to an abstract name.
    ///
    /// # Errors
    /// EINVAL where the socket has a name, EADDRINUSE where the name is taken.
    pub(crate) fn bind_abstract(&self, socket: &Arc<Socket>, names: &Arc<Names>, name: &[u8]) -> Result<()> {
        self.name_it(|| Ok((Address::new(Name::Abstract(name)), names.bind_abstract(socket, name)?)))
    }

    /// bind(2) to an inode that was made for this.
    ///
    /// # Errors
    /// EINVAL where the socket has a name.
    pub(crate) fn bind_node(
        &self,
        socket: &Arc<Socket>,
        names: &Arc<Names>,
        path: &[u8],
        node: NodeId,
    ) -> Result<()> {
        self.name_it(|| Ok((Address::new(Name::Path(path)), names.bind_node(socket, node))))
    }

    /// bind(2) without saying to what. A socket that has a name keeps it.
    ///
    /// # Errors
    /// ENOSPC where no name is free.
    pub(crate) fn bind_any(&self, socket: &Arc<Socket>, names: &Arc<Names>) -> Result<()> {
        match self.name_it(|| names.bind_any(socket)) {
            Err(error) if error == HAS_NAME => Ok(()),
            result => result,
        }
    }

    /// connect(2) to a socket that was found under the wanted name; false where it is gone.
    ///
    /// # Errors
    /// EPROTOTYPE where it has another type, EPERM where it has another peer.
    pub(crate) fn connect(&self, other: &Socket) -> Result<bool> {
        self.endpoint.connect(of(other)?)
    }

    /// As a rule of the policy may name it.
    pub(crate) fn phase(&self) -> SocketState {
        if self.endpoint.peer().is_some() {
            SocketState::Connected
        } else if self.endpoint.name().is_some() {
            SocketState::Bound
        } else {
            SocketState::Unbound
        }
    }

    /// Nobody has the socket any more. The open files that nobody has received are added to `files`.
    pub(crate) fn close(&mut self, files: &mut Vec<OpenFile>) {
        // The name goes first: who still finds it finds nobody behind it.
        *self.binding.get_mut() = None;
        self.endpoint.close(files);
    }
}

/// What others know of a datagram socket.
///
/// # Errors
/// EPROTOTYPE for one of another type.
pub(crate) fn of(socket: &Socket) -> Result<&Arc<Endpoint>> {
    let other_type = Error::new(Errno::EPROTOTYPE, "the socket there has another type");
    socket.datagram().map(Datagram::endpoint).ok_or(other_type)
}
