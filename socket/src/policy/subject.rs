//! A decoded call, as the rules look at it.

use scml::{Address, Call, Descriptor, Message, SocketState, Subject};

use crate::socket::Socket;

/// A call whose arguments have been copied in. What is judged is what will be performed.
pub trait Decoded {
    /// Which call.
    const CALL: Call;

    /// The socket that it acts on.
    fn socket(&self) -> Option<&Socket> {
        None
    }

    /// The address that was given.
    fn address(&self) -> Option<&[u8]> {
        None
    }

    /// The message header that was given.
    fn message(&self) -> Option<Message<'_>> {
        None
    }

    /// The netlink messages that were given.
    fn payload(&self) -> Option<&[u8]> {
        None
    }

    /// Any other memory that a pointer parameter reaches; `None` where there is none.
    fn memory(&self, parameter: usize) -> Option<&[u8]> {
        let _ = parameter;
        None
    }
}

/// A decoded call together with its registers.
pub(super) struct Judged<'a, T> {
    pub(super) registers: &'a [usize; 6],
    pub(super) decoded: &'a T,
}

impl<T: Decoded> Subject for Judged<'_, T> {
    #[inline]
    fn parameter(&self, index: usize) -> u64 {
        self.registers.get(index).map_or(0, |register| *register as u64)
    }

    #[inline]
    fn descriptor(&self) -> Option<Descriptor> {
        self.decoded.socket().map(Socket::descriptor)
    }

    fn state(&self) -> SocketState {
        self.decoded.socket().map_or(SocketState::Unbound, Socket::state)
    }

    fn address(&self) -> Option<Address<'_>> {
        // One that has not even a family names nothing; what to say to that the family knows.
        self.decoded.address().filter(|bytes| bytes.len() >= 2).map(|bytes| Address { bytes })
    }

    fn message(&self) -> Option<Message<'_>> {
        self.decoded.message()
    }

    fn payload(&self) -> Option<&[u8]> {
        self.decoded.payload()
    }

    fn memory(&self, parameter: usize) -> Option<&[u8]> {
        self.decoded.memory(parameter)
    }
}
