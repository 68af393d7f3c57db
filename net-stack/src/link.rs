//! What a network device does for the stack.

use alloc::vec::Vec;

/// A device that frames can be sent over. What it receives is given to [`Stack::receive`](crate::Stack::receive), by a task
/// that may take locks: never from an interrupt.
pub trait Link: Send + Sync {
    /// Sends the bytes of `frame` from `start` on: an Ethernet frame, or an IP packet where the link has no frames. It is
    /// called without a lock of the stack. Whether there was room; if not, the frame is lost, as frames are.
    fn send(&self, frame: Vec<u8>, start: usize) -> bool;

    /// Whether the device computes the checksums of TCP and UDP itself.
    fn computes_checksums(&self) -> bool {
        false
    }
}
