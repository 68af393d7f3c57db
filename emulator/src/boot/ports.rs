//! The four serial ports: sockets that QEMU connects to.

use std::{
    fs::File,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// A serial port by what it carries, in the order of the ports' addresses: 0x3F8, 0x2F8, 0x3E8, 0x2E8.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Port {
    Log,
    Standard,
    Error,
    Control,
}

impl Port {
    pub(super) const ALL: [Self; 4] = [Self::Log, Self::Standard, Self::Error, Self::Control];

    fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Standard => "standard",
            Self::Error => "error",
            Self::Control => "control",
        }
    }
}

/// The sockets before QEMU has connected.
pub(super) struct Listeners {
    listeners: Vec<UnixListener>,
}

/// Why there are no connections.
pub(super) enum NoConnection {
    /// QEMU ended first.
    Ended,
    /// The time ran out.
    TimedOut,
}

impl Listeners {
    /// Makes the sockets in `folder`.
    pub(super) fn bind(folder: &Path) -> Result<Self> {
        // A socket's address has room for 108 bytes, and the temporary folder may have a longer name.
        let directory = File::open(folder)?;
        let short = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
        let listeners = Port::ALL
            .iter()
            .map(|port| UnixListener::bind(short.join(port.name())))
            .collect::<Result<_, _>>()
            .with_context(|| format!("cannot make sockets in {}", folder.display()))?;
        Ok(Self { listeners })
    }

    /// QEMU's arguments, for a QEMU that runs in the sockets' folder.
    pub(super) fn arguments() -> Vec<String> {
        Port::ALL
            .iter()
            .map(|port| port.name())
            .flat_map(|name| {
                let device = format!("socket,id={name},path={name}");
                ["-chardev".to_owned(), device, "-serial".to_owned(), format!("chardev:{name}")]
            })
            .collect()
    }

    /// Waits until QEMU has connected all four, in the order of [`Port::ALL`].
    pub(super) fn accept(
        self,
        qemu: &OwnedFd,
        deadline: Instant,
    ) -> Result<Result<[UnixStream; 4], NoConnection>> {
        let mut streams = Vec::new();
        for listener in &self.listeners {
            let connected = loop {
                let rest = deadline.saturating_duration_since(Instant::now());
                let mut events = [PollFd::new(listener, PollFlags::IN), PollFd::new(qemu, PollFlags::IN)];
                match poll(&mut events, Some(&timespec(rest))) {
                    Ok(0) => return Ok(Err(NoConnection::TimedOut)),
                    Ok(_) => break !events[0].revents().is_empty(),
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error).context("cannot wait for QEMU"),
                }
            };
            if !connected {
                return Ok(Err(NoConnection::Ended));
            }
            streams.push(listener.accept().context("cannot accept QEMU's connection")?.0);
        }
        Ok(Ok(streams.try_into().expect("one stream for each of four listeners")))
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec::try_from(duration).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
}
