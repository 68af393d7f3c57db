//! What makes a character device a terminal to programs: its settings (termios(3), ioctl_tty(2)).

use linux_raw_sys::{general as uapi, ioctl};
use socket::error::{Errno, Result};
use spin::Mutex;

use crate::memory::UserMemory;

const SETTINGS: usize = size_of::<uapi::termios>();
const WINDOW: usize = size_of::<uapi::winsize>();

/// Line settings and window size, as programs set them. How the line behaves is the device's matter.
pub struct Terminal {
    settings: Mutex<[u8; SETTINGS]>,
    window: Mutex<[u8; WINDOW]>,
}

impl Terminal {
    /// A terminal with Linux's first settings, in a window of that many rows and columns.
    #[must_use]
    pub fn new(rows: u16, columns: u16) -> Self {
        let mut settings = [0; SETTINGS];
        let flags = [
            (core::mem::offset_of!(uapi::termios, c_iflag), uapi::ICRNL | uapi::IXON),
            (core::mem::offset_of!(uapi::termios, c_oflag), uapi::OPOST | uapi::ONLCR),
            (
                core::mem::offset_of!(uapi::termios, c_cflag),
                uapi::B38400 | uapi::CS8 | uapi::CREAD | uapi::HUPCL,
            ),
            (
                core::mem::offset_of!(uapi::termios, c_lflag),
                uapi::ISIG
                    | uapi::ICANON
                    | uapi::ECHO
                    | uapi::ECHOE
                    | uapi::ECHOK
                    | uapi::ECHOCTL
                    | uapi::ECHOKE
                    | uapi::IEXTEN,
            ),
        ];
        for (offset, value) in flags {
            settings[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
        }
        // INTR QUIT ERASE KILL EOF TIME MIN SWTC START STOP SUSP EOL REPRINT DISCARD WERASE LNEXT (asm-generic/termios.h)
        let characters = *b"\x03\x1c\x7f\x15\x04\0\x01\0\x11\x13\x1a\0\x12\x0f\x17\x16\0\0\0";
        let offset = core::mem::offset_of!(uapi::termios, c_cc);
        settings[offset..offset + characters.len()].copy_from_slice(&characters);
        let mut window = [0; WINDOW];
        window[..2].copy_from_slice(&rows.to_ne_bytes());
        window[2..4].copy_from_slice(&columns.to_ne_bytes());
        Self { settings: Mutex::new(settings), window: Mutex::new(window) }
    }

    /// The requests of settings and window size.
    ///
    /// # Errors
    /// ENOTTY for other requests, EFAULT.
    pub fn ioctl(&self, request: u32, argument: usize, memory: &dyn UserMemory) -> Result<usize> {
        match request {
            ioctl::TCGETS => get(&self.settings, argument, memory),
            ioctl::TCSETS | ioctl::TCSETSW | ioctl::TCSETSF => set(&self.settings, argument, memory),
            ioctl::TIOCGWINSZ => get(&self.window, argument, memory),
            ioctl::TIOCSWINSZ => set(&self.window, argument, memory),
            _ => Err(Errno::ENOTTY.into()),
        }
    }
}

fn get<const N: usize>(held: &Mutex<[u8; N]>, address: usize, memory: &dyn UserMemory) -> Result<usize> {
    let bytes = *held.lock();
    memory.write(address, &bytes).map_err(|_| Errno::EFAULT)?;
    Ok(0)
}

fn set<const N: usize>(held: &Mutex<[u8; N]>, address: usize, memory: &dyn UserMemory) -> Result<usize> {
    let mut bytes = [0; N];
    memory.read(address, &mut bytes).map_err(|_| Errno::EFAULT)?;
    *held.lock() = bytes;
    Ok(0)
}
