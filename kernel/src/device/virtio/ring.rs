//! A queue with the memory of its buffers: all of the kernel's code for devices that the compiler cannot check.
//!
//! Buffers are slots of memory that only the ring and the device see. Bytes are copied in and out, and only while a slot is not
//! with the device. The crate keeps its own copy of the descriptors; what the device says in return, a token and a length, is
//! checked here against what it was given.

#![expect(unsafe_code, reason = "memory that a device reads and writes")]

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::{
    ptr::NonNull,
    sync::atomic::{Ordering, fence},
};

use ostd::{
    mm::{HasDaddr, HasSize, PAGE_SIZE, VmIo, dma::DmaCoherent, io::util::HasVmReaderWriter},
    sync::SpinLock,
};
use virtio_drivers::{BufferDirection, Error, Hal, PhysAddr, Result, queue::VirtQueue};

use super::transport::{Doorbell, PciTransport};

/// So many buffers are with the device at once: QEMU's default.
pub(super) const SIZE: usize = 256;

/// The bytes of a buffer: a frame of 1,514 bytes with virtio's header, and two to a page.
pub(super) const SLOT_SIZE: usize = PAGE_SIZE / 2;

/// An address that no device can reach.
const NOWHERE: PhysAddr = PhysAddr::MAX << 12;

/// All memory that devices are given, by its address for the kernel.
static MEMORY: SpinLock<BTreeMap<usize, Arc<DmaCoherent>>> = SpinLock::new(BTreeMap::new());

fn address_of(memory: &DmaCoherent) -> Option<NonNull<u8>> {
    NonNull::new(memory.writer().cursor())
}

/// Memory that devices share, zero at first.
fn allocate(pages: usize) -> Option<(NonNull<u8>, Arc<DmaCoherent>)> {
    let memory = Arc::new(DmaCoherent::alloc(pages, true).ok()?);
    let address = address_of(&memory)?;
    MEMORY.lock().insert(address.addr().get(), memory.clone());
    Some((address, memory))
}

struct DeviceMemory;

// SAFETY: `dma_alloc` gives whole, zeroed, page-aligned pages of untyped memory which stay in `MEMORY` until `dma_dealloc`, so
// nobody else has them. No address of a device's registers is ever turned into a pointer. `share` gives only addresses of such
// pages to the device.
unsafe impl Hal for DeviceMemory {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        match allocate(pages) {
            Some((address, memory)) => (memory.daddr() as PhysAddr, address),
            // The address 0 says that there is none.
            None => (0, NonNull::dangling()),
        }
    }

    unsafe fn dma_dealloc(_: PhysAddr, address: NonNull<u8>, _: usize) -> i32 {
        let memory = MEMORY.lock().remove(&address.addr().get());
        drop(memory);
        0
    }

    /// Never called: registers are reached through `IoMem`.
    unsafe fn mmio_phys_to_virt(_: PhysAddr, _: usize) -> NonNull<u8> {
        NonNull::dangling()
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        let address = buffer.cast::<u8>().addr().get();
        let memory = MEMORY.lock();
        let (start, memory) = match memory.range(..=address).next_back() {
            Some(found) => found,
            None => return NOWHERE,
        };
        let offset = address - start;
        if offset.saturating_add(buffer.len()) > memory.size() {
            return NOWHERE;
        }
        (memory.daddr() + offset) as PhysAddr
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}

/// Which way a queue's buffers go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Direction {
    /// The device writes them.
    Receive,
    /// The device reads them.
    Send,
}

/// A queue with its buffers. The device uses it from DRIVER_OK (3.1.1, step 8) to its reset: between the two it must not be dropped.
pub(super) struct Ring {
    queue: VirtQueue<DeviceMemory, SIZE>,
    direction: Direction,
    doorbell: Doorbell,
    /// The slots, one behind the other, and their address.
    memory: Arc<DmaCoherent>,
    start: NonNull<u8>,
    /// The slots that are not with the device.
    free: Vec<u16>,
    /// Which slot, and how much of it, is with the device, by the queue's token.
    lent: Vec<Option<(u16, usize)>>,
    /// The device has said nonsense. Nothing more is done with the queue.
    broken: bool,
}

// SAFETY: the pointers are to memory that belongs to the ring (and the device) alone; no thread is special to it.
unsafe impl Send for Ring {}

impl Ring {
    /// The device's queue of that number, with no buffer in it.
    ///
    /// # Errors
    /// No memory, or a queue that is shorter than [`SIZE`].
    pub(super) fn new(transport: &mut PciTransport, number: u16, direction: Direction) -> Result<Self> {
        let queue = VirtQueue::new(transport, number, false, false)?;
        let (start, memory) = allocate((SIZE * SLOT_SIZE).div_ceil(PAGE_SIZE)).ok_or(Error::DmaError)?;
        Ok(Self {
            queue,
            direction,
            doorbell: transport.doorbell(number),
            memory,
            start,
            free: (0..SIZE as u16).collect(),
            lent: (0..SIZE).map(|_| None).collect(),
            broken: false,
        })
    }

    /// Tells the device not to interrupt for this queue.
    pub(super) fn set_quiet(&mut self) {
        self.queue.set_dev_notify(false);
    }

    /// The first `length` bytes of a slot.
    fn buffer(&self, slot: u16, length: usize) -> NonNull<[u8]> {
        debug_assert!(usize::from(slot) < SIZE && length <= SLOT_SIZE);
        // SAFETY: slots come from `free`, so that they are less than SIZE, and the memory has SIZE slots.
        let start = unsafe { self.start.add(usize::from(slot) * SLOT_SIZE) };
        NonNull::slice_from_raw_parts(start, length.min(SLOT_SIZE))
    }

    /// Gives the device the first `length` bytes of a slot that has been taken out of `free`.
    fn lend(&mut self, slot: u16, length: usize) -> bool {
        let mut buffer = self.buffer(slot, length);
        // SAFETY: the memory lives as long as the ring, nobody reads or writes a slot that is lent, and the slot is lent until
        // `pop_used` gives it back.
        let added = unsafe {
            match self.direction {
                Direction::Receive => self.queue.add(&[], &mut [buffer.as_mut()]),
                Direction::Send => self.queue.add(&[buffer.as_ref()], &mut []),
            }
        };
        match added.ok().and_then(|token| self.lent.get_mut(usize::from(token))) {
            Some(entry) => *entry = Some((slot, length)),
            None => {
                self.free.push(slot);
                return false;
            }
        }
        true
    }

    /// Takes back the next buffer that the device has done with: the slot, and how many bytes the device has written.
    fn take_back(&mut self) -> Option<(u16, usize)> {
        if self.broken {
            return None;
        }
        let token = self.queue.peek_used()?;
        // A token that is not lent is nonsense.
        let Some((slot, length)) = self.lent.get_mut(usize::from(token)).and_then(Option::take) else {
            self.broken = true;
            return None;
        };
        let mut buffer = self.buffer(slot, length);
        // SAFETY: it is the buffer that `lend` was given this token for.
        let used = unsafe {
            match self.direction {
                Direction::Receive => self.queue.pop_used(token, &[], &mut [buffer.as_mut()]),
                Direction::Send => self.queue.pop_used(token, &[buffer.as_ref()], &mut []),
            }
        };
        match used {
            Ok(written) => Some((slot, length.min(written as usize))),
            // The device has changed its mind meanwhile: the slot stays with it.
            Err(_) => {
                self.broken = true;
                None
            }
        }
    }

    /// Tells the device of what is new, if it wants to be told.
    pub(super) fn notify(&self) {
        // The device looks at the ring again after it has said that it wants to be told. What is new must be there before
        // that is looked at, or both would wait for each other.
        fence(Ordering::SeqCst);
        if !self.broken && self.queue.should_notify() {
            self.doorbell.ring();
        }
    }

    /// Gives all free slots to the device, to be written.
    pub(super) fn offer(&mut self) {
        while !self.broken
            && let Some(slot) = self.free.pop()
            && self.lend(slot, SLOT_SIZE)
        {}
    }

    /// What the device has written next. The slot is free then.
    pub(super) fn receive(&mut self) -> Option<Vec<u8>> {
        let (slot, length) = self.take_back()?;
        let mut bytes = alloc::vec![0; length];
        let read = self.memory.read_bytes(usize::from(slot) * SLOT_SIZE, &mut bytes);
        self.free.push(slot);
        read.is_ok().then_some(bytes)
    }

    /// Gives the device what is in `parts`, one behind the other, to be read. Whether there was room.
    pub(super) fn send(&mut self, parts: [&[u8]; 2]) -> bool {
        while let Some((slot, _)) = self.take_back() {
            self.free.push(slot);
        }
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        if self.broken || length == 0 || length > SLOT_SIZE {
            return false;
        }
        let Some(slot) = self.free.pop() else { return false };
        let mut at = usize::from(slot) * SLOT_SIZE;
        for part in parts {
            if self.memory.write_bytes(at, part).is_err() {
                self.free.push(slot);
                return false;
            }
            at += part.len();
        }
        self.lend(slot, length)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let memory = MEMORY.lock().remove(&self.start.addr().get());
        drop(memory);
    }
}
