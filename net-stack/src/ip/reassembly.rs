//! Packets that come in pieces: RFC 791, 3.2; RFC 8200, 4.5; RFC 5722.

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use super::{Fragment, Header};
use crate::{
    address::IpAddr,
    packet::Packet,
    random::{Secret, Table, table},
    time::Instant,
};

/// How long pieces wait for the others: `net.ipv4.ipfrag_time`.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How many bytes wait in all: `net.ipv4.ipfrag_high_thresh`.
const MEMORY_MAX: usize = 4 << 20;

/// What a piece counts beyond its bytes.
const PIECE_OVERHEAD: usize = 128;

/// The longest packet of IPv4, and the longest payload of IPv6.
const LENGTH_MAX: usize = 65535;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    identification: u32,
    /// Of IPv4: there the protocols count apart.
    protocol: u8,
}

struct Pieces {
    /// In order, without overlap.
    pieces: Vec<(usize, Packet)>,
    /// The header of the first piece, once it is there.
    first: Option<Header>,
    /// The length of the whole, once the last piece is there.
    total: Option<usize>,
    until: Instant,
    memory: usize,
}

/// The pieces that wait for others. The memory that they take is bounded: whoever began first gives way.
pub(crate) struct Reassembly {
    waiting: Table<Key, Pieces>,
    /// In the order of their beginning, which is that of their deadlines. Those that are complete are not taken out here.
    order: VecDeque<(Instant, Key)>,
    memory: usize,
}

/// What became of a piece.
pub(crate) enum Outcome {
    /// Others are missing.
    Waits,
    /// It does not fit to the others: all of them are dropped.
    Refused,
    /// The whole packet, its header as of the first piece, without the IP header.
    Whole(Header, Packet),
}

impl Reassembly {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self { waiting: table(secret), order: VecDeque::new(), memory: 0 }
    }

    /// Takes a piece: `packet` begins with its IP header.
    pub(crate) fn add(&mut self, header: &Header, part: Fragment, packet: Packet, now: Instant) -> Outcome {
        self.expire(now);
        let key = Key {
            source: header.source,
            destination: header.destination,
            identification: part.identification,
            protocol: if header.source.is_ipv4() { header.protocol } else { 0 },
        };
        let length = header.payload.len();
        // All pieces but the last consist of units of 8 bytes, and nothing is longer than a packet can be: the ping of
        // death.
        let headers = if header.source.is_ipv4() { 20 } else { 0 };
        let misfit = part.more && (!length.is_multiple_of(8) || length == 0)
            || headers + part.offset + length > LENGTH_MAX;
        let outcome = if misfit { Err(()) } else { self.place(key, header, part, packet, now) };
        match outcome {
            Ok(false) => {
                while self.memory > MEMORY_MAX
                    && let Some((_, oldest)) = self.order.pop_front()
                {
                    self.drop_pieces(&oldest);
                }
                Outcome::Waits
            }
            Ok(true) => match self.drop_pieces(&key).and_then(join) {
                Some((header, packet)) => Outcome::Whole(header, packet),
                None => Outcome::Refused,
            },
            Err(()) => {
                self.drop_pieces(&key);
                Outcome::Refused
            }
        }
    }

    /// Puts a piece where it belongs; whether all are there.
    fn place(
        &mut self,
        key: Key,
        header: &Header,
        part: Fragment,
        mut packet: Packet,
        now: Instant,
    ) -> Result<bool, ()> {
        let until = now + TIMEOUT;
        let order = &mut self.order;
        let pieces = self.waiting.entry(key).or_insert_with(|| {
            order.push_back((until, key));
            Pieces { pieces: Vec::new(), first: None, total: None, until, memory: 0 }
        });
        let end = part.offset + header.payload.len();
        if part.more && pieces.total.is_some_and(|total| end >= total) {
            return Err(());
        }
        if !part.more {
            let beyond = pieces.pieces.last().is_some_and(|(offset, last)| offset + last.len() > end);
            if pieces.total.is_some_and(|total| total != end) || beyond {
                return Err(());
            }
            pieces.total = Some(end);
        }
        let place = pieces.pieces.partition_point(|(offset, _)| *offset < part.offset);
        // Pieces that overlap are an attack (RFC 5722); the same piece twice is the network's doing.
        if let Some((offset, other)) = pieces.pieces.get(place) {
            if *offset == part.offset && other.bytes() == &packet.bytes()[header.payload.clone()] {
                return Ok(false);
            }
            if end > *offset {
                return Err(());
            }
        }
        let before = place.checked_sub(1).and_then(|before| pieces.pieces.get(before));
        if before.is_some_and(|(offset, other)| offset + other.len() > part.offset) {
            return Err(());
        }
        if part.offset == 0 {
            pieces.first = Some(header.clone());
        }
        packet.truncate(header.payload.end);
        packet.pull_front(header.payload.start);
        let memory = packet.len() + PIECE_OVERHEAD;
        pieces.pieces.insert(place, (part.offset, packet));
        pieces.memory += memory;
        self.memory += memory;
        // Without overlap, all bytes are there if there are as many as the whole has.
        let there: usize = pieces.pieces.iter().map(|(_, packet)| packet.len()).sum();
        Ok(pieces.total == Some(there))
    }

    fn drop_pieces(&mut self, key: &Key) -> Option<Pieces> {
        let pieces = self.waiting.remove(key)?;
        self.memory -= pieces.memory;
        Some(pieces)
    }

    /// Drops what has waited too long.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some((until, key)) = self.order.front().copied()
            && until <= now
        {
            self.order.pop_front();
            // Another packet with the same key may have begun since.
            if self.waiting.get(&key).is_some_and(|pieces| pieces.until <= now) {
                self.drop_pieces(&key);
            }
        }
    }

    /// How many bytes wait.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }
}

fn join(pieces: Pieces) -> Option<(Header, Packet)> {
    let mut header = pieces.first?;
    let total = pieces.total?;
    let mut whole = Packet::with_payload(total);
    for (offset, piece) in &pieces.pieces {
        whole.bytes_mut().get_mut(*offset..offset + piece.len())?.copy_from_slice(piece.bytes());
    }
    whole.trusted = pieces.pieces.iter().all(|(_, piece)| piece.trusted);
    header.fragment = None;
    header.payload = 0..total;
    Some((header, whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ip::protocol;

    /// A piece of the payload 0, 1, 2, ...
    fn piece(id: u32, offset: usize, length: usize, more: bool) -> (Header, Fragment, Packet) {
        let part = Fragment { identification: id, offset, more };
        let bytes: Vec<u8> = (offset..offset + length).map(|byte| byte as u8).collect();
        let header = Header {
            source: "10.0.0.1".parse().unwrap(),
            destination: "10.0.0.2".parse().unwrap(),
            protocol: protocol::UDP,
            hop_limit: 64,
            traffic_class: 0,
            payload: 20..20 + length,
            fragment: Some(part),
            dont_fragment: false,
        };
        let mut packet = Packet::copy(&bytes);
        header.put(&mut packet);
        (header, part, packet)
    }

    fn add(all: &mut Reassembly, id: u32, offset: usize, length: usize, more: bool, at: u64) -> Outcome {
        let (header, part, packet) = piece(id, offset, length, more);
        all.add(&header, part, packet, Instant::from_secs(at))
    }

    fn new() -> Reassembly {
        Reassembly::new(&Secret::new([1, 1]))
    }

    #[test]
    fn pieces_in_any_order_make_the_whole() {
        let pieces = [(0, 64, true), (64, 64, true), (128, 8, true), (136, 3, false)];
        // All 24 orders.
        for order in 0..24 {
            let mut left: Vec<_> = pieces.to_vec();
            let mut all = new();
            let mut order = order;
            while !left.is_empty() {
                let (offset, length, more) = left.remove(order % left.len());
                order /= left.len() + 1;
                match (add(&mut all, 1, offset, length, more, 0), left.is_empty()) {
                    (Outcome::Waits, false) => {
                        // The network doubles a packet.
                        assert!(matches!(add(&mut all, 1, offset, length, more, 0), Outcome::Waits));
                    }
                    (Outcome::Whole(header, packet), true) => {
                        assert_eq!(packet.bytes(), (0..139).collect::<Vec<u8>>());
                        assert_eq!((header.payload, header.fragment), (0..139, None));
                    }
                    _ => panic!(),
                }
            }
            assert_eq!((all.memory(), all.waiting.len()), (0, 0));
        }
    }

    #[test]
    fn what_does_not_fit_spoils_the_packet() {
        // After a piece 64..128 that is not the last one.
        for (offset, length, more) in [
            (56, 16, true),    // overlaps its beginning
            (120, 16, true),   // overlaps its end
            (72, 8, true),     // lies in it
            (0, 200, true),    // covers it
            (0, 64, false),    // is the last one and before it
            (0, 7, true),      // is not the last one and no multiple of 8
            (0, 0, true),      // is nothing
            (65528, 8, false), // is too long by a byte
        ] {
            let mut all = new();
            assert!(matches!(add(&mut all, 1, 64, 64, true, 0), Outcome::Waits));
            assert!(
                matches!(add(&mut all, 1, offset, length, more, 0), Outcome::Refused),
                "{offset} {length}"
            );
            assert_eq!(all.memory(), 0);
        }
        let mut all = new();
        assert!(matches!(add(&mut all, 1, 64, 64, false, 0), Outcome::Waits));
        assert!(matches!(add(&mut all, 1, 128, 64, true, 0), Outcome::Refused), "behind the last one");
    }

    #[test]
    fn time_and_memory_are_bounded() {
        let mut all = new();
        add(&mut all, 1, 0, 64, true, 0);
        add(&mut all, 1, 64, 64, true, 29);
        assert!(all.memory() > 0);
        add(&mut all, 2, 0, 64, true, 30);
        assert_eq!(all.memory(), 64 + PIECE_OVERHEAD, "the first one's time is over, the second's not");
        for id in 3..10_000 {
            add(&mut all, id, 0, 1024, true, 31);
            assert!(all.memory() <= MEMORY_MAX);
        }
        assert!(all.memory() > MEMORY_MAX / 2);
        all.expire(Instant::from_secs(100));
        assert_eq!((all.memory(), all.waiting.len(), all.order.len()), (0, 0, 0));
    }
}
