//! connect(2): from a port to a peer.

use alloc::sync::Arc;

use spin::Mutex;

use super::{
    flow::{Core, Flow, Retry},
    input::Entry,
    options::TcpOptions,
    stream::TcpStream,
};
use crate::{
    address::Endpoint,
    cover::Cover,
    demux::FourTuple,
    net::{Path, PathError, Reach},
    outbox::{Outbox, Watched},
    port::{Binding, Claim},
    random::Purpose,
    stack::Stack,
    time::Instant,
};

/// Why no connection was begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectError {
    /// There is no way to the peer (ENETUNREACH and others); there is none to groups and broadcasts either.
    Path(PathError),
    /// There is a connection with these two ends already (EADDRNOTAVAIL).
    Taken,
    /// No port is free (EADDRNOTAVAIL).
    Exhausted,
    /// The peer's port is 0 (ECONNREFUSED: nobody listens there).
    NoPort,
}

/// So often another port is tried where somebody was faster.
const RACES: usize = 8;

impl Stack {
    /// Begins a connection to `remote`, from a port that is held already or from one that is chosen.
    ///
    /// # Errors
    /// [`ConnectError`], and the binding, if there was one.
    pub fn tcp_connect(
        self: &Arc<Self>,
        from: Result<Binding, Claim>,
        remote: Endpoint,
        options: &TcpOptions,
        now: Instant,
    ) -> Result<TcpStream, (ConnectError, Option<Binding>)> {
        let (claim, binding) = match from {
            Ok(binding) => (*binding.claim(), Some(binding)),
            Err(claim) => (claim, None),
        };
        if remote.port == 0 {
            return Err((ConnectError::NoPort, binding));
        }
        let path = self.network.read().path(remote.address, claim.cover.address(), claim.device);
        let path = match path {
            Ok(path) if matches!(path.reach, Reach::Local | Reach::Unicast) => path,
            Ok(_) => return Err((ConnectError::Path(PathError::Unreachable), binding)),
            Err(error) => return Err((ConnectError::Path(error), binding)),
        };
        let remote = Endpoint { address: path.destination, port: remote.port };
        let mut out = Outbox::default();
        let flow = match binding {
            Some(mut binding) => {
                let before = binding.claim().cover;
                binding.narrow(path.source);
                self.begin(binding, path, remote, options, now).map_err(|mut binding| {
                    binding.cover(before);
                    (ConnectError::Taken, Some(binding))
                })
            }
            None => self.begin_anywhere(claim, path, remote, options, now).map_err(|error| (error, None)),
        }?;
        flow.step(self, now, &mut out, |core, step| {
            core.retry = Retry::start(step.now);
            core.send_syn(step);
        });
        let stream = TcpStream::new(self.clone(), flow);
        self.flush(out, now);
        Ok(stream)
    }

    fn begin_anywhere(
        &self,
        claim: Claim,
        path: Path,
        remote: Endpoint,
        options: &TcpOptions,
        now: Instant,
    ) -> Result<Arc<Flow>, ConnectError> {
        let claim = Claim { cover: Cover::only(path.source), ..claim };
        let tuple = |port| FourTuple { local: Endpoint { address: path.source, port }, remote };
        for _ in 0..RACES {
            let taken = |port| match self.tcp.find(&tuple(port)) {
                None => false,
                Some(Entry::TimeWait(waiting)) => waiting.reusable(now).is_none(),
                Some(_) => true,
            };
            let binding = self.tcp_ports.connect(claim, path.source, remote, taken);
            let binding = binding.map_err(|_| ConnectError::Exhausted)?;
            if let Ok(flow) = self.begin(binding, path, remote, options, now) {
                return Ok(flow);
            }
        }
        Err(ConnectError::Exhausted)
    }

    /// Enters a connection, unless its four-tuple is taken.
    fn begin(
        &self,
        binding: Binding,
        path: Path,
        remote: Endpoint,
        options: &TcpOptions,
        now: Instant,
    ) -> Result<Arc<Flow>, Binding> {
        let tuple = FourTuple { local: Endpoint { address: path.source, port: binding.port() }, remote };
        let mut first = self.first_sequence_number(&tuple, now);
        if let Some(Entry::TimeWait(waiting)) = self.tcp.find(&tuple)
            && let Some(next) = waiting.reusable(now)
        {
            waiting.end(self);
            first = next;
        }
        let mut core = Core::new(path, *options, None, first, now);
        core.clock_offset = self.clock_offset(&tuple);
        let flow = Arc::new(Flow { tuple, watched: Watched::default(), core: Mutex::new(core) });
        if !self.tcp.insert(tuple, &Entry::Flow(flow.clone())) {
            return Err(binding);
        }
        flow.core.lock().binding = Some(binding);
        Ok(flow)
    }

    /// RFC 6528: a clock, shifted by an amount that only this host knows.
    pub(super) fn first_sequence_number(&self, tuple: &FourTuple, now: Instant) -> u32 {
        let clock = (now.micros() / 4) as u32;
        clock.wrapping_add(self.secret.hash(Purpose::SequenceNumber, tuple) as u32)
    }

    /// RFC 7323, 5.4.
    pub(super) fn clock_offset(&self, tuple: &FourTuple) -> u32 {
        self.secret.hash(Purpose::TimestampOffset, (tuple.local.address, tuple.remote.address)) as u32
    }
}
