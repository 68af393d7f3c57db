//! What a sample says of the memory that its pointers reach, laid over what would be good there.

use std::os::fd::{AsRawFd, OwnedFd};

use scml::{ControlHeader, probe::Sample};

use crate::{address::Address, errno::Result, sys};

/// The sample's address: `good`, but for its family and the fields that the sample has values for.
pub(super) fn address(sample: &Sample, good: &Address) -> Address {
    let family = sample.family.unwrap_or_default();
    let mut bytes = Address::raw(family, good.rest()).bytes().to_vec();
    sample.fields.iter().for_each(|field| field.put(&mut bytes));
    Address::raw(family, &bytes[2..])
}

/// What a parameter points to: zeros, but for the fields that the sample has values for.
pub(super) fn memory(sample: &Sample, parameter: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let here = sample.fields.iter().filter(|field| field.place.parameter == parameter);
    here.for_each(|field| field.put(&mut bytes));
    bytes
}

/// The sample's control messages, with data that suits them: this process's credentials, a descriptor, or zeros.
pub(super) fn control(sample: &Sample, passed: &OwnedFd) -> Result<Option<Vec<u8>>> {
    let Some(headers) = &sample.control else { return Ok(None) };
    let mut bytes = Vec::new();
    for ControlHeader { level, kind, .. } in headers {
        let data: Vec<u8> = match (*level, *kind) {
            (libc::SOL_SOCKET, libc::SCM_RIGHTS) => passed.as_raw_fd().to_ne_bytes().to_vec(),
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => [sys::getpid()?, sys::geteuid()?, sys::getegid()?]
                .map(|id| (id as u32).to_ne_bytes())
                .concat(),
            _ => vec![0; 4],
        };
        bytes.extend_from_slice(&(16 + data.len()).to_ne_bytes());
        bytes.extend_from_slice(&level.to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    Ok(Some(bytes))
}
