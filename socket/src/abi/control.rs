//! Control messages (`cmsg(3)`).

use alloc::{vec, vec::Vec};

use scml::ControlHeader;

use crate::{
    abi::{int, message::MessageHeader, word},
    caller::Caller,
    error::{Errno, Error, Result},
};

/// `sizeof(struct cmsghdr)`, which is also what CMSG_LEN(0) is.
const HEADER: usize = 16;

/// What `net.core.optmem_max` is by default: the most that one message's control data may take.
const OPTMEM_MAX: usize = 128 << 10;

/// The control messages of a message that is to be sent.
#[derive(Debug, Default)]
pub struct ControlMessages {
    /// The headers, in order.
    pub headers: Vec<ControlHeader>,
}

impl ControlMessages {
    /// Copies in the control data of a message.
    ///
    /// # Errors
    /// ENOBUFS where it is larger than Linux's limit, EFAULT; EINVAL where a header's length is below that of a header, or
    /// beyond the end of the data.
    pub fn read<C: Caller>(caller: &C, header: &MessageHeader) -> Result<Self> {
        if header.control_length == 0 {
            return Ok(Self::default());
        }
        if header.control_length >= OPTMEM_MAX {
            return Err(Error::new(Errno::ENOBUFS, "more control data than net.core.optmem_max"));
        }
        let mut bytes = vec![0; header.control_length];
        caller.read_memory(header.control, &mut bytes)?;
        Ok(Self { headers: parse(&bytes)? })
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<ControlHeader>> {
    let mut headers = Vec::new();
    let mut rest = bytes;
    while rest.len() >= HEADER {
        let header = ControlHeader { length: word(rest, 0), level: int(rest, 8), kind: int(rest, 12) };
        if header.length < HEADER || header.length > rest.len() {
            return Err(Error::new(Errno::EINVAL, "a control message's length"));
        }
        headers.push(header);
        rest = rest.get(header.length.next_multiple_of(size_of::<usize>())..).unwrap_or_default();
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(length: usize, level: i32, kind: i32) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes
    }

    #[test]
    fn headers_are_found_behind_padding() {
        let mut bytes = header(20, 1, 1);
        bytes.extend([0; 8]);
        bytes.extend(header(16, 1, 2));
        bytes.push(0);
        let headers = parse(&bytes).unwrap();
        assert_eq!(headers.iter().map(|header| header.kind).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn bad_lengths_are_refused_and_a_rest_is_ignored() {
        for bytes in [header(0, 1, 1), header(15, 1, 1), header(17, 1, 1), header(usize::MAX, 1, 1)] {
            assert_eq!(parse(&bytes).unwrap_err().errno, Errno::EINVAL);
        }
        assert!(parse(&[0xff; 15]).unwrap().is_empty());
    }
}
