//! The 16550A serial port, as far as a virtual one needs it.
//!
//! Source: National Semiconductor, PC16550D data sheet.

use ostd::{arch::device::io_port::ReadWriteAccess, io::IoPort};

type Register = IoPort<u8, ReadWriteAccess>;

/// How many bytes the transmitter takes at once when it is empty.
const FIFO_SIZE: usize = 16;

/// Line status: a byte has been received.
const DATA_READY: u8 = 1 << 0;
/// Line status: the transmitter's FIFO is empty.
const TRANSMITTER_HOLDING_EMPTY: u8 = 1 << 5;
/// Line status: the FIFO and the shift register are empty.
const TRANSMITTER_EMPTY: u8 = 1 << 6;

/// A serial port. Its methods may be used by several at once: bytes may mix, nothing worse.
pub(super) struct Uart {
    data: Register,
    interrupt_enable: Register,
    fifo_control: Register,
    line_control: Register,
    modem_control: Register,
    line_status: Register,
}

impl Uart {
    /// The port whose registers start at `base`, made ready; `None` if there is none.
    pub(super) fn acquire(base: u16) -> Option<Self> {
        let register = |offset| Register::acquire(base + offset).ok();
        let scratch = register(7)?;
        for probe in [0x5A, 0xA5] {
            scratch.write(probe);
            if scratch.read() != probe {
                return None;
            }
        }
        let uart = Self {
            data: register(0)?,
            interrupt_enable: register(1)?,
            fifo_control: register(2)?,
            line_control: register(3)?,
            modem_control: register(4)?,
            line_status: register(5)?,
        };
        uart.interrupt_enable.write(0);
        // 115200 baud: the divisor latch is where data and interrupt enable are while bit 7 is set.
        uart.line_control.write(0x80);
        uart.data.write(1);
        uart.interrupt_enable.write(0);
        // Eight bits, no parity, one stop bit.
        uart.line_control.write(0x03);
        // FIFOs on and cleared, an interrupt when 14 bytes wait, or fewer and no more came for the time of four. QEMU
        // hands over as many at a time: with an interrupt for each byte, input takes five times as long.
        uart.fifo_control.write(0xC7);
        // Data terminal ready, request to send, and OUT2, which lets interrupts through.
        uart.modem_control.write(0x0B);
        Some(uart)
    }

    /// From now on, received bytes raise the port's interrupt.
    pub(super) fn enable_receive_interrupt(&self) {
        self.interrupt_enable.write(0x01);
    }

    /// Sends `bytes`, waiting where the other side is slow.
    pub(super) fn write(&self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = &rest[self.try_write(rest)..];
            core::hint::spin_loop();
        }
    }

    /// Sends what there is room for; says how much that was.
    pub(super) fn try_write(&self, bytes: &[u8]) -> usize {
        if self.line_status.read() & TRANSMITTER_HOLDING_EMPTY == 0 {
            return 0;
        }
        let chunk = &bytes[..bytes.len().min(FIFO_SIZE)];
        for byte in chunk {
            self.data.write(*byte);
        }
        chunk.len()
    }

    /// The next byte that was received, if there is one.
    pub(super) fn read(&self) -> Option<u8> {
        (self.line_status.read() & DATA_READY != 0).then(|| self.data.read())
    }

    /// Waits until everything has been sent.
    pub(super) fn drain(&self) {
        while self.line_status.read() & TRANSMITTER_EMPTY == 0 {
            core::hint::spin_loop();
        }
    }
}
