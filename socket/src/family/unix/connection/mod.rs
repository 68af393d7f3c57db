//! Sockets that connect, listen and accept: SOCK_STREAM and SOCK_SEQPACKET.
//!
//! | file | what |
//! |---|---|
//! | `mod` | the socket: which state it is in, and the ways from one to the next |
//! | `unconnected` | created, perhaps bound |
//! | `listening` | accepts connections: backlog and queue |
//! | `channel` | has, or had, a peer: what is then between the two; there is no way out of this state |

mod channel;
mod listening;
mod unconnected;

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use scml::SocketState;
use spin::{Mutex, Once};

pub(crate) use self::channel::{Channel, Sides};
use self::{listening::Listener, unconnected::Unconnected};
use super::shutdown::Shutdown;
use crate::{
    ancillary::OpenFile,
    caller::NodeId,
    error::{Errno, Error, Result},
    family::unix::{
        address::{Address, Name},
        names::{Binding, Names},
    },
    identity::Identity,
    pool::Pool,
    ready::{Events, Pollee},
    registry,
    socket::{Options, Socket},
    step::{Attempt, Blocked},
};

/// A socket that connects, listens and accepts.
///
/// Lock order: the state of a listening socket, then the state of a socket that connects to it, then the table of
/// names, or the queue of an end of a connection. Two queues are never locked together, nothing is locked under a
/// queue, what is in flight may be locked before it, and no lock is held while an observer is told, while user memory is touched, or while a socket is dropped.
pub(crate) struct ConnectionMode<C> {
    /// Where the connection is, once there is one: found without a lock by all calls that transfer data.
    link: Once<C>,
    state: Mutex<Named>,
}

/// The state, and the right to the name, which goes through all states.
struct Named {
    binding: Option<Box<Binding>>,
    state: State,
}

enum State {
    Unconnected(Unconnected),
    Listening(Box<Listener>),
    /// [`ConnectionMode::link`] says with whom.
    Connected,
}

impl State {
    /// The next state.
    fn become_listening(
        &mut self,
        name: Address,
        shutdown: Shutdown,
        identity: Arc<Identity>,
    ) -> &mut Listener {
        *self = Self::Listening(Box::new(Listener::new(name, shutdown, identity)));
        match self {
            Self::Listening(listener) => listener,
            _ => unreachable!("it has just been made one"),
        }
    }
}

impl<C: Channel> ConnectionMode<C> {
    /// A socket without name and peer.
    pub(crate) fn new() -> Self {
        Self {
            link: Once::new(),
            state: Mutex::new(Named { binding: None, state: State::Unconnected(Unconnected::default()) }),
        }
    }

    /// One side of a connection.
    pub(crate) fn connected(link: C) -> Self {
        Self {
            link: Once::initialized(link),
            state: Mutex::new(Named { binding: None, state: State::Connected }),
        }
    }

    /// The connection, if there is one.
    #[inline]
    pub(crate) fn link(&self) -> Option<&C> {
        self.link.get()
    }

    /// As a rule of the policy may name it.
    pub(crate) fn phase(&self) -> SocketState {
        match (&self.state.lock().state, self.link()) {
            (State::Unconnected(unconnected), _) if unconnected.name.is_some() => SocketState::Bound,
            (State::Unconnected(_), _) => SocketState::Unbound,
            (State::Listening(_), _) => SocketState::Listening,
            (State::Connected, Some(link)) if link.is_over() => SocketState::Closed,
            (State::Connected, _) => SocketState::Connected,
        }
    }

    /// Gives the socket the name that `register` finds for it.
    ///
    /// # Errors
    /// EINVAL where it has one already; what `register` fails with.
    fn name_it(&self, register: impl FnOnce() -> Result<(Address, Binding)>) -> Result<()> {
        let mut named = self.state.lock();
        let has_name = match &named.state {
            State::Unconnected(unconnected) => unconnected.name.is_some(),
            State::Listening(_) => true,
            State::Connected => self.link().is_some_and(|link| link.local_address().is_some()),
        };
        if has_name {
            return Err(HAS_NAME);
        }
        let (address, binding) = register()?;
        named.binding = Some(Box::new(binding));
        match &mut named.state {
            State::Unconnected(unconnected) => unconnected.name = Some(address),
            State::Listening(_) => {}
            State::Connected => {
                if let Some(link) = self.link() {
                    link.set_local_address(address);
                }
            }
        }
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

    /// listen(2), for the first time or again. `backlog` is bounded by the caller.
    ///
    /// # Errors
    /// EINVAL for a socket without a name, or with a connection.
    pub(crate) fn listen(&self, socket: &Socket, backlog: u32, identity: Arc<Identity>) -> Result<()> {
        let mut named = self.state.lock();
        let listener = match &mut named.state {
            State::Listening(listener) => listener,
            State::Connected => return Err(Error::new(Errno::EINVAL, "a connected socket cannot listen")),
            State::Unconnected(unconnected) => {
                let Unconnected { name, shutdown } = core::mem::take(unconnected);
                let Some(name) = name else {
                    unconnected.shutdown = shutdown;
                    return Err(Error::new(Errno::EINVAL, "a socket without a name cannot listen"));
                };
                socket.set_listening();
                named.state.become_listening(name, shutdown, identity.clone())
            }
        };
        let shown_before = listener.set_backlog(backlog, identity);
        drop(named);
        drop(shown_before);
        // Connects that wait for room may find some; whoever polls finds another state.
        socket.pollee().notify(Events::all());
        Ok(())
    }

    /// connect(2) to a socket that was found under the wanted name.
    ///
    /// # Errors
    /// In this order: EPROTOTYPE where it has another type, ECONNREFUSED where it does not listen; waits (on the listener's pollee) while its backlog is full;
    /// EISCONN, or EINVAL, where `socket` itself is connected or listening.
    pub(crate) fn connect(
        &self,
        socket: &Arc<Socket>,
        target: &Arc<Socket>,
        identity: Arc<Identity>,
        defaults: Defaults,
    ) -> Attempt<()> {
        let Some(listener_side) = C::machine(target) else {
            return Err(Error::new(Errno::EPROTOTYPE, "the socket there has another type").into());
        };
        let offer = match &listener_side.state.lock().state {
            State::Listening(listener) => {
                listener.admit(target.pollee())?;
                listener.offer()
            }
            _ => return Err(REFUSED.into()),
        };
        // All memory is had before the locks are taken. Where one of the tests below fails, it is for nothing.
        let [ours, theirs] = C::pair(Sides {
            pollees: [socket.pollee().clone(), defaults.pollee.clone()],
            peers: [offer.identity, identity],
            send_buffers: [socket.send_buffer(), defaults.send_buffer],
            pool: &defaults.pool,
        });
        theirs.set_local_address(offer.name);
        let embryo = Socket::embryo(C::body(Self::connected(theirs)), socket.descriptor(), defaults);

        let mut their_state = listener_side.state.lock();
        let State::Listening(listener) = &mut their_state.state else { return Err(REFUSED.into()) };
        listener.admit(target.pollee())?;
        // Ours is locked under theirs. Two sockets that connect to each other could so wait for each other, but then
        // both listen, and whoever holds the lock of one of them sees that in the flag of the other. (A socket that
        // listens will do so for ever.)
        if socket.is_listening() {
            return Err(Error::new(Errno::EINVAL, "a listening socket cannot connect").into());
        }
        let mut our_state = self.state.lock();
        let State::Unconnected(unconnected) = &mut our_state.state else {
            return Err(match our_state.state {
                State::Connected => Error::new(Errno::EISCONN, ""),
                _ => Error::new(Errno::EINVAL, "a listening socket cannot connect"),
            }
            .into());
        };
        core::mem::take(unconnected).settle(&ours);
        ours.set_place(socket.place());
        ours.set_knows_senders(socket.knows_senders());
        embryo.inherit(target.options());
        our_state.state = State::Connected;
        self.link.call_once(|| ours);
        registry::enter_waiting(target.place(), &embryo);
        listener.push(embryo);
        drop(our_state);
        drop(their_state);
        target.pollee().notify(Events::READABLE);
        Ok(())
    }

    /// accept(2): the next connection.
    ///
    /// # Errors
    /// EINVAL where the socket does not listen, and where it waits although its receiving direction is shut (there
    /// EAGAIN, if it must not wait). Waits for a connection.
    pub(crate) fn accept(&self, pollee: &Arc<Pollee>, nonblocking: bool) -> Attempt<Arc<Socket>> {
        let mut named = self.state.lock();
        let State::Listening(listener) = &mut named.state else {
            return Err(Error::new(Errno::EINVAL, "the socket does not listen").into());
        };
        if let Some(socket) = listener.pop() {
            drop(named);
            // A connect may wait for room.
            pollee.notify(Events::WRITABLE);
            return Ok(socket);
        }
        if listener.shutdown.contains(Shutdown::RECEIVE) && !nonblocking {
            return Err(Error::new(Errno::EINVAL, "shut down, and no connections left").into());
        }
        Err(crate::step::Stop::Blocked(Blocked { pollee: pollee.clone(), events: Events::READABLE }))
    }

    /// shutdown(2). Possible in every state.
    pub(crate) fn shutdown(&self, directions: Shutdown, pollee: &Pollee) {
        let mut named = self.state.lock();
        match &mut named.state {
            State::Unconnected(unconnected) => unconnected.shutdown |= directions,
            State::Listening(listener) => listener.shutdown |= directions,
            State::Connected => {
                drop(named);
                if let Some(link) = self.link() {
                    link.shutdown(directions);
                }
                return;
            }
        }
        drop(named);
        pollee.notify(Events::all());
    }

    /// What poll(2) shows.
    /// How many connections wait to be accepted, and how many may; nothing for a socket that does not listen.
    pub(crate) fn backlog(&self) -> Option<(u32, u32)> {
        match &self.state.lock().state {
            State::Listening(listener) => Some(listener.counts()),
            _ => None,
        }
    }

    pub(crate) fn poll(&self) -> Events {
        if let Some(link) = self.link() {
            return link.poll();
        }
        let named = self.state.lock();
        match &named.state {
            State::Unconnected(unconnected) => unconnected.poll(),
            State::Listening(listener) => listener.poll(),
            State::Connected => {
                drop(named);
                self.link().map_or(Events::HUP, C::poll)
            }
        }
    }

    /// The socket's own name.
    pub(crate) fn local_address(&self) -> Option<Address> {
        match &self.state.lock().state {
            State::Unconnected(unconnected) => unconnected.name.clone(),
            State::Listening(listener) => Some(listener.name.clone()),
            State::Connected => self.link().and_then(C::local_address).cloned(),
        }
    }

    /// Who is at the other side. A listening socket shows who made it listen.
    pub(crate) fn peer(&self) -> Option<Arc<Identity>> {
        match (&self.state.lock().state, self.link()) {
            (State::Listening(listener), _) => Some(listener.identity.clone()),
            (_, link) => link.and_then(C::peer).cloned(),
        }
    }

    /// The options have changed, as `set` says, which stores them.
    pub(crate) fn set_options(&self, set: impl FnOnce() -> Options) {
        // Under the lock, for the same reason as in `set_send_buffer`.
        let named = self.state.lock();
        let options = set();
        if let Some(link) = self.link() {
            link.set_knows_senders(options.intersects(Options::KNOWS_SENDERS));
        }
        drop(named);
    }

    /// The socket has that place in the registry.
    pub(crate) fn set_place(&self, place: u32) {
        if let Some(link) = self.link() {
            link.set_place(place);
        }
    }

    /// Takes the open files out of everything that waits here: nobody will ever receive them.
    pub(crate) fn take_rights(&self, files: &mut Vec<OpenFile>) {
        if let Some(link) = self.link() {
            return link.take_rights(files);
        }
        let waiting: Vec<_> = match &self.state.lock().state {
            State::Listening(listener) => listener.waiting().cloned().collect(),
            _ => Vec::new(),
        };
        for socket in &waiting {
            socket.take_rights(files);
        }
        files.extend(waiting.into_iter().map(OpenFile::Socket));
    }

    /// The send buffer has another size, which `set` stores.
    pub(crate) fn set_send_buffer(&self, bytes: u32, set: impl FnOnce()) {
        // Under the lock, so that a connect that is under way takes the one size or the other to both places.
        let named = self.state.lock();
        set();
        if let Some(link) = self.link() {
            link.set_send_buffer(bytes);
        }
        drop(named);
    }

    /// Nobody has the socket any more. What is thereby closed is added to `files`: to be dropped one after the other, see
    /// [`dispose`](crate::ancillary::dispose).
    pub(crate) fn close(&mut self, pollee: &Pollee, files: &mut Vec<OpenFile>) {
        let named = self.state.get_mut();
        if let State::Listening(listener) = &mut named.state {
            for socket in listener.take_all() {
                if let Some(link) = C::machine(&socket).and_then(Self::link) {
                    link.reset();
                }
                files.push(OpenFile::Socket(socket));
            }
        }
        // The name goes first: who still finds it finds nobody behind it.
        named.binding = None;
        if let Some(link) = self.link.get() {
            link.close(files);
        }
        // Connects may be waiting for room in the backlog.
        pollee.notify(Events::all());
    }
}

/// What a connection that waits to be accepted starts with.
pub(crate) struct Defaults {
    /// Its own.
    pub(crate) pollee: Arc<Pollee>,
    /// Where its payload finds memory.
    pub(crate) pool: Arc<Pool>,
    /// SO_SNDBUF as the system presets it.
    pub(crate) send_buffer: u32,
    /// SO_RCVBUF likewise.
    pub(crate) receive_buffer: u32,
}

pub(super) const HAS_NAME: Error = Error::new(Errno::EINVAL, "the socket has a name already");
pub(crate) const REFUSED: Error = Error::new(Errno::ECONNREFUSED, "nobody listens there");
