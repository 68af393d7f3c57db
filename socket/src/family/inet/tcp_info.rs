//! TCP_INFO: how a connection stands (`struct tcp_info` of `linux/tcp.h`).

use alloc::vec::Vec;

use net_stack::{
    tcp::{Info, State},
    time::Instant,
};

use super::{Internet, Transport, tcp::Tcp};

/// `TCPI_OPT_*`
const TIMESTAMPS: u8 = 1;
const SACK: u8 = 2;
const WINDOW_SCALE: u8 = 4;

/// The states' numbers of Linux's `net/tcp_states.h`.
pub(crate) const fn number(state: State) -> u8 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => CLOSE,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => LISTEN,
        State::Closing => 11,
    }
}

/// TCP_CLOSE and TCP_LISTEN
pub(crate) const CLOSE: u8 = 7;
pub(crate) const LISTEN: u8 = 10;

/// The fields, one after the other.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn words<const N: usize>(&mut self, words: [u32; N]) {
        words.iter().for_each(|word| self.0.extend_from_slice(&word.to_ne_bytes()));
    }

    fn wide<const N: usize>(&mut self, words: [u64; N]) {
        words.iter().for_each(|word| self.0.extend_from_slice(&word.to_ne_bytes()));
    }
}

impl Internet {
    /// TCP_INFO; nothing for a socket that has no streams.
    ///
    /// smoltcp does not tell its congestion window: `tcpi_snd_cwnd` is what the peer has room for, in segments. What is not
    /// measured is 0.
    pub(crate) fn tcp_info(&self, now: Instant) -> Option<Vec<u8>> {
        let Transport::Tcp(tcp) = self.transport() else { return None };
        let mut fields = Fields::default();
        match self.connection() {
            Some(stream) => fill(&mut fields, &stream.info(), now),
            None => fill_idle(&mut fields, tcp),
        }
        Some(fields.0)
    }
}

/// The size of what [`fill`] makes.
const SIZE: usize = 248;

/// Without a connection there is a state; who listens tells of those that wait in the place of segments.
fn fill_idle(fields: &mut Fields, tcp: &Tcp) {
    fields.0.resize(SIZE, 0);
    let Some((waiting, backlog)) = tcp.backlog() else {
        fields.0[0] = CLOSE;
        return;
    };
    fields.0[0] = LISTEN;
    // tcpi_unacked and tcpi_sacked
    fields.0[24..28].copy_from_slice(&waiting.to_ne_bytes());
    fields.0[28..32].copy_from_slice(&backlog.to_ne_bytes());
}

fn fill(fields: &mut Fields, info: &Info, now: Instant) {
    let tally = &info.tally;
    let mut options = 0;
    let scales = info.scales != (0, 0);
    for (flag, on) in [(TIMESTAMPS, info.timestamps), (SACK, info.sack), (WINDOW_SCALE, scales)] {
        options |= if on { flag } else { 0 };
    }
    let segment = u32::from(info.peer_mss.min(info.path.0)).max(1);
    let segments = |bytes: u32| bytes.div_ceil(segment);
    let (timeout, backoff) = info.timeout;
    let (peer_scale, own_scale) = info.scales;
    fields.0.extend([
        number(info.state),
        0,
        backoff,
        info.probes,
        backoff,
        options,
        // Two fields of four bits.
        peer_scale & 0xf | own_scale << 4,
        0,
    ]);
    let since = |at: Instant| now.since(at).as_millis() as u32;
    let (sent, received, acknowledged) = tally.last;
    let micros = |milliseconds: u32| milliseconds.saturating_mul(1000);
    let (round_trip, deviation) = info.round_trip;
    let never = |counted: u32, at| if counted == 0 { 0 } else { since(at) };
    fields.words([
        micros(timeout),
        40_000,
        segment,
        info.path.0.into(),
        segments(info.in_flight),
        0,
        0,
        u32::from(backoff > 0),
        0,
        never(tally.data_segments.0, sent),
        0,
        never(tally.data_segments.1, received),
        since(acknowledged),
        info.path.1,
        info.own_window,
        micros(round_trip),
        micros(deviation),
        i32::MAX as u32,
        segments(info.peer_window).max(1),
        info.path.0.into(),
        3,
        0,
        info.own_window,
        tally.repetitions,
    ]);
    let unsent = (info.unsent as u32).saturating_sub(info.in_flight);
    fields.wide([u64::MAX, u64::MAX, tally.acknowledged, tally.received]);
    fields.words([tally.segments.0, tally.segments.1, unsent, micros(round_trip)]);
    fields.words([tally.data_segments.1, tally.data_segments.0]);
    fields.wide([0; 4]);
    fields.words([tally.data_segments.0.saturating_sub(tally.repetitions), 0]);
    fields.wide([tally.sent, tally.resent]);
    fields.words([0, 0, 0, info.peer_window, info.own_window]);
    fields.0.resize(SIZE, 0);
}
