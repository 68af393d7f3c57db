//! SYN cookies: RFC 4987, 3.6. A flood of SYNs fills the queue of requests; from then on nothing is remembered, and those
//! who are really there bring back what must be known: in the sequence number which segments they take, in the timestamp
//! the other options.

use super::{
    input::Entry,
    listener::Listening,
    request::Offer,
    segment::{Options, Segment},
};
use crate::{demux::FourTuple, outbox::Outbox, packet::Packet, random::Purpose, stack::Stack, time::Instant};

use alloc::sync::Arc;

/// The segment sizes that a cookie can tell: those of Linux, which are the most frequent.
const SIZES: [u16; 4] = [536, 1300, 1440, 1460];

/// A cookie is good for as many periods of 64 seconds.
const PERIODS: u64 = 2;

/// The bits of a timestamp that hold options: the scale in four (15 for none), SACK in one.
const OPTION_BITS: u32 = 5;

fn period(now: Instant) -> u64 {
    now.micros() / 64_000_000
}

impl Stack {
    fn cookie(&self, tuple: &FourTuple, theirs: u32, period: u64) -> u32 {
        self.secret.hash(Purpose::Cookie, (tuple, theirs, period)) as u32 & !3
    }

    /// Makes the first sequence number and the timestamps of an answer a cookie.
    pub(super) fn make_cookie(&self, offer: &mut Offer, now: Instant) {
        let size = offer.options.mss.unwrap_or(536);
        let place = SIZES.iter().rposition(|known| *known <= size).unwrap_or(0);
        offer.ours = self.cookie(&offer.tuple, offer.theirs, period(now)) + place as u32;
        if offer.options.timestamps.is_some() {
            let kept =
                u32::from(offer.options.scale.unwrap_or(15)) | u32::from(offer.options.sack_permitted) << 4;
            let clock = (now.millis() as u32).wrapping_add(offer.clock_offset);
            // Behind the clock rather than before it: the connection's own timestamps follow.
            let stamped = (clock.wrapping_sub(1 << OPTION_BITS) & !((1 << OPTION_BITS) - 1)) | kept;
            offer.clock_offset = offer.clock_offset.wrapping_add(stamped.wrapping_sub(clock));
        } else {
            // Nobody brings them back.
            (offer.options.scale, offer.options.sack_permitted) = (None, false);
        }
    }

    /// An acknowledgement that belongs to no connection: perhaps it brings a cookie back.
    pub(super) fn cookie_input(
        &self,
        listener: &Arc<Listening>,
        tuple: FourTuple,
        segment: &Segment,
        packet: Packet,
        now: Instant,
        out: &mut Outbox,
    ) {
        let (ours, theirs) = (segment.ack.wrapping_sub(1), segment.seq.wrapping_sub(1));
        let current = period(now);
        let mut periods = (0..PERIODS).filter_map(|age| current.checked_sub(age));
        let genuine = periods.any(|period| self.cookie(&tuple, theirs, period) == ours & !3);
        let path = self.path_back(&tuple, None);
        let (true, Some(path)) = (genuine, path) else {
            return self.refuse_segment(&tuple, segment, out);
        };
        let Some(options) = listener.reserve() else { return };
        let kept = segment.options.timestamps.map(|(_, echo)| echo & ((1 << OPTION_BITS) - 1));
        let scale = kept.map(|kept| (kept & 15) as u8).filter(|scale| *scale < 15);
        let offer = Offer {
            tuple,
            path,
            ours,
            theirs,
            clock_offset: self.clock_offset(&tuple),
            options: Options {
                mss: Some(SIZES[(ours & 3) as usize]),
                scale,
                sack_permitted: kept.is_some_and(|kept| kept >> 4 & 1 != 0),
                timestamps: segment.options.timestamps,
            },
            window: options.receive_size().min(0xffff) as u16,
            mss: 0,
        };
        let flow = offer.open(options, segment, now);
        debug_assert!(!matches!(self.tcp.find(&tuple), Some(Entry::Flow(_))));
        self.establish(listener, flow, segment, packet, now, out);
    }
}
