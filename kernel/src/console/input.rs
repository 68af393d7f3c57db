//! Standard input, and what the host says on the control channel.
//!
//! Bytes are taken from the ports by a task that the ports' interrupt wakes. When the buffer is full it stops, and the
//! host's side waits: nothing is lost.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicBool, Ordering};

use ostd::{
    arch::irq::{IRQ_CHIP, MappedIrqLine},
    irq::IrqLine,
    sync::{LocalIrqDisabled, SpinLock, Waiter, Waker},
    task::TaskOptions,
};
use socket::{
    error::{Errno, Result},
    ready::{Events, Pollee},
};
use spin::Once;

use super::{CONTROL, STANDARD};

/// How many bytes wait for the program at most.
const CAPACITY: usize = 64 << 10;
/// The longest control line.
const LINE_LIMIT: usize = 256;
/// The interrupt of COM2 and COM4.
const IRQ: u8 = 3;

#[derive(Default)]
struct Input {
    bytes: VecDeque<u8>,
    /// How many came in all.
    received: u64,
    /// How many there will be, once the host has said so.
    total: Option<u64>,
}

impl Input {
    fn at_end(&self) -> bool {
        self.total.is_some_and(|total| self.received >= total)
    }
}

static INPUT: SpinLock<Option<Input>> = SpinLock::new(None);
static POLLEE: Once<Arc<Pollee>> = Once::new();
/// Wakes the task.
static WAKER: Once<Arc<Waker>> = Once::new();
/// Whether the task stopped because the buffer was full.
static STOPPED: AtomicBool = AtomicBool::new(false);
static LINE: SpinLock<Option<MappedIrqLine>, LocalIrqDisabled> = SpinLock::new(None);

/// Where changes are announced.
pub(super) fn pollee() -> &'static Arc<Pollee> {
    POLLEE.call_once(|| Arc::new(Pollee::new()))
}

/// Whether a read would not wait.
pub(super) fn is_ready() -> bool {
    INPUT.lock().as_ref().is_none_or(|input| !input.bytes.is_empty() || input.at_end())
}

/// Takes what there is; 0 at the end.
///
/// # Errors
/// EAGAIN where there is nothing yet.
pub(super) fn read(into: &mut [u8]) -> Result<usize> {
    let count = {
        let mut input = INPUT.lock();
        // Without a port there is no input.
        let Some(input) = input.as_mut() else { return Ok(0) };
        if input.bytes.is_empty() && !input.at_end() && !into.is_empty() {
            return Err(Errno::EAGAIN.into());
        }
        let count = into.len().min(input.bytes.len());
        for (place, byte) in into.iter_mut().zip(input.bytes.drain(..count)) {
            *place = byte;
        }
        count
    };
    if count > 0 && STOPPED.swap(false, Ordering::AcqRel) {
        wake();
    }
    Ok(count)
}

/// Lets bytes come in. To be called once.
///
/// # Errors
/// The interrupt cannot be had, or there is no memory for the task.
pub(crate) fn start() -> ostd::Result<()> {
    let Some(Some(_)) = STANDARD.get() else { return Ok(()) };
    *INPUT.lock() = Some(Input::default());
    let mut line = IrqLine::alloc()?;
    line.on_active(|_| wake());
    let chip = IRQ_CHIP.get().ok_or(ostd::Error::NotEnoughResources)?;
    *LINE.lock() = Some(chip.map_isa_pin_to(line, IRQ)?);
    TaskOptions::new(serve).spawn()?;
    Ok(())
}

fn wake() {
    if let Some(waker) = WAKER.get() {
        waker.wake_up();
    }
}

/// The task.
fn serve() {
    let (waiter, waker) = Waiter::new_pair();
    WAKER.call_once(|| waker);
    for port in [&STANDARD, &CONTROL] {
        if let Some(Some(uart)) = port.get() {
            uart.enable_receive_interrupt();
        }
    }
    let mut line = Vec::new();
    loop {
        // The ports share an interrupt that is raised by a change: it comes again only if neither had anything left at
        // the same time.
        while take_standard() | take_control(&mut line) {}
        waiter.wait();
    }
}

/// Takes bytes of standard input; whether there were any.
fn take_standard() -> bool {
    let Some(Some(uart)) = STANDARD.get() else { return false };
    let mut any = false;
    {
        let mut input = INPUT.lock();
        let Some(input) = input.as_mut() else { return false };
        loop {
            if input.bytes.len() >= CAPACITY {
                STOPPED.store(true, Ordering::Release);
                break;
            }
            let Some(byte) = uart.read() else { break };
            input.bytes.push_back(byte);
            input.received += 1;
            any = true;
        }
    }
    if any {
        pollee().notify(Events::IN | Events::RDNORM);
    }
    any
}

/// Takes bytes of the control channel; whether there were any.
fn take_control(line: &mut Vec<u8>) -> bool {
    let Some(Some(uart)) = CONTROL.get() else { return false };
    let mut any = false;
    while let Some(byte) = uart.read() {
        any = true;
        if byte == b'\n' {
            obey(line);
            line.clear();
        } else if line.len() < LINE_LIMIT {
            line.push(byte);
        }
    }
    any
}

/// Does what the host says.
fn obey(line: &[u8]) {
    let line = line.trim_ascii();
    let total =
        line.strip_prefix(b"eof ").and_then(|count| core::str::from_utf8(count).ok()?.parse::<u64>().ok());
    let Some(total) = total else {
        ostd::warn!("control line not understood: {}", line.escape_ascii());
        return;
    };
    if let Some(input) = INPUT.lock().as_mut() {
        input.total = Some(total);
    }
    pollee().notify(Events::IN | Events::RDNORM);
}
