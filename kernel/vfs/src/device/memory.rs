//! `/dev/null`, `zero`, `full`, `random` and `urandom` (null(4), full(4), random(4)).

use alloc::sync::Arc;

use socket::error::{Errno, Error, Result};

use super::Device;
use crate::{
    file_system::{Environment, device_number},
    identity::Access,
};

/// Where random bytes come from.
pub trait Entropy: Send + Sync {
    /// Fills `into` with bytes that nobody can predict.
    fn fill(&self, into: &mut [u8]);
}

struct Null;

impl Device for Null {
    fn read(&self, _into: &mut [u8]) -> Result<usize> {
        Ok(0)
    }

    fn write(&self, from: &[u8]) -> Result<usize> {
        Ok(from.len())
    }

    fn write_unseen(&self, length: usize) -> Option<Result<usize>> {
        Some(Ok(length))
    }

    fn splices(&self) -> Access {
        Access::WRITE
    }

    fn seekable(&self) -> bool {
        true
    }
}

/// `/dev/zero`, and `/dev/full`, which takes nothing.
struct Zero {
    full: bool,
}

impl Device for Zero {
    fn read(&self, into: &mut [u8]) -> Result<usize> {
        into.fill(0);
        Ok(into.len())
    }

    fn write(&self, from: &[u8]) -> Result<usize> {
        if self.full { Err(Error::new(Errno::ENOSPC, "it is always full")) } else { Ok(from.len()) }
    }

    fn write_unseen(&self, length: usize) -> Option<Result<usize>> {
        Some(if self.full { Err(Error::new(Errno::ENOSPC, "it is always full")) } else { Ok(length) })
    }

    fn splices(&self) -> Access {
        if self.full { Access::READ } else { Access::READ | Access::WRITE }
    }

    fn seekable(&self) -> bool {
        true
    }
}

struct Random(Arc<dyn Entropy>);

impl Device for Random {
    fn read(&self, into: &mut [u8]) -> Result<usize> {
        self.0.fill(into);
        Ok(into.len())
    }

    /// What is written is taken for entropy of no worth.
    fn write(&self, from: &[u8]) -> Result<usize> {
        Ok(from.len())
    }

    fn seekable(&self) -> bool {
        true
    }
}

/// Names, numbers and permissions of the devices of memory (Linux's `Documentation/admin-guide/devices.txt`).
pub(crate) const MEMORY_DEVICES: [(&[u8], u64); 5] = [
    (b"null", device_number(1, 3)),
    (b"zero", device_number(1, 5)),
    (b"full", device_number(1, 7)),
    (b"random", device_number(1, 8)),
    (b"urandom", device_number(1, 9)),
];

/// Makes the devices of memory known to the system.
pub fn register_memory_devices(environment: &Environment, entropy: Arc<dyn Entropy>) {
    let devices: [Arc<dyn Device>; 5] = [
        Arc::new(Null),
        Arc::new(Zero { full: false }),
        Arc::new(Zero { full: true }),
        Arc::new(Random(entropy.clone())),
        Arc::new(Random(entropy)),
    ];
    for ((_, number), device) in MEMORY_DEVICES.into_iter().zip(devices) {
        environment.register_device(number, device);
    }
}
