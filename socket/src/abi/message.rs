//! `struct msghdr`, of sendmsg and recvmsg.

use linux_raw_sys::general::UIO_MAXIOV;

use crate::{
    abi::{
        address::{STORAGE, SocketAddress},
        buffers::Buffers,
        int, word,
    },
    caller::Caller,
    error::{Errno, Error, Result},
};

/// `sizeof(struct msghdr)`, and where its fields are.
const SIZE: usize = 56;
const NAME: usize = 0;
const NAME_LENGTH: usize = 8;
const VECTORS: usize = 16;
const VECTOR_COUNT: usize = 24;
const CONTROL: usize = 32;
const CONTROL_LENGTH: usize = 40;
const FLAGS: usize = 48;

/// A message header that has been copied in.
#[derive(Debug)]
pub struct MessageHeader {
    /// Where it was.
    pub at: usize,
    /// `msg_name`
    pub name: usize,
    /// `msg_namelen`: at most 128, and 0 without a name.
    pub name_length: usize,
    /// `msg_iovlen`
    pub parts: usize,
    /// `msg_control`
    pub control: usize,
    /// `msg_controllen`
    pub control_length: usize,
    /// `msg_flags`
    pub flags: u32,
    vectors: usize,
}

impl MessageHeader {
    /// Copies in a header.
    ///
    /// # Errors
    /// EFAULT; EINVAL for a negative length of the name; then, once the name of a message to be sent has been read (see
    /// [`MessageHeader::read_name`]), EMSGSIZE for more than 1024 parts: see [`MessageHeader::buffers`].
    pub fn read<C: Caller>(caller: &C, at: usize) -> Result<Self> {
        let mut bytes = [0; SIZE];
        caller.read_memory(at, &mut bytes)?;
        let name = word(&bytes, NAME);
        let name_length = if name == 0 { 0 } else { int(&bytes, NAME_LENGTH) };
        let name_length = usize::try_from(name_length)
            .map_err(|_| Error::new(Errno::EINVAL, "a negative length of the name"))?;
        Ok(Self {
            at,
            name,
            name_length: name_length.min(STORAGE),
            parts: word(&bytes, VECTOR_COUNT),
            control: word(&bytes, CONTROL),
            control_length: word(&bytes, CONTROL_LENGTH),
            flags: int(&bytes, FLAGS) as u32,
            vectors: word(&bytes, VECTORS),
        })
    }

    /// Copies in the name of a message that is to be sent.
    ///
    /// # Errors
    /// EFAULT.
    pub fn read_name<C: Caller>(&self, caller: &C) -> Result<Option<SocketAddress>> {
        if self.name_length == 0 {
            return Ok(None);
        }
        SocketAddress::read(caller, self.name, self.name_length as i32).map(Some)
    }

    /// Copies in the array of buffers.
    ///
    /// # Errors
    /// EMSGSIZE for more than 1024 of them, otherwise as [`Buffers::iovec`].
    pub fn buffers<C: Caller>(&self, caller: &C) -> Result<Buffers> {
        if self.parts > UIO_MAXIOV as usize {
            return Err(Error::new(Errno::EMSGSIZE, "more than 1024 buffers"));
        }
        Buffers::iovec(caller, self.vectors, self.parts)
    }

    /// Stores what recvmsg tells about the message: how long the name is (where one was asked for), the flags, and how
    /// much of the control buffer was used.
    ///
    /// # Errors
    /// EFAULT.
    pub fn write_results<C: Caller>(
        &self,
        caller: &C,
        name: &[u8],
        flags: u32,
        control: usize,
    ) -> Result<()> {
        if self.name != 0 {
            caller.write_memory(self.at + NAME_LENGTH, &(name.len() as u32).to_ne_bytes())?;
            crate::abi::address::write_truncated(caller, self.name, self.name_length, name)?;
        }
        caller.write_memory(self.at + FLAGS, &flags.to_ne_bytes())?;
        Ok(caller.write_memory(self.at + CONTROL_LENGTH, &control.to_ne_bytes())?)
    }
}
