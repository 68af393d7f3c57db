//! Counters that can be waited for: eventfd(2).

use alloc::{format, string::String, sync::Arc};
use core::sync::atomic::{AtomicU32, Ordering};

use socket::{
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
};
use spin::Mutex;
use vfs::{Buffers, Special};

/// How long a value is that is read or written, in bytes.
const LENGTH: usize = size_of::<u64>();

/// The counter of an eventfd. It never reaches [`u64::MAX`].
pub(crate) struct EventCounter {
    count: Mutex<u64>,
    /// EFD_SEMAPHORE: reading takes one, not all.
    semaphore: bool,
    pollee: Arc<Pollee>,
    /// What `/proc/PID/fdinfo` tells counters apart by.
    number: u32,
}

impl EventCounter {
    /// A counter that begins at `count`.
    pub(crate) fn new(count: u32, semaphore: bool) -> Arc<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { count: Mutex::new(count.into()), semaphore, pollee: Arc::default(), number })
    }

    fn add(&self, value: u64) -> Result<()> {
        if value == u64::MAX {
            return Err(Error::new(Errno::EINVAL, "the counter cannot hold it"));
        }
        {
            let mut count = self.count.lock();
            if u64::MAX - *count <= value {
                return Err(Errno::EAGAIN.into());
            }
            *count += value;
        }
        self.pollee.notify(Events::IN);
        Ok(())
    }
}

impl Special for EventCounter {
    fn name(&self) -> &'static str {
        "anon_inode:[eventfd]"
    }

    fn details(&self) -> String {
        let count = *self.count.lock();
        format!(
            "eventfd-count: {count:16x}\neventfd-id: {}\neventfd-semaphore: {}\n",
            self.number,
            u8::from(self.semaphore)
        )
    }

    /// As in Linux, a value that cannot be handed over is lost.
    fn read(&self, buffers: &mut Buffers<'_>) -> Result<usize> {
        if buffers.remaining() < LENGTH {
            return Err(Error::new(Errno::EINVAL, "no room for the counter"));
        }
        let value = {
            let mut count = self.count.lock();
            let value = match *count {
                0 => return Err(Errno::EAGAIN.into()),
                _ if self.semaphore => 1,
                all => all,
            };
            *count -= value;
            value
        };
        self.pollee.notify(Events::OUT);
        if buffers.put(&value.to_ne_bytes()) < LENGTH {
            return Err(Errno::EFAULT.into());
        }
        Ok(LENGTH)
    }

    /// A value per range, each of its exact length.
    fn write(&self, buffers: &mut Buffers<'_>) -> Result<usize> {
        let mut done = 0;
        loop {
            let mut bytes = [0; LENGTH];
            let result = if buffers.next_length() != LENGTH {
                Err(Error::new(Errno::EINVAL, "not the length of a counter"))
            } else if buffers.take(&mut bytes) < LENGTH {
                Err(Errno::EFAULT.into())
            } else {
                self.add(u64::from_ne_bytes(bytes))
            };
            match result {
                Ok(()) => done += LENGTH,
                Err(error) if done == 0 => return Err(error),
                Err(_) => return Ok(done),
            }
            if buffers.remaining() == 0 {
                return Ok(done);
            }
        }
    }

    fn poll(&self) -> Events {
        let count = *self.count.lock();
        let mut events = Events::empty();
        events.set(Events::IN, count > 0);
        events.set(Events::OUT, count < u64::MAX - 1);
        events
    }

    fn pollee(&self) -> Option<&Arc<Pollee>> {
        Some(&self.pollee)
    }
}
