//! connect(2)

use alloc::sync::Arc;

use scml::Call;

use super::internet;
use crate::{
    abi::address::SocketAddress,
    caller::Caller,
    error::{Errno, Result},
    family::{
        inet::{Begun, Internet},
        unix::address::{Name, is_unspecific},
    },
    policy::{Admitted, Decoded},
    socket::{Direction, Socket, Target},
    step::{Attempt, Operation, Patience, Step, Stop},
};

/// A connection that is to be made.
pub struct Connect {
    socket: Arc<Socket>,
    address: SocketAddress,
    /// How far it has come with a connection that takes its time.
    begun: Option<Begun>,
    patience: Patience,
}

impl Decoded for Connect {
    const CALL: Call = Call::Connect;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.socket)
    }

    fn address(&self) -> Option<&[u8]> {
        Some(self.address.bytes())
    }
}

/// Decodes `connect(sockfd, addr, addrlen)`.
///
/// # Errors
/// EBADF, ENOTSOCK; EINVAL for a length that no address has, EFAULT; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<Connect>> {
    let socket = super::socket(caller, registers)?;
    let address = SocketAddress::read(caller, registers[1], registers[2] as i32)?;
    caller.world().policy.admit(
        caller,
        registers,
        Connect { socket, address, begun: None, patience: Patience::default() },
    )
}

impl<C: Caller> Operation<C> for Admitted<Connect> {
    fn step(&mut self, caller: &C) -> Step {
        let connect = self.call();
        let nonblocking = connect.socket.nonblocking();
        let socket = connect.socket.clone();
        let done = match socket.internet() {
            Some(internet) => connect.perform_internet(caller, internet, nonblocking),
            None => connect.perform(caller),
        };
        match done {
            Ok(()) => Step::Done(Ok(0)),
            Err(stop) => {
                let step = connect.patience.wait(caller, stop, nonblocking, socket.timeout(Direction::Send));
                match (step, connect.begun) {
                    // The connection is still being made, as for one who does not wait.
                    (Step::Done(Err(error)), Some(begun)) if error.errno == Errno::EAGAIN => {
                        internet::in_progress(begun == Begun::Here).into_step(true)
                    }
                    (step, _) => step,
                }
            }
        }
    }
}

impl Connect {
    /// Begins the connection when it is called for the first time, and then sees what has become of it. As on Linux, who does
    /// not wait is never told that it is made already, even where it is.
    fn perform_internet<C: Caller>(
        &mut self,
        caller: &C,
        internet: &Internet,
        nonblocking: bool,
    ) -> Attempt<()> {
        let context = internet::context(caller);
        let begun = match self.begun {
            Some(begun) => begun,
            None => *self.begun.insert(internet.connect(self.address.bytes(), &context)?),
        };
        match begun {
            Begun::Over => Ok(()),
            Begun::Here if nonblocking => Err(internet::in_progress(true)),
            _ => match internet.finish_connect(&context) {
                Err(Stop::Blocked(_)) if nonblocking => Err(internet::in_progress(false)),
                result => result,
            },
        }
    }

    /// The name is looked up at every try: while this one waited for room, another may have taken it.
    fn perform<C: Caller>(&self, caller: &C) -> Attempt<()> {
        if let Some(netlink) = self.socket.netlink() {
            let program = super::netlink::Of(caller);
            let context = super::netlink::context(caller, &program);
            return Ok(netlink.connect(self.address.bytes(), &context)?);
        }
        if let Some(vsock) = self.socket.vsock() {
            return Ok(vsock.connect(self.address.bytes(), self.socket.nonblocking())?);
        }
        if is_unspecific(self.address.bytes()) && self.socket.disconnect() {
            return Ok(());
        }
        let name = Name::parse(self.address.bytes())?;
        // Who wants to know others is to be known itself.
        if self.socket.knows_senders() {
            self.socket.bind_any(caller.world())?;
        }
        let target = match name {
            Name::Abstract(name) => Target::Abstract(name),
            Name::Path(path) => Target::Node(caller.find_node(path)?),
        };
        self.socket.connect(caller.world(), target, caller.identity())
    }
}
